"""What a run keeps beside its document, so that a candidate can be handed over: sources, and where outcomes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.store import Store


@dataclass(frozen=True, slots=True)
class Kept:
    """One candidate at one window length.

    Args:
        candidate_id: Its identity.
        window_blocks: The length.
        source: Its Solidity.
        parameters: Its constructor's arguments by name.
        evaluation: The store's key of its outcomes; nothing lies there where it was turned down.
        beside: Names of the histories of the other pools that it could trade on.
    """

    candidate_id: str
    window_blocks: int
    source: str
    parameters: Mapping[str, int]
    evaluation: str
    beside: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values; integers that may be large as decimal text."""
        return {
            "candidate_id": self.candidate_id,
            "window_blocks": self.window_blocks,
            "source": self.source,
            "parameters": {name: str(value) for name, value in self.parameters.items()},
            "evaluation": self.evaluation,
            "beside": list(self.beside),
        }


def keep(store: Store, run_id: str, candidates: Sequence[Kept]) -> None:
    """Stores a run's candidates."""
    store.put_result(_key(run_id), {}, {"candidates": [each.to_json() for each in candidates]})


def kept(store: Store, run_id: str) -> tuple[Kept, ...]:
    """A run's candidates; none where it was made before they were kept."""
    found = store.get_result(_key(run_id))
    return () if found is None else tuple(map(_from_json, found.document["candidates"]))


def _from_json(document: Mapping[str, Any]) -> Kept:
    return Kept(
        candidate_id=document["candidate_id"],
        window_blocks=document["window_blocks"],
        source=document["source"],
        parameters={name: int(value) for name, value in document["parameters"].items()},
        evaluation=document["evaluation"],
        beside=tuple(document["beside"]),
    )


def _key(run_id: str) -> str:
    return f"candidates-{run_id}"
