"""A pool's history out of the chain store: its logs as events, with what their transactions paid, wanted and did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import from_ints, to_ints
from ingest.block_intents import intents_of_transactions
from ingest.blocks.activity import activity_of_logs
from ingest.calldata.decode import KNOWN_ROUTERS
from ingest.chain_tables import LOGS, TRANSACTIONS
from ingest.errors import InputError
from ingest.event_table import SWAP
from ingest.flow_spool import FlowSpool
from ingest.flow_table import of_intents, of_labels
from ingest.ingested import in_order
from ingest.limits import limits_of_swaps, may_limit
from ingest.native import WRAPPED_NATIVE
from ingest.plausible import Fail, require_plausible
from ingest.records import Label, PoolState, UserIntent
from ingest.sources.abi_events import BY_TOPIC0
from ingest.sources.base import ParsedRows
from ingest.sources.logs import decode, logs_of
from ingest.spool import Spool
from ingest.strategies import label_transactions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.calldata.decode import Router
    from ingest.chain_store import BlockRange, ChainStore, LogFilter
    from ingest.ingested import Ordered
    from ingest.records import Pool
    from ingest.sources.logs import Part
    from ingest.sources.text import Bools, Int64s

TOLD_ACROSS_POOLS = ("arbitrage", "liquidation")
ACROSS_POOLS = "seen over all pools: "
LOGS_AT_ONCE = 20_000
NOWHERE = "0x" + "00" * 20
COIN_UNKNOWN = (
    "The chain's native coin counts as the zero address, because its wrapped token is not known (--wrapped-native)."
)


@dataclass(frozen=True, slots=True)
class Routing:
    """How the chain's routers are known: their addresses, and the token that their native coin counts as."""

    wrapped_native: str
    routers: Mapping[str, Router] = field(default_factory=lambda: KNOWN_ROUTERS)

    @classmethod
    def of(cls, chain_id: int) -> Routing:
        """What is known of a chain; where its wrapped coin is not, its native coin counts as the zero address."""
        return cls(WRAPPED_NATIVE.get(chain_id, NOWHERE))

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is not known of the chain."""
        return (COIN_UNKNOWN,) if self.wrapped_native == NOWHERE else ()


@dataclass(frozen=True, slots=True)
class Whole:
    """A filter's logs in some whole blocks, all logs of their transactions, and those transactions."""

    logs: pa.Table
    all_logs: pa.Table
    transactions: pa.Table


class ForeignEventError(InputError):
    """A pool's log that no pool of its kind has: it is another kind of pool, and asking again would change nothing."""


def whole_blocks(store: ChainStore, chain_id: int, one: LogFilter, blocks: BlockRange) -> Iterator[Whole]:
    """A filter's blocks in order, some thousand logs at a time."""
    waiting = LOGS.empty_table()
    for page in store.logs(chain_id, [one], *blocks, LOGS_AT_ONCE):
        waiting = pa.concat_tables([waiting, page]).combine_chunks()
        numbers = waiting["block_number"].to_numpy()
        ended = int(np.searchsorted(numbers, numbers[-1]))  # the last block may go on in the next page
        if ended:
            yield _whole(store, chain_id, waiting.slice(0, ended))
            waiting = waiting.slice(ended)
    if waiting.num_rows:
        yield _whole(store, chain_id, waiting)


def _whole(store: ChainStore, chain_id: int, logs: pa.Table) -> Whole:
    blocks = logs["block_number"][0].as_py(), logs["block_number"][-1].as_py()
    own = pc.unique(logs["tx_hash"])

    def of_own(schema: pa.Schema, pages: Iterator[pa.Table]) -> pa.Table:
        """What other pools' transactions in these blocks did is left out."""
        kept = [page.filter(pc.is_in(page["tx_hash"], own)) for page in pages]
        return pa.concat_tables([schema.empty_table(), *kept]).combine_chunks()

    transactions = of_own(TRANSACTIONS, store.transactions(chain_id, *blocks))
    return Whole(logs, of_own(LOGS, store.all_logs(chain_id, *blocks)), transactions)


def events_of_pool(
    store: ChainStore, pool: Pool, one: LogFilter, blocks: BlockRange, state: PoolState | None
) -> Ordered:
    """A pool's events in some complete blocks, after a state; None: from its creation, which lies in these blocks.

    Raises:
        ForeignEventError: They are not all events of such a pool.
        InputError: The stored logs are not one chain of the pool's events from that state on.
    """
    spool = Spool()
    spool.open_file(f"logs of {pool.address}", None)
    rows = 0
    ignored: dict[str, int] = {}
    for whole in whole_blocks(store, pool.chain_id, one, blocks):
        require_known_events(whole.logs, pool)
        parsed = _parsed(whole, pool)
        require_plausible(parsed.events, pool, _failing(spool, parsed))
        spool.add(parsed)
        rows += parsed.rows
        for name, count in parsed.ignored.items():
            ignored[name] = ignored.get(name, 0) + count
    return in_order(spool, state or _at_creation(spool, pool), rows=rows, ignored=ignored)


def require_known_events(logs: pa.Table, pool: Pool) -> None:
    """A pool's own logs (with the columns of LOGS that tell event and place) are events that its kind of pool has.

    Raises:
        ForeignEventError: One is not.
    """
    known = [topic0 for topic0, spec in BY_TOPIC0.items() if spec.venue == pool.kind]
    topics = logs["topic0"].combine_chunks().cast(pa.binary())
    found = np.flatnonzero(~np.asarray(pc.is_in(topics, value_set=pa.array(known, pa.binary())), np.bool_))
    if len(found):
        row = logs.slice(int(found[0]), 1).to_pylist()[0]
        event = "without a topic" if row["topic0"] is None else f"of the event 0x{row['topic0'].hex()}"
        raise ForeignEventError(
            f"log {row['log_index']} of block {row['block_number']} is {event}, which Uniswap's {pool.kind} pools do "
            "not have: this is another kind of pool, and not supported",
            field="pool",
        )


def _parsed(whole: Whole, pool: Pool) -> ParsedRows:
    logs = logs_of(whole.logs)
    numbers = logs.places["block_number"]

    def require(ok: Bools, part: Part, message: str, rows: Int64s | None = None) -> None:
        if not ok.all():
            row = int(np.argmin(ok)) if rows is None else int(rows[int(np.argmin(ok))])
            place = f"block {numbers[row]}, log {logs.places['log_index'][row]}"
            raise InputError(f"{message}, in its {part}", file=f"logs of {pool.address}, {place}")

    found = decode(logs, pool, require)
    events = _with_costs(found.events, whole.transactions)
    return ParsedRows(events, numbers[found.rows], len(logs), ignored=found.ignored)


def _with_costs(events: pa.Table, transactions: pa.Table) -> pa.Table:
    """The events with what each swap's transaction paid."""
    hashes = transactions["tx_hash"].combine_chunks().cast(pa.binary())
    places = pc.index_in(events["tx_hash"].combine_chunks(), value_set=hashes)
    places = pc.if_else(pc.equal(events["kind"].combine_chunks(), SWAP), places, None)
    prices = (None if text is None else int(text) for text in transactions["gas_price_wei"].to_pylist())
    for name, values in (("gas_used", transactions["gas_used"]), ("gas_price_wei", from_ints(prices))):
        events = events.set_column(events.column_names.index(name), name, values.take(places))
    return events


def _failing(spool: Spool, parsed: ParsedRows) -> Fail:
    def fail(row: int, column: str, message: str) -> NoReturn:
        spool.fail(0, int(parsed.lines[row]), column, message)

    return fail


def _at_creation(spool: Spool, pool: Pool) -> PoolState:
    """A pool as it begins: v2 without reserves, else at the price of its initialisation."""
    if pool.kind == "v2":
        return PoolState(pool, None)
    for batch in spool.batches(("kind", "sqrt_price_x96", "tick")):
        found = batch.filter(pc.equal(batch["kind"], "initialize"))
        if found.num_rows:
            (price,), tick = to_ints(found["sqrt_price_x96"].slice(0, 1)), found["tick"][0].as_py()
            return PoolState(pool, None, sqrt_price_x96=price, tick=tick)
    raise InputError(
        "from the pool's creation on there is no initialisation: it has no price yet, or the node left logs out; "
        "run again, later or with another node",
        file=spool.files[0],
    )


@dataclass(slots=True)
class Transactions:
    """What a pool's transactions tell beyond the pool: intents, and what is an arbitrage or a liquidation by itself.

    ``spool`` has all intents and labels, ``limiting`` those of the intents that may be a limit of one of its swaps.
    """

    spool: FlowSpool = field(default_factory=lambda: FlowSpool(lined=False))
    intents: int = 0
    limiting: list[UserIntent] = field(default_factory=list)
    labels: dict[str, Label] = field(default_factory=dict)

    def add(self, intents: Sequence[UserIntent], labels: Mapping[str, Label], pool: Pool) -> None:
        """Takes what some whole blocks tell."""
        self.spool.add("intent", of_intents(intents), np.arange(self.intents, self.intents + len(intents)))
        self.spool.add("label", of_labels(labels), np.arange(len(self.labels), len(self.labels) + len(labels)))
        self.intents += len(intents)
        self.limiting += (one for one in intents if may_limit(one, pool))
        self.labels |= labels


def transactions_of_pool(
    store: ChainStore, pool: Pool, one: LogFilter, blocks: BlockRange, routing: Routing
) -> Transactions:
    """Reads all transactions in which a pool had an event."""
    found = Transactions()
    found.spool.open_file(f"transactions of {pool.address}")
    for whole in whole_blocks(store, pool.chain_id, one, blocks):
        intents = intents_of_transactions(
            whole.transactions, whole.all_logs, wrapped_native=routing.wrapped_native, routers=routing.routers
        )
        labels = {
            tx_hash: replace(label, rule=ACROSS_POOLS + label.rule)
            for tx_hash, label in label_transactions(activity_of_logs(whole.all_logs, whole.transactions)).items()
            if label.flow_class in TOLD_ACROSS_POOLS
        }
        found.add(intents, labels, pool)
    return found


def told_by_transactions(ordered: Ordered, found: Transactions) -> tuple[dict[int, Label], dict[int, int]]:
    """Labels and limits of a pool's swaps, by ``seq``, from what their transactions tell."""
    spool, pool = ordered.spool, ordered.initial_state.pool
    labels = {swap.seq: found.labels[swap.tx_hash] for swap in spool.swaps_of(found.labels)}
    wanted = (intent.tx_hash for intent in found.limiting if intent.tx_hash is not None)
    return labels, limits_of_swaps(spool.swaps_of(wanted), found.limiting, pool)
