"""What an export says in a JSON field: a value of another type than the exporter's counts as not being there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def table(raw: Json, name: str) -> Json:
    """An object; empty where there is none."""
    told = raw.get(name)
    return told if isinstance(told, dict) else {}


def rows(raw: Json, name: str) -> list[Json]:
    """The objects of a list; none where there is no list."""
    told = raw.get(name)
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def text(raw: Json, name: str) -> str:
    """A text; "" where there is none."""
    told = raw.get(name)
    return told if isinstance(told, str) else ""


def identifier(raw: Json, name: str) -> str:
    """An identifier, written as a text or as a whole number; "" where there is none."""
    told = raw.get(name)
    return str(told) if isinstance(told, str) or type(told) is int else ""


def count(raw: Json, name: str) -> int:
    """How many; 0 where it is not told."""
    told = raw.get(name)
    return told if type(told) is int else 0


def moment(told: object, *, microseconds: int) -> datetime | None:
    """A moment in Unix time, counted in units of so many microseconds, written as a number or as a text.

    None where it is no time, or not one of the years 1 to 9999.
    """
    try:
        whole, _, part = str(told).partition(".")
        fraction = int(part[:6].ljust(6, "0")) * microseconds // 1_000_000 if part else 0
        return EPOCH + timedelta(microseconds=int(whole) * microseconds + fraction)
    except (ValueError, OverflowError):
        return None


def iso_time(told: object) -> datetime | None:
    """A time as ISO 8601 writes it, aware where it tells the offset; None where it is none."""
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
