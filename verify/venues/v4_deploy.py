"""Making a v4 pool: the genuine manager, with one pool in it that has no hooks and two ERC-20 tokens."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ingest.errors import InputError
from verify import slots as at
from verify.abi import address_word, word
from verify.npm import creation_code
from verify.venues import OPERATOR, deployer, harness_contract
from verify.venues.v3_deploy import Deployed, fill
from verify.venues.v3_slots import Layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Pool, PoolState
    from verify.evm import Evm
    from verify.venues import Ledgers
    from verify.venues.ranges import Range

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
"""Where it stands on every chain; where no fork has it, it is ``contracts/harness/Permit2.sol`` here."""

_MANAGER = "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json"
_ROUTER = "@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/UniversalRouter.json"
_ROUTER_PARAMETERS = 10
_MOST_PROTOCOL_PIPS = 1000
_PIPS = 10**6


def require_plain(record: Pool) -> None:
    """Requires a pool that can be replayed: its id is the hash of its tokens, fee and spacing, and of no hooks.

    Raises:
        InputError: It trades the chain's own coin, or has hooks, or a fee that hooks set.
    """
    if int(record.token0.address, 16) == 0:
        raise InputError(
            f"{record.address} is a v4 pool of the chain's own coin: only pools of two ERC-20 tokens can be replayed",
            field="token0",
        )
    plain = pool_id(record)
    if record.address != plain:
        raise InputError(
            f"{record.address} is a v4 pool with hooks, or with a fee that hooks set: only pools without can be "
            f"replayed (one of these tokens, {record.fee_pips} pips and a spacing of {record.tick_spacing} is {plain})",
            field="pool",
        )


def pool_id(record: Pool) -> str:
    """The id that a v4 pool without hooks has: the hash of its key (v4-core's PoolKey and PoolId)."""
    return "0x" + keccak(key(record)).hex()


def key(record: Pool) -> bytes:
    """A v4 pool's key as ABI words: tokens, fee, spacing, and no hooks."""
    tokens = address_word(record.token0.address) + address_word(record.token1.address)
    return tokens + word(record.fee_pips) + word(record.tick_spacing) + word(0)


def deploy(evm: Evm, state: PoolState, separate: Iterable[Range], ledgers: Ledgers) -> Deployed:
    """Creates the pool's own manager, driver (with its tokens) and router, and fills the pool: see `fill`."""
    with evm.persist():
        manager = evm.deploy(creation_code(_MANAGER) + address_word(OPERATOR), sender=deployer(state.pool.address))
    driver, router = surround(evm, state.pool, manager, ledgers)
    return fill(evm, state, separate, Deployed(v4_layout(state.pool, manager, driver), driver, router, driver), ledgers)


def surround(evm: Evm, record: Pool, manager: str, ledgers: Ledgers) -> tuple[str, str]:
    """Creates the driver (with its tokens) and the router of a pool of a manager that stands; gives their addresses."""
    tokens = address_word(record.token0.address) + address_word(record.token1.address)
    sender = deployer(record.address)
    if not evm.code(PERMIT2):
        evm.set_code(PERMIT2, harness_contract("Permit2").runtime_code)
    with evm.persist():
        terms = word(record.fee_pips) + word(record.tick_spacing)
        arguments = address_word(manager) + tokens + address_word(OPERATOR) + terms
        driver = evm.deploy(harness_contract("DriverV4").creation_code + arguments, sender=sender)
        parameters = [word(0)] * _ROUTER_PARAMETERS  # what it needs for other things than v4 swaps is not here
        parameters[0], parameters[6] = address_word(PERMIT2), address_word(manager)
        router = evm.deploy(creation_code(_ROUTER) + b"".join(parameters), sender=sender)
    evm.rebase({ledger.slot(driver): ledger.driver_funds for ledger in ledgers})
    return driver, router


def v4_layout(record: Pool, manager: str, driver: str) -> Layout:
    """Where a pool's state lies in its manager."""
    first = at.v4_pool_slot(record.address)
    earned = [at.v4_protocol_fees_slot(token.address) for token in (record.token0, record.token1)]
    return Layout(
        contract=manager,
        slot0=first,
        liquidity=first + at.V4_LIQUIDITY,
        by_token=((first + at.V4_FEE_GROWTH0, earned[0]), (first + at.V4_FEE_GROWTH1, earned[1])),
        observation=None,
        others=(),
        tick_slots=functools.partial(at.v4_tick_slots, first),
        bitmap_slot=functools.partial(at.v4_bitmap_slot, first),
        position_slots=functools.partial(at.v4_position_slots, first, driver),
    )


def protocol_fee(record: Pool, fee_pips: int) -> int:
    """What the protocol takes (pips) where a swap pays ``fee_pips`` in all; the least, where several round to that.

    Which of them it is changes what providers earn, and no swap. Formula: v4-core's ProtocolFeeLibrary.

    Raises:
        InputError: No v4 pool with this providers' fee can have it.
    """
    for pips in range(_MOST_PROTOCOL_PIPS + 1):
        if pips + record.fee_pips - pips * record.fee_pips // _PIPS == fee_pips:
            return pips
    raise InputError(
        f"no v4 pool whose providers take {record.fee_pips} pips can have a fee of {fee_pips} pips in all",
        field="fee_pips",
    )
