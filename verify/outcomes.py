"""What a replay found out, before anything is judged: one row an order, one row a batch, integers only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

    from ingest.records import FlowClass


@dataclass(slots=True)  # not frozen, which would take eight times as long to make: there are thousands a candidate
class OrderOutcome:
    """One order in one candidate's replay. Amounts are in the token's smallest unit, gas in units of gas.

    All up to ``drift_bps`` is known before a candidate is replayed, the rest is what it did.

    ``history_out`` is y, ``amm_out`` is y^amm, ``delay_out`` the amm outcome at the settlement's anchor,
    ``standalone_out`` the order alone on its own block's anchor, ``best_out`` the same on whichever pool of the pair
    gives most, ``bought`` is ŷ: the fill, or for a fallback the smaller of ``fallback_out`` and ``amm_out``.
    ``ebbo_most`` and ``ebbo_least`` are the extremes of ``best_out`` over the blocks that the order waited; None where
    they were not computed.
    """

    seq: int
    window: int
    block_number: int
    settle_block: int
    flow_class: FlowClass
    sells_token0: bool
    sell_amount: int
    limit: int
    limit_known: bool
    history_out: int
    amm_out: int
    delay_out: int
    standalone_out: int
    best_out: int
    ebbo_most: int | None
    ebbo_least: int | None
    gas_history: int
    gas_amm: int
    gas_price_wei: int
    value: int
    """Worth of what was sold at P(block_number), in the numeraire's smallest unit, rounded down."""
    bought_per_wei: Fraction | None
    """Smallest units of the bought token that one wei of gas money is worth at P(block_number); None: not known."""
    drift_bps: float
    """How P moved between block_number and settle_block, signed so that positive is good for this order, in bps."""
    bought: int
    filled: bool
    fallback_out: int
    gas: int


class Flow(NamedTuple):
    """Net tokens that a party received, in smallest units; negative is paid."""

    token0: int = 0
    token1: int = 0


@dataclass(slots=True)  # not frozen, as above
class BatchOutcome:
    """One batch in one candidate's replay.

    The flows are by party, for the three worlds: ``history``, ``amm`` and the candidate. In each world the flows of
    all parties sum to zero in each token. ``capped`` is fallback output above what was credited. ``lp_fees`` is the
    part of the liquidity providers' flow that is fee: input times the fee, rounded up per order.
    ``value0`` and ``value1`` are what one smallest unit of token0 and token1 is worth in the numeraire's smallest unit
    at P(settle_block).
    """

    window: int
    settle_block: int
    order_count: int
    has_sandwich: bool
    value0: Fraction
    value1: Fraction
    history: dict[str, Flow]
    amm: dict[str, Flow]
    settle_gas: int
    dropped: int
    partial: int
    price_spread_bps: float
    """10⁴·(max price / min price − 1) within a directed pair, the larger of the two directions."""
    candidate: dict[str, Flow]
    lp_fees: dict[str, Flow]
    """By world: history, amm, candidate."""
    unscored: str = ""
    """Why the batch has no sound outcome (for example: it ran past the known liquidity); empty where it has one."""
    later: dict[int, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """What ``value0`` and ``value1`` are so many seconds after the settlement, where the reference price tells."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A candidate's whole replay over one history, window length, labelling and limit convention.

    ``unit`` is the number of smallest units in one whole unit of the numeraire. Blocks are inclusive.
    """

    window_blocks: int
    first_block: int
    last_block: int
    numeraire: str
    unit: int
    orders: tuple[OrderOutcome, ...]
    batches: tuple[BatchOutcome, ...]
