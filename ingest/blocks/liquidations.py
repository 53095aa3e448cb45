"""Liquidations of loans, found in call traces by the function called and in logs by the event.

Aave (all versions and its forks), Compound v2 and its forks, Compound v3, Morpho Blue, and auctions of Maker's
collateral. Function and event signatures are those of the protocols' published interfaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.blocks.calls import (
    SELECTOR_BYTES,
    WORD_BYTES,
    address,
    arguments,
    is_message,
    selector,
    topic0,
    unsigned,
)
from ingest.blocks.logs import Log, select

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.traces import Block, Call


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Somebody's loan was liquidated, or what was seized by that was bought.

    ``market`` is the contract called; ``borrower`` is None where the call or event does not name him.
    """

    protocol: str
    block_number: int
    tx_hash: str
    tx_index: int
    place: tuple[int, ...]
    market: str
    borrower: str | None


@dataclass(frozen=True, slots=True)
class _Function:
    protocol: str
    borrower_word: int | None
    words: int  # static words of arguments, at least
    answers_error: bool = False  # answers 0 for success, an error's number for having done nothing


@dataclass(frozen=True, slots=True)
class _Event:
    protocol: str
    topics: int  # after the first
    words: int  # of data
    borrower_topic: int | None = None
    borrower_word: int | None = None


_FUNCTIONS = {
    selector(signature): function
    for signature, function in {
        "liquidationCall(address,address,address,uint256,bool)": _Function("aave", 2, 5),
        "liquidationCall(bytes32,bytes32)": _Function("aave", None, 2),  # packed, on rollups
        "liquidateBorrow(address,uint256,address)": _Function("compound_v2", 0, 3, answers_error=True),
        "liquidateBorrow(address,address)": _Function("compound_v2", 0, 2),
        "absorb(address,address[])": _Function("compound_v3", None, 3),
        "buyCollateral(address,uint256,uint256,address)": _Function("compound_v3", None, 4),
        "liquidate((address,address,address,address,uint256),address,uint256,uint256,bytes)": _Function("morpho", 5, 9),
        "take(uint256,uint256,uint256,address,bytes)": _Function("maker", None, 5),
    }.items()
}

_EVENTS = {
    topic0(signature): event
    for signature, event in {
        "LiquidationCall(address,address,address,uint256,uint256,address,bool)": _Event("aave", 3, 4, borrower_topic=2),
        "LiquidationCall(address,address,address,uint256,uint256,uint256,address,bool,uint256)": _Event(
            "aave", 3, 6, borrower_topic=2
        ),
        "LiquidateBorrow(address,address,uint256,address,uint256)": _Event("compound_v2", 0, 5, borrower_word=1),
        "AbsorbCollateral(address,address,address,uint256,uint256)": _Event("compound_v3", 3, 2, borrower_topic=1),
        "BuyCollateral(address,address,uint256,uint256)": _Event("compound_v3", 2, 2),
        "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)": _Event(
            "morpho", 3, 5, borrower_topic=2
        ),
        "Take(uint256,uint256,uint256,uint256,uint256,uint256,address)": _Event("maker", 2, 5),
    }.items()
}


def liquidations_of_block(block: Block) -> tuple[Liquidation, ...]:
    """The liquidations that took effect in a block of call traces, in execution order."""
    return tuple(
        Liquidation(
            function.protocol,
            block.number,
            call.tx_hash,
            call.tx_index,
            call.address,
            call.to,
            None if function.borrower_word is None else address(arguments(call), function.borrower_word),
        )
        for transaction in block.transactions
        for call in transaction.calls
        if (function := _FUNCTIONS.get(call.data[:SELECTOR_BYTES])) and _took_effect(call, function)
    )


def _took_effect(call: Call, function: _Function) -> bool:
    if not is_message(call) or len(arguments(call)) < WORD_BYTES * function.words:
        return False
    return not (function.answers_error and call.output and unsigned(call.output, 0))


def liquidations_of_logs(logs: pa.Table) -> tuple[Liquidation, ...]:
    """The liquidations in a table of logs (``ingest.chain_tables.LOGS``), in execution order."""
    return tuple(
        Liquidation(
            event.protocol,
            log.block_number,
            log.tx_hash,
            log.tx_index,
            (log.log_index,),
            log.emitter,
            _borrower(log, event),
        )
        for log in select(logs, _EVENTS)
        if (event := _EVENTS[log.event])
        and (len(log.topics), len(log.data)) == (event.topics, WORD_BYTES * event.words)
    )


def _borrower(log: Log, event: _Event) -> str | None:
    if event.borrower_topic is not None:
        return address(log.topics[event.borrower_topic], 0)
    return None if event.borrower_word is None else address(log.data, event.borrower_word)
