"""Metamorphic relations: what a rule must not notice. The same batch under other circumstances gets the same fills.

Beside drawn circumstances those are tried whose numbers stand in the rule's own code: what a rule compares a block
number or an address with is nearly always there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from verify.bytecode import instructions
from verify.properties.batches import HUGE, Ask, mixed, small
from verify.properties.bench import OTHER_TOKENS, USUAL, Bench, Circumstances, constants
from verify.properties.checks import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from verify.properties.batches import Batch

_WORD64 = 1 << 64
_LOWEST_ADDRESS, _ADDRESSES = 1 << 32, 1 << 160
MOST_CONSTANTS, MOST_ADDRESSES = 200, 20
"""Of the numbers in a rule's code that could be a block's or a time, and of those that could be an address, so many at
most are tried, the largest."""

LANDMARKS = (1, 2, 1_000, 10**6, 12_965_000, 17_034_870, 22_431_084, 10**8, 10**9, 1_600_000_000, 2**31, 2**32, 2**48)
MOST_DRAWN = 12
GAS_STEP = 5_000
"""The least gas that a settlement needs is found as exactly as this: less than any trade costs."""

PADDED = (1, 2, 3, 4, 5, 6, 7, 12, 31)
NOTICEABLE_BPS = 10
"""Impossible orders beside a batch may cost a rule's search for its price some precision, not more than this."""


def block_number(bench: Bench, random: Random) -> str | None:
    """The block's number, at the same time."""
    return _times(bench, "NUMBER", "block_number", "block", random)


def block_time(bench: Bench, random: Random) -> str | None:
    """The block's time, in the same block."""
    return _times(bench, "TIMESTAMP", "timestamp", "time", random)


def traders(bench: Bench, random: Random) -> str | None:
    """Who the traders are: other accounts, the accounts in other places, and every address in the rule's code."""
    batch = mixed(bench.depths)
    count = len(batch)
    usual = [USUAL.trader(place) for place in range(count)]
    for label in (f"relabelled {random.randrange(10**6)}" for _ in range(MOST_DRAWN)):
        found = _differs(bench, batch, replace(USUAL, label=label), "with other traders")
        if found:
            return found
    for turn in range(1, count):
        found = _differs(bench, batch, replace(USUAL, traders=(*usual[turn:], *usual[:turn])), "of another trader")
        if found:
            return found
    for address in _named_addresses(bench):
        for place in range(count):
            named = (*[None] * place, address)
            found = _differs(bench, batch, replace(USUAL, traders=named), f"where {named[-1]} is trader {place + 1}")
            if found:
                return found
    return None


def tokens(bench: Bench, creation_code: bytes) -> str | None:
    """What the tokens' addresses are, in the same order."""
    for pair in (OTHER_TOKENS, *_pairs(bench)):
        other = Bench(bench.market, creation_code, pair)
        for batch in _batches(bench):
            words = f"where the tokens are {pair[0]} and {pair[1]}"
            found = _compare(bench.usual(batch).fills, other.usual(batch).fills, words)
            if found:
                return found
    return None


def gas(bench: Bench, _random: Random) -> str | None:
    """How much gas the settlement is given: it reverts as a whole, or does all that it does with more."""
    for batch in _batches(bench):
        least = _least_gas(bench, batch)
        for limit in (least, least + GAS_STEP, 2 * least):
            settled = bench.settle(batch, replace(USUAL, gas=limit))
            if settled.fault is None:
                words = _compare(bench.usual(batch).fills, settled.fills, f"with {limit:,} gas")
                if words:
                    return words
    return None


def _least_gas(bench: Bench, batch: Batch) -> int:
    """With so much gas a batch settles and with `GAS_STEP` less it does not, by bisection."""
    low, high = 0, bench.usual(batch).gas * 2
    while high - low > GAS_STEP:
        middle = (low + high) // 2
        if bench.settle(batch, replace(USUAL, gas=middle)).fault:
            low = middle
        else:
            high = middle
    return high


def batch_size(bench: Bench, _random: Random) -> str | None:
    """How many orders there are that nobody could fill: they cost the others nothing that one would notice."""
    batch = small(bench.depths, 3)
    usual = bench.usual(batch)
    for count in PADDED:
        impossible = tuple(Ask(i % 2 == 0, batch[i % 2].amount, HUGE) for i in range(count))
        fills = bench.usual(batch + impossible).fills
        for place, ((_, bought), (_, now)) in enumerate(zip(usual.fills, fills, strict=False)):
            if now * 10_000 < bought * (10_000 - NOTICEABLE_BPS):
                return f"order {place + 1} got {percent(now, bought)} beside {count} orders that nobody could fill"
    return None


def _named_addresses(bench: Bench) -> list[str]:
    """What in a rule's code could be an address."""
    found = [number for number in constants(bench.code) if _LOWEST_ADDRESS < number < _ADDRESSES - 1]
    return [f"0x{number:040x}" for number in found[-MOST_ADDRESSES:]]


def _pairs(bench: Bench) -> Iterator[tuple[str, str]]:
    """Each address in a rule's code as token0, and as token1."""
    for address in _named_addresses(bench):
        yield address, f"0x{_ADDRESSES - 1:040x}"
        yield f"0x{_LOWEST_ADDRESS:040x}", address


def _times(bench: Bench, opcode: str, name: str, word: str, random: Random) -> str | None:
    """Moves a number of the block; nothing to do where the rule's code cannot ask for it."""
    if not any(instruction.name == opcode for instruction in instructions(bench.code)):
        return None
    usual = getattr(USUAL, name)
    named = [number for number in constants(bench.code) if 1 < number < _WORD64 - 1][-MOST_CONSTANTS:]
    near = [each for number in named for each in (number - 1, number, number + 1)]
    drawn = [random.randrange(1, 4 * usual) for _ in range(MOST_DRAWN)]
    for value in (*range(usual + 1, usual + 13), *LANDMARKS, *near, *drawn):
        for batch in _batches(bench):
            found = _differs(bench, batch, replace(USUAL, **{name: value}), f"at {word} {value}")
            if found:
                return found
    return None


def _batches(bench: Bench) -> Iterator[Batch]:
    yield mixed(bench.depths)
    yield small(bench.depths, 1)


def _differs(bench: Bench, batch: Batch, circumstances: Circumstances, words: str) -> str | None:
    return _compare(bench.usual(batch).fills, bench.settle(batch, circumstances).fills, words)


def _compare(usual: Iterable[tuple[int, int]], fills: Iterable[tuple[int, int]], words: str) -> str | None:
    usual, fills = list(usual), list(fills)
    if usual and not fills:
        return f"the settlement fails {words}"
    for place, (fill, other) in enumerate(zip(usual, fills, strict=False)):
        if fill != other:
            return f"order {place + 1} got {percent(other[1], fill[1])} {words}"
    return None
