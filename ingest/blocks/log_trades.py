"""Every executed swap among event logs: Uniswap v2-type pairs, v3-type pools, and v4's manager.

No swap event names its tokens. They are those of the transfers to and from the pool in the same transaction; what one
swap of a pool tells holds for all its swaps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ingest.blocks.calls import WORD_BYTES, Transfer, address, signed, topic0, unsigned
from ingest.blocks.logs import Log, select
from ingest.blocks.trades import TradesRead
from ingest.blocks.uniswap_calls import Pair, pair_amounts
from ingest.records import Trade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

TRANSFER = topic0("Transfer(address,address,uint256)")
V2_SWAP = topic0("Swap(address,uint256,uint256,uint256,uint256,address)")
V3_SWAP = topic0("Swap(address,address,int256,int256,uint160,uint128,int24)")
PANCAKE_V3_SWAP = topic0("Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)")
V4_SWAP = topic0("Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)")
V4_INITIALIZE = topic0("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")

Tokens = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a well-formed log of an event has: topics after the first, and words of data."""

    topics: int
    words: int


_SHAPES = {
    TRANSFER: _Shape(2, 1),
    V2_SWAP: _Shape(2, 4),
    V3_SWAP: _Shape(2, 5),
    PANCAKE_V3_SWAP: _Shape(2, 7),
    V4_SWAP: _Shape(2, 6),
    V4_INITIALIZE: _Shape(3, 5),
}


@dataclass(frozen=True, slots=True)
class _Swap:
    """A swap event with the transfers to and from its pool since the pool's swap before it in the transaction."""

    log: Log
    venue: str
    pool: str
    sender: str
    recipient: str | None
    deltas: Pair  # v3, v4: from the pool's side
    ins: Pair  # v2
    outs: Pair
    seen: tuple[Transfer, ...]


def trades_of_logs(logs: pa.Table, tokens: Mapping[str, Tokens] | None = None) -> tuple[Trade, ...]:
    """The swaps in a table of logs (``ingest.chain_tables.LOGS``, each log once), in execution order.

    Args:
        logs: The whole transactions' logs, at least the pools' and all ``Transfer`` events.
        tokens: (token0, token1) of pools known from elsewhere, by address (v4: by pool id).

    A log that is not of its event's layout is another contract's and none of these. A swap whose tokens neither its
    own transfers, nor another swap of its pool, nor ``tokens`` tell is left out.
    """
    return read_trades_of_logs(logs, tokens).trades


def read_trades_of_logs(logs: pa.Table, tokens: Mapping[str, Tokens] | None = None) -> TradesRead:
    """The same, with the fees on transfers that were seen: tokens that a pool paid out and nobody got."""
    swaps = list(_swaps(select(logs, _SHAPES)))
    known = _initialized(select(logs, (V4_INITIALIZE,))) | _told_by_transfers(swaps) | dict(tokens or {})
    trades: list[Trade] = []
    fees: dict[str, Fraction] = {}
    for swap in swaps:
        trade = _trade(swap, known[swap.pool]) if swap.pool in known else None
        if trade is not None:
            trades.append(trade)
            got = max((one.amount for one in swap.seen if _is_payout(one, trade)), default=0)
            if 0 < got < trade.amount_out:
                lost = Fraction(trade.amount_out - got, trade.amount_out)
                fees[trade.token_out] = max(lost, fees.get(trade.token_out, lost))
    return TradesRead(tuple(trades), fees)


def _is_payout(transfer: Transfer, trade: Trade) -> bool:
    return (transfer.sender, transfer.token) == (trade.pool, trade.token_out)


def _is_shaped(log: Log) -> bool:
    shape = _SHAPES[log.event]
    return len(log.topics) == shape.topics and len(log.data) == WORD_BYTES * shape.words


def _swaps(logs: Sequence[Log]) -> Iterator[_Swap]:
    touching: dict[str, list[Transfer]] = defaultdict(list)
    transaction = None
    for log in logs:
        if not _is_shaped(log):
            continue
        if log.tx_hash != transaction:
            transaction = log.tx_hash
            touching.clear()
        if log.event == TRANSFER:
            one = Transfer(log.emitter, address(log.topics[0], 0), address(log.topics[1], 0), unsigned(log.data, 0))
            touching[one.sender].append(one)
            if one.recipient != one.sender:
                touching[one.recipient].append(one)
        elif log.event != V4_INITIALIZE:
            yield _swap(log, tuple(touching.pop(log.emitter, ())))


def _swap(log: Log, seen: tuple[Transfer, ...]) -> _Swap:
    none = (0, 0)
    if log.event == V4_SWAP:  # from the swapper's side
        deltas = -signed(log.data, 0), -signed(log.data, 1)
        pool, sender = f"0x{log.topics[0].hex()}", address(log.topics[1], 0)
        return _Swap(log, "v4", pool, sender, None, deltas, none, none, ())
    parties = address(log.topics[0], 0), address(log.topics[1], 0)
    if log.event == V2_SWAP:
        ins = unsigned(log.data, 0), unsigned(log.data, 1)
        outs = unsigned(log.data, 2), unsigned(log.data, 3)
        return _Swap(log, "v2", log.emitter, *parties, none, ins, outs, seen)
    deltas = signed(log.data, 0), signed(log.data, 1)
    return _Swap(log, "v3", log.emitter, *parties, deltas, none, none, seen)


def _amounts(swap: _Swap, tokens: Tokens | None) -> tuple[int, int, int] | None:
    """(The token sold: 0 or 1, amount in, amount out); None where nothing was bought."""
    if swap.venue == "v2":
        came = (_came(swap, tokens[0]), _came(swap, tokens[1])) if tokens else (0, 0)
        return pair_amounts(swap.ins, swap.outs, came)
    sold = 0 if swap.deltas[0] > 0 else 1
    if not swap.deltas[1 - sold] < 0 < swap.deltas[sold]:
        return None
    return sold, swap.deltas[sold], -swap.deltas[1 - sold]


def _came(swap: _Swap, token: str) -> int:
    return sum(one.amount for one in swap.seen if one.recipient == swap.pool and one.token == token)


def _told_by_transfers(swaps: Sequence[_Swap]) -> dict[str, Tokens]:
    """The tokens of each pool by more than half of its swaps that tell: anybody can write a misleading transfer."""
    told: dict[str, Counter[Tokens]] = defaultdict(Counter)
    for swap in swaps:
        amounts = _amounts(swap, None)
        pair = _tokens(swap, *amounts) if amounts is not None else None
        if pair is not None:
            told[swap.pool][pair] += 1
    most = {pool: pairs.most_common(1)[0] for pool, pairs in told.items()}
    return {pool: pair for pool, (pair, count) in most.items() if 2 * count > told[pool].total()}


def _tokens(swap: _Swap, sold: int, amount_in: int, amount_out: int) -> Tokens | None:
    """(token0, token1) by the transfers of exactly the amounts, else by there being one token each way."""
    came = {one.token for one in swap.seen if one.recipient == swap.pool}
    went = {one.token for one in swap.seen if one.sender == swap.pool}
    paid_in = {one.token for one in swap.seen if one.recipient == swap.pool and one.amount == amount_in}
    paid_out = {one.token for one in swap.seen if one.sender == swap.pool and one.amount == amount_out}
    bought = paid_out if len(paid_out) == 1 else went
    given = (paid_in if len(paid_in) == 1 else came) - bought
    if len(bought) != 1 or len(given) != 1:
        return None
    (one,), (other,) = given, bought
    return (one, other) if sold == 0 else (other, one)


def _initialized(logs: Sequence[Log]) -> dict[str, Tokens]:
    return {
        f"0x{log.topics[0].hex()}": (address(log.topics[1], 0), address(log.topics[2], 0))
        for log in logs
        if _is_shaped(log)
    }


def _trade(swap: _Swap, tokens: Tokens) -> Trade | None:
    amounts = _amounts(swap, tokens)
    if amounts is None:
        return None
    sold, amount_in, amount_out = amounts
    log = swap.log
    return Trade(
        venue=swap.venue,
        pool=swap.pool,
        block_number=log.block_number,
        block_ts=log.block_ts,
        tx_hash=log.tx_hash,
        tx_index=log.tx_index,
        place=(log.log_index,),
        sender=swap.sender,
        recipient=swap.recipient,
        token_in=tokens[sold],
        token_out=tokens[1 - sold],
        amount_in=amount_in,
        amount_out=amount_out,
    )
