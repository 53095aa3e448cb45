"""Notices numbers that went through doubles or were cut to fewer digits, by a test of the numbers themselves.

A double holds 53 bits. What it cannot hold comes back as the double's shortest decimal (at most 17 digits, filled up
with zeros), or as the double's exact value. Amounts of a chain seldom look so: bots compute with doubles, and of the
exact data that this was tried on up to 19 % of the long amounts are theirs. So it is the share that tells; one exact
number among rounded ones, or one rounded among exact ones, changes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_EXACT = 1 << 53
LONG_DIGITS = 16  # people choose round amounts: fewer significant digits tell nothing of doubles
TELLING_BITS = 57  # of so long numbers hardly one in eight is a double by chance
BOTS_SHARE = 0.25
ROUNDED_SHARE = 0.5
LOG10_ODDS = 3.5
ENOUGH = 30
LEAST_DIGITS = 6  # nobody rounds to fewer, and people's own amounts have fewer
LONGER_DIGITS = 10  # what is given away by the whole token has fewer
CUT_SHARE = 0.95
FEWER_PLACES, MOST_PLACES = 9, 18


@dataclass(slots=True)
class Digits:
    """How many significant digits and decimal places amounts have; of whole numbers, ending zeros are places below 0.

    Amounts of one token differ in size, not in where their last digit stands. Rounding to a number of digits shows in
    that most amounts have just so many and end at various places; rounding to a number of places, in that they end
    before the token's own last place.
    """

    seen: Counter[tuple[int, int]] = field(default_factory=Counter)

    def see(self, amounts: pa.StringArray) -> None:
        """Takes plain decimal text without a sign and without needless zeros, each once; null and 0 are passed over."""
        amounts = pc.unique(amounts)
        lengths = pc.utf8_length(amounts)
        point = pc.find_substring(amounts, ".")
        places = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(lengths, point), 1))
        digits = pc.utf8_length(pc.utf8_trim(pc.replace_substring(amounts, ".", ""), characters="0"))
        given = pc.fill_null(pc.greater(digits, 0), fill_value=False)
        pairs = np.stack([values.filter(given).to_numpy(zero_copy_only=False) for values in (digits, places)])
        found, times = np.unique(pairs, axis=1, return_counts=True)
        for (kept, place), count in zip(found.T.tolist(), times.tolist(), strict=True):
            self.seen[kept, place] += count

    @property
    def most_places(self) -> int:
        """The most decimal places of any amount."""
        return max((places for _, places in self.seen), default=0)

    def likely_places(self) -> int:
        """How many places the token has, where it is not told: hardly one has 10 to 17."""
        return MOST_PLACES if FEWER_PLACES < self.most_places < MOST_PLACES else self.most_places

    def kept_digits(self, token_places: int) -> int | None:
        """The significant digits that the amounts of a token were rounded to; None where they were not."""
        above = 0
        for digits in sorted({digits for digits, _ in self.seen if digits >= LEAST_DIGITS}, reverse=True):
            of_these = [(places, count) for (kept, places), count in self.seen.items() if kept == digits]
            cut = sum(count for places, count in of_these if places < token_places)
            if cut >= max(ENOUGH, above):
                return digits
            above += sum(count for _, count in of_these)
        return None

    def kept_places(self, token_places: int) -> int | None:
        """The decimal places that the amounts of a token with so many were rounded to; None where they were not."""
        total = self.seen.total()
        within = 0
        for kept in sorted({places for _, places in self.seen if places < token_places}):
            here = sum(count for (_, places), count in self.seen.items() if places == kept)
            within += here
            if here >= ENOUGH and within >= CUT_SHARE * total:
                return kept
        return None


@dataclass(slots=True)
class WholeNumbers:
    """Whole numbers seen so far. ``beyond``: above 2**53; ``doubles``: those of them that a double prints or is.

    Of the numbers with 16 or more significant digits that hardly any would be by chance (``telling``),
    ``telling_doubles`` are some.
    """

    beyond: int = 0
    doubles: int = 0
    telling: int = 0
    telling_doubles: int = 0
    digits: Digits = field(default_factory=Digits)

    def see(self, amounts: pa.StringArray) -> None:
        """Takes decimal text of whole numbers; null is passed over."""
        self.see_numbers(map(int, amounts.filter(pc.greater_equal(pc.utf8_length(amounts), LONG_DIGITS)).to_pylist()))

    def see_numbers(self, numbers: Iterable[int]) -> None:
        """Takes whole numbers; what stands there several times is judged once."""
        for number, times in Counter(map(abs, numbers)).items():
            if number > MOST_EXACT:
                self._judge(number, times)

    def _judge(self, number: int, times: int) -> None:
        as_double = float(number)
        is_double = int(as_double) == number or int(Decimal(repr(as_double))) == number
        length = len(text := str(number))
        digits = len(text.rstrip("0"))
        self.beyond += times
        self.doubles += times * is_double
        self.digits.seen[digits, digits - length] += 1
        if digits >= LONG_DIGITS and number.bit_length() >= TELLING_BITS:
            self.telling += 1
            self.telling_doubles += is_double

    @property
    def why(self) -> str | None:
        """What speaks for rounding, in words; None where too little does."""
        if _too_many(self.telling_doubles, self.telling):
            return (
                f"{self.doubles:,} of {self.beyond:,} amounts above 2**53 are numbers as doubles have them; of the "
                f"long different ones {self.telling_doubles:,} of {self.telling:,}, of exact ones hardly a fifth"
            )
        kept = self.digits.kept_digits(0) or 0
        if kept >= LONGER_DIGITS:
            return f"amounts were rounded to {kept} significant digits, whatever their size"
        return None


def _too_many(doubles: int, of: int) -> bool:
    """Whether so many doubles are more than bots make, but for once in 10**LOG10_ODDS (Chernoff's bound)."""
    if not of or doubles / of < ROUNDED_SHARE:
        return False
    share = doubles / of
    nats = share * math.log(share / BOTS_SHARE)
    if share < 1:
        nats += (1 - share) * math.log((1 - share) / (1 - BOTS_SHARE))
    return of * nats >= LOG10_ODDS * math.log(10)


def first_rounded(numbers: Mapping[str, WholeNumbers]) -> str | None:
    """Why the numbers of one of several places, each judged by itself, are taken to be rounded; None where none are."""
    found = ((place, seen.why) for place, seen in numbers.items())
    return next((why if len(numbers) == 1 else f"in {place} {why}" for place, why in found if why is not None), None)
