"""Settled batches of CoW Protocol: what each order wanted, and exactly what it got.

A file (CSV, plain or compressed) holds the arguments of ``GPv2Settlement.settle``, one call a row: the tokens, their
clearing prices, and the trades, each of which points at two of the tokens. Executed amounts are not in it; they follow
from the prices, with the rounding of that contract: what an order buys is rounded up, what it sells is rounded down.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ingest.errors import InputError
from ingest.sources.text import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

OrderKind = Literal["sell", "buy"]

COLUMNS = ("call_tx_hash", "call_block_number", "gas_price", "tokens", "clearing_prices", "trades")
MAX_TRADES = 10_000  # of one batch; a block's gas holds a few hundred
MAX_UINT256 = (1 << 256) - 1
IS_BUY, IS_PARTIAL = 1, 2  # bits of an order's flags
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
HASH = re.compile(r"0x[0-9a-fA-F]{64}")
DIGITS = re.compile(r"0|[1-9][0-9]{0,77}")
LIST = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class CowTrade:
    """One order as its trader signed it, and what a batch gave it.

    ``sell_amount`` and ``buy_amount`` are the signed ones: a sell order's ``buy_amount`` is the least it takes for all
    of ``sell_amount``, a buy order's ``sell_amount`` the most it gives for all of ``buy_amount``. ``executed_sell``
    is before ``executed_fee``, which is taken in the sold token on top. Amounts in smallest units, times in Unix
    seconds.
    """

    kind: OrderKind
    partially_fillable: bool
    sell_token: str
    buy_token: str
    receiver: str
    sell_amount: int
    buy_amount: int
    valid_to: int
    executed_sell: int
    executed_buy: int
    executed_fee: int
    sell_price: int
    buy_price: int

    @property
    def limit_kept(self) -> bool:
        """Whether the clearing prices are at least as good as the limit, as the settlement contract demands."""
        return self.sell_amount * self.sell_price >= self.buy_amount * self.buy_price

    @property
    def surplus(self) -> int:
        """What the order got beyond its limit: bought tokens of a sell order, unspent ones of a buy order.

        The limit of a partial fill is its share of the signed one, rounded in the order's favour.
        """
        if self.kind == "sell":
            return self.executed_buy - -(-self.executed_sell * self.buy_amount // self.sell_amount)
        return self.executed_buy * self.sell_amount // self.buy_amount - self.executed_sell


@dataclass(frozen=True, slots=True)
class CowBatch:
    """One settlement and its trades, in the order of its call. ``gas_price_wei`` is the transaction's."""

    tx_hash: str
    block_number: int
    gas_price_wei: int
    trades: tuple[CowTrade, ...]


def read_settlements(path: Path) -> tuple[CowBatch, ...]:
    """Reads a file of settlements, in the file's order.

    Raises:
        InputError: Something is not exactly what it must be, an order would be settled beyond its size or its limit,
            or a batch stands twice; names file, line and field.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: {error}", file=path) from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    batches: dict[str, CowBatch] = {}
    line = 1
    try:
        header = next(rows, [])
        missing = [name for name in COLUMNS if header.count(name) != 1]
        if missing:
            message = f"must have each of the columns {', '.join(COLUMNS)} once"
            raise InputError(message, file=path, line=1, field=missing[0])
        for values in rows:
            line = rows.line_num
            if len(values) != len(header):
                raise InputError(f"has {len(values)} fields, the header {len(header)}", file=path, line=line)
            batch = _Row(path, line, dict(zip(header, values, strict=True))).batch()
            if batches.setdefault(batch.tx_hash, batch) is not batch:
                raise InputError("this settlement stands twice", file=path, line=line, field="call_tx_hash")
    except csv.Error as error:
        raise InputError(f"is no sound CSV: {error}", file=path, line=line + 1) from error
    if not batches:
        raise InputError("holds no settlement", file=path)
    return tuple(batches.values())


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the file while it is read."""

    file: Path
    line: int
    values: dict[str, str]

    def fail(self, field: str, message: str) -> InputError:
        return InputError(message, file=self.file, line=self.line, field=field)

    def batch(self) -> CowBatch:
        tokens = [self.address("tokens", text) for text in self.items("tokens")]
        prices = [self.uint("clearing_prices", text) for text in self.items("clearing_prices")]
        if len(tokens) != len(prices):
            message = f"has {len(prices)} prices for {len(tokens)} tokens"
            raise self.fail("clearing_prices", message)
        tx_hash = self.values["call_tx_hash"]
        if not HASH.fullmatch(tx_hash):
            raise self.fail("call_tx_hash", f"must be 0x and 64 hex digits, found {tx_hash!r:.80}")
        trades = tuple(
            self.trade(trade, f"trades[{place}].", tokens, prices) for place, trade in enumerate(self.objects("trades"))
        )
        return CowBatch(
            tx_hash.lower(),
            self.uint("call_block_number", self.values["call_block_number"]),
            self.uint("gas_price", self.values["gas_price"]),
            trades,
        )

    def items(self, field: str) -> list[str]:
        inside = LIST.fullmatch(self.values[field])
        if inside is None:
            raise self.fail(field, "must be a list in brackets, its items separated by blanks")
        return inside[1].split()

    def objects(self, field: str) -> list[dict[str, Any]]:
        """JSON objects in brackets, separated by blanks."""
        text = self.values[field].strip()
        if not (text.startswith("[") and text.endswith("]")):
            raise self.fail(field, "must be JSON objects in brackets, separated by blanks")
        decoder = json.JSONDecoder(object_pairs_hook=self.once)
        inside, at = text[1:-1].strip(), 0
        found: list[dict[str, Any]] = []
        while at < len(inside):
            try:
                value, at = decoder.raw_decode(inside, at)
            except (ValueError, RecursionError) as error:
                raise self.fail(f"{field}[{len(found)}]", f"is no JSON object: {error}") from error
            if not isinstance(value, dict) or len(found) == MAX_TRADES:
                raise self.fail(field, f"must be at most {MAX_TRADES} JSON objects")
            found.append(value)
            at += len(inside[at:]) - len(inside[at:].lstrip(" ,"))
        return found

    def once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise self.fail("trades", "names a field twice in one object")
        return dict(pairs)

    def trade(self, given: dict[str, Any], field: str, tokens: list[str], prices: list[int]) -> CowTrade:
        number = {name: self.json_uint(given, name, field) for name in NUMBERS}
        sell, buy = number["sellTokenIndex"], number["buyTokenIndex"]
        for name, index in (("sellTokenIndex", sell), ("buyTokenIndex", buy)):
            if index >= len(tokens):
                raise self.fail(f"{field}{name}", f"points at token {index} of {len(tokens)}")
            if not prices[index]:
                raise self.fail("clearing_prices", f"token {index} is traded at the price 0")
        kind: OrderKind = "buy" if number["flags"] & IS_BUY else "sell"
        size = number[f"{kind}Amount"]
        partial = bool(number["flags"] & IS_PARTIAL)
        filled = number["executedAmount"] if partial else size  # the contract reads it for partial fills only
        if not (number["sellAmount"] and number["buyAmount"]):
            raise self.fail(f"{field}{kind}Amount", "must be above 0")
        if filled > size:
            raise self.fail(f"{field}executedAmount", f"is above the order's {kind}Amount, {size}")
        trade = CowTrade(
            kind=kind,
            partially_fillable=partial,
            sell_token=tokens[sell],
            buy_token=tokens[buy],
            receiver=self.address(f"{field}receiver", given.get("receiver")),
            sell_amount=number["sellAmount"],
            buy_amount=number["buyAmount"],
            valid_to=number["validTo"],
            executed_sell=filled if kind == "sell" else filled * prices[buy] // prices[sell],
            executed_buy=filled if kind == "buy" else -(-filled * prices[sell] // prices[buy]),
            executed_fee=number["feeAmount"] * filled // size,
            sell_price=prices[sell],
            buy_price=prices[buy],
        )
        if not trade.limit_kept:
            message = "these prices break the order's limit; the settlement contract would have refused it"
            raise self.fail(f"{field}buyAmount", message)
        return trade

    def address(self, field: str, text: object) -> str:
        if not isinstance(text, str) or not ADDRESS.fullmatch(text):
            raise self.fail(field, f"must be an address, found {text!r:.80}")
        return text.lower()

    def uint(self, field: str, text: str) -> int:
        if not DIGITS.fullmatch(text) or int(text) > MAX_UINT256:
            raise self.fail(field, f"must be a whole number below 2**256 in decimal digits, found {text!r:.90}")
        return int(text)

    def json_uint(self, given: dict[str, Any], name: str, field: str) -> int:
        value = given.get(name)
        if type(value) is not int or not 0 <= value <= MAX_UINT256:
            raise self.fail(f"{field}{name}", f"must be a whole number below 2**256, found {value!r:.90}")
        return value


NUMBERS = (
    "sellTokenIndex",
    "buyTokenIndex",
    "sellAmount",
    "buyAmount",
    "validTo",
    "feeAmount",
    "flags",
    "executedAmount",
)
