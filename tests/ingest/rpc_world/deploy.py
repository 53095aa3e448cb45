"""How the world comes to be: everything deployed, funded and with its first liquidity, by real transactions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal

from eth_abi import encode
from eth_hash.auto import keccak

from rpc_world.contracts import Contract, code
from rpc_world.truth import read_blocks
from rpc_world.world import NATIVE, Call, Venue, World

if TYPE_CHECKING:
    from rpc_world.anvil import Anvil

DEPLOY_GAS = 12_000_000
MAX_TICK = 887272
UINT_MAX = 2**256 - 1
FOREVER = 2**40
"""A deadline that never comes."""

V2_PAIRS = ("USD", "MKR", "TAXED", "MUTE", "VOID", "ODD")
"""Each against WETH."""
V3_POOLS = (("USD", "WETH", 500, 10), ("USD", "WETH", 3000, 60), ("MKR", "USD", 10000, 200))
V4_POOLS = (("USD", "WETH", 3000, 60), ("ETH", "USD", 500, 10))
SPENDERS = ("v2 router", "v3 router", "v3 positions", "v4 swap", "v4 modify", "v4 donate")


def deploy(chain: Anvil, seed: int = 1) -> World:
    """A world in which nothing was traded yet."""
    world = World(chain, random.Random(seed))  # traffic, no secrets
    world.truth.blocks = read_blocks(chain.rpc, 0, 0)
    _tokens(world)
    _v2(world)
    _v3(world)
    _v4(world)
    _cow(world)
    _put(world, "bot", "Bot")
    _fund(world)
    for venue in world.venues.values():
        _open(world, venue)
    return world


def _put(world: World, name: str, contract: str, *arguments: Any) -> str:
    """Deploys one contract and gives its address."""
    made = code(contract)
    block = world.mine([Call(world.deployer, None, made.with_arguments(*arguments), gas=DEPLOY_GAS)])
    receipt = world.chain.rpc("eth_getTransactionReceipt", block.transactions[0].hash)
    world.contracts[name] = Contract(receipt["contractAddress"].lower(), made.abi)
    return world.contracts[name].address


def _address(world: World, *question: Any) -> str:
    """A contract's address that another one tells."""
    ((address,),) = world.ask([question])
    return address.lower()


def _tokens(world: World) -> None:
    coins = {
        "USD": (encode(["string"], ["USD"]), encode(["uint8"], [6])),
        "MKR": (b"MKR".ljust(32, b"\0"), encode(["uint8"], [18])),
        "VOID": (b"", b""),
        "ODD": (encode(["string"], ["\x1b[31mRED\n\u202e" + "x" * 2000]), encode(["uint256"], [UINT_MAX])),
    }
    world.tokens = {name: _put(world, name, "Coin", *answers) for name, answers in coins.items()}
    world.tokens["WETH"] = _put(world, "WETH", "WETH9")
    world.tokens["MUTE"] = _put(world, "MUTE", "TestERC20", 2**200)
    world.tokens["TAXED"] = _put(world, "TAXED", "DeflatingERC20", 2**200)


def _v2(world: World) -> None:
    tokens = world.tokens
    factory = _put(world, "v2 factory", "UniswapV2Factory", world.deployer)
    _put(world, "v2 router", "UniswapV2Router02", factory, tokens["WETH"])
    world.mine([world.call("v2 factory", "createPair", tokens[name], tokens["WETH"]) for name in V2_PAIRS])
    for name in V2_PAIRS:
        pair = _address(world, "v2 factory", "getPair", tokens[name], tokens["WETH"])
        _add(world, "v2", f"v2 {name}/WETH", pair, (name, "WETH"), 3000)


def _v3(world: World) -> None:
    tokens = world.tokens
    factory = _put(world, "v3 factory", "UniswapV3Factory")
    _put(world, "v3 router", "SwapRouter", factory, tokens["WETH"])
    _put(world, "v3 quoter", "QuoterV2", factory, tokens["WETH"])
    _put(world, "v3 positions", "NonfungiblePositionManager", factory, tokens["WETH"], NATIVE)
    for a, b, fee, spacing in V3_POOLS:
        pool = tokens[a], tokens[b], fee
        world.mine([world.call("v3 factory", "createPool", *pool, gas=DEPLOY_GAS)])
        _add(world, "v3", f"v3 {a}/{b} {fee}", _address(world, "v3 factory", "getPool", *pool), (a, b), fee, spacing)


def _v4(world: World) -> None:
    manager = _put(world, "v4 manager", "PoolManager", world.deployer)
    _put(world, "v4 swap", "PoolSwapTest", manager)
    _put(world, "v4 modify", "PoolModifyLiquidityTest", manager)
    _put(world, "v4 donate", "PoolDonateTest", manager)
    for a, b, fee, spacing in V4_POOLS:
        _add(world, "v4", f"v4 {a}/{b} {fee}", manager, (a, b), fee, spacing)


def _cow(world: World) -> None:
    solvers = _put(world, "cow solvers", "GPv2AllowListAuthentication")
    _put(world, "cow", "GPv2Settlement", solvers, "0x" + "ba" * 20)  # the vault serves internal balances only
    world.mine([world.call("cow solvers", "initializeManager", world.deployer)])
    world.mine([world.call("cow solvers", "addSolver", world.solver)])


def _add(
    world: World,
    kind: Literal["v2", "v3", "v4"],
    name: str,
    address: str,
    pair: tuple[str, str],
    fee_pips: int,
    spacing: int = 0,
) -> None:
    token0, token1 = sorted(world.tokens.get(token, NATIVE) for token in pair)
    pool_id = None
    if kind == "v4":
        types = ["address", "address", "uint24", "int24", "address"]
        pool_id = "0x" + keccak(encode(types, (token0, token1, fee_pips, spacing, NATIVE))).hex()
    else:
        world.contracts[name] = Contract(address, code("UniswapV2Pair" if kind == "v2" else "UniswapV3Pool").abi)
    world.venues[name] = Venue(kind, name, address, token0, token1, fee_pips, spacing, pool_id)


def _fund(world: World) -> None:
    """Everybody gets plenty of every token, and lets every router take it."""
    relayer = _address(world, "cow", "vaultRelayer")
    spenders = [relayer, *(world.contracts[name].address for name in SPENDERS)]
    contracts = [world.contracts[name].address for name in ("bot", "cow")]
    owners = [world.deployer, *world.users]
    for name, token in world.tokens.items():
        plenty = world.units(token, 1e10)
        if name == "WETH":
            calls = [world.call(name, "deposit", sender=owner, value_wei=plenty) for owner in owners]
            calls.append(world.call(name, "deposit", value_wei=plenty * len(contracts)))
            calls += [world.call(name, "transfer", one, plenty) for one in contracts]
        else:
            # These two were made with all there will be, which the deployer has.
            function = "transfer" if name in ("MUTE", "TAXED") else "mint"
            calls = [world.call(name, function, one, plenty) for one in (*owners, *contracts)]
        calls += [
            world.call(name, "approve", spender, UINT_MAX, sender=owner) for owner in owners for spender in spenders
        ]
        world.mine(calls)


def _open(world: World, venue: Venue) -> None:
    """A pool's first price and liquidity."""
    if venue.kind == "v2":
        amounts = [world.units(token, 1e7) for token in (venue.token0, venue.token1)]
        arguments = (venue.token0, venue.token1, *amounts, 0, 0, world.deployer, FOREVER)
        world.mine([world.call("v2 router", "addLiquidity", *arguments)])
        return
    price, coin = world.sqrt_price(venue), 10**22 if venue.token0 == NATIVE else 0
    end = MAX_TICK // venue.tick_spacing * venue.tick_spacing
    positions = ((*world.around(venue, price, -1800, 1800), world.depth(venue)), (-end, end, world.depth(venue) // 4))
    if venue.kind == "v3":
        calls = [world.call(venue.name, "initialize", price)]
        calls += [world.call("bot", "mintV3", venue.address, *position) for position in positions]
    else:
        calls = [world.call("v4 manager", "initialize", venue.key, price)]
        calls += [
            world.call("v4 modify", "modifyLiquidity", venue.key, (*position, bytes(32)), b"", value_wei=coin)
            for position in positions
        ]
    world.mine(calls)


def take_protocol_fees(world: World) -> None:
    """From here on the protocol takes a part of a v3 pool's fees, and a fee on top of a v4 pool's."""
    pool, pool4 = world.venues["v3 USD/WETH 3000"], world.venues["v4 USD/WETH 3000"]
    world.mine(
        [
            world.call(pool.name, "setFeeProtocol", 4, 10),
            world.call("v4 manager", "setProtocolFeeController", world.deployer),
            world.call("v4 manager", "setProtocolFee", pool4.key, 700 | 400 << 12),  # pips, for each direction
        ]
    )
