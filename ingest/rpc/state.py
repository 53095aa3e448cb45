"""A pool's state at a block, read from its contract; for v4 from the manager's storage.

The tick table is read through the bitmaps of initialised ticks, so that it is complete: also ticks whose net liquidity
is zero are in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ingest.errors import InputError
from ingest.pool_state import MAX_TICK, check_pool_state
from ingest.records import PoolState, Position, TickLiquidity
from ingest.rpc.contracts import WORD_BYTES, call_data, low_signed, signed, unsigned, words
from ingest.rpc.errors import AnswerError, NoStateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.rpc.node import Node
    from ingest.rpc.pools import FoundPool

V4_POOLS_SLOT = 6  # v4's StateLibrary: where the manager keeps its pools, and where a pool keeps what
V4_LIQUIDITY, V4_TICKS, V4_BITMAP = 3, 4, 5
SLOTS_PER_CALL = 500
WORD_BITS = 256
MOST_TICKS = 200_000  # a table as large as that is not read tick by tick

Words = list[int]


class AbsentError(InputError):
    """The pool did not exist at the block, or had no price yet."""


def read_pool_state(node: Node, found: FoundPool, block: int) -> PoolState:
    """A pool's state after all of a block's transactions.

    Raises:
        NoStateError: The node does not keep the state of that block.
        AbsentError: The pool did not exist then.
        AnswerError: What the node tells contradicts itself.
        NodeError: The node cannot tell, or the block was replaced meanwhile.
    """
    before = node.headers([block])[0].block_hash
    readers = {"v2": _v2, "v3": _v3, "v4": _v4}
    try:
        state = readers[found.pool.kind](node, found, block)
    except NoStateError as error:
        raise NoStateError(
            f"{error}. The state of block {block} is needed to start or to check there: use a node that keeps old "
            "state (an archive node), begin at the pool's creation, or give the state in a file",
            code=error.code,
        ) from None
    if node.headers([block])[0].block_hash != before:
        raise AnswerError(f"{node.name}: block {block} was replaced while its state was read; try again")
    try:
        check_pool_state(state)
    except InputError as error:
        raise AnswerError(f"{node.name}: the state at block {block} contradicts itself: {error}") from None
    return state


def _v2(node: Node, found: FoundPool, block: int) -> PoolState:
    told = words(node.call_contract(found.emitter, call_data("getReserves()"), block), 2)
    if told is None:
        raise _absent(found, block)
    return PoolState(found.pool, Position(block), reserve0=told[0], reserve1=told[1])


def _v3(node: Node, found: FoundPool, block: int) -> PoolState:
    def ask(calls: Sequence[bytes], least: int) -> list[Words]:
        answers = node.call_contracts([(found.emitter, call) for call in calls], block)
        read = [words(answer, least) for answer in answers]
        if None in read:
            raise _absent(found, block)
        return [one for one in read if one is not None]

    slot0, told = ask([call_data("slot0()")], 2)[0], ask([call_data("liquidity()")], 1)[0]
    price, tick, liquidity = unsigned(slot0[0], 160), signed(slot0[1], 24), unsigned(told[0], 128)
    if price is None or tick is None or liquidity is None:
        raise AnswerError(f"{node.name}: {found.emitter} does not answer as a v3 pool")

    def bitmap(places: Sequence[int]) -> list[int]:
        return [one[0] for one in ask([call_data("tickBitmap(int16)", place) for place in places], 1)]

    def nets(ticks: Sequence[int]) -> list[int]:
        return [low_signed(one[1], 128) for one in ask([call_data("ticks(int24)", one) for one in ticks], 2)]

    return _concentrated(found, block, (price, tick, liquidity), bitmap, nets)


def _v4(node: Node, found: FoundPool, block: int) -> PoolState:
    def load(slots: Sequence[int]) -> list[int]:
        found_: list[int] = []
        for start in range(0, len(slots), SLOTS_PER_CALL):
            part = slots[start : start + SLOTS_PER_CALL]
            answer = node.call_contract(found.emitter, call_data("extsload(bytes32[])", 32, len(part), *part), block)
            told = words(answer, len(part) + 2)
            if told is None:
                raise _absent(found, block)
            found_ += told[2 : len(part) + 2]
        return found_

    root = _slot(int(found.pool.address, 16), V4_POOLS_SLOT)
    slot0, told = load([root, root + V4_LIQUIDITY])
    pool = replace(found.pool, fee_pips=(slot0 >> 208) % (1 << 24)) if found.dynamic_fee else found.pool

    def bitmap(places: Sequence[int]) -> list[int]:
        return load([_slot(place, root + V4_BITMAP) for place in places])

    def nets(ticks: Sequence[int]) -> list[int]:
        return [low_signed(word >> 128, 128) for word in load([_slot(tick, root + V4_TICKS) for tick in ticks])]

    standing = slot0 % (1 << 160), low_signed(slot0 >> 160, 24), told % (1 << 128)
    return _concentrated(replace(found, pool=pool), block, standing, bitmap, nets)


def _concentrated(
    found: FoundPool,
    block: int,
    standing: tuple[int, int, int],
    bitmap: Callable[[Sequence[int]], list[int]],
    nets: Callable[[Sequence[int]], list[int]],
) -> PoolState:
    """The state of a pool with ticks, of which ``standing`` are price, tick and liquidity."""
    price, tick, liquidity = standing
    if not price:
        raise _absent(found, block)
    ticks = initialised(found.pool.tick_spacing, bitmap)
    if len(ticks) > MOST_TICKS:
        raise InputError(f"the pool has {len(ticks)} initialised ticks, more than {MOST_TICKS}", field="pool")
    table = tuple(TickLiquidity(one, net) for one, net in zip(ticks, nets(ticks), strict=True))
    return PoolState(found.pool, Position(block), sqrt_price_x96=price, tick=tick, liquidity=liquidity, ticks=table)


def initialised(tick_spacing: int, bitmap: Callable[[Sequence[int]], list[int]]) -> list[int]:
    """The initialised ticks, ascending: the bits that are set in all the words that a pool can use."""
    most = MAX_TICK // tick_spacing
    places = range(-most // WORD_BITS, most // WORD_BITS + 1)
    return [
        (place * WORD_BITS + bit) * tick_spacing
        for place, word in zip(places, bitmap(places), strict=True)
        if word
        for bit in range(WORD_BITS)
        if word >> bit & 1
    ]


def _slot(key: int, root: int) -> int:
    """Where a mapping keeps a key's value."""
    both = b"".join((one % (1 << 256)).to_bytes(WORD_BYTES, "big") for one in (key, root))
    return int.from_bytes(keccak(both), "big")


def _absent(found: FoundPool, block: int) -> AbsentError:
    return AbsentError(
        f"{found.pool.address} is not there, or not initialised, at block {block}; begin later", field="first block"
    )
