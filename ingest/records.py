"""The records that travel through the house: frozen, slotted, exact integers.

Amounts are in the token's smallest unit. A pool's amounts are signed from the pool's side, as in Uniswap v3's
events: positive was paid in, negative was paid out. Addresses and hashes are lower-case ``0x`` text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

VenueKind = Literal["v2", "v3", "v4"]
LiquidityKind = Literal["initialize", "mint", "burn", "collect", "flash", "sync"]
FlowClass = Literal["user", "unknown", "arbitrage", "sandwich", "jit", "liquidation"]
Source = Literal["chain", "file", "simulated"]
IntentKind = Literal["sell", "buy"]
IntentStatus = Literal["filled", "reverted", "open"]
Proof = Literal["none", "state", "logs"]

FLOW_CLASSES: tuple[FlowClass, ...] = ("user", "unknown", "arbitrage", "sandwich", "jit", "liquidation")


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token."""

    address: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Pool:
    """One Uniswap pool. ``fee_pips`` is in 1e-6 of the input; ``tick_spacing`` is 0 for v2."""

    kind: VenueKind
    chain_id: int
    address: str
    token0: Token
    token1: Token
    fee_pips: int
    tick_spacing: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """Where on the chain an event stands; ``tx_hash`` and ``log_index`` where the source has them."""

    block_number: int
    tx_hash: str | None = None
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class TickLiquidity:
    """Net liquidity that is added when the price crosses ``tick`` upwards."""

    tick: int
    liquidity_net: int


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool's state right after an event, or at its creation (``after`` is None).

    v3: ``sqrt_price_x96`` (token1 per token0 in smallest units, square root, times 2**96), ``tick``, ``liquidity``
    and ``ticks``; with ``ticks_reconstructed`` the table was inferred and its two outermost ticks are artificial
    ends. v2: ``reserve0`` and ``reserve1``.
    """

    pool: Pool
    after: Position | None
    sqrt_price_x96: int = 0
    tick: int = 0
    liquidity: int = 0
    ticks: tuple[TickLiquidity, ...] = ()
    ticks_reconstructed: bool = False
    reserve0: int = 0
    reserve1: int = 0


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap as the pool's event tells it.

    v3 gives price, liquidity and tick after the swap; v2 gives the reserves after it (from its ``Sync``).
    ``fee_pips`` is the fee in force. Gas is the whole transaction's, where the source has it.
    """

    seq: int
    block_number: int
    block_ts: int
    tx_hash: str
    tx_index: int
    log_index: int
    amount0: int
    amount1: int
    fee_pips: int
    sender: str | None = None
    recipient: str | None = None
    sqrt_price_x96: int | None = None
    liquidity: int | None = None
    tick: int | None = None
    reserve0: int | None = None
    reserve1: int | None = None
    gas_used: int | None = None
    gas_price_wei: int | None = None

    @property
    def zero_for_one(self) -> bool:
        """Whether token0 was paid in."""
        return self.amount0 > 0

    @property
    def amount_in(self) -> int:
        """What was paid in, in the sold token's smallest unit."""
        return self.amount0 if self.amount0 > 0 else self.amount1

    @property
    def amount_out(self) -> int:
        """What was paid out, in the bought token's smallest unit."""
        return -self.amount1 if self.amount0 > 0 else -self.amount0


@dataclass(frozen=True, slots=True)
class LiquidityEvent:
    """Any other event of a pool: liquidity added or removed, fees collected, a flash loan, its initialisation.

    ``liquidity`` is the position's change (never negative; ``kind`` gives the direction). For ``initialize`` only
    ``sqrt_price_x96`` and ``tick`` are set; a ``flash``'s amounts are what was paid on top. v2 mints and burns carry
    the reserves after them; a v2 ``sync`` by itself (tokens sent to the pair) has the reserves' change as its amounts.
    """

    seq: int
    kind: LiquidityKind
    block_number: int
    block_ts: int
    tx_hash: str
    tx_index: int
    log_index: int
    owner: str | None = None
    tick_lower: int | None = None
    tick_upper: int | None = None
    liquidity: int = 0
    amount0: int = 0
    amount1: int = 0
    sqrt_price_x96: int | None = None
    tick: int | None = None
    reserve0: int | None = None
    reserve1: int | None = None


Event = Swap | LiquidityEvent


@dataclass(frozen=True, slots=True)
class Label:
    """The flow class of one swap, with the rule that gave it."""

    flow_class: FlowClass
    rule: str


@dataclass(frozen=True, slots=True)
class Intent:
    """What a trader wanted: sell exactly ``sell_amount``, get at least ``min_buy_amount``.

    ``min_buy_amount`` is None where the source does not tell the limit. ``seq`` is the swap that fulfilled it.
    """

    seq: int
    sells_token0: bool
    sell_amount: int
    min_buy_amount: int | None
    block_number: int
    placed_ts: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One executed swap in any pool, from a source that tells of many pools.

    ``venue`` is the pool's kind, such as ``v2``. ``place`` orders the trades of a transaction: the log index alone, or
    the call's path in the transaction's tree of calls. ``sender`` called the pool, ``recipient`` got what it paid.
    Amounts are in the tokens' smallest units; times in Unix seconds, None where the source does not tell.
    """

    venue: str
    pool: str
    block_number: int
    block_ts: int | None
    tx_hash: str
    tx_index: int
    place: tuple[int, ...]
    sender: str | None
    recipient: str | None
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class UserIntent:
    """What a trader called or signed, over all the hops that it took, and what came of it.

    A ``sell`` gives exactly ``amount_in`` for at least ``amount_out``, a ``buy`` takes exactly ``amount_out`` for at
    most ``amount_in``; where a source does not tell the limit, that side is None. ``path`` are the tokens from the
    one sold to the one bought (a chain's native coin as its wrapped token), ``fees_pips`` the pools' fees along it
    where the call names them. ``status`` is ``open`` for an order that nothing is known to have filled. The executed
    amounts are the trader's own, from end to end; None where nothing was executed or it cannot be told apart.
    ``executed_fee`` is taken on top, in the sold token. ``place`` numbers the intents of one transaction.
    """

    venue: str
    method: str
    kind: IntentKind
    status: IntentStatus
    path: tuple[str, ...]
    amount_in: int | None
    amount_out: int | None
    executed_in: int | None = None
    executed_out: int | None = None
    executed_fee: int = 0
    fees_pips: tuple[int, ...] = ()
    partially_fillable: bool = False
    trader: str | None = None
    recipient: str | None = None
    deadline_ts: int | None = None
    order_id: str | None = None
    block_number: int | None = None
    block_ts: int | None = None
    tx_hash: str | None = None
    tx_index: int | None = None
    place: int = 0
    gas_used: int | None = None
    gas_price_wei: int | None = None


@dataclass(frozen=True, slots=True)
class PricePoint:
    """From ``ts`` on (Unix seconds) one whole token0 is worth ``price`` whole token1.

    Exact text as ``Fraction`` reads it: decimal, or ``n/d`` where a series had to be turned over.
    """

    ts: int
    price: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which blocks a node was asked for, both included, and how far it is shown that nothing is missing in them.

    ``proof``, each shown by what the node itself tells:

    - ``logs``: by headers and receipts no other log is there, so that it is complete;
    - ``state``: a pool's events follow on one another, to the wei, and lead to the pool's state at the last block.
      Events that together leave that state as it was (a mint and the burn of all of it) may be missing;
    - ``none``: neither.

    ``why`` says what a stronger proof lacks, or what contradicts it; empty with ``logs``.
    """

    first_block: int
    last_block: int
    proof: Proof
    why: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """A pool's stored history, in execution order, from right after ``initial_state``.

    ``content_id`` is the SHA-256 of everything that a result may depend on. ``labels`` and ``known_limits`` are by
    ``seq`` and come from the source (ground truth of a simulated market, or a user's file); a swap without an entry
    is labelled by rule. ``prices`` is the exogenous reference price, empty where there is none.
    ``caveats`` are sentences that every report over this history repeats; ``coverage`` is known where it came from a
    node.
    """

    name: str
    content_id: str
    source: Source
    initial_state: PoolState
    events: tuple[Event, ...]
    labels: dict[int, Label] = field(default_factory=dict)
    known_limits: dict[int, int] = field(default_factory=dict)
    prices: tuple[PricePoint, ...] = ()
    price_source: str = ""
    caveats: tuple[str, ...] = ()
    coverage: Coverage | None = None

    @property
    def pool(self) -> Pool:
        """The pool whose history this is."""
        return self.initial_state.pool

    @property
    def swaps(self) -> tuple[Swap, ...]:
        """Only the swaps."""
        return tuple(event for event in self.events if isinstance(event, Swap))
