"""A rule on the real kernel and a genuine pool, ready to settle any batch under any circumstances."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from ingest.records import Pool, PoolState, TickLiquidity, Token
from verify import kernel
from verify.abi import address_word
from verify.bytecode import instructions
from verify.compile import compile_trusted
from verify.evm import ExecutionError, Halted, Reverted
from verify.orders import order_words, read_fills, settle_harness_calldata
from verify.replay import SETTLE_GAS
from verify.slots import mapping_slot
from verify.venues import OPERATOR, labelled_address
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from verify.compile import Contract
    from verify.evm import Evm, Slots
    from verify.ledger import Ledger
    from verify.properties.batches import Ask, Batch

_ALLOWANCES = 1  # Token.sol's slot
_UNLIMITED = (1 << 256) - 1
_VALID_TO = (1 << 64) - 1
_FULL_RANGE = 887_220
_Q96 = 1 << 96
USUAL_TOKENS = ("0x" + "a0" * 20, "0x" + "b1" * 20)
OTHER_TOKENS = ("0x" + "1f" * 20, "0x" + "e7" * 20)
"""The same pair under other addresses, in the same order."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a settlement meets beside its orders; none of it is a trader's will.

    ``traders`` are addresses in the orders' places; where they end, or None stands, an account of ``label`` follows.
    """

    block_number: int = 20_123_457
    timestamp: int = 1_720_000_019
    gas: int = SETTLE_GAS
    label: str = "trader"
    traders: tuple[str | None, ...] = ()

    def trader(self, place: int) -> str:
        """Who the order at a place is of."""
        named = self.traders[place] if place < len(self.traders) else None
        return named or _account(self.label, place)


@functools.lru_cache(maxsize=4096)
def _account(label: str, place: int) -> str:
    return labelled_address(f"{label} {place}")


USUAL = Circumstances()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a settlement did not take place: the error's name, and in words."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What one settlement did.

    ``fills`` are (sold, bought) an order, in the batch's order; with a ``fault`` they are empty. ``moved`` is each
    order's trader's change of (sell token, buy token); ``residue`` and ``pool`` are changes of (token0, token1).
    """

    fills: tuple[tuple[int, int], ...] = ()
    gas: int = 0
    residue: tuple[int, int] = (0, 0)
    pool: tuple[int, int] = (0, 0)
    donated: tuple[int, int] = (0, 0)
    moved: tuple[tuple[int, int], ...] = ()
    fault: Fault | None = None


@functools.lru_cache(maxsize=1)
def harness_kernel() -> Contract:
    """The kernel whose orders the driver vouches for: nothing else differs from the one that is deployed."""
    return compile_trusted(["kernel/HarnessSettlement.sol"])["HarnessSettlement"]


def _v2(reserve0: int, reserve1: int, decimals: tuple[int, int]) -> PoolState:
    return PoolState(_pool("v2", 3000, 0, decimals), None, reserve0=reserve0, reserve1=reserve1)


def _v3(liquidity: int) -> PoolState:
    """A pool with one range over all prices, at a price a little above tick 1."""
    ticks = TickLiquidity(-_FULL_RANGE, liquidity), TickLiquidity(_FULL_RANGE, -liquidity)
    root = 79_232_123_823_359_799_118_286_999_568  # sqrt(1.0001) * 2**96, rounded up into tick 1
    return PoolState(_pool("v3", 3000, 60, (18, 18)), None, root, 1, liquidity, ticks)


def _pool(kind: str, fee_pips: int, spacing: int, decimals: tuple[int, int]) -> Pool:
    token0, token1 = (Token(USUAL_TOKENS[i], name, decimals[i]) for i, name in enumerate(("AAA", "BBB")))
    return Pool(kind, 1, "0x" + "c2" * 20, token0, token1, fee_pips, spacing)  # type: ignore[arg-type]


MARKETS: dict[str, PoolState] = {
    "a v2 pair of 18 decimals": _v2(10**24, 3 * 10**24, (18, 18)),
    "a v3 pool": _v3(10**23),
    "a v2 pair of 6 and 18 decimals": _v2(2 * 10**13, 10**22, (6, 18)),
    "a v2 pair of 0 decimals": _v2(10**7, 10**6, (0, 0)),
}
"""Pools that rules are tried on, by what they are called in words; the first is the plainest."""

PLAINEST = next(iter(MARKETS))


class Bench:
    """One rule on one market; every settlement is undone unless it is one of a row.

    Args:
        market: One of `MARKETS`.
        creation_code: The rule's, with its constructor's arguments.
        tokens: The addresses of the market's two tokens.

    Raises:
        ExecutionError: The rule's constructor fails.
    """

    def __init__(self, market: str, creation_code: bytes, tokens: tuple[str, str] = USUAL_TOKENS) -> None:
        self.market = market
        state = MARKETS[market]
        token0, token1 = state.pool.token0, state.pool.token1
        record = replace(
            state.pool, token0=replace(token0, address=tokens[0]), token1=replace(token1, address=tokens[1])
        )
        self.world = World.build(replace(state, pool=record))
        self.tokens = tokens
        rule = self.world.install(creation_code)
        arguments = encode(
            ["address", kernel.VENUES_TYPE, "address"], [rule, [kernel.named(self.world.venue)], OPERATOR]
        )
        self._kernel = self.world.install(harness_kernel().creation_code + arguments)
        self.code = self.world.evm.code(rule)
        self._funded: set[str] = set()
        self._settled: dict[Batch, Settled] = {}
        root, liquidity = self.world.price(), self.world.liquidity()
        self.depths = liquidity * _Q96 // root, liquidity * root // _Q96

    @property
    def evm(self) -> Evm:
        """The machine that it all runs on."""
        return self.world.evm

    def alone(self, ask: Ask) -> int:
        """What the pool gives for an order by itself."""
        return self.world.quote(ask.sells_token0, ask.amount).received

    # ------------------------------------------------------------------ settling

    def settle(self, batch: Batch, circumstances: Circumstances = USUAL, order: Sequence[int] | None = None) -> Settled:
        """Settles a batch and undoes it; ``order`` are the places in which the rule is given its orders."""
        self.fund(circumstances.trader(place) for place in range(len(batch)))
        self.evm.set_block(circumstances.block_number, circumstances.timestamp)
        with self.evm.anchor():
            return self._settle(batch, circumstances, order or range(len(batch)), nonce=0)

    def usual(self, batch: Batch) -> Settled:
        """`settle` under the usual circumstances; each batch is settled once."""
        if batch not in self._settled:
            self._settled[batch] = self.settle(batch)
        return self._settled[batch]

    def within(self, batch: Batch) -> Settled:
        """Settles a batch inside the caller's anchor; its traders are funded."""
        return self._settle(batch, USUAL, range(len(batch)), nonce=0)

    def row(self, batches: Sequence[Batch]) -> Iterator[Settled]:
        """Settles one batch after the other, each on what those before it left; all is undone at the end."""
        self.fund(USUAL.trader(place) for batch in batches for place in range(len(batch)))
        with self.evm.anchor():
            for nonce, batch in enumerate(batches):
                self.evm.set_block(USUAL.block_number + nonce, USUAL.timestamp + 12 * nonce)
                yield self._settle(batch, USUAL, range(len(batch)), nonce)

    def fund(self, traders: Iterable[str]) -> None:
        """Gives accounts both tokens, which the kernel may take; outside of an anchor."""
        slots: Slots = {}
        for trader in {*traders} - self._funded:
            self._funded.add(trader)
            for token in self.tokens:
                ledger: Ledger = self.world.ledgers[token]
                slots[ledger.slot(trader)] = ledger.trader_funds
                allowed = mapping_slot(address_word(self._kernel), mapping_slot(address_word(trader), _ALLOWANCES))
                slots[token, allowed] = _UNLIMITED
        self.evm.rebase(slots)

    def _settle(self, batch: Batch, circumstances: Circumstances, order: Iterable[int], nonce: int) -> Settled:
        order = list(order)
        words = [self._words(batch[place], circumstances.trader(place), nonce) for place in order]
        holders = [self._kernel, self.world.pool, *(circumstances.trader(place) for place in range(len(batch)))]
        before = [self._held(holder) for holder in holders]
        try:
            output = self.evm.call(self._kernel, settle_harness_calldata(words), sender=OPERATOR, gas=circumstances.gas)
        except ExecutionError as error:
            return Settled(gas=error.gas_used, fault=_fault(error))
        gas = self.evm.gas_used
        trail = kernel.read_trail(self.evm.logs, self._kernel, [self.world.pool], self.tokens[0])
        given = dict(zip(order, read_fills(output, len(batch)), strict=True))
        changes = [_less(self._held(holder), held) for holder, held in zip(holders, before, strict=True)]
        moved = tuple(
            change if ask.sells_token0 else change[::-1] for ask, change in zip(batch, changes[2:], strict=True)
        )
        fills = tuple(given[place] for place in range(len(batch)))
        return Settled(fills, gas, changes[0], changes[1], trail.donated, moved)

    def _held(self, owner: str) -> tuple[int, int]:
        amount0, amount1 = (self.evm.storage(*self.world.balance_key(token, owner)) for token in self.tokens)
        return amount0, amount1

    def _words(self, ask: Ask, trader: str, nonce: int) -> bytes:
        sell, buy = self.tokens if ask.sells_token0 else self.tokens[::-1]
        return order_words(
            trader=trader,
            sell_token=sell,
            buy_token=buy,
            sell_amount=ask.amount,
            min_buy_amount=ask.limit,
            nonce=nonce,
            valid_to=_VALID_TO,
            placed_at=0,
            partially_fillable=ask.partially_fillable,
        )


def constants(code: bytes) -> tuple[int, ...]:
    """The numbers that stand in a rule's code: what it compares with is among them, and worth a try (ascending)."""
    found = set()
    for instruction in instructions(code):
        name = instruction.name or ""
        if name.startswith("PUSH") and name != "PUSH0":
            found.add(int.from_bytes(code[instruction.offset + 1 : instruction.offset + 1 + int(name[4:])], "big"))
    return tuple(sorted(found))


def _less(after: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
    return after[0] - before[0], after[1] - before[1]


def _fault(error: ExecutionError) -> Fault:
    if isinstance(error, Reverted):
        return Fault(*kernel.error_in_words(error.output))
    if isinstance(error, Halted) and error.reason.startswith("OutOfGas"):
        return Fault("OutOfGas", f"the settlement needs more than {SETTLE_GAS:,} gas")
    return Fault("Halted", str(error))
