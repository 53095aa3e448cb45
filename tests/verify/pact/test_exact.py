"""The bundled pact against exact arithmetic: whatever people do, in any order, each gets what the terms give."""

from __future__ import annotations

import functools
import random

import hypothesis.strategies as st
import pytest
from evenings import ANA, CHARITY, FRIENDS, TOKEN, terms
from hypothesis import given, settings

from verify.pact.compile import admit_pact
from verify.pact.play import Step
from verify.pact.record import Record
from verify.pact.search import moments
from verify.pact.stage import OUTSIDER, harness, stage
from verify.pact.terms import BURN, NOBODY, Attestation, Disputed, NoShow, meetup_pact
from verify.venues import labelled_address

PEOPLE = (*FRIENDS, OUTSIDER)


@functools.cache
def code():
    return admit_pact(meetup_pact().read_text(), file="MeetupPact.sol")


def parts(record):
    """Who has what of the forfeits, written from IPact's text: parts by joining order, the rest burnt."""
    agreed, given = record.terms, dict.fromkeys((*PEOPLE, *record.joined, BURN, CHARITY), 0)
    found = record.found_absent()
    disputed = found & record.contested
    absent = found - disputed
    if agreed.disputed is Disputed.BURN:
        given[BURN] += agreed.deposit * len(disputed)
    for one in sorted(absent):
        if agreed.no_show is NoShow.BURN:
            given[BURN] += agreed.deposit
        elif agreed.no_show is NoShow.CHARITY:
            given[CHARITY] += agreed.deposit
        else:
            by_host = agreed.attestation is Attestation.HOST
            attesters = {agreed.host} if by_host else record.attesters[one]
            takers = [who for who in record.joined if who not in absent and who not in attesters]
            if not takers:
                given[BURN] += agreed.deposit
            each, over = divmod(agreed.deposit, max(1, len(takers)))
            for place, who in enumerate(takers):
                given[BURN if who in disputed else who] += each + (place < over)
    for who in record.joined:
        if who not in found or (who in disputed and agreed.disputed is Disputed.REFUND):
            given[who] += agreed.deposit
    return given


@st.composite
def evenings(draw):
    """Terms, and what people do at the edges of time: an evening's usual course, and whatever else they try."""
    token, attestation, no_show, disputed, host, deposit = draw(
        st.tuples(
            st.sampled_from((NOBODY, TOKEN)),
            st.sampled_from(Attestation),
            st.sampled_from((NoShow.SPLIT, *NoShow)),
            st.sampled_from(Disputed),
            st.sampled_from((ANA, OUTSIDER)),
            st.sampled_from((10**16 + 1, 1, 2, 10**18)),
        )
    )
    agreed = terms(token=token, attestation=attestation, no_show=no_show, disputed=disputed, host=host, deposit=deposit)
    times = moments(agreed, 1 + agreed.join_until_ts - 3600)
    guests = draw(st.permutations(FRIENDS))[: draw(st.sampled_from((4, 4, 3, 2, 1)))]
    steps = [Step(times[0], who, "join") for who in guests]
    accused = draw(st.lists(st.sampled_from(guests), unique=True, max_size=2))
    speaking = draw(st.permutations(sorted({*guests, host})))[draw(st.sampled_from((0, 0, 1, 2))) :]
    about = {who: tuple(one for one in accused if one != who) for who in speaking}
    steps += [Step(agreed.starts_ts, who, "attest", absent) for who, absent in about.items()]
    contesting = draw(st.lists(st.sampled_from(guests), unique=True))
    steps += [Step(agreed.attest_until_ts, who, "contest") for who in contesting]
    if draw(st.integers(0, 9)) == 9:
        steps.append(Step(draw(st.sampled_from(times)), host, "cancel"))
    stray = st.builds(
        Step, st.sampled_from(times), st.sampled_from(PEOPLE), st.sampled_from(("join", "cancel", "contest", "claim"))
    )
    steps += draw(st.lists(stray, max_size=8))
    steps += [Step(times[-1], who, "claim") for who in draw(st.permutations(PEOPLE))]
    steps += [Step(times[-1], OUTSIDER, "claim_for", (common,)) for common in (BURN, CHARITY)]
    return agreed, sorted(steps, key=lambda step: step.at_ts)


class Ledger:
    """The contract beside the arithmetic; the two must agree at every step."""

    def __init__(self, there):
        self.there = there
        self.agreed = there.terms
        self.record = Record(there.terms)
        self.before = there.balances()

    def does(self, step):
        owner = step.about[0] if step.action == "claim_for" else step.who
        due = self.due(owner, step.at_ts) if step.action.startswith("claim") else None
        allowed = due > 0 if due is not None else self.record.refusal(step) is None
        had = self.there.balance(owner)
        outcome = self.there.act(step)
        assert outcome.ok == allowed, f"{step}: {outcome.error}"
        if outcome.ok:
            self.record.apply(step)
            if due is not None:
                assert self.there.balance(owner) - had == due
        assert sum(self.there.balances().values()) == sum(self.before.values())

    def due(self, who, now):
        if who in self.record.paid:
            return 0
        paying = now >= self.agreed.pays_from_ts
        if self.record.off(now) or (self.agreed.no_show is NoShow.REFUND and paying):
            return self.agreed.deposit if who in self.record.joined else 0
        return parts(self.record)[who] if paying else 0


@given(evenings())
@settings(max_examples=200, deadline=None)
def test_each_gets_what_the_terms_give_to_the_wei(evening):
    agreed, steps = evening
    with stage(code(), agreed, harness()) as there:
        ledger = Ledger(there)
        for step in steps:
            ledger.does(step)
        assert there.balance(there.pact) == 0


@pytest.mark.parametrize("attestation", Attestation)
def test_a_full_house_of_64_comes_out_to_the_wei(attestation):
    """Drawn once: who stays away, who attests it, and who contests it."""
    chance = random.Random(64)
    guests = tuple(labelled_address(f"guest {number}") for number in range(64))
    agreed = terms(attestation=attestation, disputed=Disputed.BURN, host=guests[7], invited=guests, capacity=64)
    accused = chance.sample(guests, 30)
    attesters = (agreed.host,) if attestation is Attestation.HOST else chance.sample(guests, 50)
    steps = [Step(agreed.join_until_ts - 1, who, "join") for who in chance.sample(guests, 64)]
    about = {who: tuple(one for one in accused if one != who) for who in attesters}
    steps += [Step(agreed.starts_ts, who, "attest", absent) for who, absent in about.items()]
    steps += [Step(agreed.attest_until_ts, who, "contest") for who in accused[::3]]
    steps += [Step(agreed.pays_from_ts, who, "claim") for who in guests]
    steps += [Step(agreed.pays_from_ts, OUTSIDER, "claim_for", (BURN,))]
    with stage(code(), agreed, harness()) as there:
        ledger = Ledger(there)
        for step in steps:
            ledger.does(step)
        assert len(ledger.record.found_absent()) > 20
        assert there.balance(there.pact) == 0
