"""Random chats, written in each format's shape and read back equal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from chat_exports import (
    SECOND,
    discord,
    discord_message,
    discord_reaction,
    discord_user,
    json_lines,
    matrix,
    matrix_message,
    matrix_reaction,
    signal_desktop,
    signal_line,
    slack_message,
    slack_ts,
    telegram,
    telegram_message,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chats import read_chat

PEOPLE = ("Anna", "Ben", "安娜", "José M.", "+49 151 0000000", "Д.", "🤓")


@dataclass(frozen=True)
class Said:
    """What a message says in every format that has it: an answer is to an earlier one, thumbs are people's."""

    author: int
    text: str
    answers: int | None
    thumbs: tuple[int, ...]


# Letters, marks, signs, emoji, inner spaces and lines; what a format's own syntax cannot tell from itself is left out.
WORD = st.text(
    st.characters(codec="utf-8", categories=("L", "M", "N", "S", "P"), exclude_characters="<>&*_`|[]()"),
    min_size=1,
    max_size=12,
)
TEXT = st.lists(st.lists(WORD, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3).map("\n".join)


@st.composite
def chats(draw):
    people = st.integers(0, len(PEOPLE) - 1)
    said = []
    for number in range(draw(st.integers(1, 8))):
        answers = draw(st.none() | st.integers(0, number - 1)) if number else None
        said.append(Said(draw(people), draw(TEXT), answers, tuple(draw(st.lists(people, max_size=3, unique=True)))))
    return said


def as_telegram(said):
    def one(number, message):
        recent = [{"from": PEOPLE[who], "from_id": f"user{who}"} for who in message.thumbs]
        reactions = [{"type": "emoji", "count": len(recent), "emoji": "👍", "recent": recent}] if recent else []
        answer = {} if message.answers is None else {"reply_to_message_id": message.answers}
        made = telegram_message(number, message.text, PEOPLE[message.author], f"user{message.author}", **answer)
        return made | ({"reactions": reactions} if reactions else {})

    return json.dumps(telegram(*(one(number, message) for number, message in enumerate(said))))


def as_discord(said):
    def user(who):
        return discord_user(f"{who + 1}", PEOPLE[who], PEOPLE[who])

    def one(number, message):
        thumbs = [discord_reaction("👍", *(user(who) for who in message.thumbs))] if message.thumbs else []
        answer = {} if message.answers is None else {"reference": {"messageId": str(message.answers)}}
        return discord_message(number, message.text, user(message.author), reactions=thumbs, **answer)

    return json.dumps(discord(*(one(number, message) for number, message in enumerate(said))), ensure_ascii=False)


def as_slack(said):
    def one(number, message):
        users = [f"U{who}" for who in message.thumbs]
        thumbs = {"reactions": [{"name": "+1", "users": users, "count": len(users)}]} if users else {}
        answer = {} if message.answers is None else {"thread_ts": slack_ts(message.answers)}
        profile = {"user_profile": {"real_name": PEOPLE[message.author], "display_name": ""}}
        return slack_message(number, message.text, f"U{message.author}", **thumbs, **answer, **profile)

    return json.dumps([one(number, message) for number, message in enumerate(said)])


def as_matrix(said):
    events, reactions = [], []
    for number, message in enumerate(said):
        relates = {"m.relates_to": {"m.in_reply_to": {"event_id": f"${message.answers}"}}}
        content = {} if message.answers is None else relates
        events.append(matrix_message(number, message.text, f"@{message.author}:x", **content))
        for who in message.thumbs:
            reactions.append(matrix_reaction(100 + len(reactions), number, "👍", f"@{who}:x"))
    return json.dumps(matrix(*reactions[::2], *events, *reactions[1::2]))


def as_desktop(said):
    return json_lines(
        *(signal_desktop(number, message.text, f"aci-{message.author}") for number, message in enumerate(said))
    )


def as_signal_lines(said):
    def one(number, message):
        return signal_line(
            number, message.text, PEOPLE[message.author], reactions=[[PEOPLE[who], "👍"] for who in message.thumbs]
        )

    return json_lines(*(one(number, message) for number, message in enumerate(said)))


def as_signal_text(said):
    def one(number, message):
        thumbs = ", ".join(f"{PEOPLE[who]}: 👍" for who in message.thumbs)
        tail = f"\n(- {thumbs} -)" if thumbs else ""
        return f"[2026-05-01 18:00:{number:02}] {PEOPLE[message.author]}: {message.text}  {tail}\n\n"

    return "".join(one(number, message) for number, message in enumerate(said))


def as_whatsapp(said):
    return "".join(
        f"13/05/26, 18:{number:02} - {PEOPLE[message.author]}: {message.text}\n" for number, message in enumerate(said)
    )


def as_whatsapp_ios(said):
    return "".join(
        f"[5/13/26, 6:00:{number:02}\u202fPM] {PEOPLE[message.author]}: {message.text}\r\n".replace(
            "\n", "\r\n"
        ).replace("\r\r", "\r")
        for number, message in enumerate(said)
    )


UNIX = datetime.fromtimestamp(SECOND, UTC)
FORMATS = {  # writer, how ids and authors are called, when the messages were sent, whether it has answers and thumbs
    "telegram": (as_telegram, "{}", "user{}", lambda number: UNIX + timedelta(seconds=number), True, True),
    "discord": (as_discord, "{}", None, lambda number: UNIX + timedelta(seconds=number, milliseconds=123), True, True),
    "slack": (as_slack, "ts", "U{}", lambda number: UNIX + timedelta(seconds=number, microseconds=number), True, True),
    "matrix": (as_matrix, "${}", "@{}:x", lambda number: UNIX + timedelta(milliseconds=number), True, True),
    "signal desktop": (as_desktop, "m{}", "aci-{}", lambda number: UNIX + timedelta(milliseconds=number), False, False),
    "signal lines": (
        as_signal_lines,
        None,
        "name",
        lambda number: datetime(2026, 5, 1, 18, 0, number, 123_000),
        False,
        True,
    ),
    "signal text": (as_signal_text, None, "name", lambda number: datetime(2026, 5, 1, 18, 0, number), False, True),
    "whatsapp": (as_whatsapp, None, "name", lambda number: datetime(2026, 5, 13, 18, number), False, False),
    "whatsapp ios": (as_whatsapp_ios, None, "name", lambda number: datetime(2026, 5, 13, 18, 0, number), False, False),
}


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(said=chats())
def test_what_is_written_is_what_is_read(tmp_path_factory, name, said):
    write, ids, authors, sent_at, has_answers, has_thumbs = FORMATS[name]

    def author(who):
        return PEOPLE[who] if authors == "name" else str(who + 1) if authors is None else authors.format(who)

    def known(number):
        return str(number + 1) if ids is None else slack_ts(number) if ids == "ts" else ids.format(number)

    path = tmp_path_factory.mktemp("told") / "export"
    path.write_bytes(write(said).encode())
    chat = read_chat(path)
    assert len(chat.messages) == len(said)
    for number, (message, expected) in enumerate(zip(chat.messages, said, strict=True)):
        assert (message.id, message.author_id, message.sent_at) == (
            known(number),
            author(expected.author),
            sent_at(number),
        )
        assert (message.text, message.kind, message.quoted, message.forwarded) == (expected.text, "text", "", False)
        answered = expected.answers if has_answers else None
        assert message.reply_to == (None if answered is None else known(answered))
        thumbs = [author(who) for who in expected.thumbs] if has_thumbs else []
        assert sorted((one.emoji, one.author_id) for one in message.reactions) == sorted(("👍", who) for who in thumbs)
    people = {author(message.author) for message in said}
    assert people <= set(chat.participants)
    if name in {"telegram", "discord", "slack"}:
        assert {chat.participants[author(message.author)].name for message in said} == {
            PEOPLE[one.author] for one in said
        }
