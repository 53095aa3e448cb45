"""Exports in the shapes of today's exporters, with all the fields that those write; the tests put in what they test."""

from __future__ import annotations

import json
import zipfile

SECOND = 1_777_651_200  # 2026-05-01T16:00:00Z


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return path


# ---------------------------------------------------------------------- Telegram Desktop


def telegram(*messages, **more):
    return {"name": "Picnic", "type": "private_supergroup", "id": 7, "messages": list(messages)} | more


def telegram_message(number, text, who="Anna", user="user1", **more):
    parts = text if isinstance(text, list) else [text] if text else []
    entities = [{"type": "plain", "text": part} if isinstance(part, str) else part for part in parts]
    times = {"date": "2026-05-01T18:00:00", "date_unixtime": str(SECOND + number)}
    said = {"from": who, "from_id": user, "text": text, "text_entities": entities}
    return {"id": number, "type": "message", **times, **said} | more


def telegram_service(number, action, who="Anna", user="user1", **more):
    times = {"date": "2026-05-01T18:00:00", "date_unixtime": str(SECOND + number)}
    acted = {"actor": who, "actor_id": user, "action": action, "text": "", "text_entities": []}
    return {"id": number, "type": "service", **times, **acted} | more


def telegram_account(*chats, left=()):
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "Anna", "phone_number": "+49 151 0000000"},
        "contacts": {"about": "…", "list": [{"user_id": 2, "first_name": "Ben", "date": "2026-01-01T10:00:00"}]},
        "sessions": {"about": "…", "list": [{"last_active": "2026-01-01T10:00:00", "last_ip": "127.0.0.1"}]},
        "chats": {"about": "This page lists all chats from this export.", "list": list(chats)},
        "left_chats": {"about": "This page lists all chats that were left.", "list": list(left)},
    }


# ---------------------------------------------------------------------- DiscordChatExporter


def discord(*messages, **more):
    return {
        "guild": {"id": "100", "name": "Friends", "iconUrl": "https://cdn.discordapp.com/embed/avatars/0.png"},
        "channel": {
            "id": "200",
            "type": "GuildTextChat",
            "categoryId": "150",
            "category": "Text channels",
            "name": "picnic",
            "topic": None,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2026-05-02T10:00:00.0000000+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
    } | more


def discord_user(user="1", name="anna", nickname="Anna", **more):
    looks = {"color": None, "isBot": False, "roles": [], "avatarUrl": "https://cdn.discordapp.com/embed/avatars/1.png"}
    return {"id": user, "name": name, "discriminator": "0000", "nickname": nickname, **looks} | more


def discord_message(number, text, author=None, **more):
    return {
        "id": str(number),
        "type": "Default",
        "timestamp": f"2026-05-01T18:00:{number % 60:02}.123+02:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": text,
        "author": author or discord_user(),
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
    } | more


def discord_reaction(emoji, *users, number=None):
    told = {"id": "", "name": emoji, "code": "thumbsup", "isAnimated": False, "imageUrl": "https://x/1f44d.svg"}
    return {"emoji": told, "count": len(users) if number is None else number, "users": list(users)}


# ---------------------------------------------------------------------- Slack


SLACK_USERS = [
    {"id": "U1", "team_id": "T1", "name": "anna", "deleted": False, "profile": {"display_name": "Anna"}},
    {"id": "U2", "team_id": "T1", "name": "ben", "real_name": "Ben", "profile": {"display_name": ""}},
]
SLACK_CHANNELS = [
    {"id": "C1", "name": "food", "created": SECOND, "creator": "U1", "is_archived": False, "members": ["U1", "U2"]}
]


def slack_ts(number):
    return f"{SECOND + number}.{number:06}"


def slack_message(number, text, user="U1", **more):
    block = {"type": "rich_text", "block_id": "b1", "elements": []}
    team = {"team": "T1", "user_team": "T1", "source_team": "T1"}
    said = {"type": "message", "user": user, "ts": slack_ts(number), "text": text}
    return said | team | {"client_msg_id": f"{number:08}-0000-4000-8000-000000000000", "blocks": [block]} | more


def slack_zip(path, days, **lists):
    """``days`` by their names, such as ``food/2026-05-01``."""
    files = {"users.json": SLACK_USERS, "channels.json": SLACK_CHANNELS}
    files |= {f"{name}.json": content for name, content in lists.items()}
    return zipped(path, files | {f"{name}.json": messages for name, messages in days.items()})


# ---------------------------------------------------------------------- Matrix


def matrix(*events, **more):
    return {
        "room_name": "Picnic",
        "room_creator": "Anna",
        "topic": "",
        "export_date": "1/5/2026",
        "exported_by": "Anna",
        "messages": list(events),
    } | more


def event(number, content, kind="m.room.message", sender="@anna:x", **more):
    placed = {"event_id": f"${number}", "room_id": "!picnic:x", "origin_server_ts": SECOND * 1000 + number}
    return {"type": kind, "sender": sender, "content": content, **placed, "unsigned": {"age": 5}} | more


def matrix_message(number, text, sender="@anna:x", **content):
    return event(number, {"msgtype": "m.text", "body": text, "m.mentions": {}} | content, sender=sender)


def matrix_edit(number, of, text, sender="@anna:x"):
    new = {"msgtype": "m.text", "body": text, "m.mentions": {}}
    relates = {"rel_type": "m.replace", "event_id": f"${of}"}
    content = new | {"body": f"* {text}", "m.new_content": new, "m.relates_to": relates}
    return event(number, content, sender=sender)


def matrix_reaction(number, to, key, sender):
    relates = {"rel_type": "m.annotation", "event_id": f"${to}", "key": key}
    return event(number, {"m.relates_to": relates}, "m.reaction", sender)


# ---------------------------------------------------------------------- Signal


def signal_line(number, text, sender="Anna", **more):
    """An object of signal-export's data.json."""
    said = {"date": f"2026-05-01T18:00:{number % 60:02}.123000", "sender": sender, "body": f"{text}  "}
    return said | {"quote": "", "sticker": None, "reactions": [], "attachments": [], "deleted": False} | more


def signal_desktop(number, text, source="aci-anna", conversation="c1", **more):
    """A message of Signal Desktop's own."""
    return {
        "id": f"m{number}",
        "conversationId": conversation,
        "type": "incoming",
        "sent_at": SECOND * 1000 + number,
        "received_at": SECOND * 1000 + number + 90,
        "timestamp": SECOND * 1000 + number,
        "sourceServiceId": source,
        "sourceDevice": 1,
        "body": text,
        "bodyRanges": [],
        "attachments": [],
        "reactions": [],
        "schemaVersion": 14,
    } | more


def json_lines(*objects):
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)
