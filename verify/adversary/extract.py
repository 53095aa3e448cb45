"""What a sequencer could take from one batch, from whom, and how much hangs on the order of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from verify.adversary.blackbox import blackbox
from verify.adversary.plays import Play, Played
from verify.adversary.structured import Best, Budget, orders_of, structured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.adversary.arena import Arena

BPS = 10_000

Search = Literal["structured", "black-box", "corpus"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """An attacker's best on one batch, in the numeraire's smallest unit; what was found, so a lower bound.

    Args:
        ev: The wealth that the best play brings (extractable value).
        without: The same where nobody has an order there: what arbitrage alone brings.
        structured: The structured search's best.
        black_box: The black-box search's.
        known: The best of the plays that were found before; None where there are none.
        user_loss: What honest orders get less than in the honest batch, those who get more left out.
        dependence_bps: The most that an order's outcome varies over the orders of the honest batch.
        orders_tried: How many orders of the batch that is over.
        play: The best play.
        played: What it comes to.
        plays: How many were made.
    """

    ev: Fraction
    without: Fraction
    structured: Fraction
    black_box: Fraction
    known: Fraction | None
    user_loss: Fraction
    dependence_bps: Fraction
    orders_tried: int
    play: Play
    played: Played
    plays: int

    @property
    def bad_ev(self) -> Fraction:
        """What the orders add to what the attacker takes (Bartoletti and Zunino)."""
        return self.ev - self.without

    @property
    def found_by(self) -> Search:
        """The search that found the best play."""
        if self.ev == self.structured:
            return "structured"
        return "black-box" if self.ev == self.black_box else "corpus"


def extract(arena: Arena, budget: Budget, known: Sequence[Play] = ()) -> Extracted:
    """Searches a batch both ways, and tries the plays that are known of it."""
    before = arena.plays
    honest = Play.honest(len(arena.intents))
    _, without = arena.best_after(Play(()))
    searched = structured(arena, budget), blackbox(arena, budget)
    faced = [Best(*arena.best_after(play)) for play in known]
    best = max(*searched, *faced, key=lambda found: found.wealth)
    dependence, tried = order_dependence(arena, budget)
    played = arena.play(best.play)
    return Extracted(
        ev=best.wealth,
        without=without,
        structured=searched[0].wealth,
        black_box=searched[1].wealth,
        known=max((found.wealth for found in faced), default=None),
        user_loss=_loss(arena, arena.play(honest).bought, played.bought),
        dependence_bps=dependence,
        orders_tried=tried,
        play=best.play,
        played=played,
        plays=arena.plays - before,
    )


def order_dependence(arena: Arena, budget: Budget) -> tuple[Fraction, int]:
    """The most that any order's outcome varies over the orders of the honest batch, in bps, and how many were tried.

    An order that is not filled counts as what it then sells for by itself.
    """
    honest = tuple(range(len(arena.intents)))
    outcomes = [arena.play(Play(honest)).bought]
    outcomes += [arena.play(Play(order)).bought for order in orders_of(honest, budget)]
    widest = Fraction(0)
    for bought in zip(*outcomes, strict=True):
        if most := max(bought):
            widest = max(widest, Fraction(BPS * (most - min(bought)), most))
    return widest, len(outcomes)


def _loss(arena: Arena, honest: Sequence[int], attacked: Sequence[int]) -> Fraction:
    moment = arena.market.moment
    lost = Fraction(0)
    for intent, before, after in zip(arena.intents, honest, attacked, strict=True):
        lost += max(0, before - after) * (moment.value1 if intent.sells_token0 else moment.value0)
    return lost
