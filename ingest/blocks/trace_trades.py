"""Every executed swap in a block of call traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.blocks.calls import is_message
from ingest.blocks.other_calls import other_swap
from ingest.blocks.trades import Exchanged, TradesRead
from ingest.blocks.uniswap_calls import V2Pairs, v3_swap
from ingest.records import Trade

if TYPE_CHECKING:
    from ingest.traces import Block, Call


def trades_of_block(block: Block) -> tuple[Trade, ...]:
    """The swaps that took effect, in execution order: a swap that a callback makes stands behind the one it is in.

    Uniswap v2-type pairs and v3-type pools, Balancer v1 and Curve pools, Bancor's network, and orders filled by 0x. A
    swap within a call that failed changed nothing and is none.
    """
    return read_trades_of_block(block).trades


def read_trades_of_block(block: Block) -> TradesRead:
    """The same, with the fees on transfers that were seen."""
    pairs = V2Pairs()
    found: list[Trade] = []
    for transaction in block.transactions:
        pairs.begin_transaction()
        calls = transaction.calls
        for place, call in enumerate(calls):
            exchanged = pairs.follow(calls, place)
            if exchanged is None and is_message(call):
                exchanged = v3_swap(calls, place) or other_swap(calls, place)
            if exchanged is not None:
                found.append(_trade(block, call, exchanged))
    return TradesRead(tuple(found), pairs.transfer_fees)


def _trade(block: Block, call: Call, exchanged: Exchanged) -> Trade:
    return Trade(
        venue=exchanged.venue,
        pool=exchanged.pool,
        block_number=block.number,
        block_ts=block.block_ts,
        tx_hash=call.tx_hash,
        tx_index=call.tx_index,
        place=call.address,
        sender=call.sender,
        recipient=exchanged.recipient,
        token_in=exchanged.token_in,
        token_out=exchanged.token_out,
        amount_in=exchanged.amount_in,
        amount_out=exchanged.amount_out,
    )
