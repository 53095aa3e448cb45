"""From a chat to the terms of a pact that its people agreed on."""

from synth.pact.reader import read_terms
from synth.pact.terms import Consent, Deposit, Question, Suspicion, Term, Terms

__all__ = ["Consent", "Deposit", "Question", "Suspicion", "Term", "Terms", "read_terms"]
