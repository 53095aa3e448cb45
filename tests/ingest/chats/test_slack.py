"""Slack's exports."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from chat_exports import SLACK_USERS, slack_message, slack_ts, slack_zip, zipped

from ingest.chats import Reaction, read_chat
from ingest.errors import InputError


def read(tmp_path, *messages):
    return read_chat(slack_zip(tmp_path / "export.zip", {"food/2026-05-01": list(messages)}))


def test_markup_becomes_what_people_saw(tmp_path):
    text = "<@U1> &lt;b&gt; &amp; <#C1|food> <!here> <!subteam^S1|@cooks> <https://x.org/a|the list> <mailto:a@x|a@x>"
    chat = read(tmp_path, slack_message(1, text, "U2"))
    (message,) = chat.messages
    assert message.text == "@Anna <b> & #food @here @cooks the list a@x"
    assert (message.mentions, message.author_id) == (("U1",), "U2")
    assert [one.name for one in chat.participants.values()] == ["Ben", "Anna"]


@pytest.mark.parametrize(
    "address",
    [
        "https://files.slack.com/files-pri/T1-F1/download/x.png?t=xoxe-12-ab",
        "https://friends.slack.com/files/U1/F1/x.png?t=xoxe-12-ab&amp;origin_team=T1",
        "https://slack-files.com/T1-F1-ab?t=xoxe-12-ab",
        "https://elsewhere.org/x?token=xoxp-1234-abcd",
    ],
)
def test_addresses_lose_their_tokens(tmp_path, address):
    (message,) = read(tmp_path, slack_message(1, f"see <{address}> there")).messages
    assert "xox" not in message.text
    assert message.text.startswith("see https://")
    assert message.text.endswith(" there")


def test_reactions_edits_threads_files_and_deletions(tmp_path):
    reactions = [
        {"name": "+1::skin-tone-3", "users": ["U2"], "count": 3},
        {"name": "party", "users": ["U1"], "count": 1},
    ]
    plan = slack_message(1, "Picnic?", reactions=reactions, thread_ts=slack_ts(1), reply_count=1)
    answer = slack_message(3, "in", "U2", thread_ts=slack_ts(1), parent_user_id="U1")
    file = slack_message(
        2, "", files=[{"id": "F1", "name": "a.png", "url_private": "https://files.slack.com/a?t=xoxe-1"}]
    )
    edited = slack_message(4, "at 8", edited={"user": "U1", "ts": "1777651300.000000"})
    gone = slack_message(5, "This message was deleted.", "USLACKBOT", subtype="tombstone", hidden=True)
    first, second, third, fourth, fifth = read(tmp_path, plan, answer, file, edited, gone).messages
    assert first.reactions == (
        Reaction("👍", "U2"),
        Reaction("👍", None),
        Reaction("👍", None),
        Reaction(":party:", "U1"),
    )
    assert (first.reply_to, second.kind, third.reply_to) == (None, "media", first.id)
    assert fourth.edited_at == datetime(2026, 5, 1, 16, 1, 40, tzinfo=UTC)
    assert (fifth.kind, fifth.author_id) == ("deleted", None)
    assert third.sent_at == datetime(2026, 5, 1, 16, 0, 3, 3, tzinfo=UTC)


def test_shared_and_quoted_words_are_not_the_author_s(tmp_path):
    shared = {"is_share": True, "is_msg_unfurl": True, "author_id": "U2", "text": "I am <!here|in>", "ts": slack_ts(0)}
    link = {"is_msg_unfurl": True, "author_id": "U2", "text": "count me in"}
    preview = {"title": "A page", "text": "of the web", "original_url": "https://x.org"}
    forward, unfurled, quote = read(
        tmp_path,
        slack_message(1, "", attachments=[shared]),
        slack_message(2, "look", attachments=[link, preview]),
        slack_message(3, "&gt; I am in\nsays Ben"),
    ).messages
    assert (forward.forwarded, forward.text, forward.quoted) == (True, "", "I am @in")
    assert (unfurled.forwarded, unfurled.text, unfurled.quoted) == (False, "look", "count me in")
    assert (quote.text, quote.quoted) == ("says Ben", "I am in")


def test_slack_s_own_messages_are_nobody_s_and_a_bot_is_somebody(tmp_path):
    joined = slack_message(1, "<@U2> has joined the channel", "U2", subtype="channel_join")
    bot = {
        "type": "message",
        "subtype": "bot_message",
        "ts": slack_ts(2),
        "text": "hi",
        "bot_id": "B1",
        "username": "Bot",
    }
    chat = read(tmp_path, joined, bot)
    first, second = chat.messages
    assert (first.kind, first.author_id, first.text) == ("service", None, "@Ben has joined the channel")
    assert (second.author_id, chat.participants["B1"].name) == ("B1", "Bot")


def test_channels_are_asked_for_by_name_or_id_and_direct_messages_by_people(tmp_path):
    days = {"food/2026-05-01": [slack_message(1, "a")], "food/2026-05-02": [slack_message(86_401, "b")]}
    path = slack_zip(
        tmp_path / "export.zip",
        days | {"D1/2026-05-01": [slack_message(2, "c")]},
        dms=[{"id": "D1", "members": ["U1", "U2"]}],
    )
    with pytest.raises(InputError, match="'Anna, Ben' \\(id D1\\), 'food' \\(id C1\\)"):
        read_chat(path)
    assert [message.text for message in read_chat(path, chat="C1").messages] == ["a", "b"]
    assert [message.text for message in read_chat(path, chat="food").messages] == ["a", "b"]
    assert [message.text for message in read_chat(path, chat="Anna, Ben").messages] == ["c"]


def test_an_export_that_was_packed_again_with_its_folder_is_one(tmp_path):
    files = {"export/users.json": SLACK_USERS, "export/food/2026-05-01.json": [slack_message(1, "a")]}
    chat = read_chat(zipped(tmp_path / "a.zip", files | {"__MACOSX/export/food/._2026-05-01.json": b"\0"}))
    assert (chat.title, chat.participants["U1"].name) == ("food", "Anna")


def test_broken_json_in_a_zip_is_named_with_its_line(tmp_path):
    path = zipped(tmp_path / "a.zip", {"food/2026-05-01.json": '[\n{"ts": "1.0",\n"text": oops}]'})
    with pytest.raises(InputError, match="is no JSON here") as broken:
        read_chat(path)
    assert broken.value.file == str(path / "food" / "2026-05-01.json")
    assert broken.value.line == 3
