"""DiscordChatExporter's JSON."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from chat_exports import discord, discord_message, discord_reaction, discord_user

from ingest.chats import Reaction, read_chat

BEN = discord_user("2", "ben", "Ben")


def test_a_message_s_moment_keeps_its_offset(written):
    (message,) = read_chat(written(discord(discord_message(5, "hi")))).messages
    zone = timezone(timedelta(hours=2))
    assert message.sent_at == datetime(2026, 5, 1, 18, 0, 5, 123_000, zone)
    assert message.sent_at.utcoffset() == timedelta(hours=2)
    assert (message.id, message.author_id, message.text, message.kind) == ("5", "1", "hi", "text")


def test_answers_edits_reactions_and_mentions(written):
    plan = discord_message(1, "Picnic?", reactions=[discord_reaction("👍", BEN, number=2)])
    reference = {"messageId": "1", "channelId": "200", "guildId": "100"}
    edited = "2026-05-01T18:10:00.5+02:00"
    answer = discord_message(
        2, "@Anna in", BEN, type="Reply", reference=reference, timestampEdited=edited, mentions=[discord_user()]
    )
    chat = read_chat(written(discord(plan, answer)))
    first, second = chat.messages
    assert first.reactions == (Reaction("👍", "2"), Reaction("👍", None))
    assert (second.reply_to, second.mentions, second.author_id) == ("1", ("1",), "2")
    assert second.edited_at == datetime.fromisoformat(edited)
    assert (chat.title, [one.name for one in chat.participants.values()]) == ("Friends / picnic", ["Anna", "Ben"])


def test_forwarded_and_quoted_words_are_not_the_author_s(written):
    forward = discord_message(
        1,
        "",
        reference={"type": "Forward", "messageId": "9", "channelId": "8", "guildId": None},
        forwardedMessage={"timestamp": "2026-04-01T10:00:00+00:00", "content": "I am in", "attachments": []},
    )
    quote = discord_message(2, "> I am in\nsays Ben")
    first, second = read_chat(written(discord(forward, quote))).messages
    assert (first.forwarded, first.text, first.reply_to) == (True, "I am in", None)
    assert (second.forwarded, second.text, second.quoted) == (False, "says Ben", "I am in")


def test_discord_s_own_messages_are_nobody_s(written):
    for kind in ("GuildMemberJoin", "ChannelPinnedMessage", "Call", "RecipientAdd", "46"):
        (message,) = read_chat(written(discord(discord_message(1, "Joined the server.", type=kind)))).messages
        assert (message.kind, message.author_id) == ("service", None)


def test_attachments_and_stickers_are_media(written):
    attachment = {"id": "5", "url": "https://cdn/x.png?ex=1", "fileName": "x.png", "fileSizeBytes": 3}
    sticker = {"id": "6", "name": "yes", "format": "Png", "sourceUrl": "https://cdn/y.png"}
    path = written(
        discord(discord_message(1, "look", attachments=[attachment]), discord_message(2, "", stickers=[sticker]))
    )
    assert [(message.kind, message.text) for message in read_chat(path).messages] == [("media", "look"), ("media", "")]


def test_a_message_told_twice_is_one(written):
    path = written(discord(discord_message(1, "a"), discord_message(2, "b"), discord_message(1, "a, again")))
    assert [message.text for message in read_chat(path).messages] == ["a", "b"]


def test_an_export_in_reverse_is_put_in_order_and_an_empty_one_is_a_chat(written):
    path = written(discord(discord_message(3, "c"), discord_message(2, "b"), discord_message(1, "a")))
    assert [message.text for message in read_chat(path).messages] == ["a", "b", "c"]
    empty = read_chat(written(discord()), chat="200")
    assert (empty.format, empty.title, empty.messages) == ("discord", "Friends / picnic", ())


def test_people_of_one_nickname_are_two(written):
    other = discord_user("3", "anna2", "Anna")
    chat = read_chat(written(discord(discord_message(1, "a"), discord_message(2, "b", other))))
    assert [message.author_id for message in chat.messages] == ["1", "3"]
    assert [one.name for one in chat.participants.values()] == ["Anna", "Anna"]
