"""How well the terms of corpus chats are read. ``python tests/synth/pact/accuracy.py [file]`` prints the figures."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from corpus_format import TERMS, Example, examples

from synth.pact import read_terms
from synth.pact.terms import Deposit, Terms


@dataclass
class Figures:
    """Counts over a set of chats; a term's case is a chat that has it or in which it was found."""

    cases: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    consents_expected: int = 0
    consents_found: int = 0
    consents_right: int = 0
    cites_right: int = 0
    verdicts: int = 0
    verdicts_right: int = 0
    bound_without_plan: int = 0
    warnings_right: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def consent_precision(self) -> float:
        return self.consents_right / self.consents_found

    @property
    def consent_recall(self) -> float:
        return self.consents_right / self.consents_expected

    @property
    def term_accuracy(self) -> float:
        return self.right.total() / self.cases.total()

    def lines(self) -> list[str]:
        per_term = [f"  {name:14}{self.right[name]:4} of {self.cases[name]:3}" for name in TERMS if self.cases[name]]
        return [
            f"terms           {self.right.total()} of {self.cases.total()} ({self.term_accuracy:.3f})",
            *per_term,
            f"consent         precision {self.consent_precision:.3f} ({self.consents_right} of {self.consents_found}), "
            f"recall {self.consent_recall:.3f} ({self.consents_right} of {self.consents_expected}), "
            f"with the messages cited as expected {self.cites_right}",
            f"verdict         {self.verdicts_right} of {self.verdicts}",
            f"warnings        {self.warnings_right} of {self.verdicts} chats with exactly the expected ones",
        ]


def shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, Deposit):
        return f"{value.to_json()['amount']} {value.token}"
    return str(value)


def read(example: Example) -> Terms:
    return read_terms(example.chat, host=example.host, timezone=example.zone)


def measure(corpus: list[Example]) -> Figures:
    figures = Figures()
    for example in corpus:
        _compare(example, read(example), figures)
    return figures


def _compare(example: Example, terms: Terms, figures: Figures) -> None:
    def wrong(what: str, found: object, expected: object) -> None:
        figures.mistakes.append(f"{example.name}: {what}: found {found!r}, expected {expected!r}")

    figures.verdicts += 1
    figures.verdicts_right += terms.verdict == example.verdict
    if terms.verdict != example.verdict:
        wrong("verdict", (terms.verdict, [q.text for q in terms.questions if q.required]), example.verdict)
    figures.bound_without_plan += example.verdict == "no plan" and terms.verdict == "pact"
    for name in TERMS:
        expected = example.terms.get(name)
        if name == "host" and expected:
            expected = expected.lower()
        found = shown(terms.terms[name].value) if name in terms.terms else None
        if expected is None and found is None:
            continue
        figures.cases[name] += 1
        right = found is not None and expected is not None and found.lower() in expected.lower().split(" | ")
        figures.right[name] += right
        if not right:
            wrong(name, found, expected)
    consents = {consent.participant: consent.cites for consent in terms.consents}
    figures.consents_expected += len(example.consents)
    figures.consents_found += len(consents)
    figures.consents_right += len(consents.keys() & example.consents.keys())
    figures.cites_right += sum(consents.get(who) == cites for who, cites in example.consents.items())
    if consents != example.consents:
        wrong("consents", consents, example.consents)
    warned = tuple(sorted({warning.message for warning in terms.warnings}, key=int))
    figures.warnings_right += warned == example.warned
    if warned != example.warned:
        wrong("warnings", [(w.message, w.text) for w in terms.warnings], example.warned)
    if example.missing is not None and terms.missing != example.missing:
        wrong("missing", terms.missing, example.missing)
    asked = {question.about for question in terms.questions}
    if not set(example.asked) <= asked:
        wrong("asked", asked, example.asked)


def main() -> None:
    for file in sys.argv[1:] or sorted(path.name for path in (Path(__file__).parent / "corpus").glob("*.txt")):
        figures = measure(examples(file))
        print(f"{file}: {figures.verdicts} chats", *figures.lines(), *figures.mistakes, sep="\n")


if __name__ == "__main__":
    main()
