"""Properties are asked in workers, remembered, and the same for any number of workers."""

from __future__ import annotations

import pytest
from rules import GREEDY, LAZY, bundled

from ingest.store import Store
from verify.admission import admit
from verify.compile import constructor_data
from verify.properties.examine import Subject, examine

MEMORY_BYTES = 4 * 1024**3


@pytest.fixture(scope="module")
def subjects():
    rules = [*bundled("Sequential"), LAZY, GREEDY]
    return [
        Subject(constructor_data(admit(rule.source, file=rule.file), rule.parameters), rule.promises) for rule in rules
    ]


@pytest.fixture(scope="module")
def examined(subjects, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("examined"))
    return store, examine(subjects, store, 2, MEMORY_BYTES, lambda _: None)


def test_a_rule_that_fails_is_told_why(examined):
    sequential, lazy, greedy = examined[1]
    assert sequential.findings == lazy.findings == ()
    assert {gate.passed for gate in sequential.gates().values()} == {True}
    assert greedy.findings[0].code == "limits"
    assert [gate.passed for gate in greedy.gates().values()] == [False, None]


def test_what_was_asked_is_not_asked_again(examined, subjects, monkeypatch):
    store, first = examined

    def never(*_):
        raise AssertionError("asked again")

    monkeypatch.setattr("verify.isolate.Pool.map", never)
    done = []
    assert examine(subjects, store, 2, MEMORY_BYTES, done.append) == first
    assert done == [len(subjects)]


def test_the_answers_are_the_same_for_any_number_of_workers(examined, subjects, tmp_path):
    assert examine(subjects, Store(tmp_path), 1, MEMORY_BYTES, lambda _: None) == examined[1]
