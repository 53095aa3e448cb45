"""A pact's project: forge builds it and plays the rehearsal again; nothing that somebody is called changes its code."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing

import pytest
from eth_utils.address import to_checksum_address
from evenings import ANA, BEN, CLEO, FRIENDS, NAMES, TOKEN, terms
from forge import Forge, write
from rpc_world.anvil import CHAIN_ID, Anvil

from verify.foundry.pact import pact_project
from verify.foundry.solidity import plain
from verify.pact.compile import admit_pact
from verify.pact.rehearsal import rehearse
from verify.pact.terms import Attestation, Disputed, NoShow, meetup_pact

SOURCE = meetup_pact().read_text()
STAND_INS = frozenset({ANA, BEN, CLEO, TOKEN})
HOSTILE = {
    ANA: "Ana\n} selfdestruct(",
    BEN: "*/ contract Evil {} /*",
    CLEO: "Cleo\u202e\u2066 // \u2028 revert();",
    FRIENDS[3]: '"]( javascript:alert(1)) | <b>`$(rm)`</b> \\',
    FRIENDS[4]: "www.example.org\r\n# " + "x" * 500,
}


def exported(*, names=NAMES, stand_ins=frozenset(), chain_id=1, **changes):
    agreed = terms(**changes)
    symbol, decimals = ("ETH", 18) if agreed.in_coins else ("USDC", 6)
    scenes = rehearse(SOURCE, agreed, names)
    return pact_project(
        SOURCE,
        agreed,
        scenes,
        names=names,
        stand_ins=stand_ins,
        chain_id=chain_id,
        symbol=symbol,
        decimals=decimals,
    )


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    return Forge(tmp_path_factory.mktemp("forge"))


@pytest.fixture(scope="module")
def with_coins(forge, tmp_path_factory):
    """The host attests, no-shows are split, deposits are coins: built and tested once."""
    folder = write(exported(stand_ins=STAND_INS, chain_id=None), tmp_path_factory.mktemp("coins"))
    return folder, forge.tests(folder)


def test_forge_repeats_the_rehearsal_and_the_refusals(with_coins):
    _, tests = with_coins
    assert not {name: why for name, why in tests.items() if why is not None}
    counts = [sum(name.startswith(suite) for name in tests) for suite in ("Rehearsal", "Refusals", "Deploy")]
    assert counts == [8, 14, 8]


def test_what_forge_builds_is_the_code_that_was_checked(with_coins):
    folder, _ = with_coins
    built = json.loads((folder / "out" / "MeetupPact.sol" / "MeetupPact.json").read_text())
    assert bytes.fromhex(built["bytecode"]["object"][2:]) == admit_pact(SOURCE, file="MeetupPact.sol").creation_code


def changed(with_coins, folder, file, before, after):
    """A copy of the project, with what was built, in which a line differs."""
    shutil.copytree(with_coins[0], folder, dirs_exist_ok=True)
    text = (folder / file).read_text()
    assert text.count(before) == 1, before
    (folder / file).write_text(text.replace(before, after))
    return folder


def test_another_amount_is_noticed(forge, with_coins, tmp_path):
    deposit = terms().deposit
    split = f"gets(GUEST_1, {deposit + deposit // 2 + 1}); // Ben\n        gets(GUEST_2, {deposit + deposit // 2});"
    scene = (with_coins[0] / "test" / "Rehearsal.t.sol").read_text().split("function ")[2]
    assert split in scene  # the odd unit is the first one's
    file = "test/Rehearsal.t.sol"
    wrong = scene.replace(split, split.replace(f"{deposit // 2 + deposit + 1}", f"{deposit // 2 + deposit}"))
    tests = forge.tests(changed(with_coins, tmp_path, file, scene, wrong))
    failed = {name: why for name, why in tests.items() if why is not None}
    assert list(failed) == ["RehearsalTest.test_2_OneStaysAway"]
    assert "what somebody gets" in failed["RehearsalTest.test_2_OneStaysAway"]


def test_another_line_of_the_contract_is_noticed(forge, with_coins, tmp_path):
    line, other = "if (isOff()) return _bit(who) == 0 ? 0 : _terms.deposit;", "if (isOff()) return 0;"
    tests = forge.tests(changed(with_coins, tmp_path, "src/MeetupPact.sol", line, other))
    assert {name for name, why in tests.items() if why} == {
        "RehearsalTest.test_7_TheHostCancels",
        "RehearsalTest.test_8_TooFewJoin",
    }


def test_it_is_deployed_once_the_addresses_are_there_and_known_again_by_its_address(forge, with_coins):
    folder, _ = with_coins
    addresses = folder / "script" / "addresses.json"
    to_fill_in = json.loads(addresses.read_text())
    with closing(Anvil()) as node:
        node.rpc("evm_setAutomine", True)
        script = ["script", "script/Deploy.s.sol", "--rpc-url", node.url]
        send = ["--broadcast", "--unlocked", "--sender", node.accounts[0]]
        assert "FillIn" in forge.run(folder, *script, *send).stderr
        for missing, account in zip(to_fill_in["missing"], node.accounts, strict=False):
            missing["address"] = account
        addresses.write_text(json.dumps(to_fill_in))
        assert "FillIn" in forge.run(folder, *script, *send).stderr
        addresses.write_text(json.dumps(to_fill_in | {"chainId": CHAIN_ID + 1}))
        assert f"WrongChain({CHAIN_ID}, {CHAIN_ID + 1})" in forge.run(folder, *script, *send).stderr
        addresses.write_text(json.dumps(to_fill_in | {"chainId": CHAIN_ID}))
        sent = forge.run(folder, *script, *send)
        pact = re.search(r"pact: contract \w+ (0x[0-9a-fA-F]{40})", sent.stdout)
        assert pact, sent.stdout + sent.stderr
        assert node.rpc("eth_getCode", pact[1], "latest") != "0x"
        verify = [*script, "--sig", "verify(address)"]
        assert forge.run(folder, *verify, pact[1]).returncode == 0
        assert "NotThisPact" in forge.run(folder, *verify, node.accounts[5]).stderr


@pytest.mark.parametrize(
    ("attestation", "no_show", "token"),
    [
        pytest.param(*case, marks=[] if case == (Attestation.MAJORITY, NoShow.CHARITY, TOKEN) else pytest.mark.long)
        for case in [(a, n, t) for a in Attestation for n in NoShow for t in (terms().token, TOKEN)]
    ],
)
def test_forge_repeats_it_under_all_terms_whatever_people_are_called(forge, tmp_path, attestation, no_show, token):
    project = exported(
        names=HOSTILE,
        stand_ins=STAND_INS,
        attestation=attestation,
        no_show=no_show,
        token=token,
        disputed=Disputed.BURN,
    )
    tests = forge.tests(write(project, tmp_path))
    assert not {name: why for name, why in tests.items() if why is not None}
    assert sum(name.startswith("Rehearsal") for name in tests) == 8


def test_names_change_comments_and_nothing_else():
    nice, hostile = exported(stand_ins=STAND_INS), exported(stand_ins=STAND_INS, names=HOSTILE)
    assert nice.keys() == hostile.keys()
    for path, text in hostile.items():
        assert not re.search("[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]", text)
        assert text.count("\n") == nice[path].count("\n"), path
        if path.endswith(".sol"):
            assert re.sub("//.*", "", text) == re.sub("//.*", "", nice[path]), path
    missing = json.loads(hostile["script/addresses.json"])["missing"]
    assert [each["who"] for each in missing] == [*(plain(HOSTILE[who]) for who in (ANA, BEN, CLEO))]
    people = [line for line in hostile["README.md"].splitlines() if line.startswith("| ") and "0x" in line]
    assert len(people) == len(FRIENDS)
    assert all(line.count("|") == 4 and not re.search(r"[<>\[\]\\]|www\.", line) for line in people)


def test_who_shares_a_name_has_the_own_address_and_amount():
    project = exported(names=dict.fromkeys(FRIENDS, "Sam"), token=TOKEN)
    nice = exported(token=TOKEN)
    same = [re.sub("//.*", "", each["test/Rehearsal.t.sol"]) for each in (project, nice)]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ana", "Ana"),
        ("Zoë O’Neil-Łuć", "Zoë O’Neil-Łuć"),
        ("अनीता", "अनीता"),
        ("小明 🍕", "小明"),
        ("\u202e\u0000\n", "somebody"),
        ("*/ x /*", "x"),
    ],
)
def test_a_name_as_plain_words(name, words):
    assert plain(name) == words
    assert plain(plain(name)) == words


def test_checksums():
    # Two of the addresses that EIP-55 gives as examples.
    for address in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"):
        assert to_checksum_address(address.lower()) == address


@pytest.mark.long
def test_two_people_a_host_who_is_no_guest_and_a_known_chain(forge, tmp_path):
    project = exported(host=FRIENDS[4], invited=FRIENDS[:2], capacity=2, chain_id=10)
    assert json.loads(project["script/addresses.json"]) == {"chainId": 10, "missing": []}
    tests = forge.tests(write(project, tmp_path))
    assert not {name: why for name, why in tests.items() if why is not None}
