"""Tokens that a deposit may be in, and exact amounts of them as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from synth.pact.lexicon import pattern

DECIMALS = {
    "ETH": 18, "WETH": 18, "stETH": 18, "wstETH": 18, "USDC": 6, "USDT": 6, "DAI": 18, "xDAI": 18, "USDS": 18,
    "EURe": 18, "EURC": 6, "GHO": 18, "LUSD": 18, "PYUSD": 6, "WBTC": 8, "GNO": 18, "POL": 18,
}  # fmt: skip
"""Decimal places of the tokens that are known by symbol; on another chain a symbol may be another contract's, so the
page shows which one is meant and the user confirms it."""

FIAT_SIGNS = "€$£¥₽₹₩₴₺"
DIGITS = r"\d{1,9}(?:[.,'\u00a0\u202f ]\d{3})*(?:[.,]\d{1,18})?"


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of what the chat names: ``token`` as the table above spells it, or ``unit`` as written where it is none.

    ``value`` is None where the digits can be read in two ways (1.500, 1,500).
    """

    value: Decimal | None
    token: str | None
    unit: str
    written: str
    span: tuple[int, int]

    @property
    def units(self) -> int | None:
        """The amount in the token's smallest unit; None where it is not known or falls between two units."""
        if self.value is None or self.token is None:
            return None
        return smallest_units(self.value, DECIMALS[self.token])


def smallest_units(amount: Decimal, decimals: int) -> int | None:
    """An amount in the smallest unit of a token with so many decimal places; None where it falls between two units."""
    scaled = Fraction(amount) * 10**decimals  # Decimal's own arithmetic rounds to 28 digits
    return scaled.numerator if scaled.denominator == 1 else None


def decimal_value(written: str) -> Decimal | None:
    """The number that ``written`` means with either decimal sign; None where it may mean two."""
    plain = re.sub(r"['\u00a0\u202f ]", "", written)
    signs = [char for char in plain if char in ".,"]
    if not signs:
        return Decimal(plain)
    if len(set(signs)) == 2:
        thousands, decimal = ("," if signs[-1] == "." else "."), signs[-1]
        return Decimal(plain.replace(thousands, "").replace(decimal, "."))
    head, _, tail = plain.rpartition(signs[0])
    if len(signs) > 1:
        return Decimal(plain.replace(signs[0], ""))
    if len(tail) == 3 and head != "0":
        return None
    return Decimal(f"{head}.{tail}")


@cache
def _known() -> tuple[re.Pattern[str], dict[str, str]]:
    symbols = "|".join(sorted(DECIMALS, key=len, reverse=True))
    behind = rf"(?<![A-Za-z0-9_.,])(?P<a>{DIGITS})\s?(?P<u>{symbols})(?![A-Za-z])"
    before = rf"(?<![A-Za-z0-9_])(?P<u2>{symbols})\s?(?P<a2>{DIGITS})"
    return re.compile(f"{behind}|{before}", re.IGNORECASE), {symbol.lower(): symbol for symbol in DECIMALS}


@cache
def _fiat() -> re.Pattern[str]:
    words = pattern("fiat")
    return re.compile(
        rf"(?<![A-Za-z0-9_.,])(?P<a>{DIGITS})\s?(?P<u>[{FIAT_SIGNS}]|{words})|(?P<u2>[{FIAT_SIGNS}])\s?(?P<a2>{DIGITS})",
        re.IGNORECASE,
    )


_UNKNOWN = re.compile(rf"(?<![A-Za-z0-9_.,])(?P<a>{DIGITS})\s?(?P<u>\$?[A-Z][A-Za-z]?[A-Z]{{1,6}}[a-z]?)(?!\w)")
_NO_TOKEN = frozenset({"AM", "PM", "UTC", "GMT", "CET", "CEST", "MEZ", "MESZ", "MSK", "EST", "PST", "BST", "OK", "TBD"})


def find_amounts(text: str) -> list[Amount]:
    """All amounts of money in ``text``, in order: of known tokens, of money that is no token, of unknown symbols."""
    known, spelling = _known()
    found: list[Amount] = []
    for match in known.finditer(text):
        _keep(found, match, spelling[(match["u"] or match["u2"]).lower()])
    for match in _fiat().finditer(text):
        _keep(found, match, None)
    for match in _UNKNOWN.finditer(text):
        if match["u"] not in _NO_TOKEN:
            _keep(found, match, None)
    return sorted(found, key=lambda amount: amount.span)


def _keep(found: list[Amount], match: re.Match[str], token: str | None) -> None:
    """Adds what ``match`` says unless an earlier reading holds the same characters."""
    start, end = match.span()
    if any(amount.span[0] < end and start < amount.span[1] for amount in found):
        return
    groups = match.groupdict()
    digits, unit = (groups["a"], groups["u"]) if groups["a"] else (groups["a2"], groups["u2"])
    found.append(Amount(decimal_value(digits), token, unit, match[0], (start, end)))
