"""What liquidity that only arbitrage trades with loses, as blocks get shorter, beside the closed form σ²/8.

A price without drift moves in every block; nobody but the arbitrageur trades; gas is free. Each world is a free-running
replay of a history without orders, on the genuine pair (0.3 %) and on a genuine v3 pool (0.05 %) with one position over
all prices. The loss before fees is what the pool's balances say, each trade at its own block's price, less the fees.

    python benchmarks/lvr.py [--days 10] [--paths 4] [--volatility 0.05] [--svg docs/images/lvr.svg] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from ingest.records import History, LiquidityEvent, Pool, PoolState, PricePoint, TickLiquidity, Token
from verify.baselines import Baseline
from verify.free.loss import arbitrage_loss
from verify.free.market import FreeMarket
from verify.free.replay import without_mechanism
from verify.plan import Reading
from verify.reference import Reference
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import VenueKind

DAY = 86_400
START_TS = 1_704_412_800
BLOCK_SECONDS = (43_200, 7_200, 1_800, 300, 60, 12)
TOKENS = Token("0x" + "a0" * 20, "T0", 18), Token("0x" + "c0" * 20, "T1", 18)
DEPTH = 10**25
NO_ORDERS = Baseline(Reading({}, {}, frozenset(), ()), {}, {})


@dataclass(frozen=True, slots=True)
class Point:
    """One pool at one block time; shares of σ²/8 of the pool's value over all the time, one a path.

    ``lost`` is the liquidity providers' loss before fees, ``banded`` what `banded` says of it for the same paths,
    ``kept`` what of it the arbitrageur has after fees.
    """

    kind: VenueKind
    block_seconds: int
    lost: tuple[float, ...]
    banded: tuple[float, ...]
    kept: tuple[float, ...]
    trades: int
    blocks: int
    cpu_seconds: float


def opening(kind: VenueKind) -> PoolState:
    """A pool with as much of one token as of the other, at price 1."""
    if kind == "v2":
        return PoolState(Pool("v2", 1, "0x" + "b2" * 20, *TOKENS, fee_pips=3000), None, reserve0=DEPTH, reserve1=DEPTH)
    ends = TickLiquidity(-887_270, DEPTH), TickLiquidity(887_270, -DEPTH)
    pool = Pool("v3", 1, "0x" + "b3" * 20, *TOKENS, fee_pips=500, tick_spacing=10)
    return PoolState(pool, None, sqrt_price_x96=1 << 96, tick=0, liquidity=DEPTH, ticks=ends)


def history(state: PoolState, prices: Sequence[float], block_seconds: int) -> History:
    """Nothing happens but the price; an event that moves nothing stands at either end."""
    points = tuple(PricePoint(START_TS + block_seconds * i, f"{price:.15f}") for i, price in enumerate(prices))
    ends = (0, len(points) - 1)
    events = tuple(
        LiquidityEvent(seq, "collect", block, points[block].ts, f"0x{seq:064x}", 0, 0) for seq, block in enumerate(ends)
    )
    return History("driftless", "0" * 64, "simulated", state, events, prices=points, price_source="a martingale")


def driftless(steps: int, step: float, random: np.random.Generator) -> Sequence[float]:
    """A martingale from 1 in lognormal steps."""
    path: Sequence[float] = np.exp(np.cumsum(step * random.standard_normal(steps) - step**2 / 2)).tolist()
    return path


def banded(prices: Sequence[float], fee_pips: int) -> float:
    """The loss before fees in doubles, for a pool that follows the price at the distance of its fee; in token1.

    On x·y = k of value V, going from ln(P/p) = D to the distance f takes V·(cosh(D/2) − cosh(f/2)) before fees.
    """
    edge = -math.log(1 - fee_pips / 10**6)
    pool = lost = 0.0
    for price in prices:
        log = math.log(price)
        if abs(log - pool) > edge:
            lost += 2 * DEPTH * math.sqrt(price) * (math.cosh((log - pool) / 2) - math.cosh(edge / 2))
            pool = log - math.copysign(edge, log - pool)
    return lost


def measure(kind: VenueKind, block_seconds: int, days: float, paths: int, volatility: float) -> Point:
    """Some paths of one pool at one block time."""
    steps = int(days * DAY / block_seconds)
    lost, in_doubles, kept = [], [], []
    trades = 0
    started = time.process_time()
    for seed in range(paths):
        random = np.random.default_rng([seed, block_seconds])
        prices = driftless(steps, volatility * math.sqrt(block_seconds / DAY), random)
        state = opening(kind)
        happened = history(state, prices, block_seconds)
        reference = Reference(happened)
        run = without_mechanism(FreeMarket(happened, NO_ORDERS, reference), World.build(state))
        loss = arbitrage_loss(run, reference)
        value = 2 * DEPTH * fmean(map(math.sqrt, prices))  # in token1; fees add too little to see
        expected = volatility**2 / 8 * days * value
        lost.append(float(loss.before_fees) / expected)
        in_doubles.append(banded(prices, state.pool.fee_pips) / expected)
        kept.append(float(loss.before_fees - loss.fees) / expected)
        trades += len(run.arbitrages)
    seconds = time.process_time() - started
    return Point(kind, block_seconds, tuple(lost), tuple(in_doubles), tuple(kept), trades, steps * paths, seconds)


# ---------------------------------------------------------------------- the plot

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 64, 190, 24, 52
COLOURS = {"v2": "#1f5fa8", "v3": "#c2571a"}
NAMES = {"v2": "v2 pair, 0.3 %", "v3": "v3 pool, 0.05 %"}
Y_MOST = 1.5


def svg(points: Sequence[Point], note: str) -> str:
    """Shares of σ²/8 over the block time, on a logarithmic axis with shorter blocks to the right."""
    longest, shortest = math.log(max(BLOCK_SECONDS)), math.log(min(BLOCK_SECONDS))

    def x(seconds: float) -> float:
        return LEFT + (longest - math.log(seconds)) / (longest - shortest) * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - min(share, Y_MOST) / Y_MOST * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1, 1.25):
        line = 'stroke="#333333" stroke-dasharray="6 3"' if share == 1 else 'stroke="#e2e2e2"'
        parts.append(f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" {line}/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:g}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y(1) + 4:.1f}">σ²/8</text>')
    for seconds in BLOCK_SECONDS:
        name = f"{seconds} s" if seconds < 60 else f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"
        parts.append(f'<text x="{x(seconds):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{name}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 14}" text-anchor="middle">time between blocks</text>')
    parts.append(
        f'<text transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">'
        "share of σ²/8 · pool value · time</text>"
    )
    for row, (kind, solid) in enumerate((kind, solid) for kind in COLOURS for solid in (True, False)):
        chosen = [(p.block_seconds, p.lost if solid else p.kept) for p in points if p.kind == kind]
        parts += _series([(x(s), [y(v) for v in shares], y(fmean(shares))) for s, shares in chosen], kind, solid=solid)
        at = TOP + 20 + 34 * row
        dash = "" if solid else ' stroke-dasharray="3 3"'
        what = "lost before fees" if solid else "arbitrageur keeps"
        parts.append(
            f'<path d="M{WIDTH - RIGHT + 8} {at + 110}h22" stroke="{COLOURS[kind]}" stroke-width="2"{dash}/>'
            f'<text x="{WIDTH - RIGHT + 36}" y="{at + 108}">{NAMES[kind]}</text>'
            f'<text x="{WIDTH - RIGHT + 36}" y="{at + 122}" fill="#666666">{what}</text>'
        )
    parts.append(f'<text x="{LEFT}" y="{TOP - 8}" fill="#666666">{note}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _series(entries: Sequence[tuple[float, Sequence[float], float]], kind: str, *, solid: bool) -> list[str]:
    colour = COLOURS[kind]
    fill = colour if solid else "#ffffff"
    dash = "" if solid else ' stroke-dasharray="3 3"'
    way = "L".join(f"{x:.1f} {mean:.1f}" for x, _, mean in entries)
    drawn = [f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>']
    for x, ys, mean in entries:
        drawn.append(f'<path d="M{x:.1f} {min(ys):.1f}V{max(ys):.1f}" stroke="{colour}" stroke-opacity="0.5"/>')
        drawn.append(f'<circle cx="{x:.1f}" cy="{mean:.1f}" r="3" fill="{fill}" stroke="{colour}"/>')
    return drawn


def main() -> None:
    """Prints a table or JSON, and writes the plot where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=10)
    parser.add_argument("--paths", type=int, default=4)
    parser.add_argument("--volatility", type=float, default=0.05, help="standard deviation of a day's logarithmic move")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds: tuple[VenueKind, ...] = ("v2", "v3")
    points = [
        measure(kind, seconds, options.days, options.paths, options.volatility)
        for kind in kinds
        for seconds in BLOCK_SECONDS
    ]
    rows: list[dict[str, Any]] = [
        {
            "kind": point.kind,
            "block_seconds": point.block_seconds,
            "lost": round(fmean(point.lost), 4),
            "lost_low": round(min(point.lost), 4),
            "lost_high": round(max(point.lost), 4),
            "same_paths_in_doubles": round(fmean(point.banded), 4),
            "arbitrageur_keeps": round(fmean(point.kept), 4),
            "trades": point.trades,
            "blocks_per_second": round(point.blocks / point.cpu_seconds),
        }
        for point in points
    ]
    if options.svg:
        note = f"{options.volatility:.0%} a day, {options.days:g} days, {options.paths} paths: mean, lowest and highest"
        options.svg.write_text(svg(points, note), encoding="utf-8")
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"shares of σ²/8 over {options.days:g} days, {options.paths} paths, {options.volatility:.0%} a day")
    for row in rows:
        print(
            f"  {row['kind']} {row['block_seconds']:>6} s   lost {row['lost']:.3f} ({row['lost_low']:.3f} to "
            f"{row['lost_high']:.3f}; in doubles {row['same_paths_in_doubles']:.3f})   "
            f"arbitrageur keeps {row['arbitrageur_keeps']:.3f}   "
            f"{row['trades']:>6,} trades   {row['blocks_per_second']:>7,} blocks/s"
        )


if __name__ == "__main__":
    main()
