"""signal-export's texts and lines, and Signal Desktop's own messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from chat_exports import json_lines, signal_desktop, signal_line

from ingest.chats import Reaction, read_chat
from ingest.errors import InputError

MARKDOWN = (
    "[2026-05-01 18:00:00] Me: Picnic?  \n(- Ben: 👍, Cem: ❤ -)\n\n"
    "[2026-05-01 18:01:05] Ben: \n\n> Picnic?\n> at 8\n\nYes: I am  \nin  \n\n"
    "[2026-05-01 18:02:00] Cem:   ![a.jpg](./media/a.jpg)  \n\n"
    "[2026-05-01 18:03:00] Cem:   \n(( 👍 ))\n\n"
    "[2026-05-01 18:04:00] Cem: (This message was deleted)\n\n"
    "[2026-05-01 18:05:00] No-Sender: Missed voice call  \n\n"
)


def test_a_text_s_quotes_reactions_media_and_deletions(written):
    plan, answer, photo, sticker, gone, call = read_chat(written(MARKDOWN, "chat.md")).messages
    assert (plan.author_id, plan.text) == ("Me", "Picnic?")
    assert plan.reactions == (Reaction("👍", "Ben"), Reaction("❤", "Cem"))
    assert plan.sent_at == datetime(2026, 5, 1, 18)
    assert (answer.text, answer.quoted) == ("Yes: I am\nin", "Picnic?\nat 8")
    assert [(one.kind, one.text) for one in (photo, sticker, gone)] == [("media", ""), ("media", ""), ("deleted", "")]
    assert (call.kind, call.author_id) == ("service", None)


def test_a_text_is_called_as_its_folder(tmp_path):
    folder = tmp_path / "Picnic"
    folder.mkdir()
    (folder / "chat.md").write_text(MARKDOWN)
    assert read_chat(folder / "chat.md").title == "Picnic"


def test_a_pasted_line_of_another_way_of_writing_times_is_no_message_of_its_own(written):
    (message,) = read_chat(written("[2026-05-01 18:00:00] Anna: he wrote\n[2026-05-01, 18:01] Ben: I am in\n")).messages
    assert message.text == "he wrote\n[2026-05-01, 18:01] Ben: I am in"


def test_a_time_that_is_none_is_refused_with_its_line(written):
    with pytest.raises(InputError, match="2026-13-01 18:00:00 is no time") as wrong:
        read_chat(written("[2026-05-01 18:00:00] A: x\n\n[2026-13-01 18:00:00] A: x\n"))
    assert wrong.value.line == 3


def test_the_lines_of_data_json(written):
    edit = {"date": "2026-05-01T18:00:01", "body": "Dinner?"}
    path = written(
        json_lines(
            signal_line(1, "Picnic?", "Me", reactions=[["Ben", "👍"]], edits=[edit]),
            signal_line(2, "in", "Ben", quote="\n\n> Picnic?\n\n"),
            signal_line(3, "", "Ben", attachments=[{"name": "a.jpg", "path": "media/a.jpg"}]),
            signal_line(4, "", "Ben", deleted=True),
            signal_line(5, "Missed voice call", "Ben", call=True, missed=True),
        ),
        "data.json",
    )
    plan, answer, photo, gone, call = read_chat(path).messages
    assert (plan.text, plan.reactions, plan.edited_at is not None) == ("Picnic?", (Reaction("👍", "Ben"),), True)
    assert plan.sent_at == datetime(2026, 5, 1, 18, 0, 1, 123_000)
    assert (answer.text, answer.quoted, answer.author_id) == ("in", "Picnic?", "Ben")
    assert [one.kind for one in (photo, gone, call)] == ["media", "deleted", "service"]
    assert call.author_id is None


def test_a_broken_line_of_data_json_is_named(written):
    with pytest.raises(InputError, match="is no JSON here") as broken:
        read_chat(written(json_lines(signal_line(1, "a"), signal_line(2, "b")) + "{oops}\n"))
    assert broken.value.line == 3


def desktop():
    mention = {"start": 4, "length": 1, "mentionAci": "aci-ben", "replacementText": "Ben", "conversationID": "x"}
    edits = [{"timestamp": 1_777_651_300_000, "body": "at 8"}, {"timestamp": 1_777_651_200_000, "body": "at 7"}]
    return [
        signal_desktop(1, "ask \ufffc", bodyRanges=[mention], reactions=[{"emoji": "👍", "fromId": "c9"}]),
        signal_desktop(2, "at 7", None, type="outgoing", editHistory=edits),
        signal_desktop(3, "in", "aci-ben", quote={"id": 1, "authorAci": "aci-anna", "text": "ask Ben"}),
        signal_desktop(4, "", "aci-ben", attachments=[{"contentType": "image/jpeg", "fileName": "a.jpg"}]),
        signal_desktop(5, "", "aci-ben", deletedForEveryone=True),
        signal_desktop(6, "", None, type="group-v2-change"),
    ]


@pytest.mark.parametrize("shape", ["lines", "list", "object"])
def test_signal_desktop_s_own_messages(written, shape):
    messages = desktop()
    whole = {"lines": json_lines(*messages), "list": messages, "object": {"messages": messages}}[shape]
    chat = read_chat(written(whole))
    plan, edited, answer, photo, gone, change = chat.messages
    assert (plan.text, plan.mentions, plan.author_id) == ("ask @Ben", ("aci-ben",), "aci-anna")
    assert plan.reactions == (Reaction("👍", "c9"),)
    assert plan.sent_at == datetime(2026, 5, 1, 16, 0, 0, 1000, tzinfo=UTC)
    assert (edited.author_id, edited.text) == ("Me", "at 8")
    assert edited.edited_at == datetime(2026, 5, 1, 16, 1, 40, tzinfo=UTC)
    assert (answer.quoted, answer.text, chat.participants["aci-ben"].name) == ("ask Ben", "in", "Ben")
    assert [one.kind for one in (photo, gone, change)] == ["media", "deleted", "service"]


def test_conversations_of_signal_desktop_are_asked_for_by_id(written):
    path = written([signal_desktop(1, "a"), signal_desktop(2, "b", conversation="c2"), signal_desktop(3, "c")])
    with pytest.raises(InputError, match="holds 2 chats"):
        read_chat(path)
    assert [message.text for message in read_chat(path, chat="c1").messages] == ["a", "c"]
