"""Labels and limits that a user or a simulated market gives in a file; they overrule the rules.

CSV: ``tx_hash[,log_index],class[,min_buy_amount][,rule]``. A row without ``log_index`` goes for all swaps of its
transaction. JSON: a list of sandwiches ``{front_tx, back_tx, …}``, whose two transactions become legs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import FLOW_CLASSES, FlowClass, Label, Swap
from ingest.sources.text import TextTable, hashes, matching, read_bytes, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REQUIRED = ("tx_hash", "class")
OPTIONAL = ("log_index", "min_buy_amount", "rule")
CLASSES: dict[str, FlowClass] = {name: name for name in FLOW_CLASSES}
FROM_FILE = "given by the label file"
TX_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(slots=True)
class FileLabels:
    """What a label file says of a history's swaps, by ``seq``; ``unmatched`` rows were about none of them."""

    labels: dict[int, Label] = field(default_factory=dict)
    known_limits: dict[int, int] = field(default_factory=dict)
    unmatched: int = 0


SwapsOf = Callable[[Iterable[str]], Iterable[Swap]]
"""Gives the swaps of some transactions, by their hashes."""


def read_labels(path: Path, swaps_of: SwapsOf) -> FileLabels:
    """Reads a label file for a history's swaps.

    Raises:
        InputError: The file is malformed, contradicts itself, gives one limit for several swaps or a limit above what
            the swap got, or fits no swap at all.
    """
    content = read_bytes(path)
    found = (
        _from_sandwiches(path, content, swaps_of)
        if content.lstrip()[:1] in (b"[", b"{")
        else _from_table(read_table(path, content, REQUIRED, OPTIONAL), swaps_of)
    )
    if not found.labels:
        raise InputError("labels no swap of this history; is it another history's file?", file=path)
    return found


def _by_transaction(tx_hashes: Iterable[str], swaps_of: SwapsOf) -> dict[str, list[Swap]]:
    by_tx: dict[str, list[Swap]] = {}
    for swap in swaps_of(tx_hashes):
        by_tx.setdefault(swap.tx_hash, []).append(swap)
    return by_tx


def _from_table(table: TextTable, swaps_of: SwapsOf) -> FileLabels:
    tx_hashes = [f"0x{value.hex()}" for value in hashes(table, "tx_hash").to_pylist()]
    by_tx = _by_transaction(tx_hashes, swaps_of)
    classes = table.columns["class"]
    message = f"must be one of {', '.join(FLOW_CLASSES)}"
    table.require(matching(classes, "|".join(FLOW_CLASSES)), "class", message)
    logs = _optional_numbers(table, "log_index")
    limits = _optional_numbers(table, "min_buy_amount")
    rules = table.columns["rule"].to_pylist() if "rule" in table.columns else [""] * table.rows
    found = FileLabels()
    for row, (tx_hash, name, log, limit, rule) in enumerate(
        zip(tx_hashes, classes.to_pylist(), logs, limits, rules, strict=True)
    ):
        meant = [swap for swap in by_tx.get(tx_hash, ()) if log is None or swap.log_index == log]
        if not meant:
            found.unmatched += 1
        if limit is not None and len(meant) > 1:
            table.fail(row, "log_index", f"must say which of the transaction's {len(meant)} swaps the limit is of")
        for swap in meant:
            label = Label(CLASSES[name], rule or FROM_FILE)
            if found.labels.setdefault(swap.seq, label) != label:
                table.fail(row, "class", f"this swap is labelled {found.labels[swap.seq].flow_class!r} above")
            if limit is not None:
                _add_limit(table, row, found, swap, limit)
    return found


def _add_limit(table: TextTable, row: int, found: FileLabels, swap: Swap, limit: int) -> None:
    if limit > swap.amount_out:
        table.fail(row, "min_buy_amount", f"is above the {swap.amount_out} that the swap got")
    if found.known_limits.setdefault(swap.seq, limit) != limit:
        table.fail(row, "min_buy_amount", f"this swap has the limit {found.known_limits[swap.seq]} above")


def _optional_numbers(table: TextTable, name: str) -> Sequence[int | None]:
    if name not in table.columns:
        return [None] * table.rows
    values = table.columns[name]
    table.require(matching(values, "(0|[1-9][0-9]{0,77})?"), name, "must be a whole number or empty")
    return [int(text) if text else None for text in values.to_pylist()]


def _from_sandwiches(path: Path, content: bytes, swaps_of: SwapsOf) -> FileLabels:
    try:
        cases = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON: {error}", file=path) from None
    if not isinstance(cases, list):
        raise InputError("must be a list of sandwiches", file=path)
    legs: list[tuple[str, str]] = []
    for place, case in enumerate(cases):
        for leg in ("front_tx", "back_tx"):
            tx_hash = case.get(leg) if isinstance(case, dict) else None
            if not isinstance(tx_hash, str) or not TX_HASH.fullmatch(tx_hash):
                raise InputError("must be 0x and 64 hex digits", file=path, field=f"[{place}].{leg}")
            legs.append((leg, tx_hash.lower()))
    by_tx = _by_transaction((tx_hash for _, tx_hash in legs), swaps_of)
    found = FileLabels()
    for leg, tx_hash in legs:
        meant = by_tx.get(tx_hash, [])
        found.unmatched += not meant
        label = Label("sandwich", f"{leg.removesuffix('_tx')} of a sandwich, {FROM_FILE}")
        found.labels |= {swap.seq: label for swap in meant}
    return found
