"""Whole blocks as call traces (Parity's and geth's flat form): every call of every transaction, in execution order.

Traces show what event logs cannot: transactions that reverted, the call data that a trader signed, and transfers of
ether. A file is one JSON object with ``block_number``, ``block_timestamp``, ``traces`` and ``receipts``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.sources.text import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

MAX_TRACES = 1_000_000
MAX_UINT64 = (1 << 64) - 1
PLAUSIBLE_GAS = range(21_000, 1_000_000_000)  # a transaction costs 21,000 at least; no block holds a billion
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
HASH = re.compile(r"0x[0-9a-fA-F]{64}")
DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
CALL_TYPE = re.compile(r"call|callcode|delegatecall|staticcall")
QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")

Place = tuple[int, tuple[int, ...]]  # the transaction's index, and the path in its tree of calls


@dataclass(frozen=True, slots=True)
class Call:
    """One message call. ``failed``: it or a call around it reverted, so that it changed nothing.

    ``address`` is its path in the transaction's tree of calls (the transaction itself: empty). Delegate calls run
    the code of ``to`` in the place of ``sender``. ``value_wei`` is in wei; ``output`` is empty where it failed.
    """

    tx_hash: str
    tx_index: int
    address: tuple[int, ...]
    call_type: str
    sender: str
    to: str
    value_wei: int
    data: bytes
    output: bytes
    failed: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction: its calls in execution order, the first one being its own.

    A contract's creation has no call of its own. Gas as the receipt has it; ``gas_used`` is None where there is no
    receipt, or where it says what no transaction can have used (some archives hold 0, 1 or 2**64 - 1).
    """

    tx_hash: str
    tx_index: int
    calls: tuple[Call, ...]
    gas_used: int | None
    gas_price_wei: int | None

    @property
    def own(self) -> Call | None:
        """The call that the transaction itself makes; None where it creates a contract."""
        return self.calls[0] if self.calls and not self.calls[0].address else None


@dataclass(frozen=True, slots=True)
class Block:
    """A block's transactions by index, those that make no call left out.

    ``block_ts`` in Unix seconds, None where the file does not tell.
    """

    number: int
    block_ts: int | None
    transactions: tuple[Transaction, ...]


def read_block(path: Path) -> Block:
    """Reads one block of call traces, plain or compressed.

    Raises:
        InputError: Something in the file is not what it must be; names the field, such as ``traces[3].action.to``.
    """
    reader = _Reader(path)
    try:
        document = json.loads(read_bytes(path), parse_float=_no_float)
    except _FloatError as error:
        raise InputError(f"{error} is a number with a fraction; nothing in a block has one", file=path) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON text: {error}", file=path) from error
    if not isinstance(document, dict):
        raise InputError("must be a JSON object with block_number, traces and receipts", file=path)
    return reader.block(document)


class _FloatError(Exception):
    pass


def _no_float(text: str) -> Any:
    raise _FloatError(text)


@dataclass(frozen=True, slots=True)
class _Reader:
    file: Path

    def fail(self, field: str, message: str) -> InputError:
        return InputError(message, file=self.file, field=field)

    def number(self, of: dict[str, Any], name: str, field: str) -> int:
        value = of.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UINT64:
            raise self.fail(f"{field}{name}", f"must be a whole number, found {value!r:.80}")
        return value

    def text(self, of: dict[str, Any], name: str, field: str, pattern: re.Pattern[str], what: str) -> str:
        value = of.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.fail(f"{field}{name}", f"must be {what}, found {value!r:.80}")
        return value.lower()

    def items(self, of: dict[str, Any], name: str) -> list[dict[str, Any]]:
        value = of.get(name)
        if not isinstance(value, list) or len(value) > MAX_TRACES or not all(isinstance(one, dict) for one in value):
            raise self.fail(name, f"must be a list of at most {MAX_TRACES} objects")
        return value

    def block(self, document: dict[str, Any]) -> Block:
        number = self.number(document, "block_number", "")
        gas = self.receipts(document, number)
        calls: dict[int, list[Call]] = {}
        places = self.places(document, number)
        reverted = {place for place, (trace, _) in places.items() if trace.get("error") is not None}
        for (index, address), (trace, field) in places.items():
            if trace.get("type") == "call":
                failed = any((index, address[:depth]) in reverted for depth in range(len(address) + 1))
                calls.setdefault(index, []).append(self.call(trace, index, address, failed, field))
        return Block(
            number,
            None if document.get("block_timestamp") is None else self.number(document, "block_timestamp", ""),
            tuple(self.transaction(index, calls[index], gas) for index in sorted(calls)),
        )

    def places(self, document: dict[str, Any], number: int) -> dict[Place, tuple[dict[str, Any], str]]:
        """Each trace and its field's name by transaction and path, a block's rewards left out."""
        found: dict[Place, tuple[dict[str, Any], str]] = {}
        for row, trace in enumerate(self.items(document, "traces")):
            field = f"traces[{row}]."
            if trace.get("transaction_hash") is None:
                continue
            if self.number(trace, "block_number", field) != number:
                raise self.fail(f"{field}block_number", f"belongs to another block than {number}")
            place = (self.number(trace, "transaction_position", field), self.address(trace, field))
            if place in found:
                raise self.fail(f"{field}trace_address", f"stands twice in transaction {place[0]}")
            found[place] = (trace, field)
        return found

    def transaction(self, index: int, calls: list[Call], gas: dict[str, tuple[int | None, int]]) -> Transaction:
        hashes = {call.tx_hash for call in calls}
        if len(hashes) > 1:
            raise self.fail("traces", f"transaction {index} has {len(hashes)} different hashes")
        used, price = gas.get(calls[0].tx_hash, (None, None))
        ordered = tuple(sorted(calls, key=lambda call: call.address))  # a call comes before those it makes
        return Transaction(calls[0].tx_hash, index, ordered, used, price)

    def receipts(self, document: dict[str, Any], number: int) -> dict[str, tuple[int | None, int]]:
        found: dict[str, tuple[int | None, int]] = {}
        for place, receipt in enumerate(self.items(document, "receipts")):
            field = f"receipts[{place}]."
            if self.number(receipt, "block_number", field) != number:
                raise self.fail(f"{field}block_number", f"belongs to another block than {number}")
            tx_hash = self.text(receipt, "transaction_hash", field, HASH, "0x and 64 hex digits")
            if tx_hash in found:
                raise self.fail(f"{field}transaction_hash", "has a receipt already")
            used = self.number(receipt, "gas_used", field)
            price = self.number(receipt, "effective_gas_price", field)
            found[tx_hash] = (used if used in PLAUSIBLE_GAS else None, price)
        return found

    def address(self, trace: dict[str, Any], field: str) -> tuple[int, ...]:
        value = trace.get("trace_address")
        if not isinstance(value, list) or not all(type(step) is int and step >= 0 for step in value):
            raise self.fail(f"{field}trace_address", "must be a list of places in the tree of calls")
        return tuple(value)

    def call(self, trace: dict[str, Any], index: int, address: tuple[int, ...], failed: bool, field: str) -> Call:
        action = trace.get("action")
        if not isinstance(action, dict):
            raise self.fail(f"{field}action", "must be an object")
        inner = f"{field}action."
        result = trace.get("result")
        output = "0x"
        if isinstance(result, dict) and not failed:
            output = self.text(result, "output", f"{field}result.", DATA, "0x and bytes in hex")
        return Call(
            tx_hash=self.text(trace, "transaction_hash", field, HASH, "0x and 64 hex digits"),
            tx_index=index,
            address=address,
            call_type=self.text(action, "callType", inner, CALL_TYPE, "a kind of message call"),
            sender=self.text(action, "from", inner, ADDRESS, "an address"),
            to=self.text(action, "to", inner, ADDRESS, "an address"),
            value_wei=int(self.text(action, "value", inner, QUANTITY, "a quantity in hex"), 16),
            data=bytes.fromhex(self.text(action, "input", inner, DATA, "0x and bytes in hex")[2:]),
            output=bytes.fromhex(output[2:]),
            failed=failed,
        )
