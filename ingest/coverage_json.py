"""What is known of a history's blocks, as it is kept in the store."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ingest.records import Coverage

FROM_BEFORE = "an earlier version fetched it, which looked less closely; bring it up to date from the node"


def to_text(coverage: Coverage | None) -> str | None:
    """A coverage as JSON text."""
    return None if coverage is None else json.dumps(asdict(coverage))


def from_text(text: str | None) -> Coverage | None:
    """The coverage that ``to_text`` wrote; what an earlier version called proven has to be looked at again."""
    if text is None:
        return None
    document: dict[str, Any] = json.loads(text)
    if "proven" in document:
        document |= {"proof": "none", "why": document["why"] or FROM_BEFORE}
        del document["proven"]
    return Coverage(**document)
