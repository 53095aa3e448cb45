"""Histories from files: the kind of file is found by its content, everything is checked, nothing is guessed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ingest.errors import InputError
from ingest.ingested import Ingested, Ordered, Told, in_order, ingested
from ingest.label_file import FileLabels, read_labels
from ingest.plausible import Fail, require_plausible
from ingest.pool_state import read_pool_state
from ingest.prices import pool_price, read_prices
from ingest.records import PoolState
from ingest.sidecars import swaps_without_gas
from ingest.sources import SOURCES, Source
from ingest.sources.kinds import unknown_kind
from ingest.sources.opening import head_of
from ingest.sources.paths import expand
from ingest.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.price_files import PriceFile
    from ingest.records import History, PricePoint
    from ingest.records import Source as Origin
    from ingest.sources.base import ParsedRows

RECONSTRUCTED = "The pool's liquidity was reconstructed; beyond its outermost ticks it is not known."


def read_history(paths: Sequence[Path | str] | Path | str, **options: Any) -> History:
    """The history alone, as records; takes what ``ingest_files`` takes."""
    return ingest_files(paths, **options).history


def ingest_files(
    paths: Sequence[Path | str] | Path | str,
    *,
    initial_state: Path | str | PoolState,
    name: str,
    labels: Path | str | None = None,
    prices: PriceFile | Path | str | None = None,
    prices_per: PriceFile | Path | str | None = None,
    invert_prices: bool | None = None,
    format: str | None = None,  # noqa: A002 - the option's name at the command line
    source: Origin = "file",
) -> Ingested:
    """Reads one pool's history from one or several files that belong together.

    Args:
        paths: The files, folders or patterns (see ``ingest.sources.paths``) with events, and with what else exporters
            tell of their blocks and transactions; exact duplicates among them are dropped and counted.
        initial_state: The pool state file, or the state; events up to it are dropped and counted.
        name: What the history will be called.
        labels: A file of classes and limits that overrule the rules, see ``ingest.label_file``.
        prices: A file of the reference price, see ``ingest.prices``.
        prices_per: Another one, by whose prices those of the first are divided.
        invert_prices: Whether that file gives token0 per token1; None finds out from the pool's first price.
        format: The kind of file, by its name in ``SOURCES``; None finds it by the content.
        source: What the history is: from a file, or written by a simulated market.

    Raises:
        InputError: Anything in any file is not exactly what it must be; nothing was stored.
    """
    files = expand(paths)
    state = initial_state if isinstance(initial_state, PoolState) else read_pool_state(Path(initial_state))
    sources = [find_source(path, head_of(path), format, among=len(files)) for path in files]
    numbered = sources[0].numbered
    if any(one.numbered != numbered for one in sources):
        raise InputError("files with and without numbered events cannot be mixed in one history", file=files[-1])
    spool = Spool()
    rows, ignored = _read(spool, files, sources, state)
    ordered = in_order(spool, state, numbered=numbered, rows=rows, ignored=ignored)
    given = read_labels(Path(labels), spool.swaps_of) if labels is not None else FileLabels()
    points, price_source = _prices(ordered, prices, prices_per, invert_prices)
    told = Told(
        labels=given.labels,
        known_limits=given.known_limits,
        unmatched_labels=given.unmatched,
        prices=points,
        price_source=price_source,
        caveats=_caveats(spool, sources, state),
    )
    return ingested(ordered, told, name=name, source=source, formats=tuple(one.name for one in sources))


def _read(
    spool: Spool, files: Sequence[Path], sources: Sequence[Source], state: PoolState
) -> tuple[int, dict[str, int]]:
    """Puts all files' events into the spool, each checked by itself; returns the rows read and the logs ignored."""
    rows = 0
    ignored: Counter[str] = Counter()
    for path, source in zip(files, sources, strict=True):
        spool.open_file(str(path), source.fields)
        for parsed in source.read(path, state.pool):
            if parsed.events.num_rows:
                require_plausible(parsed.events, state.pool, _failing(spool, parsed))
            spool.add(parsed)
            rows += parsed.rows
            ignored.update(parsed.ignored)
    return rows, dict(ignored)


def _failing(spool: Spool, parsed: ParsedRows) -> Fail:
    def fail(row: int, column: str, message: str) -> NoReturn:
        spool.fail(len(spool.files) - 1, int(parsed.lines[row]), column, message)

    return fail


def _caveats(spool: Spool, sources: Sequence[Source], state: PoolState) -> tuple[str, ...]:
    said = [caveat for source in sources for caveat in source.caveats]
    without, swaps = swaps_without_gas(spool)
    if without and any(source.in_parts for source in sources):
        said.append(f"No file tells the gas of {without} of {swaps} swaps.")
    if state.ticks_reconstructed:
        said.append(RECONSTRUCTED)
    return tuple(dict.fromkeys(said))


def _prices(
    ordered: Ordered,
    prices: PriceFile | Path | str | None,
    per: PriceFile | Path | str | None,
    invert: bool | None,
) -> tuple[tuple[PricePoint, ...], str]:
    if prices is None:
        return (), ""
    state = ordered.initial_state
    known = state.sqrt_price_x96 or (state.reserve0 and state.reserve1)
    first = state if known else ordered.spool.first_swap()
    first_ts, last_ts = ordered.times
    return read_prices(
        Path(prices) if isinstance(prices, str) else prices,
        pool=state.pool,
        first_ts=first_ts,
        last_ts=last_ts,
        near=None if first is None else pool_price(state.pool, first),
        invert=invert,
        per=Path(per) if isinstance(per, str) else per,
    )


def find_source(path: Path, head: bytes, name: str | None = None, *, among: int = 1) -> Source:
    """The kind of a file, one ``among`` so many: the one named, or the one that the beginning of its content shows.

    Raises:
        InputError: No kind has that name, or the content is of no known kind (says what the nearest lacks).
    """
    if name is not None:
        for source in SOURCES:
            if source.name == name:
                return source
        raise InputError(f"unknown format {name!r}; known are {', '.join(s.name for s in SOURCES)}", field="format")
    for source in reversed(SOURCES):  # the more particular first
        if not source.missing(head):
            return source
    raise unknown_kind(path, head, SOURCES, among=among)
