"""JSON lines, strictly: one object a line, no name twice, and every number as the text it was written in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from ingest.errors import InputError
from ingest.sources.opening import pieces
from ingest.sources.text import whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = dict[str, Any]  # str, None, bool, list or dict; numbers are str


def read_records(path: Path) -> Iterator[tuple[int, list[Record]]]:
    """A file's objects, some megabytes at a time, with the line of the first one.

    Raises:
        InputError: A line is no JSON object, has a name twice, or is too long; or the file cannot be opened, see
            ``ingest.sources.opening``.
    """
    for first_line, _, block in whole_lines(path, pieces(path)):
        yield first_line, [_record(path, line, number) for number, line in enumerate(block.split(b"\n"), first_line)]


def _record(path: Path, line: bytes, number: int) -> Record:
    def fail(message: str) -> NoReturn:
        raise InputError(message, file=path, line=number) from None

    try:
        record = DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        if not line.strip():
            fail("there is a blank line here")
        fail(f"this line is not JSON ({error.msg} at character {error.pos + 1}); is it cut off?")
    except UnicodeDecodeError as error:
        fail(f"this line is not UTF-8 (byte {error.start + 1})")
    except RecursionError:
        fail("this line is nested too deeply")
    except ValueError as error:
        fail(str(error))
    if not isinstance(record, dict):
        fail("this line must be a JSON object")
    return record


def _object(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!a} stands twice in an object")
    return record


DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)
