"""From terms to what the contract is told: exact, with every default told, whoever attacks the chat."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from corpus_format import FOLDER, examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_consent import says, terms

from synth.pact import Deposit, Terms, blank, read_terms
from synth.pact.addresses import COIN, read_addresses, written
from synth.pact.agreement import GapError, agreement
from synth.pact.terms import Term
from verify.pact.terms import NOBODY, Attestation, Disputed, NoShow

ATTACKED = [example for file in sorted(FOLDER.glob("*.txt")) for example in examples(file.name) if example.warned]


def agreed(**values: object) -> Terms:
    """Brunch on Sunday 8 March 2026 at 11:00 UTC for 10 USDC, which Ann proposed and Ben joins."""
    plain = terms(says("ben", "I'm in"))
    return replace(plain, terms={**plain.terms, **{name: Term(value, ()) for name, value in values.items()}})


def told(found: Terms):
    return agreement(found, blank(found))


def gap(found: Terms):
    with pytest.raises(GapError) as caught:
        told(found)
    return caught.value.question


def test_what_is_agreed_is_told_and_what_nobody_said_is_filled_in_and_told():
    found = told(agreed())
    pact = found.pact
    assert (pact.deposit, found.decimals) == (10 * 10**6, 6)
    assert pact.starts_ts == pact.join_until_ts == 1_772_967_600
    assert (pact.capacity, pact.quorum, pact.attestation) == (2, 2, Attestation.HOST)
    assert (pact.attest_seconds, pact.contest_seconds, pact.disputed) == (86_400, 259_200, Disputed.REFUND)
    assert found.defaults.keys() == {
        "capacity", "quorum", "join_deadline", "attestation", "attestSeconds", "contestSeconds", "disputed",
    }  # fmt: skip
    assert {found.names[guest] for guest in pact.invited} == {"Ann", "Ben"}
    assert found.names[pact.host] == "Ann"
    assert found.stand_ins == {*pact.invited, pact.token}


def test_coins_need_no_address_and_a_charity_does():
    in_coins = told(agreed(deposit=Deposit(Decimal("0.05"), "ETH"), no_show="charity"))
    assert (in_coins.pact.token, in_coins.pact.deposit) == (NOBODY, 5 * 10**16)
    assert in_coins.pact.no_show is NoShow.CHARITY
    assert in_coins.pact.charity in in_coins.stand_ins


@settings(deadline=None)
@given(units=st.integers(1, 2**128 - 1), decimals=st.integers(0, 36))
def test_amounts_are_exact_for_any_number_of_decimal_places(units, decimals):
    amount = Decimal(f"{units}E-{decimals}")
    found = agreed(deposit=Deposit(amount, "USDC"))
    addresses = blank(found).model_copy(update={"decimals": decimals})
    assert agreement(found, addresses).pact.deposit == units


def test_what_the_contract_cannot_have_is_asked():
    assert gap(agreed(quorum=3)).about == "quorum"
    found = agreed()
    assert gap(agreed(join_deadline=found.terms["starts_at"].value.replace(hour=12))).about == "join_deadline"
    few = blank(found).model_copy(update={"decimals": 0})
    with pytest.raises(GapError, match="more than the token's 0 decimal places"):
        agreement(agreed(deposit=Deposit(Decimal("0.5"), "USDC")), few)
    alone = blank(found)
    alone = alone.model_copy(update={"person": tuple(p.model_copy(update={"invited": False}) for p in alone.person)})
    with pytest.raises(GapError, match="Fewer than two"):
        agreement(found, alone)


def test_the_file_of_addresses_is_read_as_it_was_written(tmp_path):
    found = agreed()
    hostile = 'Ben"\n[[person]]\naddress = "0x1"\n# \u202e'
    odd = replace(found, participants={**found.participants, "ben": hostile})
    file = tmp_path / "addresses.toml"
    file.write_text(written(blank(odd), odd), encoding="utf-8")
    assert read_addresses(file, odd) == blank(odd)
    assert [person.name for person in blank(odd).person if person.id == "ben"] == [hostile]
    coins = replace(found, terms={**found.terms, "deposit": Term(Deposit(Decimal(1), "xDAI"), ())})
    assert blank(coins).token == COIN


def test_there_are_as_many_attacks_as_are_said_to_be():
    assert len(ATTACKED) >= 25


@pytest.mark.parametrize("example", ATTACKED, ids=lambda example: example.name)
def test_an_attack_changes_nothing_that_the_contract_is_told(example):
    """The contract is the same as if the messages that attack had never been sent."""

    def read(chat):
        return read_terms(chat, host=example.host, timezone=example.zone)

    attacked = read(example.chat)
    cited = {cite for each in (*attacked.terms.values(), *attacked.consents) for cite in each.cites}
    hostile = set(example.warned) - cited  # where the plan itself names an address, that alone is not taken
    clean = read(replace(example.chat, messages=tuple(m for m in example.chat.messages if m.id not in hostile)))
    assert {warning.message for warning in attacked.warnings} == set(example.warned)
    assert attacked.verdict == clean.verdict
    assert attacked.terms == clean.terms
    assert attacked.consents == clean.consents
    if attacked.verdict == "pact":
        first, second = told(attacked), told(clean)
        assert first.pact == second.pact
        assert first.names == second.names
