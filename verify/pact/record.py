"""What the terms say: what each may do at a moment, and the least and the most that each may get in the end.

A second reading of `contracts/kernel/IPact.sol`, in plain integers, that knows no contract. It leaves open what the
terms leave open: how a deposit is divided among those who may have it is judged by properties of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from verify.pact.terms import BURN, NOBODY, Attestation, Disputed, NoShow

if TYPE_CHECKING:
    from verify.pact.play import Step
    from verify.pact.terms import PactTerms

Refusal = Literal[
    "invited",
    "capacity",
    "join-deadline",
    "deposit",
    "cancel",
    "attestation",
    "contest",
    "early",
    "double-claim",
    "outsiders",
    "upper-bound",
]
"""The property that is broken if a step succeeds that the terms forbid."""


@dataclass(slots=True)
class Record:
    """What has happened so far. ``attesters`` are by whom they found absent."""

    terms: PactTerms
    joined: list[str] = field(default_factory=list)
    cancelled: bool = False
    attesters: dict[str, set[str]] = field(default_factory=dict)
    contested: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)

    def off(self, at_ts: int) -> bool:
        """Whether the pact is off: cancelled, or too few had joined in time."""
        too_few = len(self.joined) < self.terms.quorum
        return self.cancelled or (at_ts >= self.terms.join_until_ts and too_few)

    def found_absent(self) -> set[str]:
        """Whom the attestation finds absent, contested or not."""
        if self.terms.attestation is Attestation.HOST:
            return set(self.attesters)
        others = len(self.joined) - 1
        return {absent for absent, attesters in self.attesters.items() if 2 * len(attesters) > others}

    def attested_by(self, who: str) -> set[str]:
        """Whose absence is found on that person's word, alone or with others'."""
        if self.terms.attestation is Attestation.HOST:
            return self.found_absent() if who == self.terms.host else set()
        return {absent for absent in self.found_absent() if who in self.attesters[absent]}

    # ------------------------------------------------------------------ what is allowed

    def refusal(self, step: Step) -> Refusal | None:
        """Why the terms forbid a step; None where they allow it."""
        if step.action == "join":
            return self._refuses_join(step)
        if step.action == "cancel":
            late = step.at_ts >= self.terms.starts_ts
            return "cancel" if step.who != self.terms.host or late or self.off(step.at_ts) else None
        if step.action == "attest":
            return None if self._may_attest(step) else "attestation"
        if step.action == "contest":
            return None if self._may_contest(step) else "contest"
        return self._refuses_claim(step)

    def _refuses_join(self, step: Step) -> Refusal | None:
        terms = self.terms
        if step.who not in terms.invited:
            return "invited"
        if step.at_ts >= terms.join_until_ts or self.cancelled:
            return "join-deadline"
        if step.who in self.joined or step.amount is not None:
            return "deposit"
        return "capacity" if len(self.joined) == terms.capacity else None

    def _may_attest(self, step: Step) -> bool:
        terms = self.terms
        if self.off(step.at_ts) or not terms.starts_ts <= step.at_ts < terms.attest_until_ts:
            return False
        right = step.who == terms.host if terms.attestation is Attestation.HOST else step.who in self.joined
        return right and all(absent in self.joined and absent != step.who for absent in step.about)

    def _may_contest(self, step: Step) -> bool:
        in_time = self.terms.attest_until_ts <= step.at_ts < self.terms.pays_from_ts
        found = step.who in self.found_absent() and step.who not in self.contested
        return in_time and found and not self.off(step.at_ts)

    def _refuses_claim(self, step: Step) -> Refusal | None:
        owner = step.about[0] if step.action == "claim_for" else step.who
        if owner in self.paid:
            return "double-claim"
        if step.action == "claim_for" and owner not in (BURN, self.terms.charity):
            return "outsiders"
        if not self.off(step.at_ts) and step.at_ts < self.terms.pays_from_ts:
            return "early"
        if owner in (BURN, self.terms.charity):
            return None if self.most(owner, step.at_ts) else "outsiders"
        if owner not in self.joined:
            return "outsiders"
        return None if self.most(owner, step.at_ts) else "upper-bound"

    def apply(self, step: Step) -> None:
        """Notes a step that happened."""
        if step.action == "join":
            self.joined.append(step.who)
        elif step.action == "cancel":
            self.cancelled = True
        elif step.action == "attest":
            for absent in step.about:
                self.attesters.setdefault(absent, set()).add(step.who)
        elif step.action == "contest":
            self.contested.add(step.who)
        else:
            self.paid.add(step.about[0] if step.action == "claim_for" else step.who)

    # ------------------------------------------------------------------ who may get what, in the end

    def least(self, who: str, at_ts: int) -> int:
        """What the terms assure somebody of."""
        terms = self.terms
        if self.off(at_ts) or terms.no_show is NoShow.REFUND:
            return terms.deposit if who in self.joined else 0
        absent = self.found_absent() - self.contested
        if who == terms.charity != NOBODY:
            return terms.deposit * len(absent)
        if who not in self.joined or who in absent:
            return 0
        if who in self.found_absent():
            return terms.deposit if terms.disputed is Disputed.REFUND else 0
        if terms.no_show is not NoShow.SPLIT:
            return terms.deposit
        return terms.deposit + len(absent - self.attested_by(who)) * (terms.deposit // len(self.joined))

    def most(self, who: str, at_ts: int) -> int:
        """What the terms allow somebody at most."""
        terms = self.terms
        if who == BURN:
            return 0 if self.off(at_ts) or terms.no_show is NoShow.REFUND else terms.deposit * len(self.found_absent())
        least = self.least(who, at_ts)
        on = not self.off(at_ts) and terms.no_show is NoShow.SPLIT
        if on and who in self.joined and who not in self.found_absent():
            return terms.deposit * (1 + len(self.found_absent() - self.contested))
        return least
