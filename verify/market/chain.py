"""The simulated chain: the one place that touches the world, and the log book of what happened in it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from verify.evm import Reverted
from verify.market.opening import initial_state
from verify.market.pools import PoolPort, PortV2, PortV3
from verify.market.wishes import Provide, Trade, Withdraw
from verify.venues import OPERATOR, SwapResult, labelled_address
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from verify.evm import Slots
    from verify.market.config import MarketConfig
    from verify.market.pools import Log
    from verify.market.wishes import Wish

_DEADLINE_SECONDS = 1200


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log of the pool with its place on the chain and what its transaction cost."""

    block_number: int
    timestamp: int
    tx_hash: str
    tx_index: int
    log_index: int
    topics: tuple[str, ...]
    data: str
    gas_used: int
    gas_price_wei: int


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One swap's class and limit, as only a simulator can know them."""

    tx_hash: str
    trade: Trade


@dataclass(slots=True)
class Book:
    """Everything that happened, in order; ``reverted`` orders are in no log, as on a real chain."""

    logs: list[LogRow] = field(default_factory=list)
    truths: list[TruthRow] = field(default_factory=list)
    reverted: int = 0


class Chain:
    """One pool's world in which transactions are executed one by one, each on cold storage.

    To agents it is an `AskedPool`; only the simulation calls `begin` and `execute`.
    """

    def __init__(self, config: MarketConfig) -> None:
        self._config = config
        self._seal = f"pactsmith:market:{config.name}:{config.seed}"
        self.state = initial_state(config, labelled_address(f"market:{config.name} pool"))
        world = self.world = World.build(self.state)
        self.port: PoolPort = (PortV3 if config.pool.kind == "v3" else PortV2)(world, config)
        self._codes = {True: world.evm.code(world.router), False: world.evm.code(world.driver)}
        self._accounts: set[tuple[str, str | None]] = set()
        self.book = Book()
        self.block_number = 0
        self.gas_price_wei = 0
        self._tx_index = 0
        self._log_index = 0

    def begin(self, block_number: int, timestamp: int, gas_price_wei: int) -> None:
        """Starts the next block."""
        self.world.evm.set_block(block_number, timestamp)
        self.block_number = block_number
        self.gas_price_wei = gas_price_wei
        self._tx_index = self._log_index = 0

    # ------------------------------------------------------------------ what agents may look at

    def quote(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """What a trade would do now."""
        return self.world.quote(zero_for_one, amount_in)

    @contextmanager
    def supposing(self) -> Iterator[Callable[[bool, int], SwapResult]]:
        """Yields a function of (zero for one, amount in) that trades; all that was traded inside is undone."""
        with self.world.anchor():
            yield self.world.swap

    def gas_of(self, wish: Trade) -> int:
        """What the trade's transaction would use now.

        Raises:
            Reverted: It would fail.
        """
        self._prepare(wish)
        call = self._call(wish)
        with self.world.anchor():
            self.world.evm.call(wish.contract, call, sender=wish.trader or OPERATOR)
            return self.world.evm.gas_used

    def amount_to(self, target: Fraction) -> tuple[bool, int]:
        """See `PoolPort.amount_to`."""
        return self.port.amount_to(target)

    def provision(self, contract: str, value: int, half_width: int) -> Provide:
        """See `AskedPool`."""
        return self.port.provision(contract, value, half_width)

    def narrow_provision(self, contract: str, share: Fraction) -> Provide:
        """See `AskedPool`."""
        return self.port.narrow_provision(contract, share)

    def withdrawal(self, provided: Provide) -> Withdraw:
        """See `AskedPool`."""
        return Withdraw(provided.contract, provided.tick_lower, provided.tick_upper, self.port.holding(provided))

    # ------------------------------------------------------------------ what the simulation does

    def execute(self, wish: Wish) -> SwapResult | None:
        """Runs one transaction for good and books its logs; None where it reverted, which leaves no trace but a count.

        Args:
            wish: A trade that gets less than its limit reverts: in the router, or in the trader's own contract.
        """
        self._prepare(wish)
        if isinstance(wish, Trade):
            return self._trade(wish)
        call = self.port.provide_call(wish) if isinstance(wish, Provide) else self.port.withdraw_call(wish)
        with self.world.anchor():
            self.world.evm.call(wish.contract, call, sender=OPERATOR)
            logs, gas_used = self.world.evm.logs, self.world.evm.gas_used
            changed = self._values([*self.port.liquidity_slots(wish), *self._balances(wish.contract)])
        self.world.update(changed)
        self._write(logs, gas_used)
        return None

    def _trade(self, wish: Trade) -> SwapResult | None:
        world, evm = self.world, self.world.evm
        mark = world.venue.mark()  # read outside the anchor: inside, it would make the pool's first slot warm
        call = self._call(wish)
        with world.anchor():
            try:
                evm.call(wish.contract, call, sender=wish.trader or OPERATOR)
            except Reverted:
                self._revert()
                return None
            logs, gas_used = evm.logs, evm.gas_used
            sold, bought = self.port.amounts(logs)
            if bought < wish.min_out:
                self._revert()
                return None
            changed = world.venue.changed_by_swap(mark, wish.zero_for_one)
            changed |= self._values(self._balances(wish.trader or wish.contract))
        world.update(changed)
        self.book.truths.append(TruthRow(self._tx_hash(), wish))
        self._write(logs, gas_used)
        return SwapResult(sold, bought)

    def _call(self, wish: Trade) -> bytes:
        if wish.trader is None:
            return self.port.trade_call(wish.zero_for_one, wish.amount_in)
        deadline = self.world.evm.timestamp + _DEADLINE_SECONDS
        return self.world.venue.router_call(wish.trader, wish.zero_for_one, wish.amount_in, wish.min_out, deadline)

    def _revert(self) -> None:
        self.book.reverted += 1
        self._tx_index += 1

    def _write(self, logs: list[Log], gas_used: int) -> None:
        evm, tx_hash = self.world.evm, self._tx_hash()
        for i, (address, topics, data) in enumerate(logs):
            if address == self.world.pool:
                self.book.logs.append(
                    LogRow(
                        evm.block_number,
                        evm.timestamp,
                        tx_hash,
                        self._tx_index,
                        self._log_index + i,
                        tuple("0x" + topic.hex() for topic in topics),
                        "0x" + data.hex(),
                        gas_used,
                        self.gas_price_wei,
                    )
                )
        self._log_index += len(logs)
        self._tx_index += 1

    def _tx_hash(self) -> str:
        return "0x" + keccak(f"{self._seal}:{self.block_number}:{self._tx_index}".encode()).hex()

    def _prepare(self, wish: Wish) -> None:
        """Puts the contract's code and the trader's tokens in place at their first use."""
        trader = wish.trader if isinstance(wish, Trade) else None
        if (wish.contract, trader) in self._accounts:
            return
        if (wish.contract, None) not in self._accounts:
            self.world.evm.set_code(wish.contract, self._codes[trader is not None])
            self._accounts.add((wish.contract, None))
        if trader is None:
            self.world.fund([wish.contract], [])
        else:
            self.world.fund([trader], [wish.contract])
        self._accounts.add((wish.contract, trader))

    def _balances(self, owner: str) -> list[tuple[str, int]]:
        world = self.world
        tokens, holders = (world.token0, world.token1), (owner, world.pool)
        return [world.balance_key(token, holder) for token in tokens for holder in holders]

    def _values(self, keys: list[tuple[str, int]]) -> Slots:
        storage = self.world.evm.storage
        return {key: storage(*key) for key in keys}
