"""The corpus's form: chats as text, each with the terms that a careful person reads out of it.

A chat begins with ``## its name``. Then come options (``zone:``, ``host:``), lines ``@ date time`` that set the clock,
messages ``Name: text {attributes}`` a minute apart, numbered from 1, and ``noise N``: N messages of small talk by seed.
``Name#2`` is another person called Name; ``*`` is the service. Attributes: ``reply N``, ``fwd``, ``edited N`` (minutes
later), ``quote "…"``, and reactions ``👍 Name, Name``. ``\\n`` and ``\\uXXXX`` stand for those characters.

After ``=> verdict`` stand the expected terms, ``consent: Name ids; …``, ``missing:``, ``warn: ids``, ``ask: about``. A
term that is not listed must not be found. ``a | b`` gives two readings that are both right.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.chats.message import Chat, Message, Participant, Reaction

FOLDER = Path(__file__).with_name("corpus")
TERMS = (
    "title", "place", "starts_at", "timezone", "deposit", "capacity", "quorum", "host", "join_deadline", "no_show",
    "attestation", "cancel",
)  # fmt: skip
SMALL_TALK = (
    "did you see the game last night", "lol", "my train is late again, I'll be home at {n}", "haha no way", "ok",
    "who took my charger?", "yes", "no idea", "check this out https://example.org/{n}", "paid {n} USDC for gas, crazy",
    "good morning everyone", "hat jemand die Notizen von gestern?", "ja", "meeting moved to {n}:30 ugh", "😂😂", "sure",
    "I have {n} unread mails", "can't talk now", "what a goal!", "me too", "vale", "да", "hahaha", "brb", "nice", "👍",
    "happy birthday Tom!", "the dentist is on Friday at {n}", "I'm at work until {n}", "anyone seen my keys?", "好的",
)  # fmt: skip
NOISY_PEOPLE = ("Nora", "Piet", "Quin", "Rosa")


@dataclass
class Example:
    """One chat of the corpus with what is to be read out of it."""

    name: str
    chat: Chat
    verdict: str
    zone: str | None = None
    host: str | None = None
    terms: dict[str, str] = field(default_factory=dict)
    consents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    warned: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


def examples(file: str) -> list[Example]:
    text = (FOLDER / file).read_text(encoding="utf-8")
    return [_example(block) for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]


def _example(block: str) -> Example:
    head, _, tail = block.partition("\n=> ")
    name, *lines = head.splitlines()
    verdict, *expected = [line for line in tail.splitlines() if line.strip() and not line.startswith("#")]
    writer = _ChatWriter(name)
    options: dict[str, str] = {}
    for line in filter(str.strip, lines):
        if match := re.fullmatch(r"(zone|host): (\S+)", line):
            options[match[1]] = match[2]
        else:
            writer.line(line)
    example = Example(name, writer.chat(), verdict.strip(), options.get("zone"), options.get("host"))
    for line in expected:
        _expect(example, *line.split(": ", 1))
    return example


def _expect(example: Example, key: str, value: str) -> None:
    if key == "consent":
        for part in value.split("; "):
            who, *cites = part.replace(",", " ").split()
            example.consents[_person_id(who)] = tuple(cites)
    elif key == "missing":
        example.missing = tuple(value.replace(",", " ").split())
    elif key == "warn":
        example.warned = tuple(value.split())
    elif key == "ask":
        example.asked = tuple(value.split())
    else:
        assert key in TERMS, f"{example.name}: {key}"
        example.terms[key] = value


def _person_id(name: str) -> str:
    return name.lower().replace(" ", "-")


class _ChatWriter:
    def __init__(self, title: str) -> None:
        self.title = title
        self.clock = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
        self.people: dict[str, Participant] = {}
        self.messages: list[Message] = []
        self.dice = random.Random(title)

    def line(self, line: str) -> None:
        if line.startswith("@ "):
            self.clock = datetime.fromisoformat(line[2:])
        elif match := re.fullmatch(r"noise (\d+)", line):
            self.add(self.dice.choice(NOISY_PEOPLE), "anyway, have you heard about the new bridge?", "")
            for _ in range(int(match[1]) - 1):
                text = self.dice.choice(SMALL_TALK).format(n=self.dice.randint(2, 11))
                self.add(self.dice.choice(NOISY_PEOPLE), text, "")
        else:
            match = re.fullmatch(r"([^:]+): ?(.*?)(?:\s*\{([^{}]*)\})?", line)
            assert match, line
            text = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), match[2]).replace("\\n", "\n")
            self.add(match[1], text, match[3] or "")

    def add(self, name: str, text: str, attributes: str) -> None:
        author = None if name == "*" else self.person(name)
        known: dict[str, object] = {}
        if match := re.search(r"reply (\d+)", attributes):
            known["reply_to"] = match[1]
        if match := re.search(r"edited (\d+)", attributes):
            known["edited_at"] = self.clock + timedelta(minutes=int(match[1]))
        if match := re.search(r'quote "([^"]*)"', attributes):
            known["quoted"] = match[1]
        rest = re.sub(r'reply \d+|edited \d+|quote "[^"]*"|fwd', "", attributes)
        reactions = [
            Reaction(emoji, None if who.strip() == "?" else self.person(who.strip()))
            for emoji, names in re.findall(r"([^\w\s,#]+\S*|\+1) ([\w#?][^;]*)", rest)
            for who in names.split(",")
        ]
        kind = "service" if author is None else "text"
        message = Message(
            str(len(self.messages) + 1), author, self.clock, text, kind, reactions=tuple(reactions),
            forwarded="fwd" in attributes, **known,
        )  # fmt: skip
        self.messages.append(message)
        self.clock += timedelta(minutes=1)

    def person(self, name: str) -> str:
        key = _person_id(name)
        self.people.setdefault(key, Participant(key, name.partition("#")[0]))
        return key

    def chat(self) -> Chat:
        return Chat("telegram", self.title, self.people, tuple(self.messages))
