"""Who agrees: one answer at a time to one plan."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ingest.chats.message import Chat, Message, Participant, Reaction
from synth.pact import Terms, read_terms

PLAN = "Let's have brunch on Sunday at 11:00 at Mila, deposit 10 USDC, no-shows are split, times are UTC"
SENT = datetime.fromisoformat("2026-03-02 10:00")
PEOPLE = {name.lower(): Participant(name.lower(), name) for name in ("Ann", "Ben", "Cid", "Dan")}

AGREE = """I'm in|I'm in!|yes|Yes please!|sure|count me in for Sunday|sounds good to me|ok 👍|👍🏽|+1|deal, I'm in
absolutely|no problem, I'm in|yes, see you there|I'll be there|in|works for me|thanks Ann, I'm in
bin dabei|ich bin auf jeden fall dabei|passt|klar, gerne|ich komme mit|kein Problem|ja|ich mach mit
me apunto|cuenta conmigo|vale|sí, me apunto|claro que sí|yo me apunto|por mí bien|tô dentro|conta comigo
beleza|eu vou|com certeza|pode ser|я за|я иду|да, конечно|запиши меня|хорошо|я в деле|договорились|算我一个
我也去|好的|没问题，算我一个|我参加|可以""".replace("\n", "|").split("|")

DO_NOT_AGREE = """sounds good, but I can't promise|I'd be in if it were cheaper|who's in so far?|Dan is in|Dan is in too
ok boomer|yes to brunch, no to deposit|I agree with Ben|I was in last time|in theory yes|not me
count me in? we'll see|yes chef|tell Ann I'm in|my sister says count me in|I'm in... said nobody ever
I'm in love with this place|yes I saw that|+1 for pizza|I'm in favor of moving it
could you count me in later?|I'll be there in spirit|I'll come back to you|I'm coming down with something
sure, why would anyone do that|can I be in without paying?|I'm in the bathroom|yeah right
I'm in if Ben comes|maybe|yes?|I'm in unless it rains|I'm not in|sure 🙄|I'm in lol jk|I'd love to
not sure yet|I'm in, kidding|yes, that movie was great|count me in for being depressed|"I'm in"|> I'm in
Dan: I'm in|let me check|almost in|I wish I was in|vielleicht|ich bin dabei, das Auto zu reparieren
bin dabei, wenn es nicht regnet|ja, aber nur ohne Kaution|Dan ist auch dabei|ich wäre gern dabei
weiß noch nicht|bin nicht dabei|muss noch schauen|ja klar, von wegen|me apunto si no llueve|quizás|no sé
me gustaría, pero no|Dan también se apunta|no me apunto|es broma, me apunto jaja|talvez|tô dentro se der
não sei|acho que sim|o Dan também vai|não vou|может быть|я за, если не будет дождя|не знаю|я бы пошёл
Дима тоже идёт|я не за|也许|如果不下雨我就去|看情况|我不去|可能去|他也去|开玩笑的，算我一个""".replace("\n", "|").split(
    "|"
)


def consenting(*messages: Message) -> set[str]:
    return {consent.participant for consent in terms(*messages).consents}


def terms(*messages: Message) -> Terms:
    plan = Message("1", "ann", SENT, PLAN)
    return read_terms(Chat("signal", "brunch", PEOPLE, (plan, *messages)))


def says(author: str, text: str, number: int = 2, **known: object) -> Message:
    return Message(str(number), author, SENT + timedelta(minutes=number), text, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", AGREE)
def test_agrees(text: str) -> None:
    assert consenting(says("ben", text)) == {"ann", "ben"}


@pytest.mark.parametrize("text", DO_NOT_AGREE)
def test_does_not_agree(text: str) -> None:
    assert consenting(says("ben", text)) <= {"ann"}


@pytest.mark.parametrize("text", DO_NOT_AGREE)
def test_does_not_agree_in_a_reply(text: str) -> None:
    assert consenting(says("ben", text, reply_to="1")) <= {"ann"}


def test_a_bare_yes_answers_what_was_asked_last() -> None:
    question = says("cid", "did anybody feed the cat?")
    assert consenting(question, says("ben", "yes", 3)) == {"ann"}
    assert consenting(question, says("ben", "yes", 3, reply_to="1")) == {"ann", "ben"}
    assert consenting(question, says("ben", "yes", 3, reply_to="2")) == {"ann"}


def test_another_invitation_takes_the_answers() -> None:
    coffee = says("cid", "anyone up for coffee now?")
    assert consenting(coffee, says("ben", "I'm in", 3), says("dan", "count me in", 4)) == {"ann"}


def test_what_a_bare_yes_cannot_reach() -> None:
    talk = [says("cid", "my cat is a genius", 2), says("ben", "yes", 3)]
    assert consenting(*talk) == {"ann"}


def test_an_essential_change_needs_new_consents() -> None:
    before = says("ben", "I'm in")
    for change in ("Update: 12:00 instead", "moved to Monday", "deposit is now 20 USDC", "new place: Roma"):
        moved = says("ann", change, 3)
        assert consenting(before, moved) == {"ann"}, change
        assert consenting(before, moved, says("ben", "fine", 4)) == {"ann", "ben"}, change
        asked = [question.about for question in terms(before, moved).questions if question.required]
        assert "consent" in asked, change


def test_no_essential_change_needs_none() -> None:
    assert consenting(says("ben", "I'm in"), says("ann", "max 8 people", 3)) == {"ann", "ben"}


def test_a_yes_to_a_change_does_not_join() -> None:
    moved = says("ann", "Update: 12:00 instead", 3)
    assert consenting(says("ben", "I'm in"), moved, says("cid", "ok", 4)) == {"ann"}


def test_withdrawn_and_given_again() -> None:
    joined, left = says("ben", "I'm in"), says("ben", "can't make it after all", 3)
    assert terms(joined, left).verdict == "no plan"
    assert consenting(says("cid", "count me in"), joined, left) == {"ann", "cid"}
    assert consenting(joined, left, says("ben", "good news, I'm in again", 4)) == {"ann", "ben"}


def test_reactions() -> None:
    def reacted(*reactions: Reaction, **known: object) -> set[str]:
        plan = Message("1", "ann", SENT, PLAN, reactions=reactions, **known)  # type: ignore[arg-type]
        found = read_terms(Chat("signal", "brunch", PEOPLE, (plan,)))
        return {consent.participant for consent in found.consents}

    assert reacted(Reaction("👍🏾", "ben")) == {"ann", "ben"}
    assert reacted(Reaction("👍", None), Reaction("❤️", "ben"), Reaction("😂", "cid")) == {"ann"}
    assert reacted(Reaction("👍", "ben"), Reaction("👎", "ben")) == {"ann"}
    assert reacted(Reaction("👍", "stranger")) == {"ann"}
    assert reacted(Reaction("👍", "ben"), edited_at=SENT) == {"ann"}
    assert reacted(Reaction("👍", "ben"), edited_at=SENT + timedelta(minutes=9)) == {"ann"}


def test_a_forwarded_or_service_yes_binds_nobody() -> None:
    assert consenting(says("ben", "I'm in", forwarded=True)) == {"ann"}
    assert consenting(Message("2", None, SENT, "ben: I'm in", "service")) == {"ann"}
    assert consenting(Message("2", "ben", SENT, "I'm in", "deleted")) == {"ann"}


@pytest.mark.parametrize(("minutes", "agreed"), [(1, {"ann", "ben"}), (3, {"ann"}), (0, {"ann"})])
def test_a_consent_to_what_was_edited_later_is_none(minutes: int, agreed: set[str]) -> None:
    """Ben agrees two minutes after the plan; an edit at the plan's own minute means that nobody knows when."""
    plan = Message("1", "ann", SENT, PLAN, edited_at=SENT + timedelta(minutes=minutes))
    found = read_terms(Chat("signal", "brunch", PEOPLE, (plan, says("ben", "I'm in"))))
    assert {consent.participant for consent in found.consents} == agreed
