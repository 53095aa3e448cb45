"""What ``pactsmith chat`` prints on a terminal."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from app.chat_words import told
from app.tables import console, grid, say
from app.words import count
from verify.pact.rehearsal import table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.chat import Understood
    from synth.pact.draft import Draft
    from synth.pact.llm.writer import Written
    from synth.pact.terms import Question, Terms

VERDICTS = {
    "pact": "They agreed on a plan.",
    "questions": "There is a plan, but something is open.",
    "no plan": "Nobody agreed on a plan: there is no contract to be made of this chat.",
}


def show_chat(understood: Understood, files: Sequence[Path]) -> None:
    """What was agreed, what is open, and what became of the contract."""
    terms = understood.terms
    chat = understood.chat
    say(f"{chat.title or chat.format}: {count(len(chat.messages))} messages ({chat.format}). {VERDICTS[terms.verdict]}")
    if terms.terms:
        _show_terms(terms)
    _show_questions(terms)
    if terms.warnings:
        say("", "Not taken at its word:")
        say(*(f"  message {warning.message}: {warning.text}" for warning in terms.warnings), wrap=True)
    if understood.written is not None:
        _show_written(understood.written)
    if understood.draft is not None:
        _show_draft(understood.draft)
    if files:
        say("", "Written:", *(f"  {file}" for file in files))


def _show_terms(terms: Terms) -> None:
    rows = [
        (name.replace("_", " "), told(terms, term), ", ".join(term.cites) or "you")
        for name, term in terms.terms.items()
    ]
    agreed = [
        ("agrees", terms.participants.get(consent.participant, consent.participant), ", ".join(consent.cites))
        for consent in terms.consents
    ]
    say("")
    console().print(grid(("term", "", "messages"), [*rows, *agreed]))


def _show_questions(terms: Terms) -> None:
    required = [question for question in terms.questions if question.required]
    others = [question for question in terms.questions if not question.required]
    if required:
        say("", "To be answered first:")
        _ask(required)
    if others:
        say("", "To be looked at:")
        _ask(others)


def _ask(questions: Sequence[Question]) -> None:
    for question in questions:
        where = f" [message {', '.join(question.cites)}]" if question.cites else ""
        say(f"  {question.text}{where}", wrap=True)
        if question.about != "consent":
            say(f"    --answer {question.about}={shlex.quote(question.options[0]) if question.options else '…'}")


def _show_written(written: Written) -> None:
    say("")
    for number, attempt in enumerate(written.attempts, start=1):
        became = "passes every check" if attempt.passed else f"is turned down: {attempt.why}"
        say(f"The model's contract {number} ({attempt.idea or 'no word on it'}) {became}", wrap=True)
    if written.source is None:
        say("None of them is handed over. What follows is the bundled contract: your wish is not in it.", wrap=True)


def _show_draft(draft: Draft) -> None:
    report = draft.report
    say("")
    if report.status == "rejected":
        say("The contract is turned down:")
        say(*(f"  {each.property}: {each.words}" for each in report.counterexamples), wrap=True)
        return
    kept = len(report.to_json()["properties"])
    say(f"The contract passes every check ({kept} properties). Nobody said, and so it is:")
    say(*(f"  {text}" for text in draft.defaults.values()), wrap=True)
    say("", "Rehearsal: what each paid in and got back", "")
    say(table(draft.scenes, decimals=draft.decimals, symbol=draft.symbol))
    if draft.pact.join_until_ts <= time.time():
        say("", "Joining would have ended in the past: this pact cannot be deployed any more.")
    if draft.stand_ins:
        say("", f"{count(len(draft.stand_ins))} addresses are stand-ins: fill in addresses.toml and run this again.")
