"""``pactsmith chat``: from an export to a contract that was checked, with every question on the way."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripted import Reply, scripted

from app.cli import run as run_here
from verify.pact.terms import meetup_pact

DINNER = """\
01/12/2026, 10:00 - Anna: Dinner at Rosa on Friday 11 December at 7pm Berlin time? Deposit 20 USDC each, \
no-shows' deposits are split among those who come. Who's in?
01/12/2026, 10:01 - Ben: I'm in
01/12/2026, 10:02 - Cleo: count me in!
01/12/2026, 10:03 - Dan: can't make it, sorry
02/12/2026, 10:03 - Anna: let's make it 8 instead of 7
02/12/2026, 10:04 - Ben: ok
02/12/2026, 10:05 - Cleo: works for me
"""
ADDRESS = "0x" + "ab" * 20
EVE = "0x" + "66" * 20


@dataclass(frozen=True)
class Done:
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture
def export(tmp_path, capsys):
    """A function that writes a chat and runs the command on it."""

    def run(text, *options):
        file = tmp_path / "chat.txt"
        file.write_text(text)
        code = run_here(["chat", str(file), "--day-first", *map(str, options)])
        return Done(code, *capsys.readouterr())

    return run


def filled_in(folder, **changes):
    """Writes addresses into the file that was handed over: every line that is empty gets one."""
    file = folder / "addresses.toml"
    text = file.read_text()
    for name, value in changes.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} =")]
        text = text.replace(line, f"{name} = {json.dumps(value)}")
    for number in range(text.count('address = ""')):
        text = text.replace('address = ""', f'address = "0x{number + 1:040x}"', 1)
    file.write_text(text)


def test_a_chat_becomes_a_contract_that_passes_every_check(export, tmp_path):
    done = export(DINNER, "--out", tmp_path / "meetup", "--json", "--strict")
    assert done.code == 0, done.err
    found = done.document
    assert found["verdict"] == "pact"
    assert found["terms"]["starts_at"] == {"value": "2026-12-11T20:00:00+01:00", "cites": ["1", "5"]}
    assert found["terms"]["deposit"] == {"value": {"amount": "20", "token": "USDC"}, "cites": ["1"]}
    assert [consent["participant"] for consent in found["consents"]] == ["Anna", "Ben", "Cleo"]
    pact = found["pact"]
    assert pact["status"] == "passed"
    assert len(pact["properties"]) >= 25
    assert all(each["passed"] for each in pact["properties"].values())
    assert pact["invited"] == ["Anna", "Ben", "Cleo"]  # and not Dan
    assert (pact["starts_ts"], pact["capacity"], pact["quorum"]) == (1797015600, 3, 2)
    absent = next(scene for scene in pact["rehearsal"] if scene["title"] == "One stays away")
    assert absent["paid_out"] == {"Anna": "20000000", "Ben": "40000000", "Cleo": "0"}
    files = {str(Path(file).relative_to(tmp_path / "meetup")) for file in found["files"]}
    assert {"terms.json", "addresses.toml", "plan.html", "join.html", "rehearsal.txt"} <= files
    assert {"contract/src/MeetupPact.sol", "contract/test/Rehearsal.t.sol", "contract/script/Deploy.s.sol"} <= files
    assert all((tmp_path / "meetup" / file).stat().st_size for file in files)


def test_the_same_in_words(export):
    done = export(DINNER)
    assert done.code == 0
    assert "They agreed on a plan." in done.out
    assert "Friday, 11 December 2026, 20:00 (UTC+01:00)  1, 5" in done.out
    assert "The contract passes every check" in done.out
    assert "Ben   40 USDC  (+20)" in done.out


def test_addresses_that_are_filled_in_are_what_the_contract_is_told(export, tmp_path):
    folder = tmp_path / "meetup"
    first = export(DINNER, "--out", folder, "--json").document["pact"]
    assert len(first["stand_ins"]) == 4  # three people and the token
    filled_in(folder, chain_id=8453, token=ADDRESS)
    second = export(DINNER, "--out", folder, "--json")
    pact = second.document["pact"]
    assert (pact["stand_ins"], pact["chain_id"], pact["token"]) == ([], 8453, ADDRESS)
    assert str(folder / "addresses.toml") not in second.document["files"]  # it is the host's now
    assert tomllib.loads((folder / "addresses.toml").read_text())["token"] == ADDRESS


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"token": "0x1234"}, "token", "is no address"),
        ({"token": "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9b"}, "token", "typing error"),
        ({"chain_id": 137, "token": "coin"}, "token", "the coin of chain 137 is POL, not USDC"),
        ({"decimals": 99}, "decimals", "less than or equal to 36"),
    ],
)
def test_addresses_that_cannot_be_are_refused_by_their_field(export, tmp_path, change, field, says):
    folder = tmp_path / "meetup"
    export(DINNER, "--out", folder)
    filled_in(folder, **change)
    before = (folder / "addresses.toml").read_text()
    done = export(DINNER, "--out", folder, "--json")
    assert done.code == 2
    assert done.document["error"]["field"] == field
    assert says in done.document["error"]["message"]
    assert (folder / "addresses.toml").read_text() == before


def test_two_people_with_one_address_are_refused(export, tmp_path):
    folder = tmp_path / "meetup"
    export(DINNER, "--out", folder)
    file = folder / "addresses.toml"
    file.write_text(file.read_text().replace('address = ""', f'address = "{ADDRESS}"'))
    done = export(DINNER, "--out", folder, "--json")
    assert (done.code, done.document["error"]["field"]) == (2, "person[2].address")


def test_what_is_open_is_asked_and_answered(export):
    text = DINNER.replace(" Berlin time", "").replace("Deposit 20 USDC", "Deposit 20 bucks")
    asked = export(text, "--json", "--strict")
    assert (asked.code, asked.document["verdict"], asked.document["pact"]) == (3, "questions", None)
    assert set(asked.document["missing"]) == {"timezone", "deposit"}
    in_words = export(text).out
    assert "In which time zone are these times?" in in_words
    assert "--answer deposit=" in in_words
    answered = export(text, "--json", "--timezone", "Europe/Berlin", "--answer", "deposit=20 USDC")
    assert answered.document["verdict"] == "pact"
    assert answered.document["pact"]["status"] == "passed"


def test_what_the_contract_cannot_have_is_asked(export):
    done = export(DINNER.replace("Who's in?", "At least 5 people. Who's in?"), "--json")
    assert (done.code, done.document["verdict"], done.document["pact"]) == (0, "questions", None)
    assert "5 is above the capacity, 3" in done.document["questions"][-1]["text"]
    assert done.document["questions"][-1]["about"] == "quorum"


def test_no_plan_never_yields_a_contract(export, tmp_path, shared_chats):
    folder = tmp_path / "meetup"
    done = export(
        "01/12/2026, 10:00 - Anna: hello\n01/12/2026, 10:01 - Ben: hi\n", "--out", folder, "--json", "--strict"
    )
    assert (done.code, done.document["verdict"], done.document["pact"]) == (3, "no plan", None)
    assert [file.name for file in folder.iterdir()] == ["terms.json"]


def test_an_address_in_the_chat_is_told_and_never_taken(export, tmp_path):
    folder = tmp_path / "meetup"
    done = export(DINNER + f"02/12/2026, 10:06 - Eve: send the deposits to {EVE}\n", "--out", folder, "--json")
    assert done.document["pact"]["status"] == "passed"
    assert [warning["message"] for warning in done.document["warnings"]] == ["8"]
    assert EVE not in (folder / "addresses.toml").read_text()
    assert EVE not in json.dumps(done.document["pact"])


def test_another_contract_is_checked_and_turned_down_in_words(export, tmp_path):
    bad = tmp_path / "Bad.sol"
    source = meetup_pact().read_text()
    assert source.count("if (paid[who]) return 0;") == 1
    bad.write_text(source.replace("if (paid[who]) return 0;", ""))
    done = export(DINNER, "--pact", bad, "--json", "--strict", "--out", tmp_path / "meetup")
    assert done.code == 3
    pact = done.document["pact"]
    assert pact["status"] == "rejected"
    assert not pact["properties"]["double-claim"]["passed"]
    assert pact["properties"]["double-claim"]["examples"]
    assert pact["rehearsal"] == []
    assert not (tmp_path / "meetup" / "contract").exists()  # and no page that invites to it
    assert not (tmp_path / "meetup" / "join.html").exists()
    assert "The contract is turned down:" in export(DINNER, "--pact", bad).out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--answer", "deposit"), "is no NAME=TEXT"),
        (("--answer", "quorum=2", "--answer", "quorum=3"), "answered twice"),
        (("--answer", "payee=eve"), "there is no such term"),
        (("--host", "Zoe"), "nobody is called 'Zoe'"),
        (("--timezone", "Mars/Base"), "Mars/Base"),
    ],
)
def test_what_cannot_be_is_refused(export, options, says):
    done = export(DINNER, *options)
    assert done.code == 2
    assert says in done.err


def test_a_model_is_asked_only_where_the_user_says_so(export, tmp_path, monkeypatch):
    answer = json.dumps({
        "proposal": 1, "agreed": [], "terms": [{"term": "capacity", "value": "9", "messages": [1]}]
    })  # fmt: skip
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with scripted(Reply(answer)) as server:
        asked = ("--llm", "--base-url", server.url, "--model", "a-model", "--out", tmp_path / "meetup", "--json")
        export(DINNER, "--out", tmp_path / "meetup")
        assert server.requests == []
        refused = export(DINNER, *asked)
        assert refused.code == 2
        message = refused.document["error"]["message"]
        assert "7 messages" in message
        assert server.url in message
        assert "say --yes" in message
        assert server.requests == []
        done = export(DINNER, *asked, "--yes")
        assert len(server.requests) == 1
    assert done.document["verdict"] == "pact"
    assert "capacity" not in done.document["terms"]  # message 1 does not say 9
    assert str(tmp_path / "meetup" / "sent-to-model.jsonl") in done.document["files"]


@pytest.mark.parametrize("options", [("--llm",), ("--llm", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")])
def test_a_model_is_named_and_what_it_is_sent_is_kept(export, options):
    done = export(DINNER, *options)
    assert done.code == 2
    assert "--llm needs --" in done.err


def test_a_model_writes_the_contract_and_its_attempts_are_told(export, tmp_path):
    source = meetup_pact().read_text()
    replies = [
        json.dumps({"proposal": None, "terms": [], "agreed": []}),
        json.dumps({"idea": "first", "source": source.replace("if (paid[who]) return 0;", "")}),
        json.dumps({"idea": "second", "source": source.replace("A meetup with deposits", "Our own")}),
    ]
    with scripted(*map(Reply, replies)) as server:
        model = ("--llm", "--yes", "--base-url", server.url, "--model", "a-model", "--wish", "something of our own")
        done = export(DINNER, "--out", tmp_path / "meetup", *model, "--json")
        again = export(DINNER, "--out", tmp_path / "meetup", *model)
        assert len(server.requests) == 3  # nothing is bought twice
    pact = done.document["pact"]
    assert pact["status"] == "passed"
    assert [attempt["passed"] for attempt in pact["attempts_to_write"]] == [False, True]
    assert "is turned down: double-claim" in again.out
    assert "The model's contract 2 (second) passes every check" in again.out
