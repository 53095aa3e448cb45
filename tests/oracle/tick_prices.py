"""The price at which each tick of Uniswap v3 begins.

Prices are the square roots of token1 per token0 in smallest units, times 2**96.
"""

from __future__ import annotations

import functools

LOWEST_TICK, HIGHEST_TICK = -887272, 887272

FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
"""TickMath's constants: number i is 1.0001 ** (−2**i / 2) in units of 2**−128, rounded to the nearest."""


@functools.lru_cache(maxsize=1 << 17)
def price_at(tick: int) -> int:
    """The product of the factors of |tick|'s binary digits, inverted above tick 0, and rounded up to 2**−96."""
    assert LOWEST_TICK <= tick <= HIGHEST_TICK
    root = 1 << 128
    for i, factor in enumerate(FACTORS):
        if abs(tick) & 1 << i:
            root = root * factor // (1 << 128)
    if tick > 0:
        root = ((1 << 256) - 1) // root
    return -(-root // (1 << 32))


LOWEST_PRICE, HIGHEST_PRICE = price_at(LOWEST_TICK), price_at(HIGHEST_TICK)


def tick_at(price: int) -> int:
    """The last tick that begins at or below a price."""
    low, high = LOWEST_TICK, HIGHEST_TICK + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if price_at(middle) <= price else (low, middle)
    return low
