"""How fast history replays on one core, for v2 and v3, beside the floor of the same run.

The floor is the EVM's own time for the same swaps: a loop inside one call, with no Python between them. The audit's
loop calls the pool once an event, compares every number and keeps every slot that changed. Rounds alternate, so that
whatever else the machine does falls on all of them alike.

    python benchmarks/replay.py [--events 4000] [--rounds 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.records import Pool, PoolState, Swap, TickLiquidity, Token
from verify.abi import address_word, selector, word
from verify.audit import replay
from verify.compile import compile_trusted
from verify.slots import balance_slot
from verify.venues import OPERATOR
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.records import VenueKind

SWAPS_A_BLOCK = 500
BLOCK_SECONDS = 12
USD = Token("0x" + "a0" * 20, "USD", 6)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
USD_PER_ETH = 2270


@dataclass(frozen=True, slots=True)
class Workload:
    """Swaps that a pool executed, from an initial state to an end price."""

    kind: VenueKind
    state: PoolState
    events: tuple[Swap, ...]
    end_price: int


def initial_state(kind: VenueKind) -> PoolState:
    """A pool of about the depth and shape of the mainnet USDC/WETH pools of 2024-01-05."""
    if kind == "v2":
        pool = Pool("v2", 1, "0x" + "b2" * 20, USD, ETH, fee_pips=3000)
        return PoolState(pool, None, reserve0=USD_PER_ETH * 13_200 * 10**6, reserve1=13_200 * 10**18)
    pool = Pool("v3", 1, "0x" + "b3" * 20, USD, ETH, fee_pips=500, tick_spacing=10)
    step, middle = 3 * 10**17, 199040
    ticks = [TickLiquidity(middle + 10 * i, step if i <= 0 else -step) for i in range(-39, 41)]
    return PoolState(
        pool,
        None,
        sqrt_price_x96=1662995104975155420368771254341874,
        tick=199045,
        liquidity=40 * step,
        ticks=tuple(ticks),
    )


def make_workload(kind: VenueKind, count: int, generator: random.Random) -> Workload:
    """Lognormal sizes in blocks of two swaps, as that pool had them, drawn back to the first price."""
    state = initial_state(kind)
    world = World.build(state)
    first_price = world.price()
    events = []
    for i in range(count):
        usd = min(generator.lognormvariate(8.07, 1.8), 500_000)
        zero_for_one = generator.random() < (0.65 if world.price() > first_price else 0.35)
        amount = int(usd * 10**6) if zero_for_one else int(usd / USD_PER_ETH * 10**18)
        block, timestamp = block_of(i)
        world.evm.set_block(block, timestamp)
        result = world.swap(zero_for_one, amount)
        amounts = (result.spent, -result.received) if zero_for_one else (-result.received, result.spent)
        events.append(Swap(i, block, timestamp, f"0x{i:064x}", 0, i, *amounts, fee_pips=world.fee_pips, **after(world)))
    return Workload(kind, state, tuple(events), world.price())


def block_of(i: int) -> tuple[int, int]:
    """(number, timestamp) of the i-th swap's block."""
    number = 1000 + i // SWAPS_A_BLOCK
    return number, number * BLOCK_SECONDS


def after(world: World) -> dict[str, Any]:
    """What a swap's event tells of the pool after it."""
    if world.state.pool.kind == "v2":
        reserves = world.capture()
        return {
            "reserve0": reserves[world.token0, balance_slot(world.pool)],
            "reserve1": reserves[world.token1, balance_slot(world.pool)],
        }
    return {"sqrt_price_x96": world.price(), "liquidity": world.liquidity(), "tick": world.tick()}


def floor_seconds(load: Workload) -> float:
    """The swaps inside the EVM alone."""
    world = World.build(load.state)
    contract = compile_trusted(["harness/Floor.sol"])[f"Floor{load.kind.upper()}"]
    arguments = b"".join(map(address_word, (world.pool, world.token0, world.token1, OPERATOR)))
    floor = world.install(contract.creation_code + arguments)
    world.fund([floor], [])
    calls = floor_calls(load)
    with world.anchor():
        started = time.process_time()
        for i, call in enumerate(calls):
            world.evm.set_block(*block_of(i * SWAPS_A_BLOCK))
            world.evm.call(floor, call, sender=OPERATOR, gas=2**62)
        seconds = time.process_time() - started
        assert world.price() == load.end_price, "the floor did not make the history's swaps"
    return seconds


def floor_calls(load: Workload) -> list[bytes]:
    """Calldata of the floor's loop, in calls of `SWAPS_A_BLOCK`."""
    calls = []
    for start in range(0, len(load.events), SWAPS_A_BLOCK):
        part = load.events[start : start + SWAPS_A_BLOCK]
        words = b"".join(word(e.amount0 if e.zero_for_one else -e.amount1) for e in part)
        calls.append(selector("run(int256[])") + word(32) + word(len(part)) + words)
    return calls


def audit_seconds(load: Workload) -> float:
    """The audit's loop, from a world at the initial state."""
    world = World.build(load.state)
    started = time.process_time()
    results, trace = replay(world, load.events)
    seconds = time.process_time() - started
    assert all(exact for exact, _, _ in results), "the audit found a difference"
    assert len(trace) == len(load.events)
    return seconds


def lasting_seconds(load: Workload) -> float:
    """Each event by itself, on cold state, its result written back into the database."""
    world = World.build(load.state)
    started = time.process_time()
    for event in load.events:
        world.apply(event)
    seconds = time.process_time() - started
    assert world.price() == load.end_price
    return seconds


LOOPS: dict[str, Callable[[Workload], float]] = {
    "floor": floor_seconds,
    "audit": audit_seconds,
    "one by one, cold": lasting_seconds,
}


def measure(kind: VenueKind, count: int, rounds: int) -> dict[str, Any]:
    """Events a second of every loop, and their ratios to the floor of the same round."""
    load = make_workload(kind, count, random.Random(20240105))  # noqa: S311 - seeded, for repeatable data
    seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
    for loop in LOOPS.values():
        loop(load)  # compiles, and fills caches
    for _ in range(rounds):
        for name, loop in LOOPS.items():
            seconds[name].append(loop(load))
    rows = {}
    for name, taken in seconds.items():
        ratios = [floor / own for floor, own in zip(seconds["floor"], taken, strict=True)]
        rows[name] = {
            "events_per_second": round(count / statistics.median(taken)),
            "ratio_to_floor": round(statistics.median(ratios), 3),
            "ratio_low": round(min(ratios), 3),
            "ratio_high": round(max(ratios), 3),
        }
    return {"kind": kind, "events": count, "rounds": rounds, "loops": rows}


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [measure(kind, options.events, options.rounds) for kind in ("v2", "v3")]
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for result in results:
        print(f"{result['kind']}: {result['events']} swaps, median of {result['rounds']} alternating rounds")
        for name, row in result["loops"].items():
            print(
                f"  {name:18} {row['events_per_second']:>7,} events/s   "
                f"{row['ratio_to_floor']:.2f} × floor ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
            )


if __name__ == "__main__":
    main()
