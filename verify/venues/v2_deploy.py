"""Making a v2 pair: the genuine factory, pair and router, brought to given reserves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.evm import ExecutionError
from verify.npm import creation_code
from verify.venues import OPERATOR, deployer, harness_contract, labelled_address

if TYPE_CHECKING:
    from ingest.records import Pool, PoolState
    from verify.evm import Evm
    from verify.venues import Ledgers

MAX_RESERVE = (1 << 112) - 1
MINT = selector("mint(uint256,uint256)")
_CREATE_PAIR = selector("createPair(address,address)")

_FACTORY = "@uniswap/v2-core/build/UniswapV2Factory.json"
_ROUTER = "@uniswap/v2-periphery/build/UniswapV2Router02.json"
_NOBODY = "0x" + "0" * 40

SHARES = 1 << 136
"""All shares of a pair whose history does not tell their number: so many that every recorded burn has a share."""


@dataclass(frozen=True, slots=True)
class DeployedPair:
    """A pair's contracts. ``shareholders`` are those whose shares a call may change, beside the driver and the pair."""

    pool: str
    driver: str
    router: str
    shareholders: tuple[str, ...] = (_NOBODY,)


def deploy(evm: Evm, state: PoolState, ledgers: Ledgers) -> DeployedPair:
    """Creates pair, driver (with its tokens) and router, and fills the pair.

    Args:
        evm: Has the two tokens at their addresses.
        state: The reserves; both 0 for a pair at its creation.
        ledgers: The tokens'.

    Raises:
        InputError: The state is not one that a pair can have.
    """
    record = state.pool
    with evm.persist():
        factory = evm.deploy(creation_code(_FACTORY) + word(0), sender=deployer(record.address))
        pool = "0x" + evm.call(factory, _CREATE_PAIR + _tokens(record), sender=OPERATOR)[12:32].hex()
    driver, router = surround(evm, record, pool, factory, ledgers)
    if state.reserve0 or state.reserve1:
        _fill(evm, state, pool, driver)
    return DeployedPair(pool, driver, router)


def surround(evm: Evm, record: Pool, pool: str, factory: str, ledgers: Ledgers) -> tuple[str, str]:
    """Creates the driver (with its tokens) and the router of a pair that stands; gives their addresses."""
    sender = deployer(record.address)
    with evm.persist():
        creation = harness_contract("DriverV2").creation_code
        driver = evm.deploy(creation + address_word(pool) + _tokens(record) + address_word(OPERATOR), sender=sender)
        router = evm.deploy(
            creation_code(_ROUTER) + address_word(factory) + address_word(labelled_address("no weth")), sender=sender
        )
    evm.rebase({ledger.slot(driver): ledger.driver_funds for ledger in ledgers})
    return driver, router


def _tokens(record: Pool) -> bytes:
    return address_word(record.token0.address) + address_word(record.token1.address)


def _fill(evm: Evm, state: PoolState, pool: str, driver: str) -> None:
    for name, reserve in (("reserve0", state.reserve0), ("reserve1", state.reserve1)):
        if not 0 < reserve <= MAX_RESERVE:
            raise InputError(f"no pair can have a reserve of {reserve}", field=name)
    try:
        with evm.persist():
            evm.call(driver, MINT + word(state.reserve0) + word(state.reserve1), sender=OPERATOR)
    except ExecutionError as error:
        raise InputError(f"no pair can have these reserves: {error}", field="reserve0") from error
    locked = evm.storage(pool, at.v2_share_slot(_NOBODY))
    evm.rebase({(pool, at.V2_TOTAL_SUPPLY): SHARES, (pool, at.v2_share_slot(driver)): SHARES - locked})
