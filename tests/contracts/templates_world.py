"""Genuine pools with the real kernel and one of the reference rules, for the tests of those rules."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import strategies as st

from ingest.records import Pool, PoolState, TickLiquidity, Token
from verify import orders as wire
from verify.admission import admit
from verify.compile import Artifact, compile_trusted, constructor_data
from verify.contracts import contracts_dir
from verify.kernel import VENUES_TYPE, Trail, named, read_trail
from verify.templates import load_template
from verify.venues import OPERATOR, SwapResult, labelled_address
from verify.venues.v4_deploy import pool_id
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

Q96 = 1 << 96
PIPS = 10**6
SETTLE_GAS = 200_000_000
RESIDUE = keccak(b"Residue(address,uint256)")
TRADERS = [labelled_address(f"templates trader {i}") for i in range(40)]


@dataclass(frozen=True)
class Ask:
    """What one trader wants: to sell ``amount`` of token0 (or token1) for at least ``limit`` of the other."""

    sells0: bool
    amount: int
    limit: int = 0
    partial: bool = False


@dataclass(frozen=True)
class Settled:
    """``fills`` is (sold, bought) in the order of the asks, whatever order they were given to the rule in."""

    fills: tuple[tuple[int, int], ...]
    gas: int
    trail: Trail
    residue: tuple[int, int]
    received: tuple[int, int]
    """What the pool paid for the trades, by token."""
    price: int


@functools.cache
def artifact_of(rule: str) -> Artifact:
    template = load_template(contracts_dir() / "templates" / f"{rule}.sol")
    return admit(template.source, file=template.file.name)


class Market:
    """One pool and, for each rule that is asked for, a kernel that is allowed to sell for every trader."""

    def __init__(self, state: PoolState) -> None:
        self.world = World.build(state)
        self.tokens = (self.world.token0, self.world.token1)
        self.kept = Fraction(PIPS - state.pool.fee_pips, PIPS)
        self.fee_pips = state.pool.fee_pips
        self.kind = state.pool.kind
        self._kernels: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}

    @property
    def sqrt_price(self) -> int:
        return self.world.price()

    def depth(self, *, of0: bool) -> int:
        """The virtual reserve of a token at the price."""
        liquidity, root = self.world.liquidity(), self.sqrt_price
        return liquidity * Q96 // root if of0 else liquidity * root // Q96

    def quote(self, sells0: bool, amount: int) -> SwapResult:
        return self.world.quote(sells0, amount)

    def kernel(self, rule: str, **parameters: int) -> str:
        key = (rule, tuple(sorted(parameters.items())))
        if key not in self._kernels:
            address = self.world.install(constructor_data(artifact_of(rule), parameters))
            code = compile_trusted(["kernel/HarnessSettlement.sol"])["HarnessSettlement"].creation_code
            venues = [named(self.world.venue)]
            arguments = encode(["address", VENUES_TYPE, "address"], [address, venues, OPERATOR])
            self._kernels[key] = self.world.install(code + arguments)
            self.world.fund(TRADERS, [self._kernels[key]])
        return self._kernels[key]

    def settle(self, rule: str, asks: list[Ask], order: list[int] | None = None, **parameters: int) -> Settled:
        """One batch from the market's state; leaves no trace."""
        kernel = self.kernel(rule, **parameters)
        with self.world.anchor():
            return self.settle_on(kernel, asks, order)

    def settle_on(self, kernel: str, asks: list[Ask], order: list[int] | None = None, nonce: int = 0) -> Settled:
        """One batch inside the caller's anchor."""
        evm = self.world.evm
        order = list(range(len(asks))) if order is None else order
        before = self._held()
        words = [self._words(i, asks[i], nonce) for i in order]
        output = evm.call(kernel, wire.settle_harness_calldata(words), sender=OPERATOR, gas=SETTLE_GAS)
        gas, logs = evm.gas_used, evm.logs
        fills = dict(zip(order, wire.read_fills(output, len(asks)), strict=True))
        trail = read_trail(logs, kernel, [self.world.pool], self.tokens[0])
        assert trail.dropped == 0
        residue = [0, 0]
        for address, topics, data in logs:
            if address == kernel and topics[0] == RESIDUE:
                residue["0x" + data[12:32].hex() != self.tokens[0]] += int.from_bytes(data[32:64], "big")
        after = self._held()
        received = tuple(before[i] - after[i] + trail.donated[i] + trail.traded_in[0][i] for i in (0, 1))
        in_order = tuple(fills[i] for i in range(len(asks)))
        return Settled(in_order, gas, trail, (residue[0], residue[1]), (received[0], received[1]), self.sqrt_price)

    def _held(self) -> tuple[int, int]:
        with self.world.evm.peek():
            held = [self.world.evm.storage(*self.world.balance_key(token, self.world.pool)) for token in self.tokens]
        return held[0], held[1]

    def _words(self, i: int, ask: Ask, nonce: int) -> bytes:
        sell, buy = self.tokens if ask.sells0 else self.tokens[::-1]
        return wire.order_words(
            trader=TRADERS[i],
            sell_token=sell,
            buy_token=buy,
            sell_amount=ask.amount,
            min_buy_amount=ask.limit,
            nonce=nonce,
            valid_to=2**60,
            placed_at=0,
            partially_fillable=ask.partial,
        )


def _record(kind: str, fee_pips: int, spacing: int) -> Pool:
    tokens = Token("0x" + "a0" * 20, "AAA", 18), Token("0x" + "b1" * 20, "BBB", 18)
    return Pool(kind, 1, "0x" + "c2" * 20, *tokens, fee_pips, spacing)


def v2(reserve0: int, reserve1: int) -> Market:
    return Market(PoolState(_record("v2", 3000, 0), None, reserve0=reserve0, reserve1=reserve1))


def v3(
    price: Fraction, ranges: list[tuple[int, int, int]], fee_pips: int = 500, spacing: int = 10, kind: str = "v3"
) -> Market:
    """A v3 or v4 pool with these positions (lower tick, upper tick, liquidity) at a price that lies inside its tick."""
    root = math.isqrt(price.numerator * Q96**2 // price.denominator)
    tick = math.floor(math.log(price) / math.log(1.0001))
    net: dict[int, int] = {}
    for lower, upper, liquidity in ranges:
        net[lower] = net.get(lower, 0) + liquidity
        net[upper] = net.get(upper, 0) - liquidity
    ticks = tuple(TickLiquidity(place, change) for place, change in sorted(net.items()) if change)
    held = sum(liquidity for lower, upper, liquidity in ranges if lower <= tick < upper)
    record = _record(kind, fee_pips, spacing)
    if kind == "v4":
        record = replace(record, address=pool_id(record))
    return Market(PoolState(record, None, root, tick, held, ticks))


END = 887_220
PEGGED = Fraction(10_001, 10_000) + Fraction(1, 10**6)  # tick 1
CHEAP = Fraction(10**18, 2_217 * 10**6) + Fraction(1, 3)  # a dollar of six decimals in ether: tick 199,2xx
DEAR = 1 / CHEAP


def _around(price: Fraction, spacing: int) -> int:
    return math.floor(math.log(price) / math.log(1.0001)) // spacing * spacing


def _two_layers(price: Fraction) -> Market:
    tick = _around(price, 10)
    return v3(price, [(-END, END, 10**18), (tick - 200, tick + 300, 2 * 10**19)])


_MARKETS: dict[str, Callable[[], Market]] = {
    "v3 wide": lambda: v3(PEGGED, [(-END, END, 10**21)], 3000, 60),
    # The liquidity changes every few ticks.
    "v3 steps": lambda: v3(PEGGED, [(-10, 10, 10**19), (-20, 30, 10**20), (-100, 80, 10**19), (-END, END, 10**18)]),
    # No liquidity at all between two ranges.
    "v3 gap": lambda: v3(
        PEGGED, [(-30, 20, 10**20), (60, 900, 10**20), (-900, -80, 10**20), (-END, -END + 10, 10**12)]
    ),
    "v3 cheap": lambda: _two_layers(CHEAP),
    "v3 dear": lambda: _two_layers(DEAR),
    # The liquidity ends.
    "v3 short": lambda: v3(PEGGED, [(-600, 600, 10**15)], 3000, 60),
    "v4 wide": lambda: v3(PEGGED, [(-END, END, 10**21)], 3000, 60, "v4"),
    "v2 even": lambda: v2(10**21, 3 * 10**21),
    "v2 cheap": lambda: v2(2 * 10**13, 10**22),
    "v2 small": lambda: v2(10**6, 10**6),
}
NAMES = tuple(_MARKETS)


@functools.cache
def market(name: str) -> Market:
    """The markets of the tests, each built once."""
    return _MARKETS[name]()


ENDLESS = ("v3 wide", "v4 wide", "v3 steps", "v3 cheap", "v3 dear", "v2 even", "v2 cheap")


def asks_in(name: str, *, most: int = 7, limits: bool = True) -> st.SearchStrategy[list[Ask]]:
    """Batches of comparable sizes on both sides: from 1e-8 to a tenth of the pool's depth, some of one unit.

    A limit is what the order alone would get now, less 0.5 % or another slack; negative slack asks for more than that.
    """
    here = market(name)
    depths = {sells0: here.depth(of0=sells0) for sells0 in (True, False)}
    slacks = st.sampled_from([-20, 0, 1, 4, 10, 50, 300, 10_000] if limits else [10_000])

    @st.composite
    def ask(draw: st.DrawFn) -> Ask:
        sells0 = draw(st.booleans())
        scale = draw(st.integers(1, 999)) * 10 ** draw(st.integers(0, 4))
        amount = max(1, depths[sells0] * scale // 10**8) if draw(st.integers(0, 15)) else draw(st.integers(1, 3))
        alone = here.quote(sells0, amount).received
        return Ask(sells0, amount, alone * (10_000 - draw(slacks)) // 10_000, draw(st.booleans()))

    return st.lists(ask(), min_size=1, max_size=most)


def named_batches(names: tuple[str, ...] = ENDLESS, **options: object) -> st.SearchStrategy[tuple[str, list[Ask]]]:
    """(market, batch)."""
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), asks_in(name, **options)))


@dataclass(frozen=True)
class Sides:
    """The heavier side of a batch against a pool: independent of the rules, in exact fractions."""

    heavy0: bool
    heavy: int
    light: int
    bound: int
    """0 where the balance price lies between the pool's bid and ask."""


def weigh(here: Market, asks: list[Ask]) -> Sides:
    total0 = sum(ask.amount for ask in asks if ask.sells0)
    total1 = sum(ask.amount for ask in asks if not ask.sells0)
    price = Fraction(here.sqrt_price**2, Q96**2)
    surplus0 = total0 - total1 / (price * here.kept)  # of token0, at the pool's bid
    surplus1 = total1 - total0 * price / here.kept
    if surplus0 > 0:
        return Sides(True, total0, total1, math.floor(surplus0))
    return Sides(False, total1, total0, max(0, math.floor(surplus1)))


def largest(feasible: Callable[[int], bool], most: int) -> int:
    """The largest n up to ``most`` that is feasible, where all below it are: by bisection."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if feasible(middle):
            low = middle
        else:
            high = middle
    return low


def fills_at(asks: list[Ask], heavy0: bool, paid: int, heavy: int) -> list[tuple[int, int]]:
    """Everybody at the price paid / heavy, of the light token for one of the heavy one, rounded down."""
    return [
        (ask.amount, ask.amount * paid // heavy if ask.sells0 == heavy0 else ask.amount * heavy // paid) for ask in asks
    ]
