"""Notices numbers that went through doubles, by a test of the numbers themselves.

A double holds 53 bits. What it cannot hold comes back as the double's shortest decimal (at most 17 digits, filled up
with zeros), or as the double's exact value: the amounts of a chain hardly ever look so, and never all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

MOST_EXACT = 1 << 53
LONG_DIGITS, DOUBLES_DIGITS = 16, 17  # a double's shortest decimal has at most 17
ENOUGH_LONG = 30
LOG10_ODDS = 6


@dataclass(slots=True)
class WholeNumbers:
    """Whole numbers seen so far. ``beyond``: above 2**53; ``doubles``: those of them that a double prints or is.

    ``log10_odds`` is how unlikely that is by chance: a number of 25 digits ends in 8 zeros once in 10**8. Only numbers
    with 16 or more significant digits count for it, because people choose round amounts.
    """

    beyond: int = 0
    doubles: int = 0
    log10_odds: float = 0.0

    def see(self, amounts: pa.StringArray) -> None:
        """Takes decimal text of whole numbers; null is passed over."""
        for text in amounts.filter(pc.greater_equal(pc.utf8_length(amounts), LONG_DIGITS)).to_pylist():
            number = abs(int(text))
            if number > MOST_EXACT:
                self.beyond += 1
                self._judge(number)

    def _judge(self, number: int) -> None:
        as_double = float(number)
        digits = str(number)
        if int(Decimal(repr(as_double))) == number:
            self.doubles += 1
            if len(digits.rstrip("0")) >= LONG_DIGITS:
                self.log10_odds += max(0, len(digits) - DOUBLES_DIGITS)
        elif int(as_double) == number:
            self.doubles += 1
            self.log10_odds += (number.bit_length() - MOST_EXACT.bit_length() + 1) * math.log10(2)

    @property
    def rounded(self) -> bool:
        """Whether they went through doubles: all that could show it do, with odds of less than one in a million."""
        return 0 < self.beyond == self.doubles and self.log10_odds >= LOG10_ODDS

    @property
    def why(self) -> str:
        """The finding in words."""
        return (
            f"all {self.beyond:,} amounts above 2**53 are numbers as doubles have them; by chance that happens once in "
            f"10**{math.floor(self.log10_odds):,}"
        )


@dataclass(slots=True)
class Decimals:
    """Decimal amounts seen so far: how many ``nonzero`` ones, with how many significant digits."""

    nonzero: int = 0
    long: int = 0
    beyond: int = 0

    def see(self, amounts: pa.StringArray) -> None:
        """Takes plain decimal text; null is passed over."""
        digits = pc.utf8_trim(pc.replace_substring(amounts, ".", ""), characters="0")
        lengths = pc.utf8_length(digits)
        self.nonzero += _sum(pc.greater(lengths, 0))
        self.long += _sum(pc.greater_equal(lengths, LONG_DIGITS))
        self.beyond += _sum(pc.greater(lengths, DOUBLES_DIGITS))

    @property
    def rounded(self) -> bool:
        """Whether their digits end where a double's do."""
        return self.long >= ENOUGH_LONG and not self.beyond

    @property
    def why(self) -> str:
        """The finding in words."""
        return (
            f"{self.long:,} of {self.nonzero:,} amounts have 16 or 17 significant digits and none has more, as "
            "doubles print them; the source's own text has up to 18 places"
        )


def _sum(flags: pa.BooleanArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
