"""The checks of pacts: the good one passes under all terms, and every bad one is turned down for its reason."""

from __future__ import annotations

import itertools

import pytest
from bad_pacts import animals
from evenings import NAMES, TOKEN, terms

from verify.pact.check import check_pact, check_pacts
from verify.pact.properties import STATEMENTS
from verify.pact.terms import NOBODY, Attestation, Disputed, NoShow, meetup_pact

GOOD = meetup_pact().read_text()
ALL_TERMS = [
    terms(token=token, attestation=attestation, no_show=no_show, disputed=disputed)
    for token, attestation, no_show, disputed in itertools.product((NOBODY, TOKEN), Attestation, NoShow, Disputed)
]
ZOO = animals()


def passes(agreed):
    reports = check_pacts([(GOOD, each) for each in agreed], names=NAMES, workers=2)
    return [report.counterexamples for report in reports] == [()] * len(agreed)


def test_the_good_pact_passes_where_no_shows_are_split():
    splits = [each for each in ALL_TERMS if each.no_show is NoShow.SPLIT]
    assert passes([each for each in splits if each.in_coins == (each.disputed is Disputed.REFUND)])


def test_the_good_pact_passes_where_no_shows_are_forgiven_burnt_or_given_away():
    assert passes(
        [
            each
            for each in ALL_TERMS
            if each.no_show is not NoShow.SPLIT
            and each.attestation is Attestation.HOST
            and each.in_coins == (each.disputed is Disputed.BURN)
        ]
    )


@pytest.mark.long
def test_the_good_pact_passes_under_all_terms():
    assert passes(ALL_TERMS)


@pytest.mark.parametrize("quarter", range(4))
def test_every_bad_pact_is_turned_down_for_its_reason(quarter):
    zoo = ZOO[quarter::4]
    reports = check_pacts([(animal.source, animal.terms) for animal in zoo], names=NAMES, plays=40, workers=2)
    broken = {animal.name: report.broken() for animal, report in zip(zoo, reports, strict=True)}
    assert {animal.name: animal.broken for animal in zoo if animal.alone} == {
        animal.name: broken[animal.name] for animal in zoo if animal.alone
    }
    assert not [(animal.name, broken[animal.name]) for animal in zoo if not animal.broken <= broken[animal.name]]


def test_without_any_one_property_some_bad_pact_would_pass():
    """Nothing but that property turns it down, as the test before shows."""
    alone = {name for animal in ZOO if animal.alone and len(animal.broken) == 1 for name in animal.broken}
    assert alone == set(STATEMENTS)


def test_a_counterexample_is_told_in_words_and_holds_no_step_too_many():
    animal = next(animal for animal in ZOO if animal.name == "no_show_share_locked")
    (told,) = check_pact(animal.source, animal.terms, names=NAMES).counterexamples
    steps, seen = told.words.split(": ")
    assert steps.count("joins") <= 3
    assert steps.count("attests") == 1
    assert steps.count("contests") == 1
    assert seen.startswith("all have claimed, and ")


def test_the_same_seed_gives_the_same_report():
    animal = next(animal for animal in ZOO if animal.name == "first_come_first_served")
    first, second = check_pacts([(animal.source, animal.terms)] * 2, names=NAMES, seed=3, workers=2)
    assert first == second


def test_the_report_as_json():
    animal = next(animal for animal in ZOO if animal.name == "anyone_cancels")
    document = check_pact(animal.source, animal.terms, names=NAMES).to_json()
    assert document["status"] == "rejected"
    assert list(document["properties"]) == list(STATEMENTS)
    broken = document["properties"].pop("cancel")
    assert not broken["passed"]
    assert broken["examples"][0].endswith("cancels: which succeeds")
    assert all(each["passed"] and not each["examples"] for each in document["properties"].values())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("pragma solidity 0.8.30;\ncontract A {}", "pact-missing"),
        (GOOD.replace('"pactsmith/Calls.sol"', '"https://example.org/Calls.sol"'), "import-forbidden"),
        (GOOD.replace("uint256 private _contested;", "uint256 private _contested"), "parser-error"),
        (GOOD.replace("constructor(Terms memory terms_, address[] memory invited_) {", "constructor() {"), "error"),
        (GOOD.replace("external payable locked {", "external payable locked { assembly {}"), "assembly-forbidden"),
        (GOOD.replace("invited[participant]) revert", "invited[tx.origin]) revert"), "opcode-forbidden"),
        (
            GOOD.replace("    bool public cancelled;", "    bool public cancelled;\n    receive() external payable {}"),
            "beyond-the-interface",
        ),
    ],
)
def test_what_is_not_even_run(source, why):
    (told,) = check_pact(source, terms()).counterexamples
    assert told.property == "admission"
    assert why in told.words


def test_a_pact_that_never_ends_is_cut_off_by_its_gas():
    endless = GOOD.replace("        cancelled = true;\n", "        while (!cancelled) {}\n")
    assert "liveness" in check_pact(endless, terms(), plays=3).broken()
