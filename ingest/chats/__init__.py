"""Readers of chat exports, one module a format; which one a file is, is found by its content."""

from ingest.chats.message import Chat, Message, Participant, Reaction
from ingest.chats.read import Stream, open_chat, read_chat

__all__ = ["Chat", "Message", "Participant", "Reaction", "Stream", "open_chat", "read_chat"]
