"""The pool state file: which pool a history is of, and the state from which its events go on.

Read from what users give (strictly), written for what is exported, and kept in the store in the same form.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import TYPE_CHECKING, Any, NoReturn

from ingest.errors import InputError
from ingest.records import Pool, PoolState, Position, TickLiquidity, Token

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Document = dict[str, Any]

V2_FEE_PIPS = 3000
FEE_PIPS_END = 10**6
MAX_TICK = 887272  # Uniswap v3's TickMath
MAX_TICK_SPACING = 16384
MAX_UINT112 = (1 << 112) - 1
MAX_UINT128 = (1 << 128) - 1
MAX_DECIMALS = 255
MAX_FILE_BYTES = 64 << 20
TICK_BASE_LOG = math.log(1.0001)
TICK_SLACK = 1e-3  # of one tick; a double's logarithm is good to 1e-8 of a tick here
SYMBOL = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


def read_pool_state(path: Path) -> PoolState:
    """Reads and checks a pool state file.

    Raises:
        InputError: The file cannot be read, or a field is missing, malformed or contradicts another.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"is larger than {MAX_FILE_BYTES} bytes; this is no pool state file", file=path)
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from None
    except UnicodeDecodeError:
        raise InputError("is no text in UTF-8", file=path) from None
    state = parse_pool_state(_load(text, path), file=path)
    check_pool_state(state, file=path)
    return state


def write_pool_state(state: PoolState, path: Path) -> None:
    """Writes a pool state file, to a temporary name first, so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(pool_state_document(state), indent=1) + "\n", "utf-8")
    temporary.replace(path)


def pool_state_document(state: PoolState) -> Document:
    """A state as the JSON document that ``parse_pool_state`` reads back to an equal state."""
    pool = state.pool
    document: Document = {
        "kind": pool.kind,
        "chain_id": pool.chain_id,
        "pool": pool.address,
        "token0": _token_document(pool.token0),
        "token1": _token_document(pool.token1),
        "fee_pips": pool.fee_pips,
        "tick_spacing": pool.tick_spacing,
    }
    if state.after is not None:
        place = {
            "block_number": state.after.block_number,
            "tx_hash": state.after.tx_hash,
            "log_index": state.after.log_index,
        }
        document["state_is_after"] = {key: value for key, value in place.items() if value is not None}
    if pool.kind == "v2":
        return document | {"reserve0": str(state.reserve0), "reserve1": str(state.reserve1)}
    table = "reconstructed_ticks" if state.ticks_reconstructed else "ticks"
    return document | {
        "sqrt_price_x96": str(state.sqrt_price_x96),
        "tick": state.tick,
        "liquidity": str(state.liquidity),
        table: [{"tick": entry.tick, "liquidity_net": str(entry.liquidity_net)} for entry in state.ticks],
    }


def parse_pool_state(document: object, *, file: Path | None = None) -> PoolState:
    """Reads a document's fields, exactly; whether they make sense together is ``check_pool_state``'s matter.

    A v3 pool at its creation has ``initial_sqrt_price_x96`` (and ``initial_tick``, ``initial_fee_pips``) and no ticks.

    Raises:
        InputError: A field is missing or is not what it must be.
    """
    root = _Fields(document, file)
    is_v2 = root.get("kind") == "v2" or (root.get("kind") is None and root.get("reserve0") is not None)
    if root.get("kind") not in (None, "v2", "v3", "v4"):
        root.fail("kind", "must be v2, v3 or v4")
    is_v4 = root.get("kind") == "v4"
    created = root.get("initial_sqrt_price_x96") is not None and root.get("sqrt_price_x96") is None
    initial = "initial_" if created else ""
    fee = root.integer(
        "initial_fee_pips" if root.get("fee_pips") is None and created else "fee_pips",
        V2_FEE_PIPS if is_v2 else None,
    )
    pool = Pool(
        kind="v2" if is_v2 else "v4" if is_v4 else "v3",
        chain_id=root.integer("chain_id"),
        address=root.hash("pool") if is_v4 else root.address("pool"),
        token0=_token(root.inner("token0")),
        token1=_token(root.inner("token1")),
        fee_pips=fee,
        tick_spacing=0 if is_v2 else root.integer("tick_spacing"),
    )
    after = None if root.get("state_is_after") is None else _position(root.inner("state_is_after"))
    if is_v2:
        return PoolState(pool, after, reserve0=root.integer("reserve0"), reserve1=root.integer("reserve1"))
    price = root.integer(f"{initial}sqrt_price_x96")
    reconstructed = root.get("reconstructed_ticks") is not None
    if reconstructed and root.get("ticks") is not None:
        root.fail("reconstructed_ticks", "stands beside ticks; give one of them")
    return PoolState(
        pool,
        after,
        sqrt_price_x96=price,
        tick=root.integer(f"{initial}tick"),
        liquidity=root.integer("liquidity", 0 if created else None),
        ticks=tuple(_tick(entry) for entry in root.items("reconstructed_ticks" if reconstructed else "ticks", created)),
        ticks_reconstructed=reconstructed,
    )


def check_pool_state(state: PoolState, *, file: Path | None = None) -> None:
    """Requires a state that a Uniswap pool can be in.

    Raises:
        InputError: A value is out of its range, or price and tick, or ticks and liquidity, contradict each other.
    """

    def require(ok: bool, field: str, message: str) -> None:
        if not ok:
            raise InputError(message, file=file, field=field)

    pool = state.pool
    require(pool.chain_id > 0, "chain_id", "must be above 0")
    require(0 <= pool.fee_pips < FEE_PIPS_END, "fee_pips", f"must be from 0 to {FEE_PIPS_END - 1}")
    require(
        int(pool.token0.address, 16) < int(pool.token1.address, 16), "token0", "must have the lower address of the two"
    )
    for name, token in (("token0", pool.token0), ("token1", pool.token1)):
        require(0 <= token.decimals <= MAX_DECIMALS, f"{name}.decimals", f"must be from 0 to {MAX_DECIMALS}")
        require(bool(SYMBOL.fullmatch(token.symbol)), f"{name}.symbol", "must be 1 to 64 printable characters")
    if state.after is not None:
        require(state.after.block_number >= 0, "state_is_after.block_number", "must not be negative")
        require((state.after.log_index or 0) >= 0, "state_is_after.log_index", "must not be negative")
    if pool.kind == "v2":
        for name, reserve in (("reserve0", state.reserve0), ("reserve1", state.reserve1)):
            require(0 <= reserve <= MAX_UINT112, name, "must fit into uint112, as in the pair")
        return
    require(0 < pool.tick_spacing < MAX_TICK_SPACING, "tick_spacing", f"must be from 1 to {MAX_TICK_SPACING - 1}")
    require(price_fits_tick(state.sqrt_price_x96, state.tick), "sqrt_price_x96", "does not lie in the tick given")
    require(0 <= state.liquidity <= MAX_UINT128, "liquidity", "must fit into uint128")
    _check_ticks(state, require)


def price_fits_tick(sqrt_price_x96: int, tick: int) -> bool:
    """Whether a price lies in a tick: from the tick's own price to the next one's, both included.

    The upper end counts because a v3 pool whose price falls exactly onto an initialised tick reports the tick below.
    """
    if not (0 < sqrt_price_x96 < 1 << 160 and -MAX_TICK - 1 <= tick <= MAX_TICK):
        return False
    exact = (math.log(sqrt_price_x96) - 96 * math.log(2)) * 2 / TICK_BASE_LOG
    return tick - TICK_SLACK <= exact <= tick + 1 + TICK_SLACK


def _check_ticks(state: PoolState, require: Callable[[bool, str, str], None]) -> None:
    name = "reconstructed_ticks" if state.ticks_reconstructed else "ticks"
    below = -MAX_TICK - 1
    total = active = 0
    for place, entry in enumerate(state.ticks):
        field = f"{name}[{place}].tick"
        require(below < entry.tick <= MAX_TICK, field, "ticks must ascend, each once, within the range of Uniswap v3")
        require(entry.tick % state.pool.tick_spacing == 0, field, f"must be a multiple of {state.pool.tick_spacing}")
        below = entry.tick
        total += entry.liquidity_net
        if entry.tick <= state.tick:
            active = total
        require(
            0 <= total <= MAX_UINT128, f"{name}[{place}].liquidity_net", "makes the liquidity negative or too large"
        )
    require(total == 0, name, f"the net liquidities must add up to 0, but add up to {total}")
    message = f"must be the sum of the net liquidities up to the current tick, which is {active}"
    require(state.liquidity == active, "liquidity", message)


class _Fields:
    """The fields of one JSON object, by name, with the way to it for messages."""

    def __init__(self, document: object, file: Path | None, way: str = "") -> None:
        self.file = file
        self.way = way
        if not isinstance(document, dict):
            self.fail("", "must be a JSON object")
        self.document: Document = document

    def fail(self, key: str, message: str) -> NoReturn:
        raise InputError(message, file=self.file, field=f"{self.way}{key}".rstrip(".") or None)

    def get(self, key: str) -> Any:
        return self.document.get(key)

    def present(self, key: str) -> Any:
        if (value := self.document.get(key)) is None:
            self.fail(key, "is missing")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """A JSON integer or decimal text; never a number with a point or exponent."""
        value = self.document.get(key)
        if value is None and default is not None:
            return default
        value = self.present(key)
        if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,77}", value):
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(key, f"must be a whole number, written out, found {str(value)[:60]!r}")
        return value

    def address(self, key: str) -> str:
        return self._hex(key, 40)

    def hash(self, key: str) -> str:
        return self._hex(key, 64)

    def _hex(self, key: str, digits: int) -> str:
        value = self.present(key)
        if not isinstance(value, str) or not re.fullmatch(rf"0x[0-9a-fA-F]{{{digits}}}", value):
            self.fail(key, f"must be 0x and {digits} hex digits, found {str(value)[:80]!r}")
        return value.lower()

    def text(self, key: str) -> str:
        value = self.present(key)
        if not isinstance(value, str):
            self.fail(key, "must be text")
        return value

    def inner(self, key: str) -> _Fields:
        return _Fields(self.present(key), self.file, f"{self.way}{key}.")

    def items(self, key: str, may_miss: bool) -> list[_Fields]:
        value = [] if may_miss and self.get(key) is None else self.present(key)
        if not isinstance(value, list):
            self.fail(key, "must be a list")
        return [_Fields(entry, self.file, f"{self.way}{key}[{place}].") for place, entry in enumerate(value)]


def _token(fields: _Fields) -> Token:
    return Token(fields.address("address"), fields.text("symbol"), fields.integer("decimals"))


def _token_document(token: Token) -> Document:
    return {"address": token.address, "symbol": token.symbol, "decimals": token.decimals}


def _position(fields: _Fields) -> Position:
    return Position(
        fields.integer("block_number"),
        None if fields.get("tx_hash") is None else fields.hash("tx_hash"),
        None if fields.get("log_index") is None else fields.integer("log_index"),
    )


def _tick(fields: _Fields) -> TickLiquidity:
    return TickLiquidity(fields.integer("tick"), fields.integer("liquidity_net"))


def _load(text: str, path: Path) -> object:
    def no_key_twice(pairs: list[tuple[str, Any]]) -> Document:
        document = dict(pairs)
        if len(document) < len(pairs):
            raise InputError(f"a key stands twice among {', '.join(key for key, _ in pairs)[:200]}", file=path)
        return document

    try:
        return json.loads(text, object_pairs_hook=no_key_twice)
    except json.JSONDecodeError as error:
        raise InputError(f"is no JSON: {error.msg}", file=path, line=error.lineno) from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; nesting without end
        raise InputError(f"is no pool state file: {error}", file=path) from None
