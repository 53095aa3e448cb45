"""Liquidity put into and taken out of v3-type pools, from call traces and from logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.blocks.calls import (
    SELECTOR_BYTES,
    WORD_BYTES,
    address,
    arguments,
    is_message,
    selector,
    signed,
    topic0,
    unsigned,
)
from ingest.blocks.logs import Log, select

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.traces import Block, Call

MINT_CALL = selector("mint(address,int24,int24,uint128,bytes)")
BURN_CALL = selector("burn(int24,int24,uint128)")
MINT_EVENT = topic0("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN_EVENT = topic0("Burn(address,int24,int24,uint128,uint256,uint256)")
INDEXED = 3  # owner and the two ticks
WORDS = {MINT_EVENT: 4, BURN_EVENT: 3}


@dataclass(frozen=True, slots=True)
class LiquidityMove:
    """``liquidity`` units minted into, or burnt from, one range of ticks of a pool."""

    kind: Literal["mint", "burn"]
    pool: str
    block_number: int
    tx_hash: str
    tx_index: int
    place: tuple[int, ...]
    owner: str
    tick_lower: int
    tick_upper: int
    liquidity: int


def liquidity_of_block(block: Block) -> tuple[LiquidityMove, ...]:
    """The mints and burns that took effect in a block of call traces, in execution order, without those of 0."""
    found = (_of_call(block.number, call) for transaction in block.transactions for call in transaction.calls)
    return tuple(move for move in found if move is not None)


def _of_call(block_number: int, call: Call) -> LiquidityMove | None:
    words, kind = arguments(call), call.data[:SELECTOR_BYTES]
    # A pool answers with the two amounts.
    if not is_message(call) or len(call.output) != 2 * WORD_BYTES:
        return None
    place = call.tx_hash, call.tx_index, call.address
    if kind == MINT_CALL and (liquidity := unsigned(words, 3)):
        span = signed(words, 1), signed(words, 2)
        return LiquidityMove("mint", call.to, block_number, *place, address(words, 0), *span, liquidity)
    if kind == BURN_CALL and (liquidity := unsigned(words, 2)):
        span = signed(words, 0), signed(words, 1)
        return LiquidityMove("burn", call.to, block_number, *place, call.sender, *span, liquidity)
    return None


def liquidity_of_logs(logs: pa.Table) -> tuple[LiquidityMove, ...]:
    """The mints and burns in a table of logs (``ingest.chain_tables.LOGS``), in execution order, without those of 0."""
    found = (_of_log(log) for log in select(logs, WORDS))
    return tuple(move for move in found if move is not None)


def _of_log(log: Log) -> LiquidityMove | None:
    is_mint = log.event == MINT_EVENT
    if len(log.topics) != INDEXED or len(log.data) != WORD_BYTES * WORDS[log.event]:
        return None
    liquidity = unsigned(log.data, 1 if is_mint else 0)
    if not liquidity:
        return None
    return LiquidityMove(
        "mint" if is_mint else "burn",
        log.emitter,
        log.block_number,
        log.tx_hash,
        log.tx_index,
        (log.log_index,),
        address(log.topics[0], 0),
        signed(log.topics[1], 0),
        signed(log.topics[2], 0),
        liquidity,
    )
