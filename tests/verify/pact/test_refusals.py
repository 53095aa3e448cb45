"""What a pact must turn down, tried on the real contract."""

from __future__ import annotations

import pytest
from evenings import TOKEN, terms

from verify.pact.refusals import refusals
from verify.pact.rehearsal import RehearsalError
from verify.pact.terms import Attestation, meetup_pact

SOURCE = meetup_pact().read_text()


@pytest.mark.parametrize("token", [{}, {"token": TOKEN}], ids=["coins", "token"])
@pytest.mark.parametrize("attestation", Attestation)
def test_each_forbidden_step_fails_by_its_own_error(attestation, token):
    found = {each.title: each.error for each in refusals(SOURCE, terms(attestation=attestation, **token))}
    assert found == {
        "Who is not invited cannot join": "NotInvited()",
        "Nobody joins late": "JoiningIsOver()",
        "Nobody joins twice": "AlreadyJoined()",
        "Nobody joins without the exact deposit": "WrongDeposit(uint256,uint256)",
        "Nobody joins a pact that is full": "PactIsFull()",
        "Only the host cancels": "OnlyHost()",
        "Nobody cancels after the start": "AlreadyStarted()",
        "An outsider attests nothing": "MayNotAttest()",
        "Nobody attests early": "NotTheTime()",
        "Nobody attests late": "NotTheTime()",
        "Who is not found absent contests nothing": "NotFoundAbsent()",
        "Nobody is paid early": "NothingOwed()",
        "Nobody is paid twice": "NothingOwed()",
        "An outsider is paid nothing": "NothingOwed()",
    }


def test_a_contract_that_reverts_without_an_error_of_its_own_has_none_named():
    silent = SOURCE.replace("revert NotInvited();", "revert();")
    errors = {each.title: each.error for each in refusals(silent, terms())}
    assert errors["Who is not invited cannot join"] == ""


def test_a_contract_that_lets_it_happen_is_named():
    open_to_all = SOURCE.replace("if (!invited[participant]) revert NotInvited();", "")
    with pytest.raises(RehearsalError, match="Who is not invited cannot join: but the contract lets it happen"):
        refusals(open_to_all, terms())
