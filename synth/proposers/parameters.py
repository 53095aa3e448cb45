"""`parameters`: search over templates, their parameters and the windows, by a tree-structured Parzen estimator.

Needs no key. This is automated mechanism design over a space that people wrote, and the yardstick for whoever
proposes sources of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synth.records import Proposal, Tried
    from synth.space import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

DRAWN_FIRST = 10
"""So many are drawn evenly before the estimator has something to go by."""


class Parameters:
    """Asks optuna; a candidate without a score is told as failed, from which the estimator learns nothing."""

    name = "parameters"

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=DRAWN_FIRST)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: list[optuna.Trial] = []

    def ask(self, count: int) -> Sequence[Proposal]:
        """So many candidates."""
        self._asked = [self._study.ask() for _ in range(count)]
        return [self._proposal(trial) for trial in self._asked]

    def tell(self, tried: Sequence[Tried]) -> None:
        """Hands on what each surely gains over the training blocks."""
        for trial, one in zip(self._asked, tried, strict=True):
            lower = one.trial.lower
            if lower is None:
                self._study.tell(trial, state=TrialState.FAIL)
            else:
                self._study.tell(trial, lower)
        self._asked = []

    def _proposal(self, trial: optuna.Trial) -> Proposal:
        space = self._space
        template = trial.suggest_categorical("template", sorted(space.templates))
        window = space.windows[trial.suggest_int("window", 0, len(space.windows) - 1)]
        parameters = {
            each.name: trial.suggest_int(f"{template}.{each.name}", each.minimum, each.maximum)
            for each in space.templates[template].parameters
        }
        return space.proposal(template, parameters, window)
