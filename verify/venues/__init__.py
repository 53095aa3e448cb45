"""The pools that a world can hold: each module deploys and drives one kind of genuine bytecode."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from eth_hash.auto import keccak

from verify.compile import Contract, compile_trusted
from verify.evm import Slots  # noqa: TC001 - a named tuple's annotation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.records import Event, VenueKind
    from verify.ledger import Ledger


def labelled_address(label: str) -> str:
    """The harness's own address for a role: one that nobody has the key of."""
    return "0x" + keccak(b"pactsmith:" + label.encode())[12:].hex()


OPERATOR = labelled_address("operator")
"""Who calls the driver, and mints the harness's tokens."""


def deployer(pool: str) -> str:
    """Who deploys what belongs to one pool: so its contracts have the same addresses whatever else is in the world."""
    return labelled_address(f"deployer of {pool}")


Ledgers = tuple["Ledger", "Ledger"]
"""Where a pool's token0 and token1 keep balances."""


@functools.lru_cache(maxsize=1)
def _harness() -> dict[str, Contract]:
    names = ("Driver", "DriverV4", "Permit2", "PoolDeployer", "Token")
    return compile_trusted([f"harness/{name}.sol" for name in names])


def harness_contract(name: str) -> Contract:
    """One of the contracts in ``contracts/harness``."""
    return _harness()[name]


@dataclass(frozen=True, slots=True)
class SwapResult:
    """What a swap took and gave, in smallest units. ``spent`` is less than asked where the pool ran dry."""

    spent: int
    received: int


class Applied(NamedTuple):
    """What became of one historical event on the real pool.

    One is made for each event of a history, and a frozen dataclass takes thrice as long to make.

    Args:
        exact: Every recorded number was met to the wei.
        mode: How the pool had to be called: ``exact_in``, ``exact_out`` or ``price_limit`` for a swap (v2:
            ``exact_in``, ``amounts`` where the swapper took less than the pool would have given, or ``loan`` for what
            was paid back in the token it was taken in), ``mint``,
            ``burn``, ``initialize``, or ``no effect``; for a mismatch the call that was compared.
        why: The differences, where it is not exact.
        changed: Every slot that may have changed, with its new value. After a mismatch: with price, liquidity and
            reserves as history recorded them.
    """

    exact: bool
    mode: str
    why: str
    changed: Slots


class Venue(Protocol):
    """One pool in one EVM. What acts on the pool runs inside an anchor.

    ``pool`` is the contract that holds the pool's tokens: v2's pair, v3's pool, v4's manager, of which each v4 pool of
    a world has one of its own. ``terms`` are what tells a v4 pool from others of a manager: its tokens, the providers'
    fee in pips and the tick spacing. ``router`` is the kind's genuine router, ``spender`` takes traders' tokens for it;
    ``driver`` owns the harness's liquidity and pays for its swaps.
    """

    kind: VenueKind
    pool: str
    terms: tuple[()] | tuple[str, str, int, int]
    router: str
    spender: str
    driver: str
    base_fee_pips: int

    def price(self) -> int:
        """Square root of token1 per token0 in smallest units, times 2**96, before fee."""
        ...

    def liquidity(self) -> int:
        """Liquidity at the price."""
        ...

    def tick(self) -> int | None:
        """The tick, where the kind has one."""
        ...

    def exhausted(self) -> bool:
        """Whether the price is outside the range in which the liquidity is known."""
        ...

    def swap(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """Exact input through the driver; (0, 0) where the pool gives nothing for it."""
        ...

    def swap_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """Calldata with which the operator has the driver make such a swap now."""
        ...

    def apply(self, event: Event) -> Applied:
        """Executes a historical event and compares.

        A swap that does not match stays applied as exact input (v2: undone), a mint or burn with its liquidity.
        """
        ...

    def mark(self) -> int:
        """Taken before a swap, for `changed_by_swap`."""
        ...

    def changed_by_swap(self, mark: int, zero_for_one: bool) -> Slots:
        """Every slot of pool and tokens that one swap since ``mark`` may have changed, with its value now."""
        ...

    def watched(self) -> Iterable[tuple[str, int]]:
        """Every slot of pool and tokens that may differ from the base."""
        ...

    def notice(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Learns from slots that were just loaded which further slots to watch; the fee stays what it is set to."""
        ...

    def set_fee(self, fee_pips: int) -> None:
        """Gives the pool this fee. Outside an anchor.

        Raises:
            InputError: This kind of pool cannot have it.
            EvmMisuseError: An anchor is open.
        """
        ...

    def router_allowances(self, trader: str) -> Slots:
        """Slots, beside the tokens' own allowances of the spender, that let the router take the trader's tokens."""
        ...

    def router_call(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int, deadline: int) -> bytes:
        """Calldata of an exact-input swap through the router."""
        ...

    def router_received(self, output: bytes) -> int:
        """The amount out in what the router returned."""
        ...
