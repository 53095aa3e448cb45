"""What a router's call does, step by step, in a form that all routers share.

Tokens lie with a holder: the sender, the router, v4's pool manager while a debt is open, or any other address.
A chain's native coin is counted as its wrapped token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.calldata.abi import CallDataError

if TYPE_CHECKING:
    from ingest.records import IntentKind

VAULT = "vault"  # v4's pool manager, for what a call owes it and is owed by it until the end
MAX_STEPS = 256
MAX_DEPTH = 8  # of calls in calls


@dataclass(frozen=True, slots=True)
class Fund:
    """The sender's own tokens come to a holder; ``amount`` is None where the call does not tell."""

    holder: str
    token: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap through one or more pools of a kind.

    ``amount_in`` and ``amount_out`` are exact amount and limit, as ``kind`` says; None stands for all that the payer
    holds, or owes. ``payer`` is None where tokens were sent to the first pool before. ``fees_pips`` is empty where a
    hop's fee is not named. ``price_limited``: it may stop half-way at a price. ``balance_checked``: the router compares
    the recipient's balance before and after. ``never_partial``: a sale through v2 pairs, which take all or nothing.
    ``native``: the pool itself is paid, or pays, in the native coin.
    """

    method: str
    kind: IntentKind
    path: tuple[str, ...]
    fees_pips: tuple[int, ...]
    amount_in: int | None
    amount_out: int | None
    payer: str | None
    recipient: str
    deadline_ts: int | None = None
    price_limited: bool = False
    balance_checked: bool = False
    never_partial: bool = False
    native: bool = False
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """All that a holder has of a token goes to a recipient, ``least`` at least; ``unwrapped`` as the native coin."""

    holder: str
    token: str
    recipient: str
    least: int
    unwrapped: bool = False


@dataclass(frozen=True, slots=True)
class Portion:
    """A share of what a holder has, in 1e-4, is paid to somebody else as a fee."""

    holder: str
    token: str
    bips: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A fixed amount goes from a holder to a recipient."""

    holder: str
    token: str
    recipient: str
    amount: int


Step = Fund | Swap | Move | Portion | Payment


@dataclass(slots=True)
class Frame:
    """The call while it is read: who calls which router, and the steps found so far, bounded."""

    router: str
    sender: str
    wrapped_native: str
    value_wei: int
    deadline_ts: int | None = None
    steps: list[Step] = field(default_factory=list)
    calls: int = 0

    def add(self, step: Step) -> None:
        """Appends a step.

        Raises:
            CallDataError: There are too many.
        """
        if len(self.steps) == MAX_STEPS:
            raise CallDataError(f"has more than {MAX_STEPS} steps")
        self.steps.append(step)

    def enter(self, depth: int) -> None:
        """Counts a call or command, at its depth of nesting.

        Raises:
            CallDataError: There are too many, or too deep.
        """
        self.calls += 1
        if self.calls > MAX_STEPS or depth > MAX_DEPTH:
            raise CallDataError(f"has more than {MAX_STEPS} calls, or more than {MAX_DEPTH} in each other")
