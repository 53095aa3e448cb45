"""The search: what is asked, what is told, what is counted, and what is written down."""

from __future__ import annotations

import json
import multiprocessing
import random

import pytest

from ingest.errors import InputError, StoreBusyError
from synth.budget import Limits, Meter
from synth.finalists import ATTACK, champion
from synth.journal import Journal
from synth.proposers.drawn import Drawn
from synth.proposers.parameters import Parameters
from synth.records import BY_HAND, Proposal, Searched, Tried
from synth.search import GENERATION, MOST_STALE, Search
from synth.space import WIDE, Space, place_of, value_at
from verify.run import quiet
from verify.score.bootstrap import Bounds
from verify.score.trial import Score
from verify.templates import Parameter
from verify.trials import Trial

SOURCE = "contract C {}"


def scored(lower, *, free=None):
    bounds = Bounds(lower + 1, lower, lower + 2)
    free_m = None if free is None else Bounds(free + 1, free, free + 2)
    return Score(bounds, bounds, bounds, free_m, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 30, 30, {})


class Answers:
    """Trials that answer from a table by the parameter's value: None is turned down."""

    def __init__(self, table=float):
        self.table, self.asked = table, []

    def run(self, asked):
        self.asked.append(len(asked))
        return [self._trial(rule, window) for rule, window in asked]

    def _trial(self, rule, window):
        lower = self.table(rule.parameters["x"])
        who = (f"{rule.parameters['x']}", "code", window)
        return Trial(*who, "rejected", "no") if lower is None else Trial(*who, "scored", "", score=scored(lower))


class Scripted:
    """Proposes values in the order given."""

    name = "scripted"

    def __init__(self, values):
        self.values, self.told = list(values), []

    def learn(self, tried):
        self.learnt = [one.proposer for one in tried]

    def ask(self, count):
        now, self.values = self.values[:count], self.values[count:]
        return [proposal(value) for value in now]

    def tell(self, tried):
        self.told += [one.proposal.parameters["x"] for one in tried]


def proposal(value, window=1):
    return Proposal("C", SOURCE, {"x": value}, window)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.jsonl") as opened:
        yield opened


def search_in(journal, trials, limits=None):
    return Search(trials, Meter(limits or Limits(10)), journal, quiet)


def test_what_was_proposed_before_is_told_again_but_not_tried_again(journal):
    trials, proposer = Answers(), Scripted([1, 2, 1, 3, 2, 1, 1, 4, 5, 6])
    search = search_in(journal, trials, Limits(6))
    assert search.run(proposer) == "6 candidates were tried"
    assert [one.proposal.parameters["x"] for one in search.tried] == [1, 2, 3, 4, 5, 6]
    assert [one.number for one in search.tried] == [1, 2, 3, 4, 5, 6]
    assert proposer.told[:GENERATION] == [1, 2, 1, 3, 2]
    assert sum(trials.asked) == 6


def test_what_people_wrote_is_known_and_takes_nothing_of_a_budget(journal):
    trials, proposer = Answers(), Scripted([7, 1, 7, 2])
    search = search_in(journal, trials, Limits(2))
    search.by_hand([proposal(7), proposal(8)])
    search.run(proposer)
    assert [one.proposal.parameters["x"] for one in search.tried] == [7, 8, 1, 2]
    assert proposer.told == [7, 1, 7, 2]
    assert sum(trials.asked) == 4


def test_no_more_is_tried_than_may_be(journal):
    search = search_in(journal, Answers(), Limits(7))
    search.run(Scripted(range(100)))
    assert len(search.tried) == 7


def test_a_proposer_with_nothing_new_ends(journal):
    search = search_in(journal, Answers())
    proposer = Scripted([1] * 100)
    assert search.run(proposer) == "it had nothing new to propose"
    assert len(search.tried) == 1
    assert len(proposer.told) == GENERATION * (MOST_STALE + 1)


def test_time_that_is_over_ends_a_search_and_loses_nothing(journal):
    search = search_in(journal, Answers(), Limits(100, seconds=1e-9))
    assert "1e-09 s" in search.run(Scripted([1, 2]))
    assert search.tried == []
    earlier = Search(Answers(), Meter(Limits(9, seconds=60.0), earlier_seconds=60.0), journal, quiet)
    assert "60 s" in earlier.run(Scripted([1]))


def test_what_is_turned_down_is_a_row_and_never_the_best(journal):
    search = search_in(journal, Answers(lambda value: None if value % 2 else -float(value)))
    search.run(Scripted(range(10)))
    found = Searched(tuple(search.tried), {}, {}, {}, 0)
    assert [one.proposal.parameters["x"] for one in found.best("scripted", 3)] == [0, 2, 4]
    assert sum(one.trial.status == "rejected" for one in found.tried) == 5
    assert found.best(BY_HAND, 3) == []


def test_what_is_surely_gained_is_the_worse_of_both_worlds():
    assert scored(2.0).lower == 2.0
    assert scored(2.0, free=-1.0).lower == -1.0
    unbounded = Score(Bounds(5.0, None, None), *[Bounds(5.0, 4.0, 6.0)] * 2, None, *[0.0] * 6, 1, 1, {})
    assert unbounded.lower is None
    assert Score.of_json(json.loads(json.dumps(scored(2.0, free=1.0).to_json()))) == scored(2.0, free=1.0)


# ---------------------------------------------------------------------- the journal


def test_a_journal_tells_each_candidate_once_however_often_the_run_goes_on(tmp_path):
    file = tmp_path / "journal.jsonl"
    for _ in range(3):
        with Journal(file) as journal:
            search_in(journal, Answers(), Limits(6)).run(Scripted(range(6)))
            lines = list(journal.lines("candidate"))
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6]
    with Journal(file) as again:
        assert list(again.lines("candidate")) == lines
        assert [line["source"] for line in again.lines("source")] == [SOURCE]


def test_a_run_that_would_go_on_differently_is_refused(tmp_path):
    file = tmp_path / "journal.jsonl"
    with Journal(file) as journal:
        search_in(journal, Answers(), Limits(3)).run(Scripted([1, 2, 3]))
    with Journal(file) as journal, pytest.raises(InputError, match="start a new run"):
        search_in(journal, Answers(), Limits(3)).run(Scripted([1, 9, 3]))


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path, cut):
    file = tmp_path / "journal.jsonl"
    with Journal(file) as journal:
        journal.append("one", value=1)
        journal.append("two", text="a line long enough to be cut anywhere")
    content = file.read_bytes()
    file.write_bytes(content[:-cut])
    with Journal(file) as again:
        assert again.first("one") == {"kind": "one", "value": 1}
        assert again.first("two") is None
        again.append("two", text="once more")
    with Journal(file) as whole:
        assert whole.first("two") == {"kind": "two", "text": "once more"}


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"kind": 5}', b"\xff"])
def test_a_file_that_is_no_journal_is_refused_by_its_line(tmp_path, line):
    file = tmp_path / "journal.jsonl"
    file.write_bytes(b'{"kind": "run"}\n' + line + b"\n")
    with pytest.raises(InputError, match="line 2"):
        Journal(file)
    assert file.read_bytes().count(b"\n") == 2


def _hold(file, held, done):
    with Journal(file):
        held.set()
        done.wait(30)


def test_two_processes_do_not_work_on_one_run(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "journal.jsonl", held, done))
    other.start()
    assert held.wait(30)
    with pytest.raises(StoreBusyError, match="another process"):
        Journal(tmp_path / "journal.jsonl")
    other.kill()
    other.join()
    with Journal(tmp_path / "journal.jsonl"):
        pass  # the lock is gone with its holder


# ---------------------------------------------------------------------- proposers


@pytest.fixture(scope="module")
def space():
    return Space.of((1, 2, 5, 10, 20))


@pytest.mark.parametrize("make", [Parameters, Drawn], ids=lambda made: made.name)
def test_a_seed_repeats(space, make):
    def course(seed):
        proposer, found = make(space, seed), []
        for _ in range(6):
            asked = proposer.ask(GENERATION)
            found += asked
            tried = [Trial("", "", one.window_blocks, "scored", "", score=scored(value_of(one))) for one in asked]
            proposer.tell([Tried(1, make.name, *pair) for pair in zip(asked, tried, strict=True)])
        return found

    assert course(7) == course(7)
    assert course(7) != course(8)


def value_of(one):
    return 10.0 * (one.name == "VolatilityDonation") + one.window_blocks - one.parameters.get("baseFeePips", 0) / 1e4


def test_the_estimator_finds_what_chance_seldom_does(space):
    """Told a plain landscape, it is nearer to its top than as many draws are; over ten seeds, every time but one."""
    won = 0
    for seed in range(10):
        best = {}
        for make in (Parameters, Drawn):
            proposer, values = make(space, seed), []
            for _ in range(12):
                asked = proposer.ask(GENERATION)
                values += [value_of(one) for one in asked]
                tried = [Trial("", "", 1, "scored", "", score=scored(value_of(one))) for one in asked]
                proposer.tell([Tried(1, make.name, *pair) for pair in zip(asked, tried, strict=True)])
            best[make.name] = sum(values[-20:]) / 20
        won += best["parameters"] > best["random"]
    assert won >= 9


def test_the_estimator_starts_from_what_people_wrote(space):
    """Told that one template is best by far, at its defaults and short windows, it asks for little else."""
    proposer = Parameters(space, 1)
    known = space.defaults()
    best = [10.0 * (one.name == "MidpointCrossing") - one.window_blocks for one in known]
    trials = [Trial("", "", 1, "scored", "", score=scored(value)) for value in best]
    proposer.learn([Tried(1, BY_HAND, *pair) for pair in zip(known, trials, strict=True)])
    asked = proposer.ask(20)
    assert sum(one.name == "MidpointCrossing" for one in asked) > 10
    drawn = Parameters(space, 1).ask(20)
    assert sum(one.name == "MidpointCrossing" for one in drawn) < 10


def test_proposers_are_told_what_people_wrote_and_nothing_of_each_other(journal):
    search, first, second = search_in(journal, Answers()), Scripted([1, 2]), Scripted([3])
    search.by_hand([proposal(7), proposal(8)])
    search.run(first)
    search.run(second)
    assert first.learnt == second.learnt == [BY_HAND, BY_HAND]


def test_what_has_no_score_is_told_as_failed(space):
    proposer = Parameters(space, 1)
    for _ in range(4):
        asked = proposer.ask(GENERATION)
        proposer.tell([Tried(1, "parameters", one, Trial("", "", 1, "rejected", "no")) for one in asked])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3, 9), (1, 1000), (0, 10_000), (0, 2**256 - 1)])
def test_places_run_through_a_parameter_s_whole_range(low, high):
    parameter = Parameter("x", low, low, high, "", "")
    values = [value_at(parameter, place / 1000) for place in range(1001)]
    assert (values[0], values[-1]) == (low, high)
    assert values == sorted(values)
    for value in (low, low + 1, low + (high - low) // 3, high):
        assert value_at(parameter, place_of(parameter, value)) == pytest.approx(value, rel=1e-9)
    if high - low < WIDE:
        assert set(values) == set(range(low, high + 1))
    else:  # half of the places are below the root of the span
        assert values[500] - low <= (high - low + 1) ** 0.5


def test_every_proposal_is_within_the_space(space):
    for make in (Parameters, Drawn):
        for one in make(space, random.Random(3).randrange(100)).ask(30):
            assert one.window_blocks in space.windows
            assert space.templates[one.name].check(dict(one.parameters)) == dict(one.parameters)


# ---------------------------------------------------------------------- who is put forward


def finalist(value):
    return Tried(value, "p", proposal(value), Trial("", "", 1, "scored", "", score=scored(-value)))


def attacker(bad_ev, calls):
    def attack(rule, options):
        calls.append(rule.parameters["x"])
        found = {
            "bad_ev": bad_ev[rule.parameters["x"]],
            "amm": {"bad_ev": 100.0},
            "batches": {"attacked": 4},
            "budget": {"plays_made": 9},
        }
        return found | {"user_loss": 0.0, "order_dependence_bps": 0.0, "regret_bps": {}, "numeraire": "USDC"}

    return attack


def test_a_finalist_that_serves_attackers_is_passed_over(journal):
    calls = []
    attack = attacker({1: 111.0, 2: 109.0, 3: 0.0}, calls)
    found = champion([finalist(1), finalist(2), finalist(3)], journal, ATTACK, attack)
    assert found.tried == finalist(2)
    assert [one["bad_ev"] for one in found.attacks] == [111.0, 109.0]
    again = champion([finalist(1), finalist(2), finalist(3)], journal, ATTACK, attack)
    assert again == found
    assert calls == [1, 2]  # what the journal tells is not tried again


def test_where_every_finalist_serves_attackers_nobody_is_put_forward(journal):
    found = champion([finalist(1), finalist(2)], journal, ATTACK, attacker({1: 111.0, 2: 120.0}, []))
    assert found.tried is None
    assert len(found.attacks) == 2
