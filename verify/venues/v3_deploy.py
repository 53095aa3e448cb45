"""Making a v3 pool: the genuine bytecode with any fee and spacing; and bringing it to a price and a table of ticks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.evm import Evm, ExecutionError
from verify.npm import artifact
from verify.venues import OPERATOR, deployer, harness_contract, labelled_address
from verify.venues.ranges import liquidity_ranges
from verify.venues.v3_slots import Layout, v3_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Pool, PoolState
    from verify.venues import Ledgers
    from verify.venues.ranges import Range

MINT = selector("mint(int24,int24,uint128)")
BURN = selector("burn(int24,int24,uint128)")
INITIALIZE = selector("initialize(uint160)")
_DEPLOY = selector("deploy(bytes,address,address,uint24,int24,uint24)")

POOL_SPARE = 1 << 160
"""Of each token, above what the pool's liquidity is worth; it changes nothing that the pool does."""

_FACTORY = labelled_address("v3 factory")
_POOL = "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
_ROUTER = "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A pool's contracts, and where its state lies.

    ``opener`` takes the call that sets the first price; ``positions`` are the driver's ranges.
    """

    layout: Layout
    driver: str
    router: str
    opener: str
    positions: tuple[tuple[int, int], ...] = ()


def deploy(evm: Evm, state: PoolState, separate: Iterable[Range], ledgers: Ledgers) -> Deployed:
    """Creates pool, driver (with its tokens) and router, and fills the pool: see `fill`."""
    evm.set_code(_FACTORY, harness_contract("PoolDeployer").runtime_code)
    with evm.persist():
        pool = _create(evm, state.pool, state.pool.fee_pips)
    driver, router = surround(evm, state.pool, pool, _FACTORY, ledgers)
    return fill(evm, state, separate, Deployed(v3_layout(pool, driver), driver, router, opener=pool), ledgers)


def surround(evm: Evm, record: Pool, pool: str, factory: str, ledgers: Ledgers) -> tuple[str, str]:
    """Creates the driver (with its tokens) and the router of a v3 pool that stands; gives their addresses."""
    tokens = address_word(record.token0.address) + address_word(record.token1.address)
    sender = deployer(record.address)
    with evm.persist():
        arguments = address_word(pool) + tokens + address_word(OPERATOR)
        driver = evm.deploy(harness_contract("DriverV3").creation_code + arguments, sender=sender)
        code = bytes.fromhex(artifact(_ROUTER)["bytecode"][2:])
        router = evm.deploy(code + address_word(factory) + word(0), sender=sender)  # no wrapped ether here
    evm.rebase({ledger.slot(driver): ledger.driver_funds for ledger in ledgers})
    return driver, router


def _create(evm: Evm, record: Pool, fee_pips: int) -> str:
    """The pool with this fee, at the address of the pool with the record's."""
    code = bytes.fromhex(artifact(_POOL)["bytecode"][2:])
    arguments = (
        word(6 * 32)
        + address_word(record.token0.address)
        + address_word(record.token1.address)
        + word(fee_pips)
        + word(record.tick_spacing)
        + word(record.fee_pips)
    )
    data = _DEPLOY + arguments + word(len(code)) + code + b"\0" * (-len(code) % 32)
    return "0x" + evm.call(_FACTORY, data, sender=OPERATOR)[12:32].hex()


def code_with_fee(record: Pool, pool: str, fee_pips: int) -> bytes:
    """The code of an otherwise equal pool: its fee is a constant in it, and so is its own address.

    Raises:
        InputError: No pool can have this fee, or the pool is not one that `deploy` made.
    """
    evm = Evm(record.chain_id)
    evm.set_code(_FACTORY, harness_contract("PoolDeployer").runtime_code)
    with evm.anchor():
        try:
            created = _create(evm, record, fee_pips)
        except ExecutionError as error:
            raise InputError(f"no v3 pool can have a fee of {fee_pips} pips: {error}") from error
        if created != pool:
            raise InputError(f"{pool} stands on its chain: its fee is {record.fee_pips} pips, not {fee_pips}")
        return evm.code(pool)


def fill(evm: Evm, state: PoolState, separate: Iterable[Range], made: Deployed, ledgers: Ledgers) -> Deployed:
    """Initialises the price, mints the liquidity, and checks that the pool is then at the state.

    A state without a price leaves the pool as it was created.

    Args:
        evm: Has the pool.
        state: What it must come to.
        separate: Positions that must exist by themselves, because later burns remove them.
        made: The pool.
        ledgers: The tokens'.

    Returns:
        The pool with the positions that were minted.

    Raises:
        InputError: No pool can have the state.
    """
    ranges = _minted(evm, state, separate, made) if state.sqrt_price_x96 else ()
    # After an event that does not match, the pool stands at a recorded price that its own tokens may not cover.
    balances = [ledger.slot(made.layout.contract) for ledger in ledgers]
    evm.rebase({key: evm.storage(*key) + POOL_SPARE for key in balances})
    return replace(made, positions=tuple((lower, upper) for lower, upper, _ in ranges))


def _minted(evm: Evm, state: PoolState, separate: Iterable[Range], made: Deployed) -> tuple[Range, ...]:
    ranges = liquidity_ranges(state.ticks, separate, artificial_ends=state.ticks_reconstructed)
    try:
        with evm.persist():
            evm.call(made.opener, INITIALIZE + word(state.sqrt_price_x96), sender=OPERATOR)
            for lower, upper, liquidity in ranges:
                evm.call(made.driver, MINT + word(lower) + word(upper) + word(liquidity), sender=OPERATOR)
    except ExecutionError as error:
        raise InputError(f"no pool can have this state: {error}", field="ticks") from error
    slot0, liquidity_at = ((made.layout.contract, slot) for slot in (made.layout.slot0, made.layout.liquidity))
    packed = evm.storage(*slot0)
    if at.v3_slot0_tick(packed) == state.tick + 1 and _is_first_price_of_a_tick(evm, made, state.sqrt_price_x96):
        # After a swap downwards that stops exactly on a tick, the tick below is current.
        crossed = sum(entry.liquidity_net for entry in state.ticks if entry.tick == state.tick + 1)
        packed = at.v3_slot0_with(packed, state.sqrt_price_x96, state.tick)
        evm.rebase({slot0: packed, liquidity_at: evm.storage(*liquidity_at) - crossed})
    for name, found, wanted in (
        ("sqrt_price_x96", at.v3_slot0_price(packed), state.sqrt_price_x96),
        ("tick", at.v3_slot0_tick(packed), state.tick),
        ("liquidity", evm.storage(*liquidity_at), state.liquidity),
    ):
        if found != wanted:
            raise InputError(f"a pool with this price and these ticks has {found}, not {wanted}", field=name)
    return ranges


def _is_first_price_of_a_tick(evm: Evm, made: Deployed, sqrt_price_x96: int) -> bool:
    """Whether the next lower price has another tick, by the pool's own mathematics."""
    scratch = Evm(evm.chain_id)
    for address in {made.layout.contract, made.opener}:
        scratch.set_code(address, evm.code(address))
    ticks = []
    for price in (sqrt_price_x96, sqrt_price_x96 - 1):
        with scratch.anchor():
            scratch.call(made.opener, INITIALIZE + word(price), sender=OPERATOR)
            ticks.append(at.v3_slot0_tick(scratch.storage(made.layout.contract, made.layout.slot0)))
    return ticks[0] != ticks[1]
