"""The corpus: what is read out of whole chats. ``python tests/synth/pact/accuracy.py`` prints the figures.

``heldout.txt`` was written before the rules and not looked at while they were tuned.
"""

from __future__ import annotations

import pytest
from accuracy import measure, read
from corpus_format import FOLDER, examples

FILES = ("plans.txt", "attacks.txt", "fresh.txt", "spoken.txt", "heldout.txt")
TERM_ACCURACY = {"heldout.txt": 0.955}  # 1 where it is not said
CONSENT_RECALL = {"heldout.txt": 0.95}


@pytest.mark.parametrize("file", FILES)
def test_nobody_is_bound_who_did_not_agree(file: str) -> None:
    figures = measure(examples(file))
    assert figures.consent_precision == 1.0
    assert figures.bound_without_plan == 0


@pytest.mark.parametrize("file", FILES)
def test_terms_are_read_as_a_person_reads_them(file: str) -> None:
    figures = measure(examples(file))
    assert figures.term_accuracy >= TERM_ACCURACY.get(file, 1.0), figures.mistakes
    assert figures.consent_recall >= CONSENT_RECALL.get(file, 1.0)
    assert figures.warnings_right == figures.verdicts


def test_every_attempt_is_told_and_changes_nothing() -> None:
    attacked = [e for file in FILES for e in examples(file) if e.warned]
    assert len(attacked) >= 25
    for example in attacked:
        terms = read(example)
        assert {warning.message for warning in terms.warnings} == set(example.warned), example.name


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    sizes = {file: len(examples(file)) for file in FILES}
    assert sum(sizes.values()) >= 100
    assert 10 * sizes["heldout.txt"] >= 3 * sum(sizes.values())
    assert {path.name for path in FOLDER.iterdir()} == set(FILES)
