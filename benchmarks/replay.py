"""How fast history replays on one core, for v2 and v3, beside the floor of the same run.

The floor is the EVM's own time for the same swaps: a loop inside one call, with no Python between them. The audit's
loop calls the pool once an event, compares every number and keeps every slot that changed. A settlement moves the world
to another state, settles signed orders through the kernel on cold storage, and is undone. Rounds alternate, so that
whatever else the machine does falls on all of them alike; times are CPU seconds of this one process.

    python benchmarks/replay.py [--events 4000] [--rounds 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from coincurve import PrivateKey

from ingest.records import Pool, PoolState, Swap, TickLiquidity, Token
from verify import kernel
from verify.abi import address_word, selector, word
from verify.audit import replay
from verify.compile import compile_rule, compile_trusted, constructor_data
from verify.contracts import contracts_dir
from verify.orders import SignedOrder, domain_separator, order_words, read_fills, settle_signed_calldata, sign
from verify.venues import OPERATOR
from verify.world import World, accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.records import VenueKind

SWAPS_A_BLOCK = 500
ORDERS_A_BATCH = 20
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
            "reserve0": reserves[world.balance_key(world.token0, world.pool)],
            "reserve1": reserves[world.balance_key(world.token1, world.pool)],
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


def settle_seconds(load: Workload, rule: str) -> float:
    """As many orders as there are events, in signed batches of `ORDERS_A_BATCH`, each on one of two states."""
    source = (contracts_dir() / "templates" / f"{rule}.sol").read_text(encoding="utf-8")
    world = World.build(load.state)
    rule_address = world.install(constructor_data(compile_rule(source), {}))
    venue = (world.pool, 2 if load.kind == "v2" else 3)
    settlement = world.install(kernel.creation(rule_address, [venue]))
    traders = accounts(ORDERS_A_BATCH)
    world.fund((address for address, _ in traders), [settlement])
    calldata = settle_signed_calldata(signed_orders(load, world, settlement, traders))
    here = world.capture()
    with world.anchor():
        world.swap(True, 10**9)
        there = world.capture()
    moves = [{key: state[key] for key in here if here[key] != there[key]} for state in (there, here)]
    world.evm.set_block(*block_of(0))
    started = time.process_time()
    for i in range(len(load.events) // ORDERS_A_BATCH):
        world.update(moves[i % 2])
        with world.anchor():
            output = world.evm.call(settlement, calldata, sender=OPERATOR, gas=2**62)
    seconds = time.process_time() - started
    assert all(sold for sold, _ in read_fills(output, ORDERS_A_BATCH)), "an order was left unfilled"
    return seconds


def signed_orders(
    load: Workload, world: World, settlement: str, traders: Sequence[tuple[str, bytes]]
) -> list[SignedOrder]:
    """The history's first swaps as orders without a limit."""
    domain = domain_separator(load.state.pool.chain_id, settlement)
    tokens = (world.token0, world.token1)
    signed = []
    for event, (trader, key) in zip(load.events, traders, strict=False):
        sell, buy = tokens if event.zero_for_one else tokens[::-1]
        words = order_words(
            trader=trader,
            sell_token=sell,
            buy_token=buy,
            sell_amount=event.amount_in,
            min_buy_amount=0,
            nonce=0,
            valid_to=2**63,
            placed_at=event.block_ts,
        )
        signed.append(sign(words, PrivateKey(key), domain))
    return signed


LOOPS: dict[str, Callable[[Workload], float]] = {
    "floor": floor_seconds,
    "audit": audit_seconds,
    "one by one, cold": lasting_seconds,
    "settle: CallAuction": lambda load: settle_seconds(load, "CallAuction"),
    "settle: Sequential": lambda load: settle_seconds(load, "Sequential"),
}


def measure(kind: VenueKind, count: int, rounds: int) -> dict[str, Any]:
    """Events or orders a second of every loop, and their ratios to the floor of the same round."""
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
            "per_second": round(count / statistics.median(taken)),
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
        print(f"{result['kind']}: {result['events']} swaps or orders, median of {result['rounds']} alternating rounds")
        for name, row in result["loops"].items():
            unit = "orders" if name.startswith("settle") else "events"
            print(
                f"  {name:20} {row['per_second']:>7,} {unit}/s   "
                f"{row['ratio_to_floor']:.2f} × floor ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
            )


if __name__ == "__main__":
    main()
