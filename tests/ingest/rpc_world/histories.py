"""The truth as the records that an ingest must come to, decoded with the genuine contracts' own ABIs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from eth_abi import decode
from eth_utils.abi import event_abi_to_log_topic

from ingest.records import History, LiquidityEvent, Pool, PoolState, Swap, Token
from rpc_world.anvil import CHAIN_ID
from rpc_world.contracts import code

if TYPE_CHECKING:
    from ingest.records import Event
    from rpc_world.truth import Log, Transaction
    from rpc_world.world import Venue, World

_CONTRACTS = {"v2": "UniswapV2Pair", "v3": "UniswapV3Pool", "v4": "PoolManager"}
DECIMALS = {"USD": 6}


def history_of(world: World, venue: Venue) -> History:
    """A pool's whole history from its creation. v4 records lack what no event tells: what a position paid or got."""
    make = {"v2": _v2_events, "v3": _v3_events, "v4": _v4_events}[venue.kind]
    logs = world.truth.logs(venue.address, None, venue.pool_id)
    made = {transaction.hash: transaction for block in world.truth.blocks for transaction in block.transactions}
    state = PoolState(pool_of(world, venue), None)
    if venue.kind != "v2":
        _, first = decoded(venue.kind, logs[0])
        state = PoolState(state.pool, None, sqrt_price_x96=first["sqrtPriceX96"], tick=first["tick"])
    return History(venue.name, "", "chain", state, tuple(make(venue, logs, made)))


def pool_of(world: World, venue: Venue) -> Pool:
    """The pool as a record; a token that tells nothing of itself has 18 decimals and the name it goes by here."""
    token0, token1 = (
        Token(address, world.name_of(address), DECIMALS.get(world.name_of(address), 18))
        for address in (venue.token0, venue.token1)
    )
    return Pool(venue.kind, CHAIN_ID, venue.address, token0, token1, venue.fee_pips, venue.tick_spacing)


def decoded(kind: str, log: Log) -> tuple[str, dict[str, Any]]:
    """An event's name and arguments."""
    entry = _events(kind)[log.topics[0]]
    indexed = [item for item in entry["inputs"] if item["indexed"]]
    plain = [item for item in entry["inputs"] if not item["indexed"]]
    pairs = zip(indexed, log.topics[1:], strict=True)
    values = [decode([item["type"]], bytes.fromhex(one[2:]))[0] for item, one in pairs]
    values += decode([item["type"] for item in plain], bytes.fromhex(log.data[2:]))
    return entry["name"], dict(zip((item["name"] for item in indexed + plain), values, strict=True))


@functools.cache
def _events(kind: str) -> dict[str, dict[str, Any]]:
    abi = code(_CONTRACTS[kind]).abi
    return {"0x" + event_abi_to_log_topic(entry).hex(): entry for entry in abi if entry["type"] == "event"}


def _place(seq: int, log: Log) -> dict[str, Any]:
    return {
        "seq": seq,
        "block_number": log.block_number,
        "block_ts": log.block_ts,
        "tx_hash": log.tx_hash,
        "tx_index": log.tx_index,
        "log_index": log.log_index,
    }


def _gas(made: dict[str, Transaction], log: Log) -> dict[str, int]:
    return {"gas_used": made[log.tx_hash].gas_used, "gas_price_wei": made[log.tx_hash].gas_price_wei}


def _v2_events(venue: Venue, logs: list[Log], made: dict[str, Transaction]) -> list[Event]:
    """A Sync belongs to the swap, mint or burn right after it; one by itself stays where it changed something."""
    events: list[Event] = []
    before = reserves = (0, 0)
    told = [(log, *decoded("v2", log)) for log in logs]
    told = [entry for entry in told if entry[1] not in ("Transfer", "Approval")]
    for (log, name, values), following in zip(told, [*told[1:], None], strict=True):
        place = _place(len(events), log)
        after = {"reserve0": reserves[0], "reserve1": reserves[1]}
        if name == "Sync":
            before, reserves = reserves, (values["reserve0"], values["reserve1"])
            alone = following is None or following[1] == "Sync" or following[0].tx_hash != log.tx_hash
            if alone and reserves != before:
                change = {"amount0": reserves[0] - before[0], "amount1": reserves[1] - before[1]}
                now = {"reserve0": reserves[0], "reserve1": reserves[1]}
                events.append(LiquidityEvent(**place, kind="sync", **change, **now))
        elif name == "Swap":
            change = {f"amount{t}": values[f"amount{t}In"] - values[f"amount{t}Out"] for t in (0, 1)}
            who = {"sender": values["sender"], "recipient": values["to"]}
            events.append(Swap(**place, **change, fee_pips=venue.fee_pips, **who, **after, **_gas(made, log)))
        else:
            change = {"amount0": values["amount0"], "amount1": values["amount1"]}
            events.append(LiquidityEvent(**place, kind=name.lower(), owner=values["sender"], **change, **after))
    return events


def _v3_events(venue: Venue, logs: list[Log], made: dict[str, Transaction]) -> list[Event]:
    events: list[Event] = []
    for log in logs:
        name, values = decoded("v3", log)
        place, amounts = _place(len(events), log), {key: values.get(key, 0) for key in ("amount0", "amount1")}
        if name == "Swap":
            events.append(Swap(**place, fee_pips=venue.fee_pips, **_swapped(values), **amounts, **_gas(made, log)))
        elif name == "Initialize":
            events.append(LiquidityEvent(**place, kind="initialize", **_price(values)))
        elif name == "Flash":
            paid = {"amount0": values["paid0"], "amount1": values["paid1"]}
            events.append(LiquidityEvent(**place, kind="flash", owner=values["sender"], **paid))
        elif name in ("Mint", "Burn", "Collect"):
            liquidity = 0 if name == "Collect" else values["amount"]
            kind, ticks = name.lower(), {"tick_lower": values["tickLower"], "tick_upper": values["tickUpper"]}
            events.append(
                LiquidityEvent(**place, kind=kind, owner=values["owner"], **ticks, liquidity=liquidity, **amounts)
            )
    return events


def _v4_events(_: Venue, logs: list[Log], made: dict[str, Transaction]) -> list[Event]:
    """v4 tells amounts from the swapper's side, and the fee of each swap."""
    events: list[Event] = []
    for log in logs:
        name, values = decoded("v4", log)
        place = _place(len(events), log)
        if name == "Swap":
            amounts = {key: -values[key] for key in ("amount0", "amount1")}
            swapped = _swapped(values | {"recipient": None})
            events.append(Swap(**place, fee_pips=values["fee"], **swapped, **amounts, **_gas(made, log)))
        elif name == "Initialize":
            events.append(LiquidityEvent(**place, kind="initialize", **_price(values)))
        elif name == "Donate":
            amounts = {key: values[key] for key in ("amount0", "amount1")}
            events.append(LiquidityEvent(**place, kind="flash", owner=values["sender"], **amounts))
        elif name == "ModifyLiquidity":
            change = values["liquidityDelta"]
            ticks = {"tick_lower": values["tickLower"], "tick_upper": values["tickUpper"]}
            kind = "mint" if change >= 0 else "burn"
            events.append(LiquidityEvent(**place, kind=kind, owner=values["sender"], **ticks, liquidity=abs(change)))
    return events


def _price(values: dict[str, Any]) -> dict[str, int]:
    return {"sqrt_price_x96": values["sqrtPriceX96"], "tick": values["tick"]}


def _swapped(values: dict[str, Any]) -> dict[str, Any]:
    who = {"sender": values["sender"], "recipient": values["recipient"]}
    return who | _price(values) | {"liquidity": values["liquidity"]}
