"""One plan as a chat's messages make it: values held, suggestions in the air, and who stands how to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from synth.pact.claims import Claim, Slot

ESSENTIAL_SLOTS = frozenset({"date", "time", "timezone", "place", "deposit", "no_show"})
"""A consent given before one of these changed is a consent to something else."""


@dataclass(slots=True)
class Held:
    """A slot's claim as it was last agreed on, and where it was said."""

    claim: Claim
    cites: tuple[str, ...]


@dataclass(slots=True)
class Suggestion:
    """Claims that somebody made and that are not agreed on; ``supporters`` said yes to them, in the message named."""

    author: str
    message: str
    claims: list[Claim]
    supporters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stand:
    """How a person last stood to the plan: ``at`` is the message's place in the chat."""

    kind: Literal["joined", "declined", "wavers", "unclear"]
    at: int
    sent_at: datetime
    cites: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """A plan, founded by message ``id``.

    ``principals`` may set its terms by saying so; what others say is a suggestion. ``changed_at`` is the place of the
    last message that changed an essential slot; ``edited_at`` is when such a message was last edited.
    """

    id: str
    proposer: str
    principals: frozenset[str]
    title: str | None
    changed_at: int
    last_at: int
    sent_at: datetime
    held: dict[Slot, Held] = field(default_factory=dict)
    suggestions: list[Suggestion] = field(default_factory=list)
    contradictions: dict[Slot, list[tuple[Claim, str]]] = field(default_factory=dict)
    stands: dict[str, Stand] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    on_behalf: list[tuple[str, str]] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)
    called_off: bool = False
    edited_at: datetime | None = None

    @property
    def is_dated(self) -> bool:
        """Whether the plan says when, or what is put down: enough not to be idle talk."""
        return bool(self.held.keys() & {"date", "deposit"})

    def hold(self, claims: Iterable[Claim], cites: tuple[str, ...], at: int) -> bool:
        """Takes ``claims`` as agreed; answers whether any essential slot changed."""
        changed = False
        for claim in claims:
            before = self.held.get(claim.slot)
            if before and before.claim.value == claim.value and not before.claim.doubt:
                continue
            self.held[claim.slot] = Held(claim, cites)
            self.contradictions.pop(claim.slot, None)
            names_zone = claim.slot == "timezone" and before is None  # whoever agreed meant the clock on the wall
            changed |= claim.slot in ESSENTIAL_SLOTS and not names_zone
        slots = {claim.slot for claim in claims}
        for suggestion in self.suggestions:
            suggestion.claims = [claim for claim in suggestion.claims if claim.slot not in slots]
        self.suggestions = [suggestion for suggestion in self.suggestions if suggestion.claims]
        if changed:
            self.changed_at = at
        return changed

    def join(self, person: str, at: int, sent_at: datetime, cites: tuple[str, ...]) -> None:
        """Notes that ``person`` agrees to the plan as it stands."""
        self.stands[person] = Stand("joined", at, sent_at, cites)

    def consents(self) -> dict[str, Stand]:
        """Who agreed to the plan as it stands now."""
        return {who: stand for who, stand in self.stands.items() if stand.kind == "joined" and self._is_current(who)}

    def outdated(self) -> dict[str, Stand]:
        """Who agreed before an essential change, or before a message that made the plan was edited."""
        return {who: stand for who, stand in self.stands.items() if stand.kind == "joined" and not self._is_current(who)}

    def _is_current(self, person: str) -> bool:
        stand = self.stands[person]
        before_edit = self.edited_at is not None and person not in self.principals and stand.sent_at <= self.edited_at
        return stand.at >= self.changed_at and not before_edit
