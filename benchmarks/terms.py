"""How fast a chat is read for terms, beside one pass of one regular expression over the same messages.

    .venv/bin/python benchmarks/terms.py [messages]      # 20,000 without an argument

Two chats by seed: small talk alone, and small talk around a plan that is brought up again every 300 messages, so that
almost every message may be about it. The floor looks for the words of a proposal in every message, which no reader can
do without.
"""

from __future__ import annotations

import random
import re
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ingest.chats.message import Chat, Message, Participant
from synth.pact import read_terms
from synth.pact.lexicon import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

PLAN = "Let's have brunch on Sunday at 11:00 at Mila, deposit 10 USDC, no-shows are split. Who's in?"
WORDS = ["the", "train", "was", "late", "so", "I", "walked", "home", "and", "then", "we", "cooked", "for", "friday", "at", "work", "nobody", "knew", "when", "das", "war", "wieder", "ein", "Tag", "ohne", "Plan", "aber", "morgen", "um", "8", "geht", "es", "weiter", "no", "sé", "qué", "pasa", "con", "el", "coche", "нет", "времени", "сегодня", "опять", "работа", "今天", "下班", "ok"]
PEOPLE = {f"p{number}": Participant(f"p{number}", f"Person {number}") for number in range(100, 140)}


def chat(messages: int, plan_every: int | None) -> Chat:
    dice = random.Random(7)  # noqa: S311
    start = datetime(2026, 1, 1, tzinfo=UTC)
    said = []
    for at in range(messages):
        talk = " ".join(dice.choice(WORDS) for _ in range(dice.randint(2, 16)))
        text = PLAN if plan_every and at % plan_every == 0 else talk
        said.append(Message(str(at), f"p{dice.randrange(100, 140)}", start + timedelta(minutes=at), text))
    return Chat("telegram", "benchmark", PEOPLE, tuple(said))


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    floor = re.compile(pattern("propose", "roll_call", "organise", "deposit"))
    read_terms(chat(400, 300))  # patterns are compiled once
    for name, plan_every in (("small talk", None), ("a plan in it", 300)):
        sample = chat(messages, plan_every)
        whole = seconds(lambda: read_terms(sample, timezone="UTC"))  # noqa: B023
        least = seconds(lambda: [floor.search(message.text.lower()) for message in sample.messages])  # noqa: B023
        print(
            f"{name:14} {messages:,} messages: {whole:.2f} s, {messages / whole:,.0f}/s, {whole / least:.1f} × the floor"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory    {peak:,.0f} MB, the chats included")


if __name__ == "__main__":
    main()
