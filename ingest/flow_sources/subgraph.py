"""Swaps as Uniswap's subgraphs tell them: an answer to a GraphQL query as JSON, or flattened to CSV.

v2's swaps have four amounts (``amount0In`` …), v3's two signed ones. A flattened column is called as the nested field
is reached: ``transaction.blockNumber``.
"""

from __future__ import annotations

from collections import Counter
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.columns import database_bytes, decimals, names
from ingest.flow_sources.json_items import ItemTable, missing_keys, read_items
from ingest.flow_spool import Identity
from ingest.flow_table import given_table
from ingest.native import WRAPPED_NATIVE
from ingest.rounding import ENOUGH, Digits
from ingest.sources.text import counters, matching, missing_columns, read_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.sources.text import TextTable

V2_AMOUNTS = ("amount0In", "amount0Out", "amount1In", "amount1Out")
V3_AMOUNTS = ("amount0", "amount1")
COMMON = ("id", "timestamp")
BLOCK, TRANSACTION = "transaction.blockNumber", "transaction.id"
RESERVES = ("pair.reserve0", "pair.reserve1")
HOLDERS = ("pair.", "pool.", "")
TOKEN_FIELDS = tuple(
    tuple(f"{holder}token{side}.{field}" for field in ("id", "symbol") for holder in HOLDERS) for side in (0, 1)
)
PLACES_FIELDS = tuple(tuple(f"{holder}token{side}.decimals" for holder in HOLDERS) for side in (0, 1))
OPTIONAL = (
    BLOCK, TRANSACTION, *RESERVES, *TOKEN_FIELDS[0], *TOKEN_FIELDS[1], *PLACES_FIELDS[0], *PLACES_FIELDS[1],
    "pair.id", "pool.id", "amountUSD", "sender", "to", "recipient", "logIndex",
)  # fmt: skip
LISTS = ("data.swaps", "swaps", "")
SWAP_ID = r"0x[0-9a-fA-F]{64}([-#][0-9]{1,18})?"
HASH_CHARS = 66
ABOVE_0 = "[0-9.]*[1-9][0-9.]*"
MOST_RESERVES = 10_000
MOST_JUDGED = 10_000  # tokens, once for each file
WRAPPED_COINS = frozenset({"WETH", "WMATIC", "WPOL", "WBNB", "WAVAX", *WRAPPED_NATIVE.values()})
WRAPPED_PLACES = 18
MOST_PLACES = 77
USUAL_PLACES = (6, 8, 18)
IDENTITIES = {
    "trade": Identity(("tx_hash", "place"), loose=("amount_usd", "queried_reserve_in", "queried_reserve_out"))
}
PRECISION = Context(prec=400, Emin=-999999, Emax=999999)  # more digits than two amounts can have together

LACKS = "mints, burns and Syncs between its swaps are not in it, nor the pool's state at any of them"


class SubgraphReader(FlowReader):
    """Reads the swaps of one dialect; ``tables`` cuts a file into text columns."""

    def __init__(self, amounts: Sequence[str], tables: Callable[[Path], Iterator[TextTable]]) -> None:
        self.amounts = amounts
        self.tables = tables
        self.counts: Counter[str] = Counter()
        self.digits: dict[tuple[str, str], Digits] = {}  # by file and token: one file of several may be rounded
        self.places: dict[str, int] = {}  # a token's own, where they are told
        self.numbers = 0
        self.steps = 0  # rows later than the one before, less those that are earlier
        self.reserves: set[tuple[str, str]] = set()

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's swaps; see ``FlowReader``."""
        for table in self.tables(path):
            signed = self.amounts is V3_AMOUNTS
            given = [decimals(table, name, signed=signed, exponents=True) for name in self.amounts]
            for name, values in zip(self.amounts, given, strict=True):
                table.require(pc.is_valid(values), name, "must be a decimal number")
                self.numbers += table.doubles[name] if isinstance(table, ItemTable) else 0
            nets = given if signed else [_difference(given[0], given[1]), _difference(given[2], given[3])]
            tokens = [_token(table, side) for side in (0, 1)]
            for side, names_of_side in enumerate(tokens):
                self._see(table, side, names_of_side, given[side : side + 1] if signed else given[2 * side :][:2])
            self.counts["rows"] += table.rows
            self.steps += np.sign(np.diff(counters(table, "timestamp"))).sum()
            yield self._rows(table, tokens, nets)

    def _see(self, table: TextTable, side: int, tokens: pa.StringArray, amounts: Sequence[pa.StringArray]) -> None:
        """Takes a side's amounts, by token, to find out whether they were rounded."""
        told = next((counters(table, name, MOST_PLACES) for name in PLACES_FIELDS[side] if _tells(table, name)), None)
        for token in pc.unique(tokens).to_pylist():
            place = table.file.name, token
            if place not in self.digits and len(self.digits) == MOST_JUDGED:
                return
            here = pc.equal(tokens, token)
            digits = self.digits.setdefault(place, Digits())
            for values in amounts:
                digits.see(pc.utf8_ltrim(values.filter(here), characters="-"))
            if token in WRAPPED_COINS:
                self.places[token] = WRAPPED_PLACES
            elif told is not None:
                self.places[token] = int(told[np.asarray(here, np.bool_)].max())

    def _rounded(self) -> str | None:
        """Why the amounts are taken to be rounded, in words; None where they are not."""
        for (file, token), digits in self.digits.items():
            whose = f"the amounts of {token} in {file} were rounded to"
            places = self.places.get(token, digits.likely_places())
            if (kept := digits.kept_digits(places)) is not None:
                return f"{whose} {kept} significant digits, whatever their size"
            if (kept := digits.kept_places(places)) is not None:
                return f"{whose} {kept} of its {places} places"
        if (kept := self._same_places()) not in (None, *USUAL_PLACES):
            return f"no amount of any token has more than {kept} places: they were rounded"
        return None

    def _same_places(self) -> int | None:
        """The one number of places where the amounts of all tokens end, of which it is not told that it is theirs."""
        ends = {
            token: digits.most_places
            for (_, token), digits in self.digits.items()
            if token not in self.places and digits.seen.total() >= ENOUGH
        }
        return max(ends.values()) if len(ends) > 1 and len(set(ends.values())) == 1 else None

    def _rows(self, table: TextTable, tokens: Sequence[pa.StringArray], nets: Sequence[pa.StringArray]) -> FlowRows:
        """The swaps of a table, from what the pool got (or gave, below 0) of each token."""
        got = [matching(net, ABOVE_0) for net in nets]
        forward = pa.array(got[0])
        amounts = [pc.utf8_ltrim(net, characters="-") for net in nets]
        columns = {
            "venue": pa.array([self.venue] * table.rows, pa.string()),
            "token_in": pc.if_else(forward, tokens[0], tokens[1]),
            "token_out": pc.if_else(forward, tokens[1], tokens[0]),
            "amount_in": pc.if_else(forward, amounts[0], amounts[1]),
            "amount_out": pc.if_else(forward, amounts[1], amounts[0]),
            "sides_told": pa.array(np.ones(table.rows, np.bool_)),
            "aggregate": pa.array(np.zeros(table.rows, np.bool_)),
            "block_ts": pa.array(counters(table, "timestamp")),
            **_transaction(table),
            **self._optional(table, forward),
        }
        swaps = got[0] != got[1]
        self.counts["rows that sell no token for the other, left out"] += int(table.rows - swaps.sum())
        rows = given_table("trade", columns, table.rows).filter(pa.array(swaps))
        return FlowRows("trade", rows, table.lines[swaps])

    @property
    def venue(self) -> str:
        """The kind of pool."""
        return "v2" if self.amounts is V2_AMOUNTS else "v3"

    def _optional(self, table: TextTable, forward: pa.BooleanArray) -> dict[str, pa.Array]:
        found: dict[str, pa.Array] = {}
        for column, fields in (
            ("pool", ("pair.id", "pool.id")),
            ("sender", ("sender",)),
            ("recipient", ("recipient", "to")),
        ):
            for field in fields:
                if _tells(table, field) and column not in found:
                    found[column] = database_bytes(table, field, 40)
        if _tells(table, BLOCK):
            found["block_number"] = pa.array(counters(table, BLOCK))
        if _tells(table, "amountUSD"):
            found["amount_usd"] = decimals(table, "amountUSD", exponents=True)
        if all(_tells(table, field) for field in RESERVES):
            first, second = (decimals(table, field) for field in RESERVES)
            found["queried_reserve_in"] = pc.if_else(forward, first, second)
            found["queried_reserve_out"] = pc.if_else(forward, second, first)
            if len(self.reserves) < MOST_RESERVES:
                self.reserves.update(zip(first.to_pylist(), second.to_pylist(), strict=True))
        return found

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        caveats = ["The order of the swaps within a block is not told, only that within each transaction."]
        if self.steps < 0:
            caveats.append("It came newest first, and was sorted by block.")
        if reserves := len(self.reserves - {(None, None)}):
            caveats.append(
                f"Its {reserves if reserves < MOST_RESERVES else 'many'} pair(s) of reserves are those when the "
                "subgraph was asked, not at the swaps."
            )
        refused: str | None = None
        if self.numbers:
            refused = (
                f"{self.numbers:,} amounts are JSON numbers with a fraction or an exponent, which programs keep as "
                "doubles; the subgraph itself writes text"
            )
        elif (refused := self._rounded()) is None and (places := self._same_places()) not in (None, WRAPPED_PLACES):
            caveats.append(f"No amount has more than {places} places: they are exact only if all tokens have so many.")
        return FlowTold(
            "whole tokens",
            exact=refused is None,
            lacks=LACKS,
            caveats=tuple(caveats),
            counts=self.counts,
            refused=refused,
        )


def _difference(first: pa.StringArray, second: pa.StringArray) -> pa.StringArray:
    """What went in less what came out, as plain decimal text; nearly always one of the two is 0."""
    nothing_out, nothing_in = pc.equal(second, "0"), pc.equal(first, "0")
    found = pc.if_else(nothing_out, first, pc.if_else(nothing_in, pc.binary_join_element_wise("-", second, ""), "0"))
    both = np.flatnonzero(~np.asarray(pc.or_(nothing_out, nothing_in), np.bool_))
    if not len(both):
        return found
    with localcontext(PRECISION):
        rows = pa.array(both)
        pairs = zip(first.take(rows).to_pylist(), second.take(rows).to_pylist(), strict=True)
        texts = [format(Decimal(one) - Decimal(other), "f") for one, other in pairs]
    mask = np.zeros(len(found), np.bool_)
    mask[both] = True
    return pc.replace_with_mask(found, pa.array(mask), pa.array(texts, pa.string()))


def _tells(table: TextTable, field: str) -> bool:
    """Whether a field stands in some row: what a JSON answer has not is null."""
    return field in table.columns and table.columns[field].null_count < table.rows


def _token(table: TextTable, side: int) -> pa.StringArray:
    """A token's address, else its symbol, else only which of the two it is."""
    found = pa.nulls(table.rows, pa.string())
    for field in TOKEN_FIELDS[side]:
        if _tells(table, field):
            if field.endswith(".id"):
                database_bytes(table, field, 40)
            found = pc.coalesce(found, names(table, field, lower=field.endswith(".id")))
    return pc.fill_null(found, f"token{side}")


def _transaction(table: TextTable) -> dict[str, pa.Array]:
    """Each swap's transaction and its place in it: the log index where it is told, else its number in the ``id``."""
    ids = table.columns["id"]
    table.require(matching(ids, SWAP_ID), "id", "must be a transaction's hash, perhaps with the swap's number in it")
    hashes = [text[:HASH_CHARS] for text in ids.to_pylist()]
    if _tells(table, TRANSACTION):
        same = pc.equal(pc.utf8_lower(table.columns[TRANSACTION]), pc.utf8_lower(pa.array(hashes, pa.string())))
        table.require(pc.fill_null(same, fill_value=False), TRANSACTION, "must be the transaction that the id names")
    places = pc.utf8_slice_codeunits(ids, HASH_CHARS + 1)
    if _tells(table, "logIndex"):
        places = pa.array(counters(table, "logIndex").astype(str), pa.string())
    return {
        "tx_hash": pa.array([bytes.fromhex(text[2:]) for text in hashes], pa.binary()),
        "place": places,
    }


def _csv(amounts: Sequence[str]) -> FlowSource:
    fields = (*COMMON, *amounts)

    def tables(path: Path) -> Iterator[TextTable]:
        return read_tables(path, fields, OPTIONAL, ascii_only=False)

    return FlowSource(
        name=f"subgraph-v{2 if amounts is V2_AMOUNTS else 3}-csv",
        what=f"a flattened CSV of a Uniswap v{2 if amounts is V2_AMOUNTS else 3} subgraph's swaps",
        missing=lambda head: missing_columns(head, fields),
        reader=lambda: SubgraphReader(amounts, tables),
        identities=IDENTITIES,
    )


def _json(amounts: Sequence[str]) -> FlowSource:
    fields = (*COMMON, *amounts)

    def tables(path: Path) -> Iterator[TextTable]:
        return read_items(path, LISTS, (*fields, *OPTIONAL))

    return FlowSource(
        name=f"subgraph-v{2 if amounts is V2_AMOUNTS else 3}-json",
        what=f"a Uniswap v{2 if amounts is V2_AMOUNTS else 3} subgraph's answer with swaps, as JSON",
        missing=lambda head: missing_keys(head, fields),
        reader=lambda: SubgraphReader(amounts, tables),
        identities=IDENTITIES,
        lined=False,
        syntaxes=("JSON",),
    )


SOURCES = (_csv(V2_AMOUNTS), _json(V2_AMOUNTS), _csv(V3_AMOUNTS), _json(V3_AMOUNTS))
