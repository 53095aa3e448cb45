"""What the unique id of a CoW order tells: its owner and until when it is valid."""

from __future__ import annotations

import re

UID = re.compile(r"0x[0-9a-fA-F]{112}")
OWNER = slice(66, 106)  # after the order's digest of 32 bytes
VALID_TO = slice(106, 114)


def owner_of(uid: str) -> str:
    """The address that signed the order with this id (``GPv2Order.packOrderUidParams``)."""
    return f"0x{uid[OWNER].lower()}"


def deadline_of(uid: str) -> int:
    """The last second in which it is valid, Unix time."""
    return int(uid[VALID_TO], 16)
