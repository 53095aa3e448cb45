"""Histories from files: the kind of file is found by its content, everything is checked, nothing is guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.content import content_id_of
from ingest.errors import InputError
from ingest.event_table import to_events
from ingest.initial_state import after_state
from ingest.label_file import FileLabels, read_labels
from ingest.plausible import require_plausible
from ingest.pool_state import read_pool_state
from ingest.prices import pool_price, read_prices
from ingest.records import History, PoolState
from ingest.sequence import put_in_sequence
from ingest.sources import SOURCES, ParsedFile, Source
from ingest.sources.text import read_bytes
from ingest.v2_reserves import attach_reserves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import PricePoint
    from ingest.records import Source as Origin

RECONSTRUCTED = "The pool's liquidity was reconstructed; beyond its outermost ticks it is not known."


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of the files that a history was read from."""

    rows: int
    events: dict[str, int]
    duplicates: int
    out_of_order: int
    dropped_before_state: int
    ignored: dict[str, int] = field(default_factory=dict)
    unmatched_labels: int = 0


@dataclass(frozen=True, slots=True)
class Ingested:
    """A history read from files, how it was read, and what to tell the user about it."""

    history: History
    formats: tuple[str, ...]
    counts: Counts


def read_history(
    paths: Sequence[Path | str] | Path | str,
    *,
    initial_state: Path | str | PoolState,
    name: str,
    labels: Path | str | None = None,
    prices: Path | str | None = None,
    invert_prices: bool | None = None,
    format: str | None = None,  # noqa: A002 - the option's name at the command line
    source: Origin = "file",
) -> History:
    """The history alone, without the counts; see ``ingest_files``."""
    return ingest_files(
        paths,
        initial_state=initial_state,
        name=name,
        labels=labels,
        prices=prices,
        invert_prices=invert_prices,
        format=format,
        source=source,
    ).history


def ingest_files(
    paths: Sequence[Path | str] | Path | str,
    *,
    initial_state: Path | str | PoolState,
    name: str,
    labels: Path | str | None = None,
    prices: Path | str | None = None,
    invert_prices: bool | None = None,
    format: str | None = None,  # noqa: A002 - the option's name at the command line
    source: Origin = "file",
) -> Ingested:
    """Reads one pool's history from one or several files that belong together.

    Args:
        paths: The files with events; exact duplicates among them are dropped and counted.
        initial_state: The pool state file, or the state; events up to it are dropped and counted.
        name: What the history will be called.
        labels: A file of classes and limits that overrule the rules, see ``ingest.label_file``.
        prices: A file of the reference price, see ``ingest.prices``.
        invert_prices: Whether that file gives token0 per token1; None finds out from the pool's first price.
        format: The kind of file, by its name in ``SOURCES``; None finds it by the content.
        source: What the history is: from a file, or written by a simulated market.

    Raises:
        InputError: Anything in any file is not exactly what it must be; nothing was stored.
    """
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    if not files:
        raise InputError("no file was given")
    state = initial_state if isinstance(initial_state, PoolState) else read_pool_state(Path(initial_state))
    formats, parsed = _parse(files, format, state)
    sequenced = put_in_sequence(parsed)
    require_plausible(sequenced, state.pool)
    ordered = after_state(sequenced, state)
    dropped = sequenced.events.num_rows - ordered.events.num_rows
    ignored: Counter[str] = Counter()
    for _, one in parsed:
        ignored.update(one.ignored)
    if state.pool.kind == "v2":
        ordered, idle = attach_reserves(ordered, (state.reserve0, state.reserve1))
        ignored.update({"Sync without change": idle} if idle else {})
    if not ordered.events.num_rows:
        raise InputError("holds no event that changes the pool", file=files[0])
    history = History(
        name=name,
        content_id="",
        source=source,
        initial_state=state,
        events=to_events(ordered.events),
        caveats=_caveats([one for _, one in parsed], state),
    )
    told = read_labels(Path(labels), history.swaps) if labels is not None else FileLabels()
    points, price_source = _prices(history, Path(prices), invert_prices) if prices is not None else ((), "")
    history = replace(
        history,
        content_id=content_id_of(state, ordered.events, told.labels, told.known_limits, points),
        labels=told.labels,
        known_limits=told.known_limits,
        prices=points,
        price_source=price_source,
    )
    counts = Counts(
        rows=sum(one.rows for _, one in parsed),
        events=dict(Counter(ordered.column("kind").to_pylist())),
        duplicates=sequenced.duplicates,
        out_of_order=sequenced.out_of_order,
        dropped_before_state=dropped,
        ignored=dict(ignored),
        unmatched_labels=told.unmatched,
    )
    return Ingested(history, formats, counts)


def _parse(
    files: Sequence[Path], name: str | None, state: PoolState
) -> tuple[tuple[str, ...], list[tuple[str, ParsedFile]]]:
    formats: list[str] = []
    parsed: list[tuple[str, ParsedFile]] = []
    for path in files:
        content = read_bytes(path)
        kind = find_source(path, content, name)
        formats.append(kind.name)
        parsed.append((str(path), kind.read(path, content, state.pool)))
    return tuple(formats), parsed


def _caveats(parsed: Sequence[ParsedFile], state: PoolState) -> tuple[str, ...]:
    said = [caveat for one in parsed for caveat in one.caveats]
    if state.ticks_reconstructed:
        said.append(RECONSTRUCTED)
    return tuple(dict.fromkeys(said))


def _prices(history: History, path: Path, invert: bool | None) -> tuple[tuple[PricePoint, ...], str]:
    state, events = history.initial_state, history.events
    known = state.sqrt_price_x96 or (state.reserve0 and state.reserve1)
    first = state if known else next(iter(history.swaps), None)
    return read_prices(
        path,
        pool=history.pool,
        first_ts=events[0].block_ts,
        last_ts=events[-1].block_ts,
        near=None if first is None else pool_price(history.pool, first),
        invert=invert,
    )


def find_source(path: Path, content: bytes, name: str | None = None) -> Source:
    """The kind of a file: the one named, or the one that its content shows.

    Raises:
        InputError: No kind has that name, or the content is of no known kind (says what the nearest lacks).
    """
    if name is not None:
        for source in SOURCES:
            if source.name == name:
                return source
        raise InputError(f"unknown format {name!r}; known are {', '.join(s.name for s in SOURCES)}", field="format")
    lacking = [(source, source.missing(content)) for source in SOURCES]
    for source, missing in lacking:
        if not missing:
            return source
    nearest, missing = min(lacking, key=lambda pair: len(pair[1]))
    message = f"is of no known kind; to be {nearest.what} it lacks {', '.join(missing)}"
    raise InputError(message, file=path, line=1, field=missing[0])
