"""Who is behind each transaction of whole blocks, where trades of many pools are known: its flow class and the rule.

The rules, in order of precedence; what one says goes for the whole transaction:

1. ``sandwich``: it holds the front or the back of a sandwich (``ingest.sandwiches``) in some pool.
2. ``liquidation``: a loan was liquidated in it, so that its trades are the liquidator's.
3. ``jit``: it puts in or takes out liquidity that served one block only.
4. ``arbitrage``: its trades lead back to their first token with a gain (``ingest.cycles``).
5. ``user``: it was sent to a public router, or one swapped in it.

Else it is ``unknown``. Trades against a price elsewhere (CEX/DEX arbitrage) need a longer history: ``ingest.labels``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from ingest.cycles import Cycle, cycles, net_amounts
from ingest.records import Label
from ingest.routers import ROUTERS
from ingest.sandwiches import Leg, Sandwich, parties, sandwiches_of_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.blocks import Activity, Liquidation, LiquidityMove
    from ingest.records import Trade

UNKNOWN = Label("unknown", "no rule applies")


def label_transactions(activity: Activity) -> dict[str, Label]:
    """A label for every transaction with a trade, a liquidity move or a liquidation, by hash, in execution order."""
    records: tuple[Trade | LiquidityMove | Liquidation, ...]
    records = activity.trades + activity.moves + activity.liquidations
    places = {record.tx_hash: (record.block_number, record.tx_index) for record in records}
    labels = dict.fromkeys(sorted(places, key=places.__getitem__), UNKNOWN)
    labels |= dict(_users(activity))
    labels |= {tx_hash: _of_cycles(found) for tx_hash, found in arbitrages_of_blocks(activity).items()}
    labels |= dict(_just_in_time(activity))
    for liquidation in activity.liquidations:
        labels[liquidation.tx_hash] = Label("liquidation", f"it liquidates through {liquidation.protocol}")
    for sandwich in sandwiches_of_blocks(activity):
        about = f"of a sandwich around {len(sandwich.victims)} swap(s) of others, {sandwich.why}"
        labels[sandwich.front.tx_hash] = Label("sandwich", f"front {about}")
        labels[sandwich.back.tx_hash] = Label("sandwich", f"back {about}")
    return labels


def sandwiches_of_blocks(activity: Activity) -> tuple[Sandwich[Trade], ...]:
    """The sandwiches in every pool; one that goes through several pools stands once for each.

    A party is known by the account that sent the transaction, the contract it called, the contract that called the
    pool, or the recipient; public routers, and pools (which receive on a route's way), are none.
    """
    nets = {tx_hash: net_amounts(trades) for tx_hash, trades in _trades_by_transaction(activity.trades).items()}
    pools = {trade.pool for trade in activity.trades}
    in_pool: dict[tuple[int, str], list[Leg[Trade]]] = defaultdict(list)
    for trade in activity.trades:
        caller = activity.callers.get(trade.tx_hash)
        known = (caller.account, caller.contract) if caller else ()
        behind = parties(trade.sender, trade.recipient, *known) - pools
        leg = Leg(trade, trade.token_in, behind, nets[trade.tx_hash], activity.traded.transfer_fees)
        in_pool[trade.block_number, trade.pool].append(leg)
    return tuple(sandwich for legs in in_pool.values() for sandwich in sandwiches_of_pool(legs))


def arbitrages_of_blocks(activity: Activity) -> dict[str, tuple[Cycle, ...]]:
    """The cycles of every transaction that has some, by hash."""
    found = ((tx_hash, cycles(trades)) for tx_hash, trades in _trades_by_transaction(activity.trades).items())
    return {tx_hash: those for tx_hash, those in found if those}


def _trades_by_transaction(trades: Sequence[Trade]) -> dict[str, list[Trade]]:
    found: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        found[trade.tx_hash].append(trade)
    return found


def _users(activity: Activity) -> Iterator[tuple[str, Label]]:
    for tx_hash, trades in _trades_by_transaction(activity.trades).items():
        caller = activity.callers.get(tx_hash)
        through = [caller.contract if caller else None, *(trade.sender for trade in trades)]
        router = next((ROUTERS[address] for address in through if address in ROUTERS), None)
        if router is not None:
            yield tx_hash, Label("user", f"through {router}")


def _of_cycles(found: Sequence[Cycle]) -> Label:
    first, more = found[0], len(found) - 1
    rule = f"{len(first.trades)} trades gain {first.gain} of {first.token}"
    return Label("arbitrage", f"{rule}, and {more} more cycle(s)" if more else rule)


def _just_in_time(activity: Activity) -> Iterator[tuple[str, Label]]:
    """Transactions that mint, and burn again in the same block, one position around trades of others.

    The burn takes out exactly what was put in by the same owner into the same range.
    """
    traded: dict[tuple[int, str], list[int]] = defaultdict(list)
    for trade in activity.trades:
        traded[trade.block_number, trade.pool].append(trade.tx_index)
    minted: dict[tuple[object, ...], list[LiquidityMove]] = defaultdict(list)
    for move in activity.moves:
        position = (move.block_number, move.pool, move.owner, move.tick_lower, move.tick_upper, move.liquidity)
        if move.kind == "mint":
            minted[position].append(move)
        elif minted[position]:
            mint = minted[position].pop()
            indices = traded[move.block_number, move.pool]
            after = bisect_right(indices, mint.tx_index)
            if after < len(indices) and indices[after] < move.tx_index:
                yield mint.tx_hash, Label("jit", "it mints liquidity for the length of others' trades")
                yield move.tx_hash, Label("jit", "it burns liquidity that served others' trades in this block only")
