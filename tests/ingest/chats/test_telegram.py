"""Telegram Desktop's exports: whose words, whose reactions, which chat."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from chat_exports import SECOND, telegram, telegram_account, telegram_message, telegram_service
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chats import Reaction, read_chat
from ingest.errors import InputError


def only(chat):
    (message,) = chat.messages
    return message


def test_a_message_s_moment_author_answer_and_edit(written):
    edited = {"edited": "2026-05-01T19:00:00", "edited_unixtime": str(SECOND + 60)}
    message = only(read_chat(written(telegram(telegram_message(5, "at 8", reply_to_message_id=3, **edited)))))
    assert (message.id, message.author_id, message.text, message.reply_to) == ("5", "user1", "at 8", "3")
    assert message.sent_at == datetime(2026, 5, 1, 16, 0, 5, tzinfo=UTC)
    assert message.edited_at == datetime(2026, 5, 1, 16, 1, tzinfo=UTC)


def test_reactions_are_theirs_who_are_named_and_nobody_s_where_they_are_only_counted(written):
    recent = [{"from": "Ben", "from_id": "user2", "date": "2026-05-01T18:01:00"}]
    reactions = [
        {"type": "emoji", "count": 3, "emoji": "👍", "recent": recent},
        {"type": "emoji", "count": 1, "emoji": "🎉"},
        {"type": "custom_emoji", "count": 1, "document_id": "stickers/x.webp"},
    ]
    message = only(read_chat(written(telegram(telegram_message(1, "Picnic?", reactions=reactions)))))
    unnamed = Reaction("👍", None)
    assert message.reactions == (Reaction("👍", "user2"), unnamed, unnamed, Reaction("🎉", None))


def test_forwarded_words_are_marked_even_where_their_author_is_hidden(written):
    for name, told in (("forwarded_from", "Ben"), ("forwarded_from", None), ("saved_from", "Other chat")):
        message = only(read_chat(written(telegram(telegram_message(1, "I am in", **{name: told})))))
        assert (message.forwarded, message.author_id) == (True, "user1")


def test_a_block_quote_s_words_are_not_the_author_s(written):
    text = [{"type": "blockquote", "text": "I am in"}, "\nreally, ", {"type": "bold", "text": "Ben"}, "?"]
    message = only(read_chat(written(telegram(telegram_message(1, text)))))
    assert (message.text, message.quoted) == ("\nreally, Ben?", "I am in")


def test_mentions_are_people_where_the_export_tells_who_is_meant(written):
    text = ["ask ", {"type": "mention_name", "text": "Ben", "user_id": 2}, " or ", {"type": "mention", "text": "@cem"}]
    chat = read_chat(written(telegram(telegram_message(1, text))))
    assert (only(chat).text, only(chat).mentions) == ("ask Ben or @cem", ("user2",))
    assert chat.participants["user2"].name == "Ben"


@pytest.mark.parametrize(
    "more",
    [
        {"photo": "(File not included. Change data exporting settings to download.)", "width": 10, "height": 10},
        {"file": "files/a.pdf", "media_type": "voice_message", "duration_seconds": 3},
        {"media_type": "sticker", "sticker_emoji": "👍", "file": "(File not included.)"},
        {"poll": {"question": "Friday?", "closed": False, "total_voters": 0, "answers": []}},
        {"location_information": {"latitude": 1.5, "longitude": 2.5}},
        {"contact_information": {"first_name": "Ben", "phone_number": "1"}},
    ],
)
def test_media_are_placeholders(written, more):
    message = only(read_chat(written(telegram(telegram_message(1, "", **more)))))
    assert (message.kind, message.text) == ("media", more.get("poll", {}).get("question", ""))


def test_services_are_nobody_s_words(written):
    joined = telegram_service(1, "invite_members", members=["Ben"])
    pinned = telegram_service(2, "pin_message", message_id=1, who=None, user="channel7")
    first, second = read_chat(written(telegram(joined, pinned))).messages
    assert (first.kind, first.author_id, first.text) == ("service", None, "invite_members Anna")
    assert (second.kind, second.author_id, second.text) == ("service", None, "pin_message")


def test_an_answer_to_another_chat_s_message_is_none_here(written):
    answer = telegram_message(2, "yes", reply_to_message_id=1, reply_to_peer_id="channel9")
    assert read_chat(written(telegram(telegram_message(1, "Sell?"), answer))).messages[1].reply_to is None


def test_people_of_one_name_are_two_and_one_of_two_names_is_one(written):
    chat = read_chat(
        written(
            telegram(
                telegram_message(1, "a"),
                telegram_message(2, "b", who="Anna", user="user2"),
                telegram_message(3, "c", who="Anna B.", user="user1"),
                telegram_message(4, "d", who=None, user="user3"),
            )
        )
    )
    assert [message.author_id for message in chat.messages] == ["user1", "user2", "user1", "user3"]
    assert [one.name for one in chat.participants.values()] == ["Anna B.", "Anna", "user3"]


def test_a_message_told_twice_is_one_and_all_are_by_their_time(written):
    told = [telegram_message(3, "c"), telegram_message(1, "a"), telegram_message(3, "c"), telegram_message(2, "b")]
    assert [message.text for message in read_chat(written(telegram(*told))).messages] == ["a", "b", "c"]


def test_an_account_s_chats_are_asked_for_by_title_or_id(written):
    path = written(
        telegram_account(
            telegram(telegram_message(1, "a")),
            telegram(id=8, name="Empty"),
            telegram(telegram_message(1, "b"), telegram_message(2, "c"), id=9, name="Other"),
            {"type": "saved_messages", "id": 1, "messages": [telegram_message(1, "note")]},
            left=[telegram(telegram_message(1, "d"), id=10)],
        )
    )
    with pytest.raises(InputError, match="holds 5 chats: say which by title or id") as asked:
        read_chat(path)
    assert asked.value.field == "chat"
    assert "'Other' (id 9)" in str(asked.value)
    texts = {"7": ["a"], "8": [], "Empty": [], "9": ["b", "c"], "Other": ["b", "c"], "10": ["d"]}
    for chat, expected in (texts | {"saved messages": ["note"]}).items():
        assert [message.text for message in read_chat(path, chat=chat).messages] == expected
    with pytest.raises(InputError, match="holds 2 chats 'Picnic'; it has 'Picnic' \\(id 7\\), 'Picnic' \\(id 10\\)"):
        read_chat(path, chat="Picnic")


def test_the_only_chat_must_be_the_one_that_is_asked_for(written):
    path = written(telegram(telegram_message(1, "a")))
    assert read_chat(path, chat="Picnic").title == read_chat(path, chat="7").title == "Picnic"
    with pytest.raises(InputError, match="no chats 'Dinner'; it has 'Picnic' \\(id 7\\)"):
        read_chat(path, chat="Dinner")


ESCAPES = {"\\\\": "\\", "\\x01": "\x01", "\\x4a": "J", "x": "x", "01": "01", '\\"': '"', "\\u00e9": "é"}


@settings(max_examples=30, deadline=None)
@given(pad=st.integers(0, 40), told=st.lists(st.sampled_from(sorted(ESCAPES)), max_size=12))
def test_escapes_that_json_does_not_know_are_read_wherever_the_pieces_end(tmp_path_factory, pad, told):
    path = tmp_path_factory.mktemp("escapes") / "result.json"
    filler = "-" * (65_536 - 440 + pad)
    content = json.dumps(telegram(telegram_message(1, "") | {"text": f"{filler}@"}), indent=1)
    path.write_text(content.replace("@", "".join(told)))
    assert only(read_chat(path)).text == filler + "".join(ESCAPES[one] for one in told)
