"""Who wrote in a chat, gathered while it is read."""

from __future__ import annotations

from ingest.chats.message import Participant


class People:
    """Participants by id, in the order in which they first appear; a later name takes an earlier one's place."""

    def __init__(self) -> None:
        self.found: dict[str, Participant] = {}

    def seen(self, identifier: object, name: object) -> str:
        """Notes somebody; returns the id. Where an export has no id, it is the name; where no name, the id."""
        told = str(name).strip() if name else ""
        known = str(identifier) if identifier not in {None, ""} else told or "somebody whose account is deleted"
        before = self.found.get(known)
        self.found[known] = Participant(known, told or (before.name if before else known))
        return known
