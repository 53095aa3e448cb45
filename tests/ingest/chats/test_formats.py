"""Exports of today's shapes, written for these tests, with what makes each hard to read."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chats import Reaction, open_chat, read_chat
from ingest.errors import InputError


@pytest.fixture
def written(tmp_path):
    def write(content, name="export"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return path

    return write


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


# ---------------------------------------------------------------------- Telegram


def telegram(*messages, **more):
    return {"name": "Picnic", "type": "private_group", "id": 7, "messages": list(messages)} | more


def said(number, text, who="Anna", user="user1", **more):
    stamp = {"date": "2026-05-01T18:00:00", "date_unixtime": str(1_777_651_200 + number)}
    return {"id": number, "type": "message", **stamp, "from": who, "from_id": user, "text": text} | more


def test_telegram_s_reactions_media_forwards_and_services(written):
    reactions = [
        {"type": "emoji", "count": 3, "emoji": "👍", "recent": [{"from": "Ben", "from_id": "user2", "date": "x"}]}
    ]
    chat = read_chat(
        written(
            telegram(
                said(1, "Picnic?", reactions=reactions),
                said(2, "", file="(File not included)", media_type="sticker"),
                said(3, "I am in", forwarded_from="Ben", who="Cem", user="user3"),
                {"id": 4, "type": "service", "date": "2026-05-01T18:00:00", "actor": "Anna", "action": "pin_message"},
                said(5, ["see ", {"type": "mention", "text": "@ben"}, " there"], reply_to_message_id=1),
                said(6, "gone", who=None, user="user9"),
            )
        )
    )
    plan, sticker, forward, service, reply, gone = chat.messages
    assert plan.reactions == (Reaction("👍", "user2"), Reaction("👍", None), Reaction("👍", None))
    assert sticker.kind == "media"
    assert (forward.forwarded, forward.author_id) == (True, "user3")
    assert (service.kind, service.author_id) == ("service", None)
    assert (reply.reply_to, reply.text, reply.mentions) == ("1", "see @ben there", ())
    assert gone.author_id == "user9"
    assert chat.participants["user9"].name == "user9"


def test_people_of_one_name_are_told_apart_and_one_of_two_names_is_one(written):
    chat = read_chat(
        written(
            telegram(said(1, "a"), said(2, "b", who="Anna", user="user2"), said(3, "c", who="Anna B.", user="user1"))
        )
    )
    assert [message.author_id for message in chat.messages] == ["user1", "user2", "user1"]
    assert [one.name for one in chat.participants.values()] == ["Anna B.", "Anna"]


def test_an_escape_that_json_does_not_know_is_read(written):
    text = json.dumps(telegram(said(1, "one@two three\\x41 four"))).replace("@", "\\x01")
    (message,) = read_chat(written(text.encode())).messages
    assert message.text == "one\x01two three\\x41 four"


@settings(max_examples=25, deadline=None)
@given(pad=st.integers(0, 40), escapes=st.integers(1, 4))
def test_an_escape_is_read_wherever_the_pieces_end(tmp_path_factory, pad, escapes):
    path = tmp_path_factory.mktemp("escapes") / "result.json"
    filler = "x" * (65_536 - 200 + pad)
    text = json.dumps(telegram(said(1, f"{filler}@{'@' * escapes}end"))).replace("@", "\\x02")
    path.write_text(text)
    (message,) = read_chat(path).messages
    assert message.text == f"{filler}{chr(2) * (escapes + 1)}end"


def test_an_account_s_chats_are_asked_for_by_name(written):
    chats = [telegram(said(1, "a")), telegram(said(1, "b"), said(2, "c")) | {"name": "Other", "id": 8}]
    path = written({"about": "x", "chats": {"about": "y", "list": chats}})
    with pytest.raises(InputError, match=r"holds 2 chats: say which by title or id; it has 'Picnic' \(id 7\), 'Other' \(id 8\)"):
        read_chat(path)
    assert [message.text for message in read_chat(path, chat="Other").messages] == ["b", "c"]


# ---------------------------------------------------------------------- WhatsApp


def test_ios_seconds_narrow_spaces_marks_and_media(written):
    text = (
        "\u200e[5/14/26, 7:03:09\u202fPM] Group: \u200eMessages and calls are end-to-end encrypted.\r\n"
        "[5/14/26, 7:04:00\u202fPM] ~\u202fAnna: Dinner on Friday?\r\nat 8\r\n"
        "[5/14/26, 7:05:00\u202fPM] Ben: \u200e<attached: 00000012-PHOTO.jpg>\r\n"
        "[5/14/26, 7:06:00\u202fPM] Ben: \u200eThis message was deleted.\r\n"
        "[5/14/26, 7:07:00\u202fPM] Ben: I am in \u200e<This message was edited>\r\n"
    )
    _, asked, photo, deleted, edited = read_chat(written(text)).messages
    assert asked.sent_at == datetime(2026, 5, 14, 19, 4)
    assert (asked.author_id, asked.text) == ("Anna", "Dinner on Friday?\nat 8")
    assert (photo.kind, photo.text) == ("media", "")
    assert (deleted.kind, deleted.text) == ("deleted", "")
    assert (edited.text, edited.edited_at) == ("I am in", edited.sent_at)


def test_midnight_and_noon(written):
    text = "13.5.26, 12:00 AM - A: x\n13.5.26, 12:30 PM - A: y\n"
    assert [message.sent_at.hour for message in read_chat(written(text)).messages] == [0, 12]


@pytest.mark.parametrize(
    ("dates", "months"),
    [
        (["05/06/26", "25/06/26"], [6, 6]),
        (["05/06/26", "06/25/26"], [5, 6]),
        (["01/02/26", "02/01/26", "03/01/26"], [1, 2, 3]),  # day first it would fall back
        (["06/06/26"], [6]),
    ],
)
def test_day_and_month_are_decided_by_the_file_s_own_dates(written, dates, months):
    text = "".join(f"{date}, 10:00 - A: x\n" for date in dates)
    assert [message.sent_at.month for message in read_chat(written(text)).messages] == months


def test_what_the_dates_leave_open_is_asked_for(written):
    path = written("05/06/26, 10:00 - A: x\n06/06/26, 10:00 - A: y\n06/07/26, 10:00 - A: y\n")
    with pytest.raises(InputError, match="whether 05/06/26 is day 5 of month 6 or day 6 of month 5: say day_first=True") as asked:
        read_chat(path)
    assert asked.value.field == "day_first"
    assert read_chat(path, day_first=True).messages[0].sent_at.month == 6
    assert read_chat(path, day_first=False).messages[0].sent_at.month == 5


def test_dates_that_contradict_each_other_are_refused(written):
    with pytest.raises(InputError, match="is no date and time with the day first, as the others are") as wrong:
        read_chat(written("25/06/26, 10:00 - A: x\n06/25/26, 10:00 - A: y\n"))
    assert wrong.value.line == 2
    with pytest.raises(InputError, match="is no date and time") as wrong:
        read_chat(written("30/02/26, 10:00 - A: x\n"))
    assert wrong.value.line == 1


def test_whatsapp_s_zip_and_utf_16(written, tmp_path):
    text = "13/05/26, 10:00 - A: olé\n"
    assert read_chat(zipped(tmp_path / "a.zip", {"_chat.txt": text, "photo.jpg": b"x"})).messages[0].text == "olé"
    assert read_chat(written(text.encode("utf-16"))).messages[0].text == "olé"


# ---------------------------------------------------------------------- the others


def test_discord_s_replies_services_forwards_and_repeats(written):
    author = {"id": "1", "name": "anna", "nickname": "Anna", "isBot": False}
    base = {"timestamp": "2026-05-01T18:00:00.123+02:00", "author": author, "attachments": [], "embeds": []}
    thumbs = [{"emoji": {"name": "👍"}, "count": 2, "users": [{"id": "2", "name": "ben"}]}]
    chat = read_chat(
        written(
            {
                "guild": {"name": "G"},
                "channel": {"name": "c"},
                "messages": [
                    base | {"id": "10", "type": "Default", "content": "Picnic?", "reactions": thumbs},
                    base | {"id": "10", "type": "Default", "content": "Picnic?"},
                    base | {"id": "11", "type": "GuildMemberJoin", "content": "joined"},
                    base | {"id": "12", "type": "Reply", "content": "in", "reference": {"messageId": "10"}},
                    base | {"id": "13", "type": "Default", "content": "", "forwardedMessage": {"content": "I am in"}},
                ],
            }
        )
    )
    plan, joined, reply, forward = chat.messages
    assert plan.reactions == (Reaction("👍", "2"), Reaction("👍", None))
    assert plan.sent_at.utcoffset().total_seconds() == 7200
    assert (joined.kind, joined.author_id) == ("service", None)
    assert reply.reply_to == "10"
    assert (forward.forwarded, forward.text) == (True, "I am in")


def test_slack_s_markup_secrets_and_reactions(tmp_path):
    users = [{"id": "U1", "name": "anna", "profile": {"display_name": "Anna"}}]
    day = [
        {
            "type": "message",
            "user": "U1",
            "ts": "1777651200.000100",
            "text": "<@U1> &lt;b&gt; <https://files.slack.com/files-pri/T1/x.png?t=xoxe-1|x.png> <#C1|food> "
            "<https://files.slack.com/y?t=xoxe-2>",
            "reactions": [{"name": "+1", "users": ["U1"], "count": 1}],
        },
        {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": "1777651201.000100", "text": "deleted"},
    ]
    path = zipped(tmp_path / "s.zip", {"users.json": json.dumps(users), "food/2026-05-01.json": json.dumps(day)})
    chat = read_chat(path)
    message, gone = chat.messages
    assert message.text == "@Anna <b> x.png #food https://files.slack.com/y"
    assert message.reactions == (Reaction("👍", "U1"),)
    assert gone.kind == "deleted"
    assert message.sent_at == datetime.fromtimestamp(1777651200.0001, UTC)


def test_signal_s_quotes_reactions_and_media(written):
    text = (
        "[2026-05-01, 18:00] Me: Picnic?\n(- Ben: 👍, Cem: ❤ -)\n"
        "[2026-05-01, 18:01] Ben: \n> Me: Picnic?\nYes\n"
        "[2026-05-01, 18:02] Cem: ![photo](./media/a.jpg)  \n"
    )
    plan, answer, photo = read_chat(written(text)).messages
    assert (plan.text, plan.reactions) == ("Picnic?", (Reaction("👍", "Ben"), Reaction("❤", "Cem")))
    assert (answer.text, answer.quoted) == ("Yes", "Me: Picnic?")
    assert photo.kind == "media"


def event(number, content, kind="m.room.message", sender="@anna:x", **more):
    made = {"event_id": f"${number}", "type": kind, "sender": sender, "origin_server_ts": 1_777_651_200_000 + number}
    return made | {"content": content} | more


def test_matrix_s_edits_reactions_redactions_and_fallback_quotes(written):
    body = {"msgtype": "m.text"}
    relates = {"rel_type": "m.annotation", "event_id": "$1", "key": "👍"}
    chat = read_chat(
        written(
            {
                "room_name": "Picnic",
                "messages": [
                    event(0, {"membership": "join", "displayname": "Anna"}, "m.room.member", state_key="@anna:x"),
                    event(1, body | {"body": "at 7"}),
                    event(
                        2,
                        body
                        | {
                            "body": "* at 8",
                            "m.new_content": {"body": "at 8"},
                            "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
                        },
                    ),
                    event(
                        3,
                        body
                        | {
                            "body": "* at 9",
                            "m.new_content": {"body": "at 9"},
                            "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
                        },
                        sender="@mallory:x",
                    ),
                    event(4, {"m.relates_to": relates}, "m.reaction", "@ben:x"),
                    event(
                        5,
                        body
                        | {
                            "body": "> <@anna:x> at 8\n\nI am in",
                            "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}},
                        },
                        sender="@ben:x",
                    ),
                    event(6, body | {"body": "secret"}),
                    event(7, {}, "m.room.redaction", redacts="$6"),
                ],
            }
        )
    )
    _, plan, answer, gone = chat.messages
    assert (plan.text, plan.edited_at is not None) == ("at 8", True)  # nobody edits what another wrote
    assert plan.reactions == (Reaction("👍", "@ben:x"),)
    assert (answer.text, answer.quoted, answer.reply_to) == ("I am in", "<@anna:x> at 8", "$1")
    assert (gone.kind, gone.text) == ("deleted", "")
    assert chat.participants["@anna:x"].name == "Anna"


# ---------------------------------------------------------------------- what is refused


REFUSED = {
    "empty": (b"", "is empty"),
    "zeros": (bytes(1000), "is empty"),
    "binary": (bytes(range(256)) * 4, "no chat export"),
    "prose": (b"Dear all,\nsee you on Friday.\n", "no chat export"),
    "latin-1": ("13/05/26, 10:00 - A: x\n13/05/26, 10:00 - A: ol\u00e9\n".encode("latin-1"), "no UTF-8"),
    "cut JSON": (json.dumps(telegram(said(1, "a"), said(2, "b")))[:-30].encode(), "is no JSON"),
    "other JSON": (b'{"hello": [1, 2]}', "no chat export"),
    "no date": (
        json.dumps(telegram({"type": "message", "from": "A", "text": "x", "date": "yesterday"})).encode(),
        "date",
    ),
    "no message": (json.dumps(telegram(said(1, "a"), 5)).encode(), r"messages\[1\]"),
    "deep": (b'{"messages": [{"date": ' + b"[" * 50_000, "nested too deeply"),
    "no ts": (b'[{"ts": "soon", "text": "x"}]', "no message with a ts that is a time"),
}


@pytest.mark.parametrize(("content", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_export_is_refused_with_the_reason(written, content, told):
    path = written(content, "some file")
    with pytest.raises(InputError, match=told) as refused:
        read_chat(path)
    assert "some file" in str(refused.value)
    assert len(str(refused.value)) < 1_500


def test_a_line_that_is_no_utf_8_is_named(written):
    path = written("13/05/26, 10:00 - A: x\n13/05/26, 10:00 - A: olé\n".encode("latin-1"))
    with pytest.raises(InputError) as refused:
        read_chat(path, day_first=True)
    assert refused.value.line == 2


@pytest.mark.parametrize("name", ["../_chat.txt", "/etc/_chat.txt", "a/../../b.txt", "..\\_chat.txt", "C:/x.txt"])
def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="leads out of it"):
        read_chat(zipped(tmp_path / "a.zip", {name: "13/05/26, 10:00 - A: x\n"}))


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"_chat.txt": b"0" * (64 << 20)})
    with pytest.raises(InputError, match="67,108,864 bytes unpacked"):
        read_chat(path)


def test_a_link_and_a_damaged_zip_are_refused(tmp_path):
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("_chat.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="holds a link"):
        read_chat(path)
    whole = zipped(tmp_path / "cut.zip", {"_chat.txt": "13/05/26, 10:00 - A: x\n" * 1000}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no zip that can be read"):
        read_chat(tmp_path / "cut.zip")


# ---------------------------------------------------------------------- round trips, and size


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=8))
def test_what_is_written_is_what_is_read(tmp_path_factory, told):
    folder = tmp_path_factory.mktemp("told")
    (folder / "t.json").write_text(json.dumps(telegram(*(said(i, t, n, n) for i, (n, t) in enumerate(told)))), "utf-8")
    lines = "".join(f"13/05/26, 10:{i:02} - {n}: {t}\n" for i, (n, t) in enumerate(told))
    (folder / "w.txt").write_text(lines, "utf-8")
    (folder / "s.txt").write_text(
        "".join(f"[2026-05-13, 10:{i:02}] {n}: {t}\n" for i, (n, t) in enumerate(told)), "utf-8"
    )
    for name in ("t.json", "w.txt"):
        found = [(message.author_id, message.text) for message in read_chat(folder / name).messages]
        assert found == told, name


def test_a_long_export_is_read_message_by_message(tmp_path):
    """Nothing is held but the message at hand: reading more takes no more memory (measured in the long form)."""
    path = tmp_path / "long.txt"
    with path.open("w") as file:
        for i in range(20_000):
            file.write(f"13/05/26, {i % 24:02}:{i % 60:02} - Person {i % 7}: message {i}\n")
    with open_chat(path) as stream:
        assert sum(1 for _ in stream.messages) == 20_000
        assert len(stream.participants) == 7
