"""Properties are asked in workers, remembered, and the same for any number of workers."""

from __future__ import annotations

import pytest
from rules import GREEDY, LAZY, bundled

from verify.admission import admit
from verify.cache import CACHE_VARIABLE
from verify.compile import constructor_data
from verify.properties.examine import Subject, examine

MEMORY_BYTES = 4 * 1024**3


@pytest.fixture(scope="module")
def subjects():
    rules = [*bundled("Sequential"), LAZY, GREEDY]
    return [
        Subject(constructor_data(admit(rule.source, file=rule.file), rule.parameters), rule.promises) for rule in rules
    ]


def ask(subjects, workers=2, progress=lambda _: None):
    return examine(subjects, workers, MEMORY_BYTES, progress)


@pytest.fixture
def fresh_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_rule_that_fails_is_told_why(subjects):
    sequential, lazy, greedy = ask(subjects)
    assert sequential.findings == lazy.findings == ()
    assert {gate.passed for gate in sequential.gates().values()} == {True}
    assert greedy.findings[0].code == "limits"
    assert [gate.passed for gate in greedy.gates().values()] == [False, None]


def test_what_was_asked_is_not_asked_again(subjects, monkeypatch):
    first = ask(subjects)

    def never(*_):
        raise AssertionError("asked again")

    monkeypatch.setattr("verify.isolate.Pool.map", never)
    done = []
    assert ask(subjects, progress=done.append) == first
    assert done == [len(subjects)]


@pytest.mark.usefixtures("fresh_cache")
def test_another_evaluator_asks_anew(subjects, monkeypatch):
    first, *_ = ask(subjects[:1])
    monkeypatch.setattr("verify.properties.examine.EVALUATOR_VERSION", "another")
    done = []
    assert ask(subjects[:1], progress=done.append) == [first]
    assert done == [0, 1]


@pytest.mark.usefixtures("fresh_cache")
def test_the_answers_are_the_same_for_any_number_of_workers(subjects, monkeypatch, tmp_path):
    by_one = ask(subjects, 1)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "another"))
    assert ask(subjects, 2) == by_one
