"""A dinner that three people agreed on, as a draft with their addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.chats.message import Chat, Message, Participant
from synth.pact import read_terms
from synth.pact.addresses import blank
from synth.pact.draft import Contract, draft

SENT = datetime(2023, 11, 15, 10, tzinfo=UTC)  # a day after the test chain begins
FRIENDS = ("Anna", "Ben", "Cleo")
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"></script><script>document.title='hacked'</script>"


def chat(deposit="20 USDC", *, title="Dinner", names=FRIENDS, remark="see you"):
    people = {name.lower(): Participant(name.lower(), shown) for name, shown in zip(FRIENDS, names, strict=True)}
    plan = (
        f"{title} at Rosa on Friday 24 November 2023 at 7pm UTC? Deposit {deposit} each, no-shows' deposits are split. "
        "Join by Thursday 23 November 12:00. Who's in?"
    )
    lines = [("anna", plan), ("ben", "I'm in"), ("cleo", "count me in"), ("cleo", remark)]
    messages = tuple(
        Message(str(number), author, SENT + timedelta(minutes=number), text)
        for number, (author, text) in enumerate(lines, start=1)
    )
    return Chat("telegram", "friends", people, messages)


def drafted(room, *, people=(None,) * 3, token=None, chain_id=1, contract=None):
    """The draft; without addresses it has stand-ins."""
    terms = read_terms(room)
    assert terms.verdict == "pact", terms.questions
    empty = blank(terms)
    filled = [
        person.model_copy(update={"address": address and address.lower()})
        for person, address in zip(empty.person, people, strict=True)
    ]
    changes = {"person": tuple(filled), "chain_id": chain_id}
    if token is not None:
        changes["token"] = token.lower()
    return draft(terms, room, empty.model_copy(update=changes), contract or Contract.bundled())
