"""How fast long chat exports are read, beside the least that has to be done to them, and in how much memory.

Exports in the shapes of WhatsApp, Telegram (a chat, and an account that holds it), DiscordChatExporter and Element are
written and read message by message, each by a process of its own. The floor of a JSON export is its values built by
`ijson` and dropped; that of a text is its lines decoded. Rounds alternate; times are CPU seconds, memory is the peak of
the process less that of one that reads nothing.

    python benchmarks/chats.py [--messages 500000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "ingest" / "chats"))

import ijson
from chat_exports import discord_message, matrix_message, telegram_message

from ingest.chats import open_chat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNT = '{"chats": {"about": "", "list": [{"name": "x", "type": "group", "id": 1, "messages": ['
JSON_EXPORTS: dict[str, tuple[str, Callable[..., Any], str, str]] = {  # opening, message, closing, where messages are
    "Telegram": ('{"name": "x", "type": "group", "id": 1, "messages": [', telegram_message, "\n]}", "messages.item"),
    "Telegram account": (ACCOUNT, telegram_message, "\n]}]}}", "chats.list.item.messages.item"),
    "Discord": (
        '{"guild": {"name": "g"}, "channel": {"name": "c"}, "messages": [',
        discord_message,
        "\n]}",
        "messages.item",
    ),
    "Matrix": ('{"room_name": "x", "messages": [', matrix_message, "\n]}", "messages.item"),
}
KINDS = ("WhatsApp", *JSON_EXPORTS)


def said(number: int) -> str:
    """What the message of this number says."""
    return f"message {number} of a long chat, about as long as messages are"


def write(kind: str, path: Path, number: int) -> None:
    """An export of so many messages."""
    with path.open("w") as file:
        if kind == "WhatsApp":
            file.writelines(whatsapp_lines(number))
            return
        opening, make, closing, _ = JSON_EXPORTS[kind]
        file.write(opening)
        file.writelines((",\n" if i else "\n") + json.dumps(make(i, said(i)), indent=1) for i in range(number))
        file.write(closing)


def whatsapp_lines(number: int) -> Iterator[str]:
    """A text's lines; the first date tells that the day comes first."""
    for i in range(number):
        yield f"{13 + i * 15 // number:02}/05/2026, {i // 60 % 24:02}:{i % 60:02} - Person {i % 97}: {said(i)}\n"


def read(path: Path) -> int:
    """How many messages an export has, read the product's way."""
    with open_chat(path) as stream:
        return sum(1 for _ in stream.messages)


def floor(kind: str, path: Path) -> int:
    """How many lines or values it has, which are made and dropped."""
    if kind == "WhatsApp":
        with path.open(encoding="utf-8") as lines:
            return sum(1 for _ in lines)
    with path.open("rb") as file:
        return sum(1 for _ in ijson.items(file, JSON_EXPORTS[kind][3], use_float=True))


def measure(what: str, kind: str, path: Path) -> dict[str, float]:
    """CPU and clock seconds, and the peak in MB, of a process that does it."""
    command = [sys.executable, __file__, "--measure", what, kind, str(path)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def measured(what: str, kind: str, path: Path) -> dict[str, float]:
    """The same of this process."""
    clock, cpu = time.perf_counter(), time.process_time()
    count = {"read": lambda: read(path), "floor": lambda: floor(kind, path), "nothing": lambda: 0}[what]()
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
    return {"count": count, "seconds": seconds, "cpu": cpu_seconds, "mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(kind: str, path: Path, rounds: int, number: int) -> dict[str, Any]:
    """One kind of export's figures over some rounds."""
    pairs = [(measure("read", kind, path), measure("floor", kind, path)) for _ in range(rounds)]
    if any(ours["count"] != number or least["count"] != number for ours, least in pairs):
        raise SystemExit(f"{kind}: not all {number} messages were read")
    ratios = [ours["cpu"] / least["cpu"] for ours, least in pairs]
    return {
        "export": kind,
        "file_mb": round(path.stat().st_size / 1e6),
        "cpu_seconds": round(statistics.median(ours["cpu"] for ours, _ in pairs), 1),
        "clock_seconds": round(statistics.median(ours["seconds"] for ours, _ in pairs), 1),
        "of_floor": round(statistics.median(ratios), 2),
        "of_floor_lowest": round(min(ratios), 2),
        "of_floor_highest": round(max(ratios), 2),
        "peak_mb": round(max(ours["mb"] for ours, _ in pairs) - measure("nothing", kind, path)["mb"]),
    }


def main() -> None:
    """Writes, reads and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, kind, file = options.measure
        print(json.dumps(measured(what, kind, Path(file))))
        return
    rows = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "export"
            write(kind, path, options.messages)
            rows.append(compare(kind, path, options.rounds, options.messages))
        if not options.json:
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
