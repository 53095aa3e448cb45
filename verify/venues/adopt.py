"""Pools that stand on a fork: the chain's own code and state, with the harness's driver and Uniswap's router beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ingest.errors import InputError
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.evm import ExecutionError
from verify.npm import artifact, creation_code
from verify.venues import OPERATOR, v2_deploy, v3_deploy, v4_deploy
from verify.venues.v2_deploy import SHARES, DeployedPair
from verify.venues.v3_deploy import Deployed
from verify.venues.v3_slots import v3_layout
from verify.venues.v4_deploy import v4_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Pool, PoolState
    from verify.evm import Evm
    from verify.venues import Ledgers
    from verify.venues.ranges import Range
    from verify.venues.v3_slots import Layout

_PAIR = "@uniswap/v2-core/build/UniswapV2Pair.json"
_POOL = "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"


def adopt_v2(evm: Evm, state: PoolState, ledgers: Ledgers) -> DeployedPair:
    """Surrounds a pair; its driver is given shares, so that it can burn what history burns.

    Raises:
        InputError: The fork has no such pair of Uniswap's, or its reserves are not the state's.
    """
    record, pool = state.pool, state.pool.address
    factory = _asked(evm, record, pool, "factory()")
    tokens = bytes.fromhex(record.token0.address[2:] + record.token1.address[2:])
    _require_findable(record, factory, tokens, creation_code(_PAIR))
    reserve0, reserve1 = at.v2_reserves(evm.storage(pool, at.V2_RESERVES))
    _require(record, reserve0=(reserve0, state.reserve0), reserve1=(reserve1, state.reserve1))
    driver, router = v2_deploy.surround(evm, record, pool, factory, ledgers)
    evm.rebase({(pool, at.v2_share_slot(driver)): SHARES})
    return DeployedPair(pool, driver, router, (_asked(evm, record, factory, "feeTo()"),))


def adopt_v3(evm: Evm, state: PoolState, separate: Iterable[Range], ledgers: Ledgers) -> Deployed:
    """Surrounds a pool; its driver is given the separate positions, so that it can burn what history burns.

    Raises:
        InputError: The fork has no such pool of Uniswap's, or it does not stand where the state says.
    """
    record, pool = state.pool, state.pool.address
    factory = _asked(evm, record, pool, "factory()")
    key = address_word(record.token0.address) + address_word(record.token1.address) + word(record.fee_pips)
    _require_findable(record, factory, key, bytes.fromhex(artifact(_POOL)["bytecode"][2:]))
    driver, router = v3_deploy.surround(evm, record, pool, factory, ledgers)
    layout = v3_layout(pool, driver)
    _require_stands(evm, state, layout)
    held = {(lower, upper): liquidity for lower, upper, liquidity in separate}
    evm.rebase({(pool, at.v3_position_slots(driver, *place)[0]): liquidity for place, liquidity in held.items()})
    return Deployed(layout, driver, router, opener=pool, positions=tuple(held))


def adopt_v4(evm: Evm, state: PoolState, separate: Iterable[Range], ledgers: Ledgers, manager: str) -> Deployed:
    """Surrounds a pool of a manager; its driver is given the separate positions, as of now.

    Raises:
        InputError: The pool does not stand where the state says.
    """
    record = state.pool
    driver, router = v4_deploy.surround(evm, record, manager, ledgers)
    layout = v4_layout(record, manager, driver)
    _require_stands(evm, state, layout)
    held = {(lower, upper): liquidity for lower, upper, liquidity in separate}
    for place, liquidity in held.items():
        values = liquidity, *_growth_inside(evm, layout, *place)
        evm.rebase(dict(zip(((manager, slot) for slot in layout.position_slots(*place)), values, strict=True)))
    return Deployed(layout, driver, router, opener=driver, positions=tuple(held))


def _growth_inside(evm: Evm, layout: Layout, lower: int, upper: int) -> tuple[int, int]:
    """Fees that a unit of liquidity in a range has earned (v4-core's Pool.getFeeGrowthInside): none are owed for it."""
    tick = at.v3_slot0_tick(evm.storage(layout.contract, layout.slot0))
    found = []
    for i in (0, 1):
        below, above = (evm.storage(layout.contract, layout.tick_slots(one)[1 + i]) for one in (lower, upper))
        if tick < lower:
            inside = below - above
        elif tick >= upper:
            inside = above - below
        else:
            inside = evm.storage(layout.contract, layout.by_token[i][0]) - below - above
        found.append(inside % (1 << 256))
    return found[0], found[1]


def _asked(evm: Evm, record: Pool, contract: str, question: str) -> str:
    """The address that a contract answers with."""
    try:
        with evm.anchor():
            output = evm.call(contract, selector(question), sender=OPERATOR)
    except ExecutionError:
        output = b""
    if len(output) != 32:
        raise InputError(
            f"the fork does not have {contract}, which {record.address} needs: fork again for this history",
            field="fork",
        )
    return "0x" + output[12:].hex()


def _require_findable(record: Pool, factory: str, key: bytes, creation: bytes) -> None:
    """Uniswap's routers compute a pool's address from its factory's, and find no others (EIP-1014)."""
    found = keccak(b"\xff" + bytes.fromhex(factory[2:]) + keccak(key) + keccak(creation))[12:]
    if "0x" + found.hex() != record.address:
        raise InputError(
            f"{record.address} is not a {record.kind} pool of Uniswap's own code, so that its router does not find it; "
            "without a fork its history can be replayed",
            field="fork",
        )


def _require_stands(evm: Evm, state: PoolState, layout: Layout) -> None:
    packed, liquidity = (evm.storage(layout.contract, slot) for slot in (layout.slot0, layout.liquidity))
    _require(
        state.pool,
        sqrt_price_x96=(at.v3_slot0_price(packed), state.sqrt_price_x96),
        tick=(at.v3_slot0_tick(packed), state.tick),
        liquidity=(liquidity, state.liquidity),
    )


def _require(record: Pool, **stands: tuple[int, int | None]) -> None:
    for name, (found, wanted) in stands.items():
        if found != wanted:
            raise InputError(
                f"{record.address} has {name} {found} at the fork's block, and {wanted} where its history begins: fork "
                "at the block before the history's first",
                field="fork",
            )
