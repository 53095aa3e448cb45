"""Witnesses: attacks and misreports that were found, as files that replay to the same number of wei.

They are also the corpus that every later candidate on the same history faces.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ingest.errors import InputError
from verify.adversary.plays import Play
from verify.conventions import MOST_WINDOW_BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Json = dict[str, Any]
Corpus = dict[int, tuple[Play, ...]]
"""Plays that were found before, by the block that the batch settles in."""

Against = Literal["mechanism", "amm"]

FORMAT = "pactsmith witness 1"
MAX_FILE_BYTES = 4 << 20
MOST_IN_CORPUS = 16
"""Of one batch."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One attack on one batch.

    Args:
        history: Its name.
        content_ids: Of all histories, the replayed one first.
        fork: Identity of the fork that it was played on; None: on pools that were made.
        rule: The candidate: ``name``, ``source``, ``parameters``.
        window_blocks: Length of the window.
        settle_block: Where the batch settles.
        orders: Its orders, by seq.
        against: ``mechanism`` or ``amm``.
        play: What the attacker does.
        taken: What it takes of token0 and token1, net, in smallest units.
        bought: What each honest order then gets.
        gas: What the attacker pays for.
    """

    history: str
    content_ids: tuple[str, ...]
    fork: str | None
    rule: Json
    window_blocks: int
    settle_block: int
    orders: tuple[int, ...]
    against: Against
    play: Play
    taken: tuple[int, int]
    bought: tuple[int, ...]
    gas: int

    def to_json(self) -> Json:
        """The witness as a document; amounts are decimal text."""
        return {
            "format": FORMAT,
            "history": self.history,
            "content_ids": list(self.content_ids),
            "fork": self.fork,
            "rule": self.rule,
            "window_blocks": self.window_blocks,
            "settle_block": self.settle_block,
            "orders": list(self.orders),
            "against": self.against,
            "play": self.play.to_json(),
            "taken": [str(amount) for amount in self.taken],
            "bought": [str(amount) for amount in self.bought],
            "gas": self.gas,
        }

    @property
    def name(self) -> str:
        """Its identity: SHA-256 over what was played, and where."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]


def write_witness(witness: Witness, folder: Path) -> Path:
    """Writes a witness under its own identity; the file is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{witness.name}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(witness.to_json(), indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def read_witness(path: Path) -> Witness:
    """Reads a witness.

    Raises:
        InputError: The file cannot be read, or is no witness.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError("is too large for a witness", file=path)
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as a witness: {error}", file=path) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"should say {FORMAT!r} under format: it is no witness, or of another version", file=path)
    try:
        orders = tuple(int(seq) for seq in document["orders"])
        taken0, taken1 = (int(amount) for amount in document["taken"])
        return Witness(
            history=str(document["history"]),
            content_ids=tuple(map(str, document["content_ids"])),
            fork=None if document["fork"] is None else str(document["fork"]),
            rule=_rule(document["rule"]),
            window_blocks=_window(document["window_blocks"]),
            settle_block=int(document["settle_block"]),
            orders=orders,
            against=_against(document["against"]),
            play=Play.from_json(document["play"], len(orders), venues=len(document["content_ids"])),
            taken=(taken0, taken1),
            bought=tuple(int(amount) for amount in document["bought"]),
            gas=int(document["gas"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"lacks something of a witness: {error!r}", file=path) from None


def _rule(told: Json) -> Json:
    rule = {name: told[name] for name in ("name", "source", "parameters")}
    texts = isinstance(rule["name"], str) and isinstance(rule["source"], str)
    if not texts or not all(type(value) is int for value in rule["parameters"].values()):
        raise ValueError("its rule must have a name and a source as text, and whole numbers as parameters")
    return rule


def _window(told: object) -> int:
    if type(told) is not int or not 1 <= told <= MOST_WINDOW_BLOCKS:
        raise ValueError(f"{told!r} is no window of 1 to {MOST_WINDOW_BLOCKS} blocks")
    return told


def _against(told: object) -> Against:
    if told == "mechanism":
        return "mechanism"
    if told == "amm":
        return "amm"
    raise ValueError(f"{told!r} is neither 'mechanism' nor 'amm'")


def corpus(folder: Path, content_ids: Iterable[str], orders: Mapping[int, tuple[int, ...]]) -> Corpus:
    """The plays that were found before on these histories, for batches of the same orders.

    Args:
        folder: Where witnesses are; it need not be there.
        content_ids: Of the histories, the replayed one first.
        orders: Each batch's orders, by the block that it settles in.
    """
    wanted = tuple(content_ids)
    found: dict[int, dict[Play, None]] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        witness = read_witness(path)
        if witness.content_ids == wanted and orders.get(witness.settle_block) == witness.orders:
            found.setdefault(witness.settle_block, {})[witness.play] = None
    return {block: tuple(plays)[:MOST_IN_CORPUS] for block, plays in found.items()}
