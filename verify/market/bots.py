"""Who lives off others: the arbitrageur, who answers the exogenous price, and the sandwich bot, who answers orders."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from verify.market.wishes import Trade
from verify.venues import labelled_address

if TYPE_CHECKING:
    import numpy as np

    from verify.market.config import ArbitrageConfig, SandwichConfig
    from verify.market.view import View
    from verify.market.wishes import Order

_PROBE = 16  # the first look is at a front-run of a sixteenth of the victim's size
_SEARCH_STEPS = 24
_GOLDEN = Fraction(61803398875, 10**11)


class Arbitrageur:
    """Trades at the top of the block until the pool's next unit, fee included, is worth the exogenous price."""

    def __init__(self, config: ArbitrageConfig, random: np.random.Generator, tag: str) -> None:
        self._config = config
        self._random = random
        self._tag = tag

    def act(self, view: View) -> Trade | None:
        """The best response, or None where it would not pay after gas."""
        looks = self._random.random() < self._config.activity
        number = self._random.integers(self._config.contracts)
        if not looks:
            return None
        zero_for_one, amount_in = view.pool.amount_to(view.price)
        if amount_in <= 0:
            return None
        quoted = view.pool.quote(zero_for_one, amount_in)
        wish = Trade(
            flow_class="arbitrage",
            why="simulated: arbitrage against the exogenous price",
            contract=labelled_address(f"{self._tag}:{number}"),
            trader=None,
            zero_for_one=zero_for_one,
            amount_in=quoted.spent,
            min_out=quoted.received,
        )
        if not quoted.received:
            return None
        got = view.value(quoted.received, of_token0=not zero_for_one)
        gain = got - view.value(quoted.spent, of_token0=zero_for_one)
        cost = view.gas_value(view.pool.gas_of(wish)) + Fraction(self._config.min_profit)
        return wish if gain > cost else None


@dataclass(frozen=True, slots=True)
class Attack:
    """A front-run before, and a back-run behind the victim, which sells exactly what the front-run bought."""

    front: Trade
    back: Trade


class SandwichBot:
    """Pushes the price against a waiting user as far as pays, at most to his limit, and trades back behind him."""

    def __init__(self, config: SandwichConfig, random: np.random.Generator, tag: str) -> None:
        self._config = config
        self._random = random
        self._tag = tag

    def attack(self, view: View, order: Order) -> Attack | None:
        """The most profitable attack on one order that the pool is about to execute; None where none pays after gas."""
        if not (order.is_public and order.is_user and self._config.max_front):
            return None
        victim = order.trade
        fair = view.pool.quote(victim.zero_for_one, victim.amount_in).received
        if fair < victim.min_out:
            return None  # reverts anyway
        # What the bot and the liquidity providers gain, the victim loses: his slack bounds it.
        at_stake = view.value(fair - victim.min_out, of_token0=not victim.zero_for_one)
        if at_stake <= 2 * view.gas_value(view.pool.gas_of(victim)):
            return None
        search = _Search(view, victim)
        most = int(view.amount(self._config.max_front, of_token0=victim.zero_for_one))
        front_in = search.best(min(most, search.largest(most)))
        if not front_in:
            return None
        front_out, _, back_out = search.run(front_in)
        contract = labelled_address(f"{self._tag}:{self._random.integers(self._config.contracts)}")
        front = self._leg(contract, "front", victim.zero_for_one, front_in, front_out)
        back = self._leg(contract, "back", not victim.zero_for_one, front_out, back_out)
        profit = view.value(back_out - front_in, of_token0=victim.zero_for_one)
        return Attack(front, back) if profit > 2 * view.gas_value(view.pool.gas_of(front)) else None

    @staticmethod
    def _leg(contract: str, name: str, zero_for_one: bool, amount_in: int, min_out: int) -> Trade:
        why = f"simulated: {name} of a sandwich"
        return Trade("sandwich", why, contract, None, zero_for_one, amount_in, min_out)


class _Search:
    """Asks the pool what front-runs of different sizes would do to one victim."""

    def __init__(self, view: View, victim: Trade) -> None:
        self._view = view
        self._victim = victim

    def run(self, front_in: int) -> tuple[int, int, int]:
        """(what the front-run gets, what the victim gets, what the back-run gets)."""
        direction = self._victim.zero_for_one
        with self._view.pool.supposing() as trade:
            front = trade(direction, front_in).received
            victim = trade(direction, self._victim.amount_in).received
            pays = front and victim >= self._victim.min_out
            return front, victim, trade(not direction, front).received if pays else 0

    def profit(self, front_in: int) -> int:
        """In the smallest unit of the token that the victim sells; before gas."""
        return self.run(front_in)[2] - front_in

    def largest(self, most: int) -> int:
        """The largest front-run up to ``most`` that leaves the victim his limit: he gets less the larger it is.

        0 where even a small one does not pay: the gain is concave in the size, so a larger one pays less still.
        """
        probe = min(most, self._victim.amount_in // _PROBE)
        if not probe or self.profit(probe) <= 0:
            return 0
        low, high = probe, most
        for _ in range(_SEARCH_STEPS):
            middle = (low + high + 1) // 2
            if self.run(middle)[1] >= self._victim.min_out:
                low = middle
            else:
                high = middle - 1
        return low

    def best(self, largest: int) -> int:
        """The size with the largest gain, by golden section; 0 where there is none."""
        if not largest:
            return 0
        low, high = 1, largest
        for _ in range(_SEARCH_STEPS):
            step = int((high - low) * _GOLDEN)
            left, right = high - step, low + step
            if left >= right:
                break
            if self.profit(left) < self.profit(right):
                low = left
            else:
                high = right
        return max((low, (low + high) // 2, high, largest), key=self.profit)
