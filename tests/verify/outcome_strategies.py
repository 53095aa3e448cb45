"""Outcomes for tests: built so that they are consistent, as a replay's are, whatever the orders hold.

token0 is a wrapped native coin with 18 decimals, token1 a dollar token with 6, the numeraire.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
from hypothesis import strategies as st

from verify.outcomes import BatchOutcome, Flow, OrderOutcome, Outcomes

UNIT = 10**6
PRICE = Fraction(2_200 * UNIT, 10**18)
"""Smallest units of token1 for one of token0."""
GWEI = 10**9
GAS = 120_000
BLOCKS = 60


def order(seq: int, **fields: object) -> OrderOutcome:
    """One order with sound defaults: sells token1 worth 1,000 dollars, gets what the AMM gives, at the AMM's gas.

    ``amm_out`` and the other outputs that are not given follow from ``history_out``, which follows from the value.
    """
    window_blocks = int(fields.pop("window_blocks", 1))
    block = int(fields.get("block_number", seq))
    sells_token0 = bool(fields.get("sells_token0", False))
    price = Fraction(fields.pop("price", PRICE))
    value = int(fields.setdefault("value", 1_000 * UNIT))
    fields.setdefault("sell_amount", int(value / price) if sells_token0 else value)
    out = int(fields.setdefault("history_out", value if sells_token0 else int(value / price)))
    amm_out = int(fields.setdefault("amm_out", out))
    filled = bool(fields.setdefault("filled", True))
    if not filled:
        fallback_out = int(fields.setdefault("fallback_out", amm_out))
        fields.setdefault("bought", min(fallback_out, amm_out))
    settle_block = block // window_blocks * window_blocks + window_blocks - 1
    defaults = {
        "window": block // window_blocks,
        "block_number": block,
        "settle_block": settle_block,
        "flow_class": "user",
        "sells_token0": sells_token0,
        "limit": 0,
        "limit_known": False,
        "delay_out": amm_out,
        "standalone_out": amm_out,
        "best_out": amm_out,
        "ebbo_most": amm_out,
        "ebbo_least": amm_out,
        "bought": amm_out,
        "fallback_out": 0,
        "gas_history": GAS,
        "gas_amm": GAS,
        "gas": GAS,
        "gas_price_wei": 20 * GWEI,
        "bought_per_wei": price if sells_token0 else Fraction(1),
        "drift_bps": 0.0,
    }
    return OrderOutcome(seq=seq, **(defaults | fields))


def taken(sells_token0: bool, sold: int, bought: int) -> Flow:
    return Flow(-sold, bought) if sells_token0 else Flow(bought, -sold)


def total(flows: Iterable[Flow]) -> Flow:
    flows = list(flows)
    return Flow(sum(flow.token0 for flow in flows), sum(flow.token1 for flow in flows))


def outcomes(
    orders: Iterable[OrderOutcome],
    *,
    window_blocks: int = 1,
    first_block: int = 0,
    last_block: int | None = None,
    sandwiched: Mapping[int, Flow] | None = None,
    residue: Mapping[int, Flow] | None = None,
    price: Fraction = PRICE,
    in_token0: bool = False,
    unsound: Iterable[int] = (),
) -> Outcomes:
    """Closes orders into batches whose flows balance; the liquidity providers are the other side of everyone.

    ``sandwiched`` is what sandwichers took, ``residue`` what the kernel kept, ``unsound`` the windows without a sound
    outcome.
    """
    orders = tuple(sorted(orders, key=lambda row: row.seq))
    by_window: dict[int, list[OrderOutcome]] = {}
    for row in orders:
        by_window.setdefault(row.window, []).append(row)
    batches = [
        _batch(window, rows, (sandwiched or {}).get(window), (residue or {}).get(window, Flow()), price, in_token0)
        for window, rows in sorted(by_window.items())
    ]
    broken = set(unsound)
    return Outcomes(
        window_blocks=window_blocks,
        first_block=first_block,
        last_block=max(row.settle_block for row in orders) if last_block is None else last_block,
        numeraire="WETH" if in_token0 else "USDC",
        unit=10**18 if in_token0 else UNIT,
        orders=orders,
        batches=tuple(
            replace(batch, unscored="ran past the known liquidity") if batch.window in broken else batch
            for batch in batches
        ),
    )


def _batch(
    window: int, rows: list[OrderOutcome], sandwiched: Flow | None, residue: Flow, price: Fraction, in_token0: bool
) -> BatchOutcome:
    def traders(out: str) -> dict[str, Flow]:
        return {
            party: total(
                taken(row.sells_token0, row.sell_amount, getattr(row, out))
                for row in rows
                if (row.flow_class == "user") == (party == "users")
            )
            for party in ("users", "unknown")
        }

    def closed(flows: dict[str, Flow]) -> dict[str, Flow]:
        rest = total(flows.values())
        return flows | {"liquidity_providers": Flow(-rest.token0, -rest.token1)}

    capped = total(taken(row.sells_token0, 0, row.fallback_out - row.bought) for row in rows if not row.filled)
    fees = total(
        Flow(row.sell_amount // 2_000, 0) if row.sells_token0 else Flow(0, row.sell_amount // 2_000) for row in rows
    )
    bots = {} if sandwiched is None else {"sandwichers": sandwiched}
    return BatchOutcome(
        window=window,
        settle_block=rows[0].settle_block,
        order_count=len(rows),
        has_sandwich=sandwiched is not None,
        settle_gas=sum(row.gas for row in rows),
        dropped=0,
        partial=0,
        price_spread_bps=0.0,
        value0=Fraction(1) if in_token0 else price,
        value1=1 / price if in_token0 else Fraction(1),
        history=closed(traders("history_out") | bots),
        amm=closed(traders("amm_out")),
        candidate=closed(traders("bought") | {"residue": residue, "capped": capped}),
        lp_fees={"history": fees, "amm": fees, "candidate": fees},
    )


def shifted(amount: int, bps: float) -> int:
    """An amount moved by some bps, rounded down."""
    return amount * (10_000_000 + round(bps * 1_000)) // 10_000_000


def market(
    seed: int,
    blocks: int = 900,
    *,
    gain_bps: float = 0.0,
    noise_bps: float = 0.0,
    bots_bps: float = 0.0,
    gas_saved: int = 0,
    sigma: float = 1.0,
    orders_per_block: float = 1.0,
    **fields: object,
) -> list[OrderOutcome]:
    """Orders of lognormal size over many blocks.

    The candidate gives ``gain_bps`` ± ``noise_bps`` over the AMM, history ``bots_bps`` less than it.
    """
    rng = np.random.default_rng(seed)
    window_blocks = int(fields.get("window_blocks", 1))
    found = []
    for block in range(blocks):
        for _ in range(rng.poisson(orders_per_block)):
            value = max(1, int(UNIT * rng.lognormal(7.5, sigma)))
            sells_token0 = bool(rng.random() < 0.5)
            amm_out = value if sells_token0 else int(value / PRICE)
            row = {
                "block_number": block,
                "sells_token0": sells_token0,
                "value": value,
                "history_out": shifted(amm_out, -bots_bps * rng.random() * 2),
                "amm_out": amm_out,
                "bought": shifted(amm_out, gain_bps + noise_bps * rng.standard_t(3)),
                "gas": GAS - gas_saved,
                "window_blocks": window_blocks,
            }
            found.append(order(len(found), **(row | fields)))
    return found


def odd_orders(rng: Random, window_blocks: int, *, filled: bool | None, gas_known: bool) -> list[OrderOutcome]:
    """A few orders with nothing in common: tiny or huge amounts, any relation between the worlds."""

    def amount() -> int:
        return rng.randint(1, 10 ** rng.choice((1, 4, 12, 30)))

    def near(out: int) -> int:
        return rng.choice((out, out, 0, rng.randint(0, 2 * out)))

    found = []
    for seq in range(rng.choice((1, 2, 8, 40))):
        is_filled = rng.random() < 0.7 if filled is None else filled
        out = amount()
        amm_out, fallback_out = near(out), near(out)
        bought = near(out) if is_filled else min(fallback_out, amm_out)
        found.append(
            order(
                seq,
                window_blocks=window_blocks,
                block_number=rng.randrange(BLOCKS),
                flow_class=rng.choice(("user", "unknown")),
                sells_token0=rng.random() < 0.5,
                sell_amount=amount(),
                history_out=rng.choice((out, out, out, 0)),
                amm_out=amm_out,
                delay_out=near(out),
                standalone_out=near(out),
                filled=is_filled,
                bought=bought,
                fallback_out=0 if is_filled else fallback_out,
                limit=rng.randint(0, bought) if is_filled else amount(),
                gas=rng.randint(21_000, 5_000_000),
                gas_amm=rng.randint(21_000, 5_000_000),
                gas_history=rng.randint(21_000, 5_000_000),
                gas_price_wei=rng.choice((0, 500 * GWEI, rng.randint(0, 500 * GWEI))),
                value=rng.choice((0, UNIT - 1, rng.randint(0, 10**13))),
                bought_per_wei=Fraction(amount(), amount()) if gas_known else None,
                drift_bps=rng.uniform(-500, 500),
            )
        )
    return found


@st.composite
def consistent(draw: st.DrawFn, *, filled: bool | None = None, gas_known: bool = True) -> Outcomes:
    """Consistent outcomes that pass every gate, over 60 blocks, in either numeraire and at any price."""
    window_blocks = draw(st.sampled_from((1, 2, 5)))
    rng = Random(draw(st.integers(0, 2**64)))
    rows = odd_orders(rng, window_blocks, filled=filled, gas_known=gas_known)
    windows = sorted({row.window for row in rows})
    bots = {
        window: Flow(rng.randint(-(10**20), 10**20), rng.randint(-(10**20), 10**20))
        for window in windows
        if rng.random() < 0.2
    }
    return outcomes(
        rows,
        window_blocks=window_blocks,
        last_block=BLOCKS - 1,
        sandwiched=bots,
        price=Fraction(rng.randint(1, 10**20), rng.randint(1, 10**20)),
        in_token0=draw(st.booleans()),
        unsound=[window for window in windows if rng.random() < 0.1],
    )
