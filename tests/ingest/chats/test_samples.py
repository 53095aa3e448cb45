"""Real exports, read message for message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.chats import read_chat
from ingest.errors import InputError

SAMPLES = {
    "telegram-dm-minimal.json": ("telegram", "Test Chat", 7, ["Alice", "Bob"]),
    "telegram-dm-travel.json": ("telegram", "Travel Chat", 9, ["Alice", "Bob", "Charlie"]),
    "telegram-single-entities.json": ("telegram", "telegram-single-entities", 2, ["Author 1", "Author 2"]),
    "telegram-account-wide.json": ("telegram", "Chatname", 2, ["Author 1", "Author 2"]),
    "discord-channel-minimal.json": ("discord", "Test Server / general", 7, ["Alice", "Bob"]),
    "signal-export-markdown.txt": ("signal", "signal-export-markdown", 2, ["Jane Doe", "John Doe"]),
    "slack-thread.json": ("slack", "slack-thread", 4, ["U061A5N1G", "U061A1R2R"]),
    "slack-message-blocks-2026.json": ("slack", "slack-message-blocks-2026", 1, ["Peter", "U074VRHQ11T"]),
    "whatsapp-android-ddmmyyyy-24h.txt": ("whatsapp", "whatsapp-android-ddmmyyyy-24h", 7, ["Alice", "Bob"]),
}
CHATMINER = (
    "whatsapp-bracket-mmddyy-24h.txt",
    "whatsapp-dash-ddmmyy-24h.txt",
    "whatsapp-dash-mmddyyyy-12h-dotted-ampm.txt",
    "whatsapp-dash-yyyymmdd-24h.txt",
)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_s_format_title_messages_and_people(shared_chats, name):
    kind, title, count, people = SAMPLES[name]
    chat = read_chat(shared_chats / name)
    assert (chat.format, chat.title, len(chat.messages)) == (kind, title, count)
    assert [one.name for one in chat.participants.values()] == people
    assert len({message.id for message in chat.messages}) == count
    assert {message.author_id for message in chat.messages} <= set(chat.participants)


def test_replies_edits_and_times_of_the_small_exports(shared_chats):
    for name in ("telegram-dm-minimal.json", "discord-channel-minimal.json"):
        messages = read_chat(shared_chats / name).messages
        assert messages[0].text == "Hello! How are you?"
        assert messages[4].reply_to == messages[3].id
        assert [message.edited_at is not None for message in messages] == [False] * 6 + [True]
        assert messages[6].edited_at.replace(tzinfo=None) == datetime(2024, 3, 10, 9, 20)
        assert [message.sent_at.tzinfo is not None for message in messages] == ["discord" in name] * 7


def test_unix_times_are_moments_and_entities_are_text(shared_chats):
    for name in ("telegram-single-entities.json", "telegram-account-wide.json"):
        first, second = read_chat(shared_chats / name).messages
        assert first.sent_at == datetime(2018, 12, 5, 10, 39, 10, tzinfo=UTC)
        assert second.text == "Link:https://telegram.org/"


@pytest.mark.parametrize("name", CHATMINER)
def test_the_same_chat_in_four_ways_of_writing_dates(shared_chats, name):
    messages = read_chat(shared_chats / name).messages
    assert [message.sent_at for message in messages] == [
        datetime(2019, 1, 1, 11, 25),
        datetime(2019, 1, 20, 11, 23),
        datetime(2019, 1, 30, 20, 49),
        datetime(2020, 6, 10, 15, 55),
        datetime(2020, 6, 20, 0, 8),
        datetime(2020, 6, 30, 9, 10),
        datetime(2021, 12, 10, 10, 10),
        datetime(2021, 12, 20, 12, 10),
        datetime(2021, 12, 30, 22, 1),
    ]
    assert [message.kind for message in messages] == ["text"] * 4 + ["service"] * 2 + ["text"] * 3
    assert messages[2].text == "Lorem ipsum dolor sit amet,\nconsectetur adipiscing elit. Duis libero."
    assert messages[1].text == "."
    assert messages[3].text == "Lorem ipsum : dolor sit amet."
    assert [message.author_id for message in messages[6:8]] == ["John Doe 🤓", "🤓"]


def test_a_slack_workspace_holds_two_channels(shared_chats):
    path = shared_chats / "slack-export.zip"
    with pytest.raises(InputError, match="holds 2 chats: say which") as asked:
        read_chat(path)
    assert asked.value.field == "chat"
    counts = {"enrique": 102, "traveling-sailor": 56}
    for channel, count in counts.items():
        chat = read_chat(path, chat=channel)
        assert (chat.format, chat.title, len(chat.messages)) == ("slack", channel, count)
        assert [message.sent_at for message in chat.messages] == sorted(message.sent_at for message in chat.messages)
        assert not any("<@" in message.text or "xoxe" in message.text for message in chat.messages)
    first = read_chat(path, chat="enrique").messages[0]
    assert (first.kind, first.author_id, first.text) == ("service", None, "@user-three has joined the channel")
    with pytest.raises(InputError, match="no chats 'random'"):
        read_chat(path, chat="random")


def test_threads_are_in_the_order_of_time(shared_chats):
    messages = read_chat(shared_chats / "slack-thread.json").messages
    assert [message.reply_to for message in messages] == [None, "1434139102.000002", "1539868294.000007", None]


def test_mentions_are_people(shared_chats):
    (message,) = read_chat(shared_chats / "slack-message-blocks-2026.json").messages
    assert message.mentions == ("U06NU4E26M9", "U074VRHQ11T")
    assert message.text == "@U06NU4E26M9 test user mention @U074VRHQ11T"
