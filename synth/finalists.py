"""The last step before held-out blocks: the best candidates of a proposer are attacked, and one is put forward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.adversary.run import AttackOptions
from verify.adversary.structured import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synth.journal import Journal
    from synth.records import Tried
    from verify.run import Rule

Json = dict[str, Any]

FINALISTS = 3
ATTACK = AttackOptions(batches=4, budget=Budget(orders=24, insertions=2, plays=100))
"""How hard the finalists are attacked: little beside what `pactsmith attack` does by default."""
MARGIN = Fraction(11, 10)
"""An attacker may take so many times from a rule what the AMM gives on the same batches: both are lower bounds, which a
search of this size meets a little better or worse by chance."""


@dataclass(frozen=True, slots=True)
class Champion:
    """Who is put forward, None where nobody is, and what the attacks came to, one a finalist that was attacked."""

    tried: Tried | None
    attacks: tuple[Json, ...]


def champion(
    finalists: Sequence[Tried], journal: Journal, options: AttackOptions, attack: Callable[[Rule, AttackOptions], Json]
) -> Champion:
    """The first of the finalists that gives an attacker no more than `MARGIN` times what the AMM gives.

    Args:
        finalists: The best first.
        journal: The run's; an attack that it tells of is not made again.
        options: As `ATTACK`; its window is set from the finalist.
        attack: `verify.adversary.run.attack_rule` on the run's history.
    """
    attacks: list[Json] = []
    for one in finalists:
        found = _attacked(one, journal, options, attack)
        attacks.append(found)
        if found["bad_ev"] <= float(MARGIN) * max(found["amm_bad_ev"], 0.0):
            return Champion(one, tuple(attacks))
    return Champion(None, tuple(attacks))


def _attacked(
    one: Tried, journal: Journal, options: AttackOptions, attack: Callable[[Rule, AttackOptions], Json]
) -> Json:
    key = {"candidate_id": one.proposal.candidate_id, "window_blocks": one.proposal.window_blocks}
    for line in journal.lines("attack"):
        if key.items() <= line.items():
            return line
    found = attack(one.proposal.rule(), replace(options, window_blocks=one.proposal.window_blocks))
    journal.append(
        "attack",
        **key,
        name=one.proposal.name,
        batches=found["batches"]["attacked"],
        plays=found["budget"]["plays_made"],
        bad_ev=found["bad_ev"],
        amm_bad_ev=found["amm"]["bad_ev"],
        user_loss=found["user_loss"],
        order_dependence_bps=found["order_dependence_bps"],
        regret_bps=found["regret_bps"],
        numeraire=found["numeraire"],
    )
    return _attacked(one, journal, options, attack)
