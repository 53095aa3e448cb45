"""From a chat to the terms of a pact that its people agreed on, and to the contract that holds them to it."""

from synth.pact.addresses import Addresses, blank, read_addresses
from synth.pact.agreement import GapError
from synth.pact.draft import Contract, Draft, draft
from synth.pact.reader import read_terms
from synth.pact.terms import Consent, Deposit, Question, Suspicion, Term, Terms

__all__ = [
    "Addresses",
    "Consent",
    "Contract",
    "Deposit",
    "Draft",
    "GapError",
    "Question",
    "Suspicion",
    "Term",
    "Terms",
    "blank",
    "draft",
    "read_addresses",
    "read_terms",
]
