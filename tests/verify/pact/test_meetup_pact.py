"""The bundled pact: evenings on the real EVM, each told out."""

from __future__ import annotations

import pytest
from evenings import ANA, BEN, CHARITY, CLEO, DAN, EVE, TOKEN, terms

from verify.pact.compile import admit_pact
from verify.pact.play import Step
from verify.pact.stage import OUTSIDER, harness, stage
from verify.pact.terms import BURN, NOBODY, Attestation, Disputed, NoShow, meetup_pact

D = 10**16 + 1


@pytest.fixture(scope="module")
def code():
    return admit_pact(meetup_pact().read_text(), file="MeetupPact.sol")


@pytest.fixture(params=[NOBODY, TOKEN], ids=["coins", "token"])
def token(request):
    return request.param


class Evening:
    """What happens one after the other, and what each has of it in the end."""

    def __init__(self, there):
        self.there, self.agreed = there, there.terms
        self.before = there.balances()

    def at(self, ts, who, action, *about, amount=None):
        return self.there.act(Step(ts, who, action, about, amount)).error

    def joins(self, *people):
        for who in people:
            assert self.at(self.agreed.join_until_ts - 1, who, "join") is None

    def attests(self, who, *absent):
        assert self.at(self.agreed.starts_ts, who, "attest", *absent) is None

    def contests(self, who):
        assert self.at(self.agreed.attest_until_ts, who, "contest") is None

    def everybody_claims(self, ts=None):
        ts = ts or self.agreed.pays_from_ts
        for who in (ANA, BEN, CLEO, DAN, EVE):
            self.at(ts, who, "claim")
        for common in (CHARITY, BURN):
            self.at(ts, ANA, "claim_for", common)
        assert self.there.balance(self.there.pact) == 0

    def gains(self):
        after = self.there.balances()
        return {who: after[who] - self.before[who] for who in after if after[who] != self.before[who]}


@pytest.fixture
def evening(code, token):
    opened = []

    def make(**changes):
        context = stage(code, terms(token=token, **changes), harness())
        opened.append(context)
        return Evening(context.__enter__())

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def test_all_come_and_all_have_their_deposit_back(evening):
    night = evening()
    night.joins(ANA, BEN, CLEO)
    night.everybody_claims()
    assert night.gains() == {}


def test_a_no_show_is_split_among_who_came_but_the_host_who_attested_it(evening):
    night = evening()
    night.joins(ANA, BEN, CLEO, DAN)
    night.attests(ANA, DAN)
    night.everybody_claims()
    assert night.gains() == {DAN: -D, BEN: D // 2 + 1, CLEO: D // 2}


def test_a_voter_gets_no_part_of_the_absence_that_he_voted_for(evening):
    night = evening(attestation=Attestation.MAJORITY)
    night.joins(ANA, BEN, CLEO, DAN)
    night.attests(ANA, DAN)
    night.attests(BEN, DAN)
    night.everybody_claims()
    assert night.gains() == {DAN: -D, CLEO: D}


def test_half_of_the_others_is_no_majority(evening):
    night = evening(attestation=Attestation.MAJORITY)
    night.joins(ANA, BEN, CLEO)
    night.attests(ANA, CLEO)
    night.everybody_claims()
    assert night.gains() == {}


@pytest.mark.parametrize(("disputed", "gains"), [(Disputed.REFUND, {}), (Disputed.BURN, {DAN: -D, BURN: D})])
def test_a_contested_absence_is_nobodys_gain(evening, disputed, gains):
    night = evening(disputed=disputed)
    night.joins(ANA, BEN, CLEO, DAN)
    night.attests(ANA, DAN)
    night.contests(DAN)
    night.everybody_claims()
    assert night.gains() == gains


def test_suspicion_of_one_does_not_raise_the_others_parts(evening):
    night = evening()
    night.joins(BEN, CLEO, DAN)
    night.attests(ANA, DAN, CLEO)
    night.contests(CLEO)
    night.everybody_claims()
    assert night.gains() == {DAN: -D, BEN: D // 2 + 1, BURN: D // 2}


@pytest.mark.parametrize(
    ("no_show", "gains"),
    [(NoShow.REFUND, {}), (NoShow.BURN, {CLEO: -D, BURN: D}), (NoShow.CHARITY, {CLEO: -D, CHARITY: D})],
)
def test_a_no_show_goes_where_the_terms_say(evening, no_show, gains):
    night = evening(no_show=no_show)
    night.joins(ANA, BEN, CLEO)
    night.attests(ANA, CLEO)
    night.everybody_claims()
    assert night.gains() == gains


def test_too_few_and_all_are_refunded_at_once(evening):
    night = evening(quorum=3)
    night.joins(ANA, BEN)
    assert night.at(night.agreed.join_until_ts - 1, ANA, "claim") == "NothingOwed"
    night.everybody_claims(night.agreed.join_until_ts)
    assert night.gains() == {}


def test_the_host_cancels_before_the_start_only(evening):
    night = evening()
    night.joins(ANA, BEN)
    assert night.at(night.agreed.starts_ts, ANA, "cancel") == "AlreadyStarted"
    assert night.at(night.agreed.starts_ts - 1, BEN, "cancel") == "OnlyHost"
    assert night.at(night.agreed.starts_ts - 1, ANA, "cancel") is None
    night.everybody_claims(night.agreed.starts_ts - 1)
    assert night.gains() == {}


def test_what_is_refused_is_refused_by_its_name(evening, token):
    night = evening()
    open_ts, closed_ts = night.agreed.join_until_ts - 1, night.agreed.join_until_ts
    assert night.at(open_ts, OUTSIDER, "join") == "NotInvited"
    night.joins(ANA, BEN, CLEO)
    assert night.at(open_ts, ANA, "join") == "AlreadyJoined"
    assert night.at(open_ts, DAN, "join", amount=D - 1) == "WrongDeposit"
    assert night.at(closed_ts, DAN, "join") == "JoiningIsOver"
    night.joins(DAN)
    assert night.at(open_ts, EVE, "join") == "PactIsFull"
    start = night.agreed.starts_ts
    assert night.at(start, BEN, "attest", DAN) == "MayNotAttest"
    assert night.at(start, ANA, "attest", EVE) == "NotAParticipant"
    assert night.at(start, ANA, "attest", ANA) == "NotAboutYourself"
    assert night.at(start - 1, ANA, "attest", DAN) == "NotTheTime"
    assert night.at(night.agreed.attest_until_ts, ANA, "attest", DAN) == "NotTheTime"
    night.attests(ANA, DAN)
    assert night.at(night.agreed.attest_until_ts - 1, DAN, "contest") == "NotTheTime"
    assert night.at(night.agreed.pays_from_ts, DAN, "contest") == "NotTheTime"
    assert night.at(night.agreed.attest_until_ts, BEN, "contest") == "NotFoundAbsent"
    night.contests(DAN)
    assert night.at(night.agreed.attest_until_ts, DAN, "contest") == "AlreadyContested"
    paying = night.agreed.pays_from_ts
    assert night.at(paying - 1, BEN, "claim") == "NothingOwed"
    assert night.at(paying, OUTSIDER, "claim") == "NothingOwed"
    assert night.at(paying, OUTSIDER, "claim_for", BEN) == "NotACommonRecipient"
    assert night.at(paying, BEN, "claim_to", OUTSIDER) is None
    assert night.at(paying, BEN, "claim") == "NothingOwed"
