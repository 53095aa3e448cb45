"""One play on the real contract, held against what the terms say at every step and in the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from verify.abi import address_word, selector, word
from verify.pact.play import Step
from verify.pact.record import Record
from verify.pact.stage import DEPLOYER, OUTSIDER
from verify.pact.terms import BURN, NOBODY, TERMS_TYPE, NoShow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.pact.play import Play
    from verify.pact.stage import Stage

_CLAIMS = ("claim", "claim_to", "claim_for")
_OWED = selector("owed(address)")


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken property, the steps up to there, and what was seen. ``play`` may hold steps that do not matter."""

    property: str
    play: Play
    seen: str


def perform(there: Stage, play: Sequence[Step], *, explored: frozenset[int] = frozenset()) -> list[Violation]:
    """Plays, lets everybody claim at the end, and undoes all of it.

    What the terms forbid is tried as a what-if, so that one broken promise does not hide behind another's damage.

    Args:
        there: The pact.
        play: Steps by time.
        explored: Times (of steps) after whose last step everything that could be done is tried as well.
    """
    with there.evm.anchor():
        evening = _Evening(there)
        for place, step in enumerate(play):
            evening.make(step)
            last = place + 1 == len(play) or play[place + 1].at_ts != step.at_ts
            if last and step.at_ts in explored:
                for possible in possible_steps(evening.record, step.at_ts):
                    evening.try_out(possible)
        evening.end(max([there.terms.pays_from_ts, *(step.at_ts for step in play)]))
        return evening.violations


def possible_steps(record: Record, at_ts: int) -> Iterator[Step]:
    """What could be tried at a moment, allowed or not."""
    terms = record.terms
    for who in (*terms.invited, OUTSIDER):
        yield Step(at_ts, who, "join")
    wrong = (0, terms.deposit - 1, terms.deposit + 1) if terms.in_coins else (1,)
    newcomer = next((who for who in terms.invited if who not in record.joined), terms.invited[0])
    for amount in wrong:
        yield Step(at_ts, newcomer, "join", amount=amount)
    people = tuple(dict.fromkeys((terms.host, *record.joined, newcomer, OUTSIDER)))
    for who in people:
        yield Step(at_ts, who, "cancel")
        yield Step(at_ts, who, "contest")
        yield Step(at_ts, who, "claim")
        others = [other for other in record.joined if other != who]
        if others:
            yield Step(at_ts, who, "attest", (others[0],))
            yield Step(at_ts, who, "attest", tuple(others))
        if who in record.joined:
            yield Step(at_ts, who, "attest", (who,))
    for who in (BURN, terms.charity, newcomer, *record.joined[:1]):
        if who != NOBODY:
            yield Step(at_ts, OUTSIDER, "claim_for", (who,))


@dataclass(slots=True)
class _Evening:
    """A play under way."""

    there: Stage
    record: Record = field(init=False)
    before: dict[str, int] = field(init=False)
    made: list[Step] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    failed_claims: dict[str, Violation] = field(default_factory=dict)
    """The first claim of each owner that failed though the terms allow it; what that breaks shows in the end."""

    def __post_init__(self) -> None:
        self.record = Record(self.there.terms)
        self.before = self.there.balances()

    def _found(self, broken: str, seen: str, step: Step | None = None) -> None:
        steps = (*self.made, step) if step else tuple(self.made)
        self.violations.append(Violation(broken, steps, seen))

    # ------------------------------------------------------------------ steps

    def make(self, step: Step) -> None:
        """A step of the play: it happens if the terms allow it, else it is only tried."""
        if self.record.refusal(step) is not None:
            self.try_out(step)
            return
        outcome = self.there.act(step)
        if outcome.ok:
            self.record.apply(step)
        else:
            self._failed(step, outcome.error)
        self.made.append(step)

    def try_out(self, step: Step) -> None:
        """A what-if: must fail where the terms forbid it, and succeed where they allow it."""
        refusal = self.record.refusal(step)
        evm = self.there.evm
        evm.open()
        try:
            owner = step.about[0] if step.action == "claim_for" else step.who
            had = self.there.balance(owner)
            outcome = self.there.act(step)
            if refusal is None and not outcome.ok:
                self._failed(step, outcome.error)
            elif refusal is not None and outcome.ok:
                got = self.there.balance(owner) - had
                paid = f", and {got} are paid" if got > 0 else ""
                if step.action not in _CLAIMS or got > 0:
                    self._found(refusal, f"which succeeds{paid}", step)
            elif outcome.ok and step.action in _CLAIMS and self.record.off(step.at_ts):
                self._expect_refund(step, self.there.balance(owner) - had)
        finally:
            evm.undo()

    def _failed(self, step: Step, error: str | None) -> None:
        owner = step.about[0] if step.action == "claim_for" else step.who
        seen = f"which the terms allow, and which fails ({error})"
        if step.action not in _CLAIMS:
            self._found("liveness", seen, step)
        elif self.record.off(step.at_ts):
            self._found("refund", seen, step)
        elif owner != BURN:  # there may be nothing to burn; what is left over is noticed in the end
            self.failed_claims.setdefault(owner, Violation("exit", (*self.made, step), seen))

    def _expect_refund(self, step: Step, got: int) -> None:
        if got != self.there.terms.deposit:
            self._found("refund", f"and gets {got} instead of {self.there.terms.deposit}", step)

    # ------------------------------------------------------------------ the end

    def end(self, at_ts: int) -> None:
        """Everybody claims, also who is owed nothing, and what each got is held against the terms."""
        self._check_views(at_ts)
        played = len(self.made)
        commons = [who for who in (BURN, self.there.terms.charity) if who != NOBODY]
        claims = [Step(at_ts, who, "claim") for who in self.record.joined]
        claims += [Step(at_ts, DEPLOYER, "claim_for", (who,)) for who in commons]
        for claim in claims:
            if self.record.refusal(claim) is None:
                self._claim(claim)
            elif claim.who not in self.record.paid:
                self.try_out(claim)
                self.there.act(claim)
        del self.made[played:]  # that everybody claims goes without saying
        self._account(at_ts)

    def _claim(self, claim: Step) -> None:
        had = self.there.balance(claim.who)
        told = self.there.view(_OWED + address_word(claim.who), at_ts=claim.at_ts)
        self.make(claim)
        got = self.there.balance(claim.who) - had
        if claim.who in self.record.paid:
            if told != word(got):
                told_amount = "nothing" if told is None else int.from_bytes(told, "big")
                self._found("views", f"owed() tells {told_amount}, and {got} are paid")
            self.try_out(claim)

    def _account(self, at_ts: int) -> None:
        terms, record = self.there.terms, self.record
        after = self.there.balances()
        moved = {who: after[who] - self.before[who] for who in after}
        got = {who: moved[who] + terms.deposit for who in record.joined}
        left = after[self.there.pact]
        if record.off(at_ts):
            for who, amount in got.items():
                if amount != terms.deposit:
                    self._found("refund", f"{{{who}}} gets {amount} instead of {terms.deposit}")
        else:
            if terms.charity != NOBODY:
                got[terms.charity] = moved[terms.charity]
            stuck = self._judge_failed_claims(left, at_ts)
            self._check_bounds({who: amount for who, amount in got.items() if who not in stuck}, at_ts)
            self._check_positions({who: got[who] for who in record.joined if who not in stuck})
        self._check_outsiders(moved)
        if left and not {each.property for each in self.violations} & {"refund", "exit"}:
            self._found("conservation", f"all have claimed, and {left} are left in the contract")

    def _judge_failed_claims(self, left: int, at_ts: int) -> set[str]:
        """Whose money is late, or stuck in the contract: those stuck. Other money went elsewhere, which is noticed."""
        stuck = set()
        for owner, violation in self.failed_claims.items():
            if owner in self.record.paid:
                self.violations.append(violation)
            elif left >= self.record.least(owner, at_ts):
                self.violations.append(violation)
                stuck.add(owner)
        return stuck

    def _check_bounds(self, got: dict[str, int], at_ts: int) -> None:
        for who, amount in got.items():
            least, most = self.record.least(who, at_ts), self.record.most(who, at_ts)
            if amount > most:
                self._found("upper-bound", f"{{{who}}} gets {amount}, and the terms allow {most}")
            if amount < least:
                self._found("lower-bound", f"{{{who}}} gets {amount}, and the terms assure {least}")

    def _check_positions(self, got: dict[str, int]) -> None:
        """Who attested gains nothing by it, and equals are treated alike."""
        record, deposit = self.record, self.there.terms.deposit
        found = record.found_absent()
        absent = found - record.contested
        alike: dict[tuple[bool, frozenset[str]], list[int]] = defaultdict(list)
        for who, amount in got.items():
            own = record.attested_by(who)
            if who not in absent:
                alike[who in found, frozenset(own)].append(amount)
            most = deposit * (1 + len(absent - own))
            if self.there.terms.no_show is NoShow.SPLIT and own & absent and amount > most:
                self._found("attester", f"{{{who}}} gets {amount}, and without the absences on own word {most}")
        for amounts in alike.values():
            if max(amounts) - min(amounts) > len(absent):
                self._found("equal", f"in the same position they get {min(amounts)} and {max(amounts)}")

    def _check_outsiders(self, moved: dict[str, int]) -> None:
        insiders = {*self.record.joined, BURN, self.there.pact}
        if self.there.terms.no_show is NoShow.CHARITY:
            insiders.add(self.there.terms.charity)
        for who, amount in moved.items():
            if who not in insiders and amount > 0:
                self._found("outsiders", f"{{{who}}}, who did not join, gets {amount}")
        hidden = -sum(moved.values())
        if hidden:
            self._found("outsiders", f"{hidden} go to an address that the terms do not name")

    def _check_views(self, at_ts: int) -> None:
        """What the contract tells of itself, once everything but the claims has happened."""
        for name, kind, expected in (
            ("terms()", TERMS_TYPE, self.there.terms.constructor()[0]),
            ("participants()", "address[]", list(self.record.joined)),
        ):
            if self.there.view(selector(name), at_ts=at_ts) != encode([kind], [expected]):
                self._found("views", f"{name} does not tell what is so")
