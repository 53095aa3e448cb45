"""Terms that cannot be are refused before any contract is made, by name; the contract refuses the same."""

from __future__ import annotations

import re
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from evenings import ANA, CHARITY, FRIENDS, START, TOKEN, terms

from ingest.errors import InputError
from verify.contracts import contracts_dir
from verify.evm import Reverted
from verify.pact.compile import admit_pact
from verify.pact.stage import harness, stage
from verify.pact.terms import BURN, NOBODY, NoShow, PactTerms, meetup_pact, template

IMPOSSIBLE = [
    ("host", NOBODY, "host"),
    ("deposit", 0, "deposit"),
    ("deposit", 2**128, "deposit"),
    ("capacity", 0, "capacity"),
    ("capacity", 6, "capacity"),
    ("quorum", 0, "quorum"),
    ("quorum", 5, "quorum"),
    ("starts_ts", START - 86_401, "join_until_ts"),
    ("starts_ts", START * 1000, "starts_ts"),
    ("attest_seconds", 3599, "attest_seconds"),
    ("contest_seconds", 30 * 86_400 + 1, "contest_seconds"),
    ("charity", CHARITY, "charity"),
    ("no_show", NoShow.CHARITY, "charity"),
    ("invited", (*FRIENDS, ANA), "invited[5]"),
    ("invited", (*FRIENDS, BURN), "invited[5]"),
    ("invited", (*FRIENDS, TOKEN), "invited[5]"),
    ("invited", (*FRIENDS, NOBODY), "invited[5]"),
]


@pytest.mark.parametrize(("name", "value", "field"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_its_field(name, value, field):
    with pytest.raises(InputError) as caught:
        PactTerms(**(asdict(terms(token=TOKEN)) | {name: value}))
    assert caught.value.field == field


@pytest.mark.parametrize(("name", "value", "field"), IMPOSSIBLE)
def test_the_contract_refuses_the_same(name, value, field):
    good = terms(token=TOKEN)
    code = admit_pact(meetup_pact().read_text(), file="MeetupPact.sol")
    values = asdict(good) | {name: value}
    bad = SimpleNamespace(**values, in_coins=False, constructor=lambda: PactTerms.constructor(bad))
    with pytest.raises(Reverted), stage(code, bad, harness()):
        pass


@pytest.mark.parametrize("address", ["0x12", "0x" + "AB" * 20, "ana.eth"])
def test_an_address_is_written_out_in_lower_case(address):
    with pytest.raises(InputError, match="40 lower-case hex digits"):
        terms(host=address)


def test_a_charity_is_not_the_host():
    with pytest.raises(InputError, match="neither the host"):
        terms(no_show=NoShow.CHARITY, charity=ANA)


def test_the_last_moment_is_the_first_second_after_contesting():
    agreed = terms()
    assert agreed.attest_until_ts == START + 86_400
    assert agreed.pays_from_ts == START + 4 * 86_400


def test_the_description_names_the_terms_that_a_group_may_choose():
    described = [parameter.name for parameter in template().parameters]
    source = (contracts_dir() / "kernel" / "IPact.sol").read_text()
    assert template().family == "pact"
    assert all(re.search(rf"^    \w+ {name};", source, re.MULTILINE) for name in described)
