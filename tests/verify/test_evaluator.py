"""An evaluator that is asked again and again gives what one that is asked once gives."""

from __future__ import annotations

import pytest
from plans import candidates_of, plan_of
from rules import bundled

from verify.conventions import FREE_RUNNING
from verify.evaluate import HEADLINE_NAME, Evaluator, Resources

RULES = ("Sequential", "VolatilityDonation", "CallAuction")
WINDOWS = (1, 3)


@pytest.fixture(scope="module")
def plan(simulated):
    return plan_of(simulated("demo-v3", blocks=120, seed=3))


@pytest.fixture(scope="module")
def candidates():
    return candidates_of(bundled(*RULES))


def evaluator(plan, told, **options):
    return Evaluator(plan, WINDOWS, Resources(2, 4 * 1024**3), lambda stage, *_: told.append(stage), **options)


def test_what_is_asked_one_by_one_is_what_is_asked_at_once(plan, candidates):
    tasks = [(i, window) for i in range(len(RULES)) for window in WINDOWS]
    told = []
    with evaluator(plan, told) as once:
        together = dict(once.run(candidates, tasks))
    with evaluator(plan, told, headline_only=True) as again:
        first = told.count("baselines")
        alone = {}
        for task in reversed(tasks):
            alone |= again.run(candidates, [task])
        assert told.count("baselines") == first  # made once, for all of them
    for task in tasks:
        assert set(alone[task].outcomes) == {HEADLINE_NAME, FREE_RUNNING}
        for name in alone[task].outcomes:
            assert alone[task].outcomes[name] == together[task].outcomes[name]
        assert alone[task].free_running == together[task].free_running
