"""Where a history from files lacks events: told and kept with it; refused where the files are no one pool's chain.

How often an event does not come out of those before it, measured on the real days (Ethereum, Polygon) and on a pool's
whole life (Optimism), 75,000 events in all: never in files as they are, 5 times in 4,274 (0.1 %) across a hole of two
weeks. With one event in a hundred left out it is 1.0 to 1.2 %, with all mints and burns left out 1.4 to 1.8 %, with the
events of a second pool among them (one in twenty) 7 %. So one in a hundred is taken for the border. Swaps that only
paid another fee do not count: pools may change theirs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.continuity import follow
from ingest.errors import InputError
from ingest.gaps import MOST_GAPS

if TYPE_CHECKING:
    from ingest.continuity import Continuity
    from ingest.ingested import Ingested

MOST_SHARE = 0.01
FEW = 5  # gaps; a short file may well have one or two


def require_one_chain(ingested: Ingested) -> tuple[Ingested, Continuity]:
    """Follows the events of a history from files, at about 10 µs each, and says in its caveats where some are missing.

    Raises:
        InputError: So many events do not come out of those before them that these are not all of one pool's.
    """
    shown = follow(ingested.initial_state, ingested.ordered.spool.each_event())
    caveats = list(ingested.told.caveats)
    many = MOST_SHARE * shown.moves
    if gaps := len(shown.gaps):
        first = shown.gaps[0]
        where = f"first in blocks {first.after_block} to {first.before_block}: {first.why}"
        if gaps > FEW and (gaps > many or gaps == MOST_GAPS):
            raise InputError(
                f"{gaps:,} of {shown.moves:,} events do not come out of those before them, {where}. Are these the "
                "events of one pool, the one whose state was given, and all of them (swaps, mints and burns)?",
                file=ingested.ordered.spool.files[0],
            )
        caveats.append(f"Events are missing in {gaps:,} place{'s' if gaps > 1 else ''}, {where}.")
    if (doubts := len(shown.doubts)) > many:
        caveats.append(
            f"Before {doubts:,} of {shown.moves:,} events others may be missing, or something else explains it, "
            f"as the first: {shown.doubts[0].why}."
        )
    return replace(ingested, told=replace(ingested.told, caveats=tuple(caveats))), shown
