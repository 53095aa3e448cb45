"""A chat's terms in words, the same on the terminal and on the pages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from synth.pact.terms import Deposit, plain

if TYPE_CHECKING:
    from synth.pact.terms import Term, Terms


def told(terms: Terms, term: Term) -> str:
    """A term's value in words."""
    if isinstance(term.value, Deposit):
        return f"{plain(term.value.amount)} {term.value.token}"
    if isinstance(term.value, datetime):
        offset = f" (UTC{term.value.isoformat()[-6:]})" if term.value.tzinfo else ""
        return f"{term.value:%A, %d %B %Y, %H:%M}{offset}"
    return terms.participants.get(str(term.value), str(term.value))
