"""`parameters`: search over templates, their parameters and the windows, by a tree-structured Parzen estimator.

Needs no key. This is automated mechanism design over a space that people wrote, and the yardstick for whoever
proposes sources of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from synth.space import place_of, value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synth.records import Proposal, Tried
    from synth.space import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

TEMPLATE, WINDOW = "template", "window"
DRAWN_FIRST = 10
"""So many are drawn evenly where less is known of the templates as people wrote them."""


class Parameters:
    """Asks optuna; a candidate without a score is told as failed, from which the estimator learns nothing."""

    name = "parameters"

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=DRAWN_FIRST)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: list[optuna.Trial] = []

    def learn(self, tried: Sequence[Tried]) -> None:
        """Starts from the templates as people wrote them."""
        for one in tried:
            if one.proposal.name in self._space.templates and one.trial.lower is not None:
                self._study.add_trial(self._known(one.proposal, one.trial.lower))

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
        template = trial.suggest_categorical(TEMPLATE, sorted(space.templates))
        window = space.windows[trial.suggest_int(WINDOW, 0, len(space.windows) - 1)]
        parameters = {
            each.name: value_at(each, trial.suggest_float(f"{template}.{each.name}", 0.0, 1.0))
            for each in space.templates[template].parameters
        }
        return space.proposal(template, parameters, window)

    def _known(self, proposal: Proposal, lower: float) -> optuna.trial.FrozenTrial:
        """A trial as if it had been asked for; see `_proposal`."""
        space = self._space
        names, windows = sorted(space.templates), space.windows
        places = {
            f"{proposal.name}.{each.name}": place_of(each, proposal.parameters[each.name])
            for each in space.templates[proposal.name].parameters
        }
        return optuna.trial.create_trial(
            params={TEMPLATE: proposal.name, WINDOW: windows.index(proposal.window_blocks)} | places,
            distributions={
                TEMPLATE: CategoricalDistribution(names),
                WINDOW: IntDistribution(0, len(windows) - 1),
                **dict.fromkeys(places, FloatDistribution(0.0, 1.0)),
            },
            value=lower,
        )
