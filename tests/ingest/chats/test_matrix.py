"""Matrix rooms, where edits, reactions and redactions are events of their own, in whatever order they come."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from chat_exports import event, matrix, matrix_edit, matrix_message, matrix_reaction

from ingest.chats import Reaction, read_chat
from ingest.errors import InputError


def read(written, *events):
    return read_chat(written(matrix(*events)))


def redaction(number, of, sender="@anna:x"):
    return event(number, {"redacts": f"${of}"}, "m.room.redaction", sender, redacts=f"${of}")


def test_a_message_s_moment_author_name_and_mentions(written):
    join = event(1, {"membership": "join", "displayname": "Anna"}, "m.room.member", state_key="@anna:x")
    linked = {"format": "org.matrix.custom.html", "formatted_body": '<a href="https://matrix.to/#/@cem:x">Cem</a>'}
    chat = read(
        written,
        join,
        matrix_message(2, "Ben: picnic?", **{"m.mentions": {"user_ids": ["@ben:x"]}}),
        event(3, {"msgtype": "m.text", "body": "Cem: and you?"} | linked),
    )
    service, plan, older = chat.messages
    assert (service.kind, service.author_id, service.text) == ("service", None, "member join")
    assert (plan.author_id, plan.mentions, older.mentions) == ("@anna:x", ("@ben:x",), ("@cem:x",))
    assert plan.sent_at == datetime(2026, 5, 1, 16, 0, 0, 2000, tzinfo=UTC)
    assert (chat.title, chat.participants["@anna:x"].name) == ("Picnic", "Anna")


def test_the_last_edit_of_the_author_s_own_stands_whatever_the_order_of_events(written):
    events = [
        matrix_message(1, "at 7"),
        matrix_edit(2, 1, "at 8"),
        matrix_edit(3, 1, "at 9"),
        matrix_edit(4, 1, "at 10", sender="@mallory:x"),
    ]
    for told in itertools.permutations(events):
        (message,) = read(written, *told).messages
        assert (message.id, message.text) == ("$1", "at 9")
        assert message.edited_at == datetime(2026, 5, 1, 16, 0, 0, 3000, tzinfo=UTC)


def test_what_was_redacted_never_was(written):
    events = [
        matrix_message(1, "at 7"),
        matrix_edit(2, 1, "at 8"),
        matrix_reaction(3, 1, "👍", "@ben:x"),
        matrix_reaction(4, 1, "🎉", "@cem:x"),
        matrix_message(5, "secret"),
        redaction(6, 2),
        redaction(7, 3, "@ben:x"),
        redaction(8, 5),
        event(9, {}, "m.room.message", "@ben:x"),  # as a server sends it afterwards
    ]
    for told in (events, events[::-1]):
        plan, gone, emptied = read(written, *told).messages
        assert (plan.text, plan.edited_at, plan.reactions) == ("at 7", None, (Reaction("🎉", "@cem:x"),))
        assert [(one.kind, one.text, one.author_id) for one in (gone, emptied)] == [
            ("deleted", "", "@anna:x"),
            ("deleted", "", "@ben:x"),
        ]


def test_answers_threads_and_the_quotes_of_old_clients(written):
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}
    thread = {"rel_type": "m.thread", "event_id": "$1", "is_falling_back": True, "m.in_reply_to": {"event_id": "$2"}}
    _, old, threaded = read(
        written,
        matrix_message(1, "at 8"),
        matrix_message(2, "> <@anna:x> at 8\n> really\n\nI am in", "@ben:x", **reply),
        matrix_message(3, "me too", "@cem:x", **{"m.relates_to": thread}),
    ).messages
    assert (old.text, old.quoted, old.reply_to) == ("I am in", "<@anna:x> at 8\nreally", "$1")
    assert threaded.reply_to == "$1"


def test_media_stickers_and_unreadable_messages(written):
    image = event(1, {"msgtype": "m.image", "body": "a.jpg", "url": "mxc://x/a", "info": {"size": 5}})
    sticker = event(2, {"body": "yes", "url": "mxc://x/b", "info": {}}, "m.sticker")
    sealed = event(3, {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}, "m.room.encrypted")
    messages = read(written, image, sticker, sealed).messages
    assert [(one.kind, one.text) for one in messages] == [
        ("media", "a.jpg"),
        ("media", "yes"),
        ("service", "encrypted"),
    ]


def test_an_event_without_a_time_is_refused_with_its_place(written):
    with pytest.raises(InputError, match="no origin_server_ts that is a time") as wrong:
        read(written, matrix_message(1, "a"), matrix_message(2, "b") | {"origin_server_ts": "soon"})
    assert wrong.value.field == "messages[1]"
