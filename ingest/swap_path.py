"""Whether a swap's event is what a pool with concentrated liquidity does from a state, and from which state it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.swap_math import (
    MAX_TICK,
    MIN_TICK,
    PIPS,
    amount0_down,
    amount0_up,
    amount1_down,
    amount1_up,
    fee_up,
    price_after_input,
    price_after_output,
    sqrt_price_at_tick,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.records import Event, Swap
    from ingest.tick_table import TickTable

IN_ROUNDINGS = 2  # of a step: its input and its fee are rounded up; its output is rounded down once
FEE_TRIES_PIPS = (0, 1, -1, 2, -2)  # around the fee that the amounts give, which are rounded


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a pool stands: its price, the tick that it holds to be the price's, and the liquidity in range."""

    sqrt_price_x96: int
    tick: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a swap's event tells: token0 was paid in (``down``), and where the pool stood after it."""

    down: bool
    paid: int
    got: int
    fee_pips: int
    after: Stand


def stand_after(event: Event, liquidity: int | None) -> Stand:
    """Where a swap or an initialisation says that the pool stands after it.

    Raises:
        InputError: It does not say, or says what no pool can be at.
    """
    price, tick = event.sqrt_price_x96, event.tick
    field = f"event in block {event.block_number}, transaction {event.tx_hash}"
    if price is None or tick is None or liquidity is None:
        message = "it tells no price, tick and liquidity; from such events nothing proves that none is missing"
        raise InputError(message, field=field)
    if not (MIN_TICK <= tick < MAX_TICK and sqrt_price_at_tick(tick) <= price <= sqrt_price_at_tick(tick + 1)):
        raise InputError(f"the price {price} does not lie in the tick given, {tick}", field=field)
    return Stand(price, tick, liquidity)


def told_by(swap: Swap, before: Stand) -> Told:
    """Reads a swap's event; see ``stand_after``."""
    after = stand_after(swap, swap.liquidity)
    down = (swap.amount0 - swap.amount1 or before.sqrt_price_x96 - after.sqrt_price_x96) > 0
    paid, got = (swap.amount0, -swap.amount1) if down else (swap.amount1, -swap.amount0)
    return Told(down, paid, got, swap.fee_pips, after)


def follows(stand: Stand, table: TickTable, told: Told, slack: int = 0) -> bool:
    """Whether a swap from here can give exactly this event: amounts, price, liquidity and tick.

    Goes through the steps of Uniswap v3's ``swap``. All but the last are known from the ticks; the last one is that of
    an exact input or output, or stopped at a price limit. ``slack`` allows for so many steps more or less than the
    table tells, of 2 units of the input and 1 of the output each.
    """
    paid, got, end = told.paid, told.got, told.after.sqrt_price_x96
    for at, bound, across in steps(stand, table, down=told.down):
        if paid < -IN_ROUNDINGS * slack or got < -slack:
            return False
        if end > bound if told.down else end < bound:
            return _agree(at, told) and _last_step(at, told, paid, got, slack)
        if end == bound:
            if across != told.after:
                return False
            if _last_step(at, told, paid, got, slack):
                return True  # else what is left is too little to move the price any further
        cost, gives = costs(at, bound, down=told.down)
        paid, got = paid - cost - fee_up(cost, told.fee_pips), got - gives
    return False


def costs(at: Stand, end: int, *, down: bool) -> tuple[int, int]:
    """What goes in without fee, and what comes out, from a stand to a price with no tick between."""
    price, liquidity = at.sqrt_price_x96, at.liquidity
    if down:
        return amount0_up(end, price, liquidity), amount1_down(end, price, liquidity)
    return amount1_up(price, end, liquidity), amount0_down(price, end, liquidity)


def fitting_fee(stand: Stand, table: TickTable, told: Told) -> int | None:
    """Another fee, in pips, with which the event follows exactly; None where there is none."""
    cost, end = 0, told.after.sqrt_price_x96
    for at, bound, _ in steps(stand, table, down=told.down):
        stop = max(bound, end) if told.down else min(bound, end)
        cost += costs(at, stop, down=told.down)[0]
        if stop == end:
            break
    if told.paid <= 0:
        return None
    near = (told.paid - cost) * PIPS // told.paid
    for fee_pips in (near + off for off in FEE_TRIES_PIPS):
        if 0 <= fee_pips < PIPS and follows(stand, table, replace(told, fee_pips=fee_pips)):
            return fee_pips
    return None


@dataclass(frozen=True, slots=True)
class Began:
    """Where a swap must have begun: between two prices, at a liquidity; ``rounding_in`` of its input is not certain."""

    low: int
    high: int
    liquidity: int
    rounding_in: int


def began(table: TickTable, told: Told) -> Began | None:
    """Where a swap began, found backwards from where it ended; None where its amounts do not fit the table's liquidity.

    What was paid out gives the price, what was paid in must then be what that costs. Both are exact to the roundings
    of the steps between and to the last unit of the price.
    """
    left, spent, roundings = told.got, 0, 1
    for at, bound, _ in steps(told.after, table, down=not told.down):
        if at.liquidity <= 0:
            return None
        cost, gives = costs(replace(at, sqrt_price_x96=bound), at.sqrt_price_x96, down=told.down)
        if left <= gives:
            break
        left, spent, roundings = left - gives, spent + cost, roundings + 1
    else:
        return None
    start, low, high = (_back(at, max(left + off, 0), down=told.down) for off in (0, -roundings, roundings))
    spent += costs(replace(at, sqrt_price_x96=start), at.sqrt_price_x96, down=told.down)[0]
    rounding_in = (roundings + 1) * _rounding_in(at, down=told.down)
    if abs(told.paid - spent - fee_up(spent, told.fee_pips)) > rounding_in:
        return None
    return Began(min(low, high) - 1, max(low, high) + 1, at.liquidity, rounding_in)


def liquidity_explains(stand: Stand, told: Told, found: Began, nearest: int) -> bool:
    """Whether a swap from here, over other liquidity than the table's, can look as if it had begun elsewhere.

    Other liquidity can begin at ``nearest``, the price of the first usable tick on the way, or beyond. Then some input
    was taken at another price than it looks, and all that follows must make up for it: at a distance, so that the
    input shows it, unless amount times distance is less than its roundings.
    """
    here, middle = stand.sqrt_price_x96, (found.low + found.high) // 2
    if found.low <= here <= found.high:
        to, liquidity, distance = nearest, abs(found.liquidity - stand.liquidity), abs(nearest - here)
    elif (middle > here) == told.down:  # further back: where the pool was not, nothing can have been taken
        to, liquidity, distance = middle, found.liquidity, abs(nearest - here)
    else:  # further on: up to the nearest tick, what is here must have been taken
        to = min(nearest, middle, key=lambda price: abs(price - here))
        liquidity, distance = stand.liquidity, abs(to - here)
    low, high = sorted((here, to))
    taken = costs(Stand(high, 0, liquidity), low, down=True)[not told.down]
    return taken * distance <= 2 * found.rounding_in * here


def _back(at: Stand, got: int, *, down: bool) -> int:
    """The price from which a swap that ends here pays out so much: what puts that back in comes to it."""
    return price_after_input(at.sqrt_price_x96, at.liquidity, got, down=not down) if got else at.sqrt_price_x96


def _rounding_in(at: Stand, *, down: bool) -> int:
    """What one unit of the output, one of the price, and the roundings of a step's input are worth in its input."""
    square = at.sqrt_price_x96**2
    if down:
        return ((1 << 192) + (at.liquidity << 96)) // square + IN_ROUNDINGS + 2
    return (square >> 192) + (at.liquidity >> 96) + IN_ROUNDINGS + 2


def steps(stand: Stand, table: TickTable, *, down: bool) -> Iterator[tuple[Stand, int, Stand]]:
    """A swap's steps from tick to tick: where each begins, the price at its end, and the stand once that is crossed."""
    while True:
        following = table.next_below(stand.tick) if down else table.next_above(stand.tick)
        bound = sqrt_price_at_tick(following)
        net = table.nets.get(following, 0)
        after = (following - 1, stand.liquidity - net) if down else (following, stand.liquidity + net)
        across = Stand(bound, *after)
        yield stand, bound, across
        if following in (MIN_TICK, MAX_TICK):
            return
        stand = across


def _agree(at: Stand, told: Told) -> bool:
    """Whether liquidity and tick after a swap that ends inside a step are those told."""
    price, tick = told.after.sqrt_price_x96, told.after.tick
    right = tick == at.tick if price == at.sqrt_price_x96 else price < sqrt_price_at_tick(tick + 1)
    return right and at.liquidity == told.after.liquidity


def _last_step(at: Stand, told: Told, paid: int, got: int, slack: int) -> bool:
    """Whether the rest of the amounts is what the last step, which ends at the price told, takes and gives."""
    end, down, price, liquidity = told.after.sqrt_price_x96, told.down, at.sqrt_price_x96, at.liquidity
    cost, gives = costs(at, end, down=down)
    spread = IN_ROUNDINGS * slack
    pays_all = abs(paid - cost - fee_up(cost, told.fee_pips)) <= spread
    gets_all = abs(got - gives) <= slack
    if (pays_all and gets_all) or liquidity <= 0:
        return pays_all and gets_all
    if gets_all:
        rests = [max(paid + off, 0) * (PIPS - told.fee_pips) // PIPS for off in (-spread, spread)]
        ends = [price_after_input(price, liquidity, rest, down=down) for rest in rests]
    elif pays_all and got < gives:
        ends = [price_after_output(price, liquidity, max(got + off, 0), down=down) for off in (-slack, slack)]
    else:
        return False
    return min(ends) <= end <= max(ends)
