"""The rehearsal: every way that the evening may go, on the real contract, told and as data."""

from __future__ import annotations

import pytest
from evenings import ANA, CHARITY, DAN, EVE, FRIENDS, NAMES, START, TOKEN, terms

from verify.pact.play import Step
from verify.pact.rehearsal import RehearsalError, rehearse, table
from verify.pact.terms import BURN, Attestation, Disputed, NoShow, meetup_pact
from verify.venues import labelled_address

SOURCE = meetup_pact().read_text()
D = 10**6


def rehearsed(**changes):
    return {scene.title: scene for scene in rehearse(SOURCE, terms(deposit=D, token=TOKEN, **changes), NAMES)}


def test_who_gets_what_where_the_host_attests():
    scenes = rehearsed()
    everybody_even = dict.fromkeys(("Ana", "Ben", "Cleo", "Dan"), D)
    assert {title: scene.paid_out for title, scene in scenes.items()} == {
        "All come": everybody_even,
        "One stays away": {"Ana": D, "Ben": D + D // 2, "Cleo": D + D // 2, "Dan": 0},
        "One stays away and contests it": everybody_even,
        "Nobody attests, though one stays away": everybody_even,
        "All come, but the host lies about one, who contests it": everybody_even,
        "All come, but the host lies about one, who does not notice": {
            "Ana": D,
            "Ben": D + D // 2,
            "Cleo": 0,
            "Dan": D + D // 2,
        },
        "The host cancels": everybody_even,
        "Too few join": {"Ana": D},
    }


@pytest.mark.parametrize("no_show", NoShow)
@pytest.mark.parametrize("attestation", Attestation)
def test_in_every_scene_all_that_was_paid_in_is_paid_out(attestation, no_show):
    for scene in rehearsed(attestation=attestation, no_show=no_show, disputed=Disputed.BURN).values():
        assert sum(scene.paid_in.values()) == sum(scene.paid_out.values()), scene.title


def test_a_scene_in_words_and_exact_amounts():
    scene = rehearsed(no_show=NoShow.CHARITY)["One stays away"]
    assert table((scene,), decimals=6, symbol="USDC").splitlines() == [
        "One stays away",
        "Ana, Ben, Cleo and Dan join; after the start, Ana attests that Dan stayed away",
        "  Ana          1 USDC",
        "  Ben          1 USDC",
        "  Cleo         1 USDC",
        "  Dan          0 USDC  (-1)",
        "  the charity  1 USDC  (+1)",
    ]
    assert scene.to_json()["paid_out"]["the charity"] == "1000000"


@pytest.mark.parametrize("capacity", [2, 3])
@pytest.mark.parametrize("attestation", Attestation)
@pytest.mark.parametrize("host", [ANA, EVE])
def test_two_or_three_people_rehearse_too_whether_or_not_the_host_is_one(host, attestation, capacity):
    guests = FRIENDS[:capacity]  # Eve is none of them
    scenes = rehearsed(host=host, invited=guests, capacity=capacity, attestation=attestation)
    assert len(scenes) == 8
    for scene in scenes.values():
        assert sum(scene.paid_in.values()) == sum(scene.paid_out.values()), scene.title
    assert scenes["One stays away"].got[guests[-1]] == 0


def test_of_two_the_host_accuses_the_other():
    scenes = rehearsed(invited=FRIENDS[:2], capacity=2)
    assert scenes["All come, but the host lies about one, who does not notice"].paid_out == {
        "Ana": D,
        "Ben": 0,
        "nobody: burnt": D,
    }


def test_one_is_too_few_for_a_rehearsal():
    with pytest.raises(RehearsalError, match="takes 2 people, and only 1 can join"):
        rehearsed(capacity=1, quorum=1)


def test_where_many_must_join_many_rehearse():
    guests = tuple(labelled_address(f"guest {number}") for number in range(9))
    scenes = rehearsed(invited=guests, host=guests[0], capacity=9, quorum=8)
    assert [len(scene.paid_in) for scene in scenes.values()] == [*[8] * 7, 7]


def test_a_scene_is_data_from_the_first_joining_to_what_each_got():
    scene = rehearsed(no_show=NoShow.CHARITY)["One stays away and contests it"]
    joining = terms().join_until_ts - 3600
    assert scene.steps == (
        *(Step(joining, who, "join") for who in FRIENDS[:4]),
        Step(START, ANA, "attest", (DAN,)),
        Step(START + 86_400, DAN, "contest"),
    )
    assert scene.got == {**dict.fromkeys(FRIENDS[:4], D), CHARITY: 0, BURN: 0}


def test_a_contract_that_does_not_get_through_is_named():
    broken = SOURCE.replace("        cancelled = true;\n", '        revert BadTerms("never");\n')
    with pytest.raises(RehearsalError, match="The host cancels"):
        rehearse(broken, terms(), NAMES)
