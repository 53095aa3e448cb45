"""Reads markets from TOML, strictly: every key once, of its type and in its range, and nothing else."""

from __future__ import annotations

import tomllib
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from ingest.errors import InputError
from ingest.records import VenueKind
from verify.market.config import MarketConfig

if TYPE_CHECKING:
    from pathlib import Path

_Section = TypeVar("_Section")


def load_config(path: Path) -> dict[str, MarketConfig]:
    """The markets that a TOML file describes, by name.

    Raises:
        InputError: The file cannot be read, or a key is unknown, missing, of the wrong type or out of its range; names
            the file and the key.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"is no TOML: {error}", file=path) from None
    if not document:
        raise InputError("describes no market", file=path)
    return {name: _section(MarketConfig, table, name, path, name=name) for name, table in document.items()}


def _section(cls: type[_Section], table: object, way: str, path: Path, **given: object) -> _Section:
    """One record from one table: each field once, nothing else."""
    if not isinstance(table, dict):
        raise InputError("must be a table", file=path, field=way)
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # every caller passes a dataclass
    wanted = [name for name in names if name not in given]
    for key in table:
        if key not in wanted:
            raise InputError(f"is unknown; known are {', '.join(wanted)}", file=path, field=f"{way}.{key}")
    for name in wanted:
        if name not in table:
            raise InputError("is missing", file=path, field=f"{way}.{name}")
        given[name] = _value(hints[name], table[name], f"{way}.{name}", path)
    try:
        return cls(**given)
    except InputError as error:
        text = str(error).split(": ", 1)[1]
        raise InputError(text, file=path, field=f"{way}.{error.field}") from None


def _value(kind: Any, value: object, way: str, path: Path) -> object:
    if is_dataclass(kind) and isinstance(kind, type):
        return _section(kind, value, way, path)
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if isinstance(value, list) and (inner[-1] is Ellipsis or len(inner) == len(value)):
            kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
            parts = zip(kinds, value, strict=True)
            return tuple(_value(one, part, f"{way}[{i}]", path) for i, (one, part) in enumerate(parts))
        what = "a list" if inner[-1] is Ellipsis else f"a list of {len(inner)}"
        raise InputError(f"must be {what}, found {value!r}", file=path, field=way)
    expected = str if kind == VenueKind else kind
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, expected) or isinstance(value, bool):
        raise InputError(f"must be of type {expected.__name__}, found {value!r}", file=path, field=way)
    return value
