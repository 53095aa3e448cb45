"""Long exports are read message by message: of those that went by, no more than the ids is held."""

from __future__ import annotations

import json
import tracemalloc
import zipfile

import pytest
from chat_exports import discord_message, matrix_message, slack_message, telegram_message

from ingest.chats import open_chat

MESSAGE_BYTES = 150
"""Less than any message takes that is held."""
PIECES_BYTES = 6 << 20
"""More than what is read at once takes: of bytes a megabyte, of a text's lines eight."""


def as_json(path, number, opening, make, closing="\n]}"):
    with path.open("w") as file:
        file.write(opening)
        file.writelines((",\n" if i else "\n") + json.dumps(make(i)) for i in range(number))
        file.write(closing)


def whatsapp(path, number):
    with path.open("w") as file:
        file.writelines(f"13/05/26, {i % 24:02}:{i % 60:02} - Person {i % 7}: message {i}\n" for i in range(number))


def whatsapp_zip(path, number):
    whatsapp(path.with_suffix(".txt"), number)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".txt"), "_chat.txt")


def telegram(path, number):
    as_json(
        path,
        number,
        '{"name": "x", "type": "group", "id": 1, "messages": [',
        lambda i: telegram_message(i, f"message {i}"),
    )


def account(path, number):
    opening = '{"chats": {"about": "", "list": [{"name": "x", "type": "group", "id": 1, "messages": ['
    as_json(path, number, opening, lambda i: telegram_message(i, f"message {i}"), "\n]}]}}")


def discord(path, number):
    opening = '{"guild": {"name": "g"}, "channel": {"id": "1", "name": "c"}, "messages": ['
    as_json(path, number, opening, lambda i: discord_message(i, f"message {i}"))


def matrix(path, number):
    as_json(path, number, '{"room_name": "x", "messages": [', lambda i: matrix_message(i, f"message {i}"))


def slack(path, number):
    """A day for every thousand messages."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for day in range(number // 1000):
            messages = [slack_message(i, f"message {i}") for i in range(day * 1000, day * 1000 + 1000)]
            archive.writestr(f"food/2026-{day // 28 + 1:02}-{day % 28 + 1:02}.json", json.dumps(messages, indent=1))


WRITERS = {
    "whatsapp.txt": whatsapp,
    "whatsapp.zip": whatsapp_zip,
    "telegram.json": telegram,
    "account.json": account,
    "discord.json": discord,
    "matrix.json": matrix,
    "slack.zip": slack,
}


def peak_bytes(path, gather):
    """What is gathered of a file's messages, and the most memory that it takes."""
    tracemalloc.start()
    with open_chat(path, day_first=True) as stream:
        gathered = gather(stream.messages)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return gathered, peak


def count(messages):
    return sum(1 for _ in messages)


@pytest.mark.parametrize("name", WRITERS)
def test_messages_that_went_by_are_not_held(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, 5_000)
    number, peak = peak_bytes(path, count)
    held, held_peak = peak_bytes(path, list)
    assert number == len(held) == 5_000
    assert peak + 5_000 * MESSAGE_BYTES < held_peak
    assert peak < PIECES_BYTES


@pytest.mark.long
@pytest.mark.parametrize("name", WRITERS)
def test_half_a_million_messages_are_read_in_little_memory(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, 500_000 if name != "slack.zip" else 300_000)
    number, peak = peak_bytes(path, count)
    assert number >= 300_000
    assert peak < 150 << 20
