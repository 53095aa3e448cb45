"""How fast a chat is read for terms, beside one pass of one regular expression over the same messages.

Two chats by seed: small talk alone, and small talk around a plan that is brought up again every 300 messages, so that
almost every message may be about it. The floor looks for the words of a proposal in every message, which no reader by
rules can do without. Rounds alternate; times are CPU seconds of this one process.

    python benchmarks/terms.py [--messages 20000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from ingest.chats.message import Chat, Message, Participant
from synth.pact import read_terms
from synth.pact.lexicon import lowered, pattern

if TYPE_CHECKING:
    from collections.abc import Callable

PLAN = "Let's have brunch on Sunday at 11:00 at Mila, deposit 10 USDC, no-shows are split. Who's in?"
PLAN_EVERY = 300
TALK = (
    "the train was late so I walked home and then we cooked for friday at work nobody knew when das war wieder ein Tag"
    " ohne Plan aber morgen um 8 geht es weiter no sé qué pasa con el coche нет времени сегодня опять работа 今天 下班"
)
PEOPLE = {f"p{number}": Participant(f"p{number}", f"Person {number}") for number in range(100, 140)}


def make_chat(messages: int, *, planned: bool) -> Chat:
    """A chat of so many messages, the same every time."""
    dice = random.Random(7)  # noqa: S311
    start = datetime(2026, 1, 1, tzinfo=UTC)
    words, said = TALK.split(), []
    for at in range(messages):
        talk = " ".join(dice.choice(words) for _ in range(dice.randint(2, 16)))
        text = PLAN if planned and at % PLAN_EVERY == 0 else talk
        said.append(Message(str(at), f"p{dice.randrange(100, 140)}", start + timedelta(minutes=at), text))
    return Chat("telegram", "benchmark", PEOPLE, tuple(said))


def cpu_seconds(run: Callable[[], object]) -> float:
    """How long ``run`` keeps this process busy."""
    start = time.process_time()
    run()
    return time.process_time() - start


def measure(chat: Chat, rounds: int) -> dict[str, Any]:
    """Messages a second of the reader, and its time as a multiple of the floor's: median, lowest and highest."""
    floor = re.compile(pattern("propose", "roll_call", "organise", "deposit"))
    reader_times, ratios = [], []
    for _ in range(rounds):
        least = cpu_seconds(lambda: [floor.search(lowered(message.text)) for message in chat.messages])
        reader_times.append(cpu_seconds(lambda: read_terms(chat, timezone="UTC")))
        ratios.append(reader_times[-1] / least)
    return {
        "messages": len(chat.messages),
        "messages_per_second": round(len(chat.messages) / statistics.median(reader_times)),
        "of_floor": [round(value, 1) for value in (statistics.median(ratios), min(ratios), max(ratios))],
    }


def main() -> None:
    """Measures both chats and prints what comes out."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--messages", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    read_terms(make_chat(2 * PLAN_EVERY, planned=True), timezone="UTC")  # compiles the patterns
    figures: dict[str, Any] = {
        name: measure(make_chat(chosen.messages, planned=planned), chosen.rounds)
        for name, planned in (("small talk", False), ("a plan in it", True))
    }
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if chosen.json:
        print(json.dumps(figures, indent=2))
        return
    for name in ("small talk", "a plan in it"):
        row = figures[name]
        median, low, high = row["of_floor"]
        print(f"{name:13} {row['messages_per_second']:>7,} messages a second, {median} × the floor ({low}–{high})")
    print(f"peak memory   {figures['peak_mb']:,} MB, the chats included")


if __name__ == "__main__":
    main()
