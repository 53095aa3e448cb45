"""Whether lying pays: asked of the good pact for every truth, group and word; and of one where it does."""

from __future__ import annotations

import pytest
from bad_pacts import animals
from evenings import FRIENDS, NAMES, terms

from verify.pact.compile import admit_pact
from verify.pact.lying import in_words, profitable_lie
from verify.pact.play import Names
from verify.pact.stage import harness, stage
from verify.pact.terms import Attestation, Disputed, meetup_pact

ALL = 10**6


def asked(source, joiners, **changes):
    agreed = terms(**changes).among(joiners, capacity=len(joiners), quorum=1)
    with stage(admit_pact(source, file="Pact.sol"), agreed, harness()) as there:
        lie = profitable_lie(there, joiners, cases=ALL, seed=1)
    return None if lie is None else in_words(lie, joiners, Names(agreed, NAMES))


@pytest.mark.parametrize("disputed", Disputed)
@pytest.mark.parametrize("deposit", [1, 10**16 + 1])
@pytest.mark.parametrize("joiners", [FRIENDS[:3], FRIENDS[1:4], FRIENDS[:4], FRIENDS[1:]])
def test_no_lie_pays_where_the_host_attests(joiners, deposit, disputed):
    assert asked(meetup_pact().read_text(), joiners, deposit=deposit, disputed=disputed) is None


@pytest.mark.parametrize("disputed", Disputed)
@pytest.mark.parametrize("deposit", [1, 10**16 + 1])
def test_no_lie_of_three_pays_where_a_majority_attests(deposit, disputed):
    majority = Attestation.MAJORITY
    assert (
        asked(meetup_pact().read_text(), FRIENDS[:3], deposit=deposit, disputed=disputed, attestation=majority) is None
    )


@pytest.mark.long
@pytest.mark.parametrize("disputed", Disputed)
def test_no_lie_of_four_pays_where_a_majority_attests(disputed):
    majority = Attestation.MAJORITY
    assert asked(meetup_pact().read_text(), FRIENDS[:4], disputed=disputed, attestation=majority) is None


def test_a_lie_that_pays_is_told():
    source = next(animal.source for animal in animals() if animal.name == "suspicion_pays")
    told = asked(source, FRIENDS[1:4])
    assert told == (
        "Cleo stayed away, but Ana says that Cleo and Dan stayed away: "
        "Ben and Ana then get 20000000000000002, and without a lie 15000000000000002 at most"
    )
