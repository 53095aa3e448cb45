"""The corpus through the six formats: written as each one's export, a chat comes to the same terms."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import pytest
from accuracy import shown
from chat_exports import (
    discord,
    discord_message,
    discord_user,
    event,
    matrix,
    slack_message,
    telegram,
    telegram_message,
)
from corpus_format import FOLDER, Example, examples

from ingest.chats import read_chat
from synth.pact import Terms, read_terms

if TYPE_CHECKING:
    from ingest.chats.message import Chat, Message

SYNTAX = frozenset("<>&*_`|[]~")
"""What some format reads as markup of its own: its readers' tests have that."""


def is_plain(message: Message) -> bool:
    """Whether every format can hold it: WhatsApp's knows no replies, edits or reactions."""
    extras = (message.reply_to, message.edited_at, message.reactions, message.forwarded, message.quoted)
    return (
        message.kind == "text"
        and message.author_id is not None
        and not any(extras)
        and message.text.isprintable()
        and message.text == message.text.strip()
        and not SYNTAX & set(message.text)
    )


@cache
def plain_examples() -> list[Example]:
    chosen = []
    for file in sorted(FOLDER.glob("*.txt")):
        for example in examples(file.name):
            names = [person.name for person in example.chat.participants.values()]
            if len(set(names)) == len(names) and all(map(is_plain, example.chat.messages)):
                chosen.append(example)
    return chosen


def unix(message: Message) -> int:
    return int(message.sent_at.timestamp())


def as_telegram(chat: Chat) -> str:
    messages = [
        telegram_message(
            number,
            message.text,
            name(chat, message),
            date_unixtime=str(unix(message)),
            from_id=message.author_id,
        )
        for number, message in enumerate(chat.messages)
    ]
    return json.dumps(telegram(*messages))


def as_discord(chat: Chat) -> str:
    messages = [
        discord_message(
            number,
            message.text,
            discord_user(str(message.author_id), name(chat, message), name(chat, message)),
            timestamp=message.sent_at.isoformat(),
        )
        for number, message in enumerate(chat.messages)
    ]
    return json.dumps(discord(*messages))


def as_slack(chat: Chat) -> str:
    return json.dumps([
        slack_message(
            number,
            message.text,
            str(message.author_id),
            ts=f"{unix(message)}.{number:06}",
            user_profile={"real_name": name(chat, message), "display_name": ""},
        )
        for number, message in enumerate(chat.messages)
    ])  # fmt: skip


def as_matrix(chat: Chat) -> str:
    content = {"msgtype": "m.text", "m.mentions": {}}
    messages = [
        event(number, content | {"body": message.text}, sender=name(chat, message))
        | {"origin_server_ts": 1_000 * unix(message)}
        for number, message in enumerate(chat.messages)
    ]
    return json.dumps(matrix(*messages))


def as_signal(chat: Chat) -> str:
    return "".join(
        f"[{message.sent_at:%Y-%m-%d %H:%M:%S}] {name(chat, message)}: {message.text}  \n\n"
        for message in chat.messages
    )


def as_whatsapp(chat: Chat) -> str:
    return "".join(
        f"{message.sent_at:%Y-%m-%d, %H:%M} - {name(chat, message)}: {message.text}\n" for message in chat.messages
    )


FORMATS = {
    "telegram": as_telegram,
    "discord": as_discord,
    "slack": as_slack,
    "matrix": as_matrix,
    "signal": as_signal,
    "whatsapp": as_whatsapp,
}


def name(chat: Chat, message: Message) -> str:
    return chat.participants[str(message.author_id)].name


def told(terms: Terms) -> dict[str, object]:
    """Verdict, terms and consents by names: each format has ids of its own."""
    people = terms.participants
    values = {term: people.get(text := shown(found.value), text) for term, found in terms.terms.items()}
    consents = sorted(people[consent.participant] for consent in terms.consents)
    return {"verdict": terms.verdict, "consents": consents, "warned": len(terms.warnings), **values}


@pytest.mark.parametrize("format_", FORMATS)
def test_the_terms_are_the_same_in_every_format(tmp_path, format_):
    chats = plain_examples()
    assert len(chats) >= 60
    for example in chats:
        path = tmp_path / "export"
        path.write_text(FORMATS[format_](example.chat), encoding="utf-8")
        chat = read_chat(path)
        assert chat.format == format_
        expected = read_terms(example.chat, host=example.host, timezone=example.zone)
        assert told(read_terms(chat, host=example.host, timezone=example.zone)) == told(expected), example.name
