"""A group of friends, and terms for it."""

from __future__ import annotations

from verify.pact.terms import NOBODY, Attestation, Disputed, NoShow, PactTerms
from verify.venues import labelled_address

ANA, BEN, CLEO, DAN, EVE = (labelled_address(name) for name in ("Ana", "Ben", "Cleo", "Dan", "Eve"))
FRIENDS = (ANA, BEN, CLEO, DAN, EVE)
NAMES = dict(zip(FRIENDS, ("Ana", "Ben", "Cleo", "Dan", "Eve"), strict=True))
TOKEN = labelled_address("pact token")
CHARITY = labelled_address("pact charity")
START = 1_900_000_000


def terms(**changes):
    """Ana hosts five friends, of whom four can come; deposits are coins, an odd number of wei."""
    no_show = changes.get("no_show", NoShow.SPLIT)
    values = {
        "host": ANA,
        "token": NOBODY,
        "deposit": 10**16 + 1,
        "capacity": 4,
        "quorum": 2,
        "join_until_ts": START - 86_400,
        "starts_ts": START,
        "attest_seconds": 86_400,
        "contest_seconds": 3 * 86_400,
        "attestation": Attestation.HOST,
        "no_show": no_show,
        "disputed": Disputed.REFUND,
        "charity": CHARITY if no_show is NoShow.CHARITY else NOBODY,
        "invited": FRIENDS,
    }
    return PactTerms(**(values | changes))
