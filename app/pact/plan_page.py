"""The page for a group and its host: what was agreed and where, what the contract does, who gets what."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.chat_words import told
from app.pact.rehearsal_part import rehearsal_section
from app.pact.words import PactWords
from app.report.document import document
from app.report.html import Html, el, join
from app.report.parts import Column, Row, fold, section, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.report.html import Content
    from ingest.chats.message import Message
    from synth.pact.draft import Draft
    from synth.pact.terms import Consent, Term

TERM_NAMES = {
    "title": "What", "place": "Where", "starts_at": "When", "timezone": "Time zone", "deposit": "Deposit",
    "capacity": "Places", "quorum": "At least", "host": "Host", "join_deadline": "Join by",
    "no_show": "If somebody stays away, the deposit is", "attestation": "Who says so", "cancel": "Who may cancel",
}  # fmt: skip


OUTCOMES = {
    "split": "divided among the others",
    "refund": "paid back",
    "burn": "burnt: nobody has it",
    "charity": "given to a charity",
}


def plan_page(draft: Draft) -> str:
    """The page as one HTML file; everything that comes from the chat is text."""
    words = PactWords(draft)
    return document(
        f"{words.title}: a pact",
        style(),
        _opening(draft, words),
        _agreed(draft),
        _consents(draft),
        _messages(draft),
        section("When", _when(words), anchor="when"),
        section("What the contract does", numbered(words.does()), anchor="does"),
        section("What it does not do", bulleted(words.does_not()), anchor="does-not"),
        rehearsal_section(draft, words),
        _checks(draft),
        _warnings(draft),
        _before(draft),
    )


@cache
def style() -> str:
    """The report's style sheet, and what pages of pacts have beside it."""
    here = Path(__file__)
    report = here.parent.parent / "report" / "style.css"
    return "\n".join(path.read_text(encoding="utf-8") for path in (report, here.with_name("pages.css")))


def numbered(sentences: list[str]) -> Html:
    """Sentences that follow each other."""
    return el("ol", *(el("li", sentence) for sentence in sentences), class_="plain")


def bulleted(sentences: list[str]) -> Html:
    """Sentences that do not."""
    return el("ul", *(el("li", sentence) for sentence in sentences), class_="plain")


def opening_of(draft: Draft, words: PactWords, *more: Content) -> Html:
    """A page's head: what it is about, and in a sentence what it comes to."""
    place = draft.terms.terms.get("place")
    facts = [words.deposit, words.moment(draft.pact.starts_ts), *([str(place.value)] if place else [])]
    return join((
        el("p", "A pact for a meeting", class_="eyebrow"),
        el("h1", words.title),
        el("ul", *(el("li", fact) for fact in facts), class_="facts"),
        *more,
    ))  # fmt: skip


def _opening(draft: Draft, words: PactWords) -> Html:
    count = len(draft.report.to_json()["properties"])
    passed = draft.report.status == "passed"
    checked = f"passed all {count} checks" if passed else "did not pass its checks: nobody should join it"
    sentence = (
        f"{len(draft.terms.consents)} people agreed in the chat. The contract that holds them to it was attacked on "
        f"their behalf and {checked}."
    )
    return opening_of(draft, words, el("div", el("p", sentence), class_=f"headline {'good' if passed else 'bad'}"))


def _agreed(draft: Draft) -> Html:
    rows = [
        Row((TERM_NAMES.get(name, name), _value(draft, name, term), _references(draft, term.cites)))
        for name, term in draft.terms.terms.items()
    ]
    return section(
        "What was agreed",
        table([Column("Term"), Column("Value"), Column("Said in")], rows),
        el("h3", "What nobody said, and so it is"),
        bulleted(list(draft.defaults.values())),
        anchor="agreed",
    )


def _value(draft: Draft, name: str, term: Term) -> str:
    return OUTCOMES[str(term.value)] if name == "no_show" else told(draft.terms, term)


def _references(draft: Draft, cites: Sequence[str]) -> Html:
    """Links to the messages below."""
    links = [
        el("a", f"message {cite}", href=f"#message-{cite}", title=draft.cited[cite].text)
        for cite in cites
        if cite in draft.cited
    ]
    if not links:
        return el("span", "said by whoever made this page", class_="dim")
    return join([link if place == 0 else join((", ", link)) for place, link in enumerate(links)])


def _consents(draft: Draft) -> Html:
    rows = [
        Row((_person(draft, consent.participant), _references(draft, consent.cites)))
        for consent in draft.terms.consents
    ]
    return section("Who agreed", table([Column("Person"), Column("Said in")], rows), anchor="consents")


def _messages(draft: Draft) -> Html:
    """Every message that a term or a consent comes from, once, in the chat's order."""
    citing: tuple[Term | Consent, ...] = (*draft.terms.terms.values(), *draft.terms.consents)
    cites = {cite for each in citing for cite in each.cites}
    quotes = [_quote(draft, message) for cite, message in draft.cited.items() if cite in cites]
    return section("In the chat's own words", *quotes, anchor="messages")


def _quote(draft: Draft, message: Message) -> Html:
    author = _person(draft, message.author_id or "")
    sent = f"{message.sent_at:%d %B %Y, %H:%M}"
    footer = el("footer", f"{author}, {sent} · message {message.id}")
    return el("blockquote", message.text, footer, id=f"message-{message.id}")


def _person(draft: Draft, person: str) -> str:
    return draft.terms.participants.get(person, person)


def _when(words: PactWords) -> Html:
    """The pact's moments, one under the other."""
    moments = [
        el("li", el("strong", what), f": {words.moment(ts)}", el("span", then, class_="dim"))
        for what, ts, then in words.phases()
    ]
    return el("ol", *moments, class_="timeline")


def _checks(draft: Draft) -> Html:
    properties = draft.report.to_json()["properties"]
    rows = [
        Row((
            each["statement"],
            el("span", "✓ held", class_="good-mark") if each["passed"] else el("span", "✗ broken", class_="bad-mark"),
            "; ".join(each["examples"]),
        ))
        for each in properties.values()
    ]  # fmt: skip
    text = (
        "The contract was played on a real virtual machine: people who join late, stay away, lie alone and in groups, "
        "claim twice or vanish; tokens and recipients that cheat. A way to break each of these was looked for."
    )
    broken = [name for name, each in properties.items() if not each["passed"]]
    listed = fold(
        f"{len(properties)} properties, {len(broken)} broken",
        table([Column("What must hold"), Column("Result"), Column("Counterexample")], rows),
        opened=bool(broken),
    )
    return section("How it was checked", el("p", text), listed, anchor="checks")


def _warnings(draft: Draft) -> Html | None:
    items = [
        el("li", f"Message {warning.message} {warning.text}.", _warned(draft, warning.message))
        for warning in draft.terms.warnings
    ]
    items += [el("li", question.text) for question in draft.terms.questions if not question.required]
    if not items:
        return None
    return section("To be looked at", el("ul", *items, class_="plain"), anchor="warnings")


def _warned(draft: Draft, message: str) -> Html | None:
    return el("blockquote", draft.cited[message].text) if message in draft.cited else None


def _before(draft: Draft) -> Html | None:
    if not draft.stand_ins:
        return None
    names = [draft.names[address] for address in draft.pact.invited if address in draft.stand_ins]
    missing = [f"the address of {name}" for name in names]
    missing += ["the token's contract"] if draft.pact.token in draft.stand_ins else []
    missing += ["the charity's address"] if draft.pact.charity in draft.stand_ins else []
    text = "Some addresses are stand-ins that nobody has the key of. Fill in addresses.toml, and run the command again."
    return section(
        "Before it can be used", el("div", el("p", text), bulleted(missing), class_="warned"), anchor="before"
    )
