"""One plan as a chat's messages make it: values held, suggestions in the air, and who stands how to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ingest.chats.message import Message
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
    last message that changed an essential slot; ``edited_at`` is when a principal last edited a message about the plan,
    ``edited_who_knows_when`` that the export only tells that one did. ``unread`` are messages in which a principal
    seems to change something that is not understood.
    """

    id: str
    proposer: str
    principals: frozenset[str]
    title: str | None
    changed_at: int
    last_at: int
    held: dict[Slot, Held] = field(default_factory=dict)
    suggestions: list[Suggestion] = field(default_factory=list)
    contradictions: dict[Slot, list[tuple[Claim, str]]] = field(default_factory=dict)
    stands: dict[str, Stand] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    on_behalf: list[tuple[str, str]] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    called_off: bool = False
    edited_at: datetime | None = None
    edited_who_knows_when: bool = False

    @property
    def is_dated(self) -> bool:
        """Whether the plan says when, or what is put down: enough not to be idle talk."""
        return bool(self.held.keys() & {"date", "deposit"})

    @property
    def words(self) -> frozenset[str]:
        """The words of the plan's title and place, lower case."""
        place = self.held.get("place")
        return frozenset(re.findall(r"[\w']+", f"{self.title or ''} {place.claim.value if place else ''}".lower()))

    def is_named_in(self, text: str) -> bool:
        """Whether ``text`` calls the plan by its title."""
        return bool(self.title and len(self.title) > 1 and self.title.lower() in text.lower())

    def lacks(self, slot: Slot) -> bool:
        """Whether ``slot`` has no value, or a doubtful one."""
        return slot not in self.held or bool(self.held[slot].claim.doubt)

    def differs(self, claim: Claim) -> bool:
        """Whether ``claim`` says something new."""
        return self.lacks(claim.slot) or self.held[claim.slot].claim.value != claim.value

    def suggested(self, claims: Iterable[Claim]) -> list[Claim]:
        """Those of ``claims`` that state what somebody suggested."""
        pairs = [(claim.slot, claim.value) for suggestion in self.suggestions for claim in suggestion.claims]
        return [claim for claim in claims if not claim.asked and (claim.slot, claim.value) in pairs]

    def suggesters(self, claims: Iterable[Claim]) -> tuple[str, ...]:
        """The messages that suggested ``claims``."""
        pairs = [(claim.slot, claim.value) for claim in claims]
        return tuple(s.message for s in self.suggestions if any((c.slot, c.value) in pairs for c in s.claims))

    def heard(self, message: Message, at: int) -> None:
        """Notes that ``message`` at place ``at`` is about the plan."""
        self.last_at = at
        self.messages.add(message.id)
        edited = message.edited_at if message.author_id in self.principals else None
        if edited == message.sent_at:
            self.edited_who_knows_when = True
        elif edited is not None and (self.edited_at is None or edited > self.edited_at):
            self.edited_at = edited

    def drop(self, suggestion: Suggestion) -> None:
        """Turns ``suggestion`` down."""
        self.suggestions = [other for other in self.suggestions if other is not suggestion]

    def support(self, suggestion: Suggestion, person: str, message: Message, at: int) -> None:
        """A yes of ``person`` to a suggestion: a principal's makes it agreed, as does anybody's to a principal's."""
        joined = {who for who, stand in self.stands.items() if stand.kind == "joined"}
        self.last_at = at
        if not any(other is suggestion for other in self.suggestions):  # settled before
            if person in joined:
                self.join(person, at, message.sent_at, (message.id,))
            return
        suggestion.supporters[person] = message.id
        if {person, suggestion.author} & self.principals:
            self.hold(suggestion.claims, tuple(dict.fromkeys((suggestion.message, message.id))), at)
            for who, cite in {suggestion.author: suggestion.message, **suggestion.supporters}.items():
                if who in joined:
                    self.join(who, at, message.sent_at, (cite,))

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
        return {
            who: stand for who, stand in self.stands.items() if stand.kind == "joined" and not self._is_current(who)
        }

    def _is_current(self, person: str) -> bool:
        stand = self.stands[person]
        before_edit = self.edited_who_knows_when or (self.edited_at is not None and stand.sent_at <= self.edited_at)
        return stand.at >= self.changed_at and (person in self.principals or not before_edit)
