"""The verdict: one word out of the held-out evidence, with its reason in a sentence for traders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from verify.score.bootstrap import MIN_BATCHES, Bounds
from verify.score.evidence import Evidence, above_zero, below_zero

Verdict = Literal["improvement", "transfer", "protects", "worse", "no improvement", "rejected", "unscored"]

MIN_EFFECTIVE_N = 30
MAX_UNSCORED_SHARE = 0.1
"""With more of the value than this unscored there is no verdict: it would be one on a chosen part."""

NAMES = {
    "users": "users",
    "unknown": "unknown traders",
    "liquidity_providers": "liquidity providers",
    "sandwichers": "sandwich bots",
    "arbitrageurs": "arbitrageurs",
}
NOT_RUN = "how the pool would have moved under this mechanism was not replayed"
_PROVISIONAL = "Provisional for windows of {} blocks: {}."
YARDSTICK = "in their own block, without bots, gas included"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason; ``provisional`` where a later kind of replay may still overturn it.

    ``finding`` is the reason's first sentence, where it has more than one.
    """

    verdict: Verdict
    why: str
    provisional: bool
    finding: str = ""


def rejected(reason: str) -> Judgement:
    """The verdict on a candidate that failed a gate."""
    return Judgement("rejected", f"Rejected: {reason}.", provisional=False)


def unscored(reason: str) -> Judgement:
    """The verdict where there are no sound data."""
    return Judgement("unscored", f"Not scored: {reason}.", provisional=False)


def judge(evidence: Evidence, *, numeraire: str, unscored_share: float) -> Judgement:
    """Judges a candidate on the held-out part of one replay.

    ``protects`` is never given here: it takes an attack, which no replay is.

    Args:
        evidence: The held-out numbers.
        numeraire: Its symbol, for the sentence.
        unscored_share: The share by value of the held-out orders that have no sound outcome.
    """
    if unscored_share > MAX_UNSCORED_SHARE:
        return unscored(
            f"{unscored_share:.0%} of the value could not be replayed soundly, more than the {MAX_UNSCORED_SHARE:.0%} "
            "that a verdict may leave out"
        )
    verdict, reason = _decide(evidence, numeraire)
    sentences = [f"{_headline(evidence)}: {reason}."]
    if verdict not in {"improvement", "transfer"} and above_zero(evidence.plain.bots_removed):
        sentences.append(
            f"Being rid of the bots alone is worth {_bps(evidence.plain.bots_removed.estimate)} "
            f"(at least {_bps(evidence.plain.bots_removed.lower)}) to them, whatever the mechanism; "
            "protection untested: no attack was run against this one."
        )
    if unscored_share > 0:
        share = "Less than 0.01 %" if unscored_share < 0.0001 else f"{100 * unscored_share:.2f} %"
        sentences.append(f"{share} of the value could not be replayed soundly and is left out.")
    return Judgement(verdict, " ".join(sentences), provisional=False, finding=sentences[0])


def over_windows(anchored: Judgement, free: Judgement | None, *, window_blocks: int, provisional: str) -> Judgement:
    """The verdict on windows of more than one block: on history as it was, and on the world the mechanism makes.

    While orders wait, the pool would have moved otherwise than it did. So nothing is granted or held against a
    candidate that only one of the two replays shows; of two that both see a gain the worse counts.

    Args:
        anchored: On the anchored replay.
        free: On the free-running one; None where it was not run.
        window_blocks: The window's length.
        provisional: Why the free-running replay cannot settle it; empty where it can.
    """
    if anchored.verdict in {"rejected", "unscored"}:
        return anchored
    if free is None or free.verdict in {"rejected", "unscored"}:
        provisional = provisional or (NOT_RUN if free is None else free.why.removesuffix("."))
        why = f"{anchored.why} {_PROVISIONAL.format(window_blocks, provisional)}"
        return Judgement(anchored.verdict, why, provisional=True)
    pair = {anchored.verdict, free.verdict}
    verdict: Verdict = "transfer" if pair == {"improvement", "transfer"} else "no improvement"
    if len(pair) == 1:
        verdict = anchored.verdict
    differs = "" if len(pair) == 1 else f"The two replays differ ({anchored.verdict}, and {free.verdict}). "
    moving = free.finding or free.why
    why = f"{differs}{anchored.why} With the pool moving as it would have under the mechanism: {moving}"
    if provisional:
        why += f" {_PROVISIONAL.format(window_blocks, provisional)}"
    return Judgement(verdict, why, provisional=bool(provisional))


def _decide(evidence: Evidence, numeraire: str) -> tuple[Verdict, str]:
    strict = evidence.strict
    if strict is not None and below_zero(strict.m):
        return "worse", f"they are worse off{_strictness(evidence, strict.m)}"
    if strict is None or not (above_zero(strict.m) and above_zero(strict.m_capped)):
        return "no improvement", _why_not(evidence)
    if evidence.effective_n < MIN_EFFECTIVE_N:
        return "no improvement", (
            f"a few large orders carry it: they weigh like {evidence.effective_n:.1f} equal ones, and "
            f"{MIN_EFFECTIVE_N} are the least to judge by"
        )
    if above_zero(strict.together) and above_zero(strict.everyone):
        return "improvement", (
            f"better{_strictness(evidence, strict.m)}, and not at others' cost: together with the liquidity providers "
            f"they gained {_with_bounds(strict.together)}"
        )
    others = "the liquidity providers" if not above_zero(strict.together) else "all traders and liquidity providers"
    joint = strict.everyone if above_zero(strict.together) else strict.together
    return "transfer", (
        f"better, but others pay for it: together with {others} the gain is {_with_bounds(joint)}"
        f"{_who_pays(evidence, numeraire)}"
    )


def _why_not(evidence: Evidence) -> str:
    plain = evidence.plain
    if plain.m.lower is None or plain.m.upper is None:
        return (
            f"only {evidence.batches} settlements, or too uneven ones, to put bounds on that "
            f"({MIN_BATCHES} are the least)"
        )
    if plain.m.lower == plain.m.upper == 0:
        return "there is no difference to judge"
    if above_zero(plain.m) and not above_zero(plain.m_capped):
        return f"a few large orders carry it: with their weight capped it is {_with_bounds(plain.m_capped)}"
    if above_zero(plain.m) or below_zero(plain.m):
        return (
            f"that would tell by itself, but {evidence.tests:,} evaluations were made on these blocks, and the "
            "extreme of so many looks like this by chance"
        )
    return "this cannot be told from no change"


def _who_pays(evidence: Evidence, numeraire: str) -> str:
    if not evidence.payers:
        return "; no single party's loss stands out"
    party, loss = evidence.payers[0]
    return f"; the {NAMES[party]} pay most ({-loss:,.2f} {numeraire})"


def _headline(evidence: Evidence) -> str:
    m = evidence.plain.m
    who = "Users" if evidence.flow_class == "user" else "Traders (none is known to be a user)"
    over = f"over {evidence.orders:,} orders in {evidence.batches:,} settlements"
    if m.lower == m.upper == m.estimate == 0:
        return f"{who} got exactly as much as from the pool alone {YARDSTICK}, {over}"
    change = f"{_bps(abs(m.estimate))} {'more' if m.estimate >= 0 else 'less'}"
    bounds = "" if m.lower is None or m.upper is None else f"95 % bounds {_number(m.lower)} to {_bps(m.upper)}, "
    return f"{who} got {change} than from the pool alone {YARDSTICK}, {bounds}{over}"


def _strictness(evidence: Evidence, bounds: Bounds) -> str:
    if evidence.tests == 1 or bounds.lower is None or bounds.upper is None:
        return ""
    return (
        f" even at the level that pays for the {evidence.tests:,} evaluations made on these blocks "
        f"({_number(bounds.lower)} to {_bps(bounds.upper)})"
    )


def _with_bounds(bounds: Bounds) -> str:
    if bounds.lower == bounds.upper == 0:
        return "nothing"
    known = [f"at least {_bps(bounds.lower)}"] if bounds.lower is not None else []
    known += [f"at most {_bps(bounds.upper)}"] if bounds.upper is not None else []
    return f"{_bps(bounds.estimate)} ({', '.join(known) or 'no bounds'})"


def _number(bps: float) -> str:
    """Two decimals, or two significant digits of what is smaller, down to a thousandth; a true minus sign."""
    if abs(bps) < 0.001:
        return "0.00"
    text = f"{bps:.2f}" if abs(bps) >= 0.1 else f"{bps:.2g}"
    return text.replace("-", "−")


def _bps(bps: float | None) -> str:
    return "unknown" if bps is None else f"{_number(bps)} bps"
