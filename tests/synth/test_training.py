"""Nothing that happened after the training blocks reaches whoever proposes or chooses candidates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.errors import InputError
from ingest.store import Store
from synth.space import Space
from verify.run import Options, Rule
from verify.score.split import Split
from verify.training import training_last, training_part
from verify.trials import Trials

WINDOWS = (1, 2)
GREEDY = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {IKernel, IClearingRule, Order, Fill} from "pactsmith/IKernel.sol";
contract Greedy is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i; i < orders.length; ++i) fills[i] = Fill(orders[i].sellAmount, 1);
    }
}
"""


def tried(history, store, proposal_rules):
    with Trials(history, WINDOWS, store, Options(workers=2)) as trials:
        return trials.run([(rule, window) for rule in proposal_rules for window in WINDOWS])


@pytest.fixture(scope="module")
def bundled_rules():
    return [one.rule() for one in Space.of((1,)).defaults()][:3]


def test_the_training_part_ends_where_the_split_says(market_history):
    part = training_part(market_history)
    first, last = market_history.events[0].block_number, market_history.events[-1].block_number
    for window in (1, 5):
        assert training_last(market_history) == Split(first, last, window).train_last
    assert max(event.block_number for event in part.events) <= training_last(market_history)
    assert part.events == market_history.events[: len(part.events)]
    assert market_history.events[len(part.events)].block_number > training_last(market_history)
    assert max(point.ts for point in part.prices) <= part.events[-1].block_ts
    assert set(part.labels) | set(part.known_limits) <= set(range(len(part.events)))
    assert part.content_id != market_history.content_id


def test_what_comes_after_changes_no_trial(market_history, store, tmp_path, changed_later, bundled_rules):
    last = training_last(market_history)
    other = training_part(changed_later(market_history, last), last)
    assert other.content_id == training_part(market_history).content_id
    found = tried(market_history, store, bundled_rules)
    assert all(trial.status == "scored" for trial in found)
    with Trials(market_history, WINDOWS, Store(tmp_path / "other"), Options(workers=1)) as trials:
        trials.history = other
        assert trials.run([(rule, window) for rule in bundled_rules for window in WINDOWS]) == found


def test_a_trial_is_run_once(market_history, store, bundled_rules):
    asked = [(rule, 1) for rule in bundled_rules]
    stages = []
    with Trials(market_history, WINDOWS, store, Options(workers=2), lambda step: stages.append(step.stage)) as trials:
        first = trials.run(asked)
        before = stages.count("replay")
        assert trials.run(asked) == first
        assert trials.run([asked[0], asked[0]]) == [first[0]] * 2
        assert stages.count("replay") == before
    with Trials(market_history, WINDOWS, store, Options(workers=1), lambda step: stages.append(step.stage)) as again:
        assert again.run(asked) == first
        assert stages.count("replay") == before


def test_two_sources_of_one_code_are_one_trial(market_history, store, bundled_rules):
    rule = bundled_rules[0]
    twin = replace(rule, source=rule.source + "\n// the same, said otherwise\n")
    stages = []
    with Trials(market_history, WINDOWS, store, Options(workers=1), lambda step: stages.append(step.stage)) as trials:
        one, other = trials.run([(rule, 1), (twin, 1)])
    assert one.code_id == other.code_id
    assert one.candidate_id != other.candidate_id
    assert one.score == other.score


def test_a_candidate_that_is_turned_down_is_typed(market_history, store):
    with Trials(market_history, WINDOWS, store, Options(workers=1)) as trials:
        broken, greedy = trials.run([(Rule("Broken", "contract {"), 1), (Rule("Greedy", GREEDY), 1)])
    assert (broken.status, broken.code_id, broken.score) == ("rejected", "", None)
    assert broken.findings
    assert greedy.status == "rejected"
    assert greedy.code_id
    assert greedy.reason


def test_a_history_without_training_blocks_is_refused(market_history):
    with pytest.raises(InputError, match="training blocks hold no event"):
        training_part(market_history, market_history.events[0].block_number - 1)
