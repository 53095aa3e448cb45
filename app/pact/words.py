"""A pact in plain language: what it does and what it does not do, with its very dates and amounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from synth.pact.zones import zone_of
from verify.pact.rehearsal import in_units
from verify.pact.terms import Attestation, Disputed, NoShow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from synth.pact.draft import Draft

SECONDS_AN_HOUR = 3_600


class PactWords:
    """Says what a draft's pact does."""

    def __init__(self, draft: Draft) -> None:
        self._draft, self._pact = draft, draft.pact
        zone = draft.terms.terms.get("timezone")
        self._zone: tzinfo = UTC if zone is None else zone_of(str(zone.value))

    @property
    def title(self) -> str:
        """What the plan is called."""
        title = self._draft.terms.terms.get("title")
        return "A meeting" if title is None else str(title.value)

    def moment(self, ts: int) -> str:
        """A time on the plan's clock."""
        at = datetime.fromtimestamp(ts, self._zone)
        return f"{at:%A, %d %B %Y, %H:%M} (UTC{at.isoformat()[-6:]})"

    def short_moment(self, ts: int) -> str:
        """The same where there is little room."""
        return f"{datetime.fromtimestamp(ts, self._zone):%a %d %b, %H:%M}"

    def amount(self, units: int) -> str:
        """An amount of the deposits' token, exactly."""
        return f"{in_units(units, self._draft.decimals)} {self._draft.symbol}"

    @property
    def deposit(self) -> str:
        """What each brings."""
        return self.amount(self._pact.deposit)

    def name(self, address: str) -> str:
        """Whose address it is."""
        return self._draft.names.get(address, address)

    @property
    def guests(self) -> tuple[str, ...]:
        """The names of those who are invited."""
        return tuple(self.name(guest) for guest in self._pact.invited)

    def does(self) -> list[str]:
        """What the contract does, in the order in which it happens."""
        pact, host = self._pact, self.name(self._pact.host)
        return [
            f"Until {self.moment(pact.join_until_ts)}, {listed(self.guests)} can join by paying in {self.deposit} each"
            f"{self._places()}. Nobody else can.",
            f"If fewer than {pact.quorum} have joined by then, it is off, and everybody can take the own deposit back.",
            f"{host} can cancel it before it starts, {self.moment(pact.starts_ts)}. Then, too, everybody takes the own "
            "deposit back, at once.",
            f"From the start until {self.moment(pact.attest_until_ts)}, {self._attesters()} can say who stayed away.",
            f"From then until {self.moment(pact.pays_from_ts)}, whoever is said to have stayed away can contest it. "
            f"{self._disputed()}",
            f"From {self.moment(pact.pays_from_ts)} on, everybody takes the own part, each alone and whoever else has "
            f"vanished. Who came, or of whom nobody said otherwise, gets the deposit back. {self._no_show()}",
        ]

    def _places(self) -> str:
        places = self._pact.capacity
        return f"; the first {places} who join have a place" if places < len(self._pact.invited) else ""

    def _attesters(self) -> str:
        by_host = self._pact.attestation is Attestation.HOST
        return self.name(self._pact.host) if by_host else "more than half of the others who joined"

    def _disputed(self) -> str:
        if self._pact.disputed is Disputed.REFUND:
            return "Then the deposit comes back, and no part of anybody else's."
        return "Then the deposit is burnt: nobody has it."

    def _no_show(self) -> str:
        stayed_away = "The deposit of somebody who stayed away and did not contest it"
        return {
            NoShow.SPLIT: f"{stayed_away} is divided equally among the others, but not to whoever said so.",
            NoShow.REFUND: f"{stayed_away} comes back as well: nothing but the record remains.",
            NoShow.BURN: f"{stayed_away} is burnt: nobody has it.",
            NoShow.CHARITY: f"{stayed_away} goes to {self._pact.charity}, the charity.",
        }[self._pact.no_show]

    def does_not(self) -> list[str]:
        """What it cannot do, or nobody can with it."""
        host = self.name(self._pact.host)
        liar = f"{host} says" if self._pact.attestation is Attestation.HOST else "more than half of the others say"
        contest_hours = self._pact.contest_seconds // SECONDS_AN_HOUR
        found = [
            f"It does not know who came. It goes by what people say: if {liar} that somebody stayed away who was "
            f"there, this person has {contest_hours} hours to contest it, and loses the deposit by not noticing.",
            f"It does not let anybody take another one's deposit, {host} included. There is no owner and no upgrade.",
            "It does not make anybody gain by saying that somebody stayed away: who says so gets no part of it.",
            "It does not make anybody pay who has not joined. Agreeing in the chat moves no money; joining does.",
            "It does not change. Another date or amount is another contract.",
        ]
        if self._pact.in_coins:
            return [*found, f"Gas is paid by whoever acts; the {self._draft.symbol} for it is not part of the deposit."]
        return [*found, "It cannot be better than its token: one whose issuer can freeze or seize can do so here too."]

    def phases(self) -> list[tuple[str, int, str]]:
        """(what begins, when, what can be done from then on) of the pact's spans, in order."""
        pact = self._pact
        return [
            ("joining ends", pact.join_until_ts, "no more deposits; too few: all is refunded"),
            ("it starts", pact.starts_ts, "absences can be attested"),
            ("attesting ends", pact.attest_until_ts, "absences can be contested"),
            ("it pays", pact.pays_from_ts, "everybody takes the own part"),
        ]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
