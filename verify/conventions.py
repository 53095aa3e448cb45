"""The conventions that a score depends on, named so that a report can show the result under each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

Labelling = Literal["rules", "routers", "all"]
Anchor = Literal["settlement", "window-start", "arbitrage-only"]

EVALUATOR_VERSION = "6"
"""Part of every evaluation's key: raised whenever a change may move a number, so that old results are not reused."""

DEFAULT_GAS_PRICE_WEI = 20 * 10**9
"""Used where the source has no gas price; every report says so and gives the result at 0 and at double."""


MOST_WINDOW_BLOCKS = 10_000
"""The longest window: on Ethereum a day and a half."""


@dataclass(frozen=True, slots=True)
class PriceError:
    """A reference price taken so many bps higher, or read so many seconds later, than it is told."""

    bps: int = 0
    seconds: int = 0

    @property
    def factor(self) -> Fraction:
        """What every price is multiplied with."""
        return Fraction(10_000 + self.bps, 10_000)


@dataclass(frozen=True, slots=True)
class Convention:
    """How history is read for one replay.

    Args:
        labelling: Which swaps are orders (see `ingest.labels`).
        slack_bps: An unknown limit is min(y, q·(1 − slack)), q the order's quote alone at the start of its block.
        anchor: The state that a batch settles on: the settlement block's start with the news before its first order
            (``settlement``), the window's start (``window-start``), or the window's start with all of the window's
            news but none of its orders (``arbitrage-only``).
    """

    labelling: Labelling = "rules"
    slack_bps: int = 50
    anchor: Anchor = "settlement"


HEADLINE = Convention()

FREE_RUNNING = "free-running"
"""The variant in which the pool moves by what happens under the mechanism: see `verify.free`."""

PRICE_ERRORS = {
    "reference price: 10 bps higher": PriceError(bps=10),
    "reference price: 10 bps lower": PriceError(bps=-10),
    "reference price: 12 s later": PriceError(seconds=12),
    "reference price: 12 s earlier": PriceError(seconds=-12),
}
"""Errors of the reference price under which a report gives the headline's result again; none is replayed for."""


def variants(window_blocks: int) -> dict[str, Convention]:
    """The conventions beside the headline whose results a report gives for windows of this length, by name."""
    found = {
        "labelling: routers": replace(HEADLINE, labelling="routers"),
        "labelling: all": replace(HEADLINE, labelling="all"),
        "limits: 10 bps": replace(HEADLINE, slack_bps=10),
        "limits: 300 bps": replace(HEADLINE, slack_bps=300),
    }
    if window_blocks > 1:
        found["anchor: window start"] = replace(HEADLINE, anchor="window-start")
        found["anchor: arbitrage-only path"] = replace(HEADLINE, anchor="arbitrage-only")
    return found
