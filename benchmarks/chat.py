"""How long a chat takes to become a checked contract, beside the start of the program alone.

A chat of so many messages by a seed, small talk in several languages around a plan that three people agree on, goes
through ``pactsmith chat`` as a user runs it: a process of its own that reads, checks, rehearses and writes everything.
The floor is ``pactsmith --version``. Rounds alternate; seconds of the clock.

    python benchmarks/chat.py [--messages 1000] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TALK = (
    "the train was late so I walked home and then we cooked for friday at work nobody knew when das war wieder ein Tag"
    " ohne Plan aber morgen um 8 geht es weiter no sé qué pasa con el coche нет времени сегодня опять работа 今天 下班"
)
AGREED = (
    ("Anna", "Dinner at Rosa on Friday 11 December at 7pm Berlin time? Deposit 20 USDC each, no-shows are split."),
    ("Ben", "I'm in"),
    ("Cleo", "count me in!"),
    ("Anna", "let's make it 8 instead of 7"),
    ("Ben", "ok"),
    ("Cleo", "works for me"),
)


def write_chat(path: Path, messages: int) -> None:
    """A WhatsApp export, the same every time; the plan stands in the middle."""
    dice = random.Random(7)  # noqa: S311
    words = TALK.split()
    talk = [
        (f"Person {dice.randrange(40)}", " ".join(dice.choices(words, k=dice.randint(2, 16)))) for _ in range(messages)
    ]
    middle = messages // 2
    said = [*talk[:middle], *AGREED, *talk[middle + len(AGREED) :]]
    sent = datetime(2026, 11, 25)  # noqa: DTZ001  the export tells no zone
    with path.open("w") as file:
        for place, (author, text) in enumerate(said):
            at = sent + timedelta(minutes=6 * place)
            file.write(f"{at:%d/%m/%Y, %H:%M} - {author}: {text}\n")


def seconds(*command: str) -> tuple[float, str]:
    """How long the program takes, and what it prints."""
    start = time.perf_counter()
    program = [sys.executable, "-c", "from app.cli import main; main()"]
    done = subprocess.run([*program, *command], cwd=ROOT, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    """Writes, runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    taken, floors = [], []
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "chat.txt"
        write_chat(export, options.messages)
        for place in range(options.rounds):
            floors.append(seconds("--version")[0])
            took, out = seconds("chat", str(export), "--day-first", "--out", f"{folder}/{place}", "--json")
            taken.append(took)
            found = json.loads(out)
            if found["pact"]["status"] != "passed":
                raise SystemExit(f"no contract: {found['verdict']}")
    row = {
        "messages": options.messages,
        "seconds": round(statistics.median(taken), 2),
        "lowest": round(min(taken), 2),
        "highest": round(max(taken), 2),
        "of_floor": round(statistics.median(t / f for t, f in zip(taken, floors, strict=True)), 1),
    }
    print(json.dumps(row) if options.json else "  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
