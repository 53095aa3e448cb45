"""How much, which way, where, and with what limit: the chances that all kinds of traffic share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rpc_world.world import Q96, Call

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from rpc_world.book import Book
    from rpc_world.world import Venue, World

MIN_SQRT, MAX_SQRT = 4295128740, 1461446703485210103287273052203988822378723970341
"""The outermost prices that a v3 or v4 swap may be told to stop at."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls for the next block that may first have to ask the chain, such as for a quote.

    ``build`` makes the calls out of the answer to ``question`` (see `World.ask`), which is None without one. Where
    the question failed, there are no calls.
    """

    build: Callable[[Any], list[Call]]
    question: tuple[Any, ...] | None = None


def plan(*calls: Call) -> Plan:
    """Calls that need no answer."""
    return Plan(lambda _: list(calls))


@dataclass(frozen=True, slots=True)
class Chances:
    """Draws on one world. All kinds of traffic share the generator and the book."""

    world: World
    rng: random.Random
    book: Book

    def user(self) -> str:
        return self.rng.choice(self.world.users)

    def bot(self, function: str, *arguments: Any, must: bool = True) -> Call:
        """The bot's contract, called by one of its owners."""
        return self.world.call("bot", function, *arguments, sender=self.rng.choice(self.world.bot_owners), must=must)

    def usd(self, most: float = 400_000) -> float:
        """How much somebody swaps: mostly a few thousand, now and then very much."""
        return min(self.rng.lognormvariate(8.1, 1.7), most)

    def venue(self, kind: str, main: float = 0.65) -> Venue:
        """A pool of a kind; the first one of its kind with the probability ``main``."""
        first, *others = [venue for venue in self.world.venues.values() if venue.kind == kind]
        return first if self.rng.random() < main else self.rng.choice(others)

    def sells0(self, venue: Venue) -> bool:
        """A direction; the further the price is from where it began, the more likely back."""
        began = (self.world.sqrt_price(venue) / Q96) ** 2
        away = math.log(self.book.price[venue.name] / began)
        return self.rng.random() < 0.5 + min(max(4 * away, -0.45), 0.45)

    def slack(self) -> float:
        """By what share a limit lies below (or above) the quote; a negative one cannot be met."""
        return self.rng.choices((0.005, 0.0001, 0.0, 0.03, -0.01), (60, 12, 5, 15, 8))[0] * self.rng.uniform(0.8, 1.2)

    def deadline(self) -> int:
        """Sometimes already over."""
        return self.world.truth.blocks[-1].ts + (1200 if self.rng.random() < 0.98 else -60)

    def range_near(self, venue: Venue) -> tuple[int, int]:
        """A position's ticks: mostly narrow and around the price, sometimes all on one side of it."""
        width, shift = self.rng.choice((5, 50, 200, 1000)), self.rng.gauss(0, 0.6)
        below, above = (int((shift + side) * width) for side in (-1, 1))
        return self.world.around(venue, self.book.sqrt_price[venue.name], below, above)

    def liquidity(self, venue: Venue) -> int:
        """How much somebody provides."""
        return int(self.world.depth(venue) * min(self.rng.lognormvariate(-1.0, 1.2), 4))
