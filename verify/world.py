"""The world of a pair's pools: genuine bytecode, tokens and traders at one state of history, cheap to set and to undo.

All storage lies in the EVM's database layer, so that the first call of an anchor meets it as cold as a transaction on
the chain does. `load` moves the world to another state by writing the slots that differ.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from coincurve import PrivateKey
from eth_hash.auto import keccak

from ingest.errors import InputError
from ingest.records import PoolState, Swap
from verify.abi import address_word, selector, word
from verify.evm import Evm, ExecutionError, Slots
from verify.ledger import plain
from verify.venues import OPERATOR, Applied, SwapResult, Venue, harness_contract, v2_deploy, v3_deploy, v4_deploy
from verify.venues.adopt import adopt_v2, adopt_v3, adopt_v4
from verify.venues.v2 import V2
from verify.venues.v3 import V3
from verify.venues.v4 import V4

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingest.records import Event, Pool, Token
    from verify.fork.base import ForkBase
    from verify.ledger import Ledger
    from verify.venues import Ledgers

FEE = -1
"""Not a storage slot: under ``(pool, FEE)`` slots carry the pool's fee in pips, where it is not the state's."""

_APPROVE = selector("approve(address,uint256)")
_UNLIMITED = (1 << 256) - 1
_LOWEST_TOKEN = 1 << 16  # below are precompiled contracts
_DEADLINE_SECONDS = 1200


class Opening(NamedTuple):
    """A pool as a world begins with it.

    ``separate_positions`` are those that `verify.venues.ranges.positions_needed` gives for its history.
    """

    state: PoolState
    separate_positions: Iterable[tuple[int, int, int]] = ()


class World:
    """A pool, others of its pair beside it, and their surroundings in one EVM; made by `build`.

    ``venues`` are all pools, ``venue`` is the first, which ``pool``, ``router``, ``driver`` and ``fee_pips`` speak of.

    ``ledgers`` tell where its tokens keep balances, by token.

    What is done inside `anchor` is undone at its end. Outside one, `swap`, `apply` and `router_swap` last: what they
    change goes into the database, and the next call finds it cold.
    """

    def __init__(self, evm: Evm, venues: Sequence[Venue], state: PoolState, ledgers: Ledgers) -> None:
        self.evm = evm
        self.venues = tuple(venues)
        self.venue = venue = self.venues[0]
        self.state = state
        self.pool = venue.pool
        self.router = venue.router
        self.driver = venue.driver
        self.token0 = state.pool.token0.address
        self.token1 = state.pool.token1.address
        self.ledgers = dict(zip((self.token0, self.token1), ledgers, strict=True))
        self._fees = [each.base_fee_pips for each in self.venues]
        self._places = {(each.pool, FEE): place for place, each in enumerate(self.venues)}
        self._base: Slots = {key: evm.storage(*key) for each in self.venues for key in each.watched()}
        self._moved: set[tuple[str, int]] = set()

    @classmethod
    def build(
        cls,
        state: PoolState,
        *,
        separate_positions: Iterable[tuple[int, int, int]] = (),
        beside: Iterable[Opening] = (),
        base: ForkBase | None = None,
    ) -> World:
        """A world at this state.

        Args:
            state: The pool with its price and ticks, or reserves.
            separate_positions: What `verify.venues.ranges.positions_needed` gives for the history.
            beside: Further pools of the same two tokens.
            base: The fork that has all of that, at these states: then pools and tokens are the chain's own. Without
                one, pools of genuine bytecode are made, and plain tokens.

        Raises:
            InputError: No pool can have this state, its tokens are not two ordered addresses, a pool beside it has
                others, one is a v4 pool with hooks or of the chain's own coin, or the fork has another state.
        """
        record = state.pool
        openings = [Opening(state, separate_positions), *beside]
        for opening in openings:
            if opening.state.pool.kind == "v4":
                v4_deploy.require_plain(opening.state.pool)
        low, high = (int(token.address, 16) for token in (record.token0, record.token1))
        if not _LOWEST_TOKEN < low < high:
            raise InputError(
                f"token0 {record.token0.address} must be below token1 {record.token1.address}", field="token0"
            )
        _require_one_pair([opening.state.pool for opening in openings])
        tokens = record.token0, record.token1
        evm = Evm(record.chain_id) if base is None else base.evm()
        ledger0, ledger1 = (_plain_token(evm, each) if base is None else base.ledger(each) for each in tokens)
        ledgers = ledger0, ledger1
        venues = [
            _made(evm, opening, ledgers) if base is None else _adopted(evm, opening, ledgers, base)
            for opening in openings
        ]
        return cls(evm, venues, state, ledgers)

    # ------------------------------------------------------------------ state

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Whatever is done inside leaves no trace."""
        with self.evm.anchor():
            yield

    def load(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Moves the world to the state that it was built at with these slots over it; `capture` gives such slots.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        for place, each in enumerate(self.venues):
            self.set_fee(each.base_fee_pips, place)
        self.evm.rebase({key: self._base.get(key, 0) for key in self._moved.difference(slots)})
        self._moved.clear()
        self.update(slots)

    def update(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Writes these slots, and the fee under ``(pool, FEE)``, over the state that the world is at.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        fees = self._places.keys() & slots.keys()
        for key in fees:
            self.set_fee(slots[key], self._places[key])
        if fees:
            slots = {key: value for key, value in slots.items() if key not in fees}
        self.evm.rebase(slots)
        self._moved.update(slots)
        for each in self.venues:
            each.notice(slots)

    def capture(self) -> Slots:
        """Every slot of pools and tokens that anything may have changed since the world was built, and the fees.

        Traders' balances and other contracts' storage are not in it.
        """
        storage = self.evm.storage
        found = {key: storage(*key) for each in self.venues for key in each.watched()}
        return found | {key: self._fees[place] for key, place in self._places.items()}

    @contextmanager
    def keeping(self, extra: Iterable[tuple[str, int]] = ()) -> Iterator[None]:
        """What is done to the pools inside lasts, as cold storage, and so do the ``extra`` slots.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        with self.evm.anchor():
            yield
            slots = self.capture()
            others = {key: self.evm.storage(*key) for key in extra}
        self.update(slots)
        self.evm.rebase(others)

    def price(self) -> int:
        """Square root of token1 per token0 in smallest units, times 2**96, before fee."""
        with self.evm.peek():
            return self.venue.price()

    def liquidity(self) -> int:
        """Liquidity at the price; for v2 the square root of the reserves' product."""
        with self.evm.peek():
            return self.venue.liquidity()

    def tick(self) -> int | None:
        """The current tick; None for v2."""
        with self.evm.peek():
            return self.venue.tick()

    def exhausted(self) -> bool:
        """Whether the price is outside the range in which the liquidity is known."""
        with self.evm.peek():
            return self.venue.exhausted()

    @property
    def fee_pips(self) -> int:
        """The first pool's fee now."""
        return self._fees[0]

    @property
    def fees(self) -> tuple[int, ...]:
        """Every pool's fee now."""
        return tuple(self._fees)

    def set_fee(self, fee_pips: int, place: int = 0) -> None:
        """Gives one of the pools another fee.

        Raises:
            InputError: This kind of pool cannot have it.
            EvmMisuseError: An anchor is open.
        """
        if fee_pips == self._fees[place]:
            return
        self.venues[place].set_fee(fee_pips)
        self._fees[place] = fee_pips

    # ------------------------------------------------------------------ what happens in it

    def apply(self, event: Event) -> Applied:
        """Executes a historical event of the first pool, in its block, and compares every recorded number to the wei.

        Outside an anchor the world is then at the state that history recorded, also where the event did not match.
        Inside one, a swap that does not match stays applied as exact input, and the fee cannot change.

        Raises:
            EvmMisuseError: An anchor is open and the event's fee is another than the pool's.
        """
        if isinstance(event, Swap) and event.fee_pips != self.fee_pips:
            self.set_fee(event.fee_pips)
        self.evm.set_block(event.block_number, event.block_ts)
        if self.evm.anchored:
            return self.venue.apply(event)
        with self.evm.anchor():
            applied = self.venue.apply(event)
        self.update(applied.changed)
        return applied

    def swap(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """Exact input through the driver, which pays and receives; (0, 0) where the pool gives nothing for it."""
        if self.evm.anchored:
            return self.venue.swap(zero_for_one, amount_in)
        with self.evm.anchor():
            mark = self.venue.mark()
            result = self.venue.swap(zero_for_one, amount_in)
            changed = self.venue.changed_by_swap(mark, zero_for_one)
        self.update(changed)
        return result

    def quote(self, zero_for_one: bool, amount_in: int, place: int = 0) -> SwapResult:
        """What `swap` on one of the pools would do now; changes nothing."""
        with self.evm.anchor():
            return self.venues[place].swap(zero_for_one, amount_in)

    def router_swap(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int) -> tuple[int, int]:
        """(received, gas used) of a trader's own transaction through Uniswap's router, exact input, to itself.

        The trader must be funded and have approved the router. The gas is what the chain would charge when nothing
        was called or read before in this anchor, or when there is none.

        Raises:
            Reverted: Less than ``min_out`` would come out, or the trader is not funded.
        """
        if self.evm.anchored:
            return self._router_swap(trader, zero_for_one, amount_in, min_out)
        mark = self.venue.mark()
        with self.evm.anchor():
            result = self._router_swap(trader, zero_for_one, amount_in, min_out)
            changed = self.venue.changed_by_swap(mark, zero_for_one)
            keys = [self.balance_key(token, trader) for token in (self.token0, self.token1)]
            balances = {key: self.evm.storage(*key) for key in keys}
        self.update(changed)
        self.evm.rebase(balances)
        return result

    def routed(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int) -> tuple[int, int, Slots] | None:
        """`router_swap` of exactly this input, made and undone: (received, gas, every slot of the pool that changed).

        None where less than ``min_out`` would come out, or the pool cannot take all of the input.
        """
        token_in = self.token0 if zero_for_one else self.token1
        mark = self.venue.mark()
        try:
            with self.anchor():
                received, gas = self._router_swap(trader, zero_for_one, amount_in, min_out)
                held = self.evm.storage(*self.balance_key(token_in, trader))
                changed = self.venue.changed_by_swap(mark, zero_for_one)
        except ExecutionError:
            return None
        return (received, gas, changed) if held == self.ledgers[token_in].trader_funds - amount_in else None

    def _router_swap(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int) -> tuple[int, int]:
        deadline = self.evm.timestamp + _DEADLINE_SECONDS
        call = self.venue.router_call(trader, zero_for_one, amount_in, min_out, deadline)
        output = self.evm.call(self.router, call, sender=trader)
        return self.venue.router_received(output), self.evm.gas_used

    # ------------------------------------------------------------------ who else is in it

    def install(self, creation_code: bytes) -> str:
        """Deploys a contract for good, with its constructor's arguments behind its code; returns its address.

        Raises:
            Reverted: The constructor reverted.
            Halted: It ran out of gas, or its code is too large.
        """
        with self.evm.persist():
            return self.evm.deploy(creation_code, sender=OPERATOR)

    def balance_key(self, token: str, owner: str) -> tuple[str, int]:
        """Where one of the tokens keeps an owner's balance."""
        return self.ledgers[token].slot(owner)

    def fund(self, addresses: Iterable[str], spenders: Iterable[str]) -> None:
        """Gives accounts huge balances of both tokens and lets the spenders take them without end."""
        addresses, spenders = tuple(addresses), set(spenders)
        routed = [each for each in self.venues if each.router in spenders]
        slots: Slots = {}
        for address in addresses:
            for token in (self.token0, self.token1):
                slots[self.balance_key(token, address)] = self.ledgers[token].trader_funds
            for each in routed:
                slots |= each.router_allowances(address)
        takers = sorted(spenders | {each.spender for each in routed})
        with self.evm.persist():
            for owner, token, spender in product(addresses, (self.token0, self.token1), takers):
                self.evm.call(token, _APPROVE + address_word(spender) + word(_UNLIMITED), sender=owner)
        self.evm.rebase(slots)


def _plain_token(evm: Evm, token: Token) -> Ledger:
    """Puts the harness's token in the place of the chain's."""
    creation = harness_contract("Token").creation_code + word(token.decimals) + address_word(OPERATOR)
    with evm.anchor():
        code = evm.code(evm.deploy(creation, sender=OPERATOR))
    evm.set_code(token.address, code)
    return plain(token.address)


def _made(evm: Evm, opening: Opening, ledgers: Ledgers) -> Venue:
    """A pool of genuine bytecode at this state."""
    state, separate = opening
    if state.pool.kind == "v2":
        return V2(evm, state.pool, v2_deploy.deploy(evm, state, ledgers), ledgers)
    if state.pool.kind == "v3":
        return V3(evm, state, v3_deploy.deploy(evm, state, separate, ledgers), ledgers)
    return V4(evm, state, v4_deploy.deploy(evm, state, separate, ledgers), ledgers)


def _adopted(evm: Evm, opening: Opening, ledgers: Ledgers, base: ForkBase) -> Venue:
    """The pool that stands on the fork: all of its ticks are known."""
    state, separate = replace(opening.state, ticks_reconstructed=False), opening.separate_positions
    if state.pool.kind == "v2":
        return V2(evm, state.pool, adopt_v2(evm, state, ledgers), ledgers)
    if state.pool.kind == "v3":
        return V3(evm, state, adopt_v3(evm, state, separate, ledgers), ledgers)
    return V4(evm, state, adopt_v4(evm, state, separate, ledgers, base.managers[state.pool.address]), ledgers)


def _require_one_pair(pools: Sequence[Pool]) -> None:
    first = pools[0]
    for place, pool in enumerate(pools):
        if pool.address in {other.address for other in pools[:place]}:
            raise InputError(f"the pool {pool.address} is given twice")
        if _pair(pool) != _pair(first):
            raise InputError(
                f"{pool.address} is no pool of {first.token0.symbol} {first.token0.address} and {first.token1.symbol} "
                f"{first.token1.address} on chain {first.chain_id}, as {first.address} is"
            )


def _pair(pool: Pool) -> tuple[int | str, ...]:
    tokens = pool.token0, pool.token1
    return pool.chain_id, *(token.address for token in tokens), *(token.decimals for token in tokens)


@functools.lru_cache(maxsize=8)
def accounts(count: int, label: str = "trader") -> tuple[tuple[str, bytes], ...]:
    """(address, private key) of the harness's own accounts: the same for the same label and place."""
    keys = (keccak(f"pactsmith:{label}:{i}".encode()) for i in range(count))
    return tuple((_address_of(key), key) for key in keys)


def _address_of(private_key: bytes) -> str:
    public = PrivateKey(private_key).public_key.format(compressed=False)
    return "0x" + keccak(public[1:])[12:].hex()
