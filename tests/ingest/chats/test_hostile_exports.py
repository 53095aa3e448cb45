"""What is no export, damaged, or made to do harm: refused with the reason and the place, in little memory."""

from __future__ import annotations

import copy
import gzip
import json
import struct
import tracemalloc
import zipfile

import pytest
from chat_exports import (
    discord,
    discord_message,
    discord_reaction,
    discord_user,
    event,
    json_lines,
    matrix,
    matrix_edit,
    matrix_message,
    matrix_reaction,
    signal_desktop,
    signal_line,
    slack_message,
    telegram,
    telegram_account,
    telegram_message,
    telegram_service,
    zipped,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chats import open_chat, read_chat
from ingest.errors import InputError

CHAT = "13/05/26, 10:00 - A: x\n"
WHOLE = json.dumps(telegram(telegram_message(1, "a"), telegram_message(2, "b")), indent=1)


def line_of(text):
    """The line of `WHOLE` in which a text first stands."""
    return WHOLE[: WHOLE.index(text)].count("\n") + 1


LAST = WHOLE.count("\n") + 1

REFUSED = {
    "empty": (b"", "is empty", None),
    "blank": (b" \n\t\n", "is empty", None),
    "zeros": (bytes(1000), "is empty", None),
    "binary": (bytes(range(256)) * 4, "is binary", None),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is binary", None),
    "UTF-16 without its mark": (CHAT.encode("utf-16-le"), "is binary", None),
    "UTF-16 cut in the middle": (CHAT.encode("utf-16")[:-1], "begins as UTF-16 and is not", None),
    "prose": (b"Dear all,\nsee you on Friday.\n", "no chat export", 1),
    "Latin-1 text": (f"{CHAT}13/05/26, 10:00 - A: ol\u00e9\n".encode("latin-1"), "no UTF-8", 2),
    "Latin-1 JSON": (WHOLE.replace('"b"', '"ol\u00e9"').encode("latin-1"), "no JSON", line_of('"b"')),
    "cut JSON": (WHOLE[: WHOLE.index('"b"')].encode(), "is no JSON.*cut off", line_of('"b"')),
    "broken JSON": (WHOLE.replace('"from": "Anna"', '"from": Anna', 1).encode(), "no JSON", line_of('"Anna"')),
    "more after it": ((WHOLE + "\n]").encode(), "no JSON", LAST + 1),
    "other JSON": (b'{"hello": [1, 2]}', "is JSON, but is no chat export", None),
    "a list of numbers": (b"[1, 2, 3]", "is JSON, but is no chat export", None),
    "a long value": (b'{"messages": [{"date": "' + b"x" * (9 << 20), "value of more than 8388608 bytes", None),
    "no date": (
        json.dumps(telegram(telegram_message(1, "") | {"date_unixtime": "soon"})).encode(),
        "with a date",
        None,
    ),
    "a time beyond all": (
        json.dumps(telegram(telegram_message(1, "") | {"date_unixtime": "9" * 30})).encode(),
        "date",
        None,
    ),
    "no message": (json.dumps(telegram(telegram_message(1, "a"), 5)).encode(), "is no message", None),
    "no ts": (b'[{"ts": "soon", "text": "x"}]', "no message with a ts", None),
}


@pytest.mark.parametrize(("content", "told", "line"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_export_is_refused_with_the_reason(written, content, told, line):
    with pytest.raises(InputError, match=told) as refused:
        read_chat(written(content, "some file"))
    assert "some file" in str(refused.value)
    assert len(str(refused.value)) < 1_500
    assert refused.value.line == line


def test_the_message_at_fault_is_named(written):
    with pytest.raises(InputError) as refused:
        read_chat(
            written(telegram(telegram_message(1, "a"), telegram_message(2, "b") | {"date_unixtime": None, "date": 5}))
        )
    assert refused.value.field == "messages[1]"
    account = telegram_account(telegram(telegram_message(1, "a")), telegram(telegram_message(1, "b"), 5, id=8))
    with pytest.raises(InputError) as refused:
        read_chat(written(account), chat="8")
    assert refused.value.field == "chats.list[].messages[1]"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_chat(path)


def test_a_compressed_export_is_read_and_a_compressed_bomb_is_not(tmp_path):
    path = tmp_path / "result.json.gz"
    path.write_bytes(gzip.compress(WHOLE.encode()))
    assert [message.text for message in read_chat(path).messages] == ["a", "b"]
    path.write_bytes(gzip.compress(b'{"messages": [{"type": "message", "date": 1, "text": ["' + b"x" * (256 << 20)))
    tracemalloc.start()
    with pytest.raises(InputError, match="a value of more than"):
        read_chat(path)
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("before", ['{"messages": [{"date": ', WHOLE[: WHOLE.rindex("}\n ]")] + ', "x": '])
def test_what_is_nested_deeply_takes_no_memory(written, before, opening):
    path = written((before + opening * 50_000).encode())
    tracemalloc.start()
    with pytest.raises(InputError, match="nested deeper than 100 levels"):
        read_chat(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_brackets_in_what_people_write_are_no_nesting(written):
    said = '[{"' * 500 + "\\" * 3 + "]" * 200_000 + "[" * 200_000
    (message,) = read_chat(written(telegram(telegram_message(1, said)))).messages
    assert message.text == said


# ---------------------------------------------------------------------- zips


@pytest.mark.parametrize("name", ["../_chat.txt", "/etc/_chat.txt", "a/../../b.txt", "..\\_chat.txt", "C:/x.txt", "."])
def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="leads out of it"):
        read_chat(zipped(tmp_path / "a.zip", {name: CHAT}))


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"_chat.txt": CHAT + "0" * (64 << 20)})
    tracemalloc.start()
    with pytest.raises(InputError, match=r"bytes unpacked, 1,0.. times its packed size"):
        read_chat(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_member_that_is_larger_than_it_says_gives_no_more_than_that(tmp_path):
    path = zipped(tmp_path / "liar.zip", {"_chat.txt": CHAT * 100})
    size = struct.pack("<I", len(CHAT) * 100)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", len(CHAT))))
    with pytest.raises(InputError, match=r"'_chat.txt' cannot be unpacked"):
        read_chat(path)


def test_a_link_an_encrypted_and_a_damaged_zip_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("_chat.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="holds a link"):
        read_chat(path)
    whole = zipped(path, {"_chat.txt": CHAT * 1000}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no zip that can be read"):
        read_chat(path)
    locked = bytearray(whole)
    locked[6] |= 1  # the flag in the member's own header
    locked[whole.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(locked)
    with pytest.raises(InputError, match="is encrypted"):
        read_chat(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", CHAT)
        archive.writestr("_chat.txt", CHAT.replace("x", "I am in"))
    with pytest.raises(InputError, match=r"two files of the name '_chat.txt'"):
        read_chat(path)


def test_a_zip_without_a_chat_is_refused(tmp_path):
    for files in ({"a.jpg": b"\xff"}, {"a.txt": "hello", "b.txt": "there"}, {"a.txt": "hello"}):
        with pytest.raises(InputError, match="no chat export"):
            read_chat(zipped(tmp_path / "a.zip", files))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_zip_with_any_byte_changed_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    whole = bytearray(zipped(path, {"_chat.txt": CHAT * 20, "a.jpg": b"\xff" * 9}).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=3)):
        whole[place] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    read_or_refused(path)


# ---------------------------------------------------------------------- fields of other types


BEN = discord_user("2", "ben", "Ben")
QUOTED = [{"type": "blockquote", "text": "a"}, {"type": "mention_name", "text": "Ben", "user_id": 2}, "b"]
EXPORTS = {
    "telegram": telegram(
        telegram_service(1, "pin_message"),
        telegram_message(2, QUOTED, reply_to_message_id=1, edited="2026-05-01T18:00:00", edited_unixtime="1777651200"),
        telegram_message(
            3, "", poll={"question": "?"}, reactions=[{"emoji": "x", "count": 2, "recent": [{"from_id": "u"}]}]
        ),
    ),
    "account": telegram_account(telegram(telegram_message(1, "a"))),
    "discord": discord(
        discord_message(1, "> a\nb", BEN, reactions=[discord_reaction("x", BEN, number=2)], mentions=[BEN]),
        discord_message(
            2, "", reference={"messageId": "1"}, forwardedMessage={"content": "a"}, attachments=[{"id": "1"}]
        ),
    ),
    "matrix": matrix(
        event(1, {"membership": "join", "displayname": "Anna"}, "m.room.member", state_key="@anna:x"),
        matrix_message(2, "> a\n\nb", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}),
        matrix_edit(3, 2, "c"),
        matrix_reaction(4, 2, "x", "@ben:x"),
        event(5, {"redacts": "$4"}, "m.room.redaction", redacts="$4"),
        event(6, {"body": "a", "formatted_body": "b", "m.mentions": {"user_ids": ["@ben:x"]}}),
    ),
    "slack": [
        slack_message(
            1, "<@U2> a", reactions=[{"name": "+1", "users": ["U2"], "count": 2}], edited={"ts": "1777651300.0"}
        ),
        slack_message(2, "", files=[{"id": "F"}], thread_ts="1777651201.000001", user_profile={"real_name": "Anna"}),
        slack_message(
            3, "", attachments=[{"is_share": True, "text": "a"}], subtype="bot_message", bot_id="B", username="b"
        ),
    ],
    "signal": [
        signal_desktop(1, "\ufffc", bodyRanges=[{"mentionAci": "a", "replacementText": "b"}], quote={"text": "a"}),
        signal_desktop(2, "a", editHistory=[{"body": "b", "timestamp": 5}], reactions=[{"emoji": "x", "fromId": "c"}]),
    ],
    "signal-export": signal_line(1, "a", reactions=[["b", "x"]], quote="\n\n> a\n\n", edits=[{"body": "b"}]),
}
VALUES = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, "", "x", "2026-05-01", [], [[]], [None], {}, {"a": 1}, [{}], "\ud83d"]
)


def places(told, path=()):
    yield path
    children = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def changed(told, path, value):
    if not path:
        return value
    whole = copy.deepcopy(told)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return whole


def read_or_refused(path):
    """A chat that keeps what is promised of every chat, or an error that says what is wrong."""
    try:
        chat = read_chat(path, day_first=True)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017  both outcomes are right
        return
    people = {one for message in chat.messages for one in (message.author_id, *message.mentions)}
    people |= {reaction.author_id for message in chat.messages for reaction in message.reactions}
    assert people - {None} <= set(chat.participants)
    assert len({message.id for message in chat.messages}) == len(chat.messages)
    for message in chat.messages:
        f"{message}".encode()  # no half of a character


@pytest.mark.parametrize("name", EXPORTS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_field_of_any_type_is_read_or_refused(tmp_path_factory, name, data):
    export = EXPORTS[name]
    path = tmp_path_factory.mktemp(name) / "export.json"
    place, value = data.draw(st.sampled_from(list(places(export)))), data.draw(VALUES)
    path.write_text(json.dumps(changed(export, place, value)))
    read_or_refused(path)


@pytest.mark.parametrize("name", EXPORTS)
def test_those_exports_are_read_as_they_are(written, name):
    export = EXPORTS[name]
    whole = json_lines(export) if name == "signal-export" else export
    assert read_chat(written(whole)).messages


def test_what_is_read_before_the_damage_is_given_out(written):
    path = written("[2026-05-01 18:00:00] A: x\n" * 3 + "[2026-99-01 18:00:00] A: x\n")
    with pytest.raises(InputError) as refused, open_chat(path) as stream:  # noqa: PT012  the error comes while reading
        assert [next(stream.messages).text for _ in range(3)] == ["x"] * 3
        next(stream.messages)
    assert refused.value.line == 4
