"""Joining by signature: what somebody signed counts for that person, that pact, that chain and in time, and no other.

Sources: EIP-712 and EIP-2612; the pact's domain and type are in `contracts/kernel/IPact.sol`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from coincurve import PrivateKey
from eth_abi.abi import encode
from eth_hash.auto import keccak

from verify.abi import address_word, selector, word
from verify.pact.evening import Violation
from verify.pact.stage import DEPLOYER, OUTSIDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.pact.compile import PactCode
    from verify.pact.stage import Outcome, Stage
    from verify.pact.terms import PactTerms

_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_JOIN_TYPE = keccak(b"Join(address participant,uint256 validUntil)")
_PERMIT_TYPE = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
_JOIN_BY_SIGNATURE = selector("joinBySignature(address,uint256,bytes,bytes)")


@functools.cache
def signer(number: int) -> tuple[PrivateKey, str]:
    """A key of the harness's own, and its address."""
    key = PrivateKey(keccak(b"pact signer" + bytes([number])))
    return key, "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()


def signers(count: int) -> tuple[str, ...]:
    """The first of those addresses."""
    return tuple(signer(number)[1] for number in range(count))


def join_signature(pact: str, participant: int, valid_until: int, *, chain_id: int = 1, **changed: str) -> bytes:
    """What a participant signs to be joined.

    Args:
        pact: The contract.
        participant: Number of the signer.
        valid_until: Until when.
        chain_id: The chain.
        changed: Another ``name`` of the domain, or another ``whom``.
    """
    key, own = signer(participant)
    content = keccak(_JOIN_TYPE + address_word(changed.get("whom", own)) + word(valid_until))
    return _sign(key, _domain(changed.get("name", "Pactsmith Meetup"), chain_id, pact), content)


def permit_signature(token: str, owner: int, spender: str, value: int, deadline: int) -> bytes:
    """What a participant signs to let the pact take the deposit; the harness token's first."""
    key, address = signer(owner)
    fields = address_word(address) + address_word(spender) + word(value) + word(0) + word(deadline)
    return _sign(key, _domain("PactToken", 1, token), keccak(_PERMIT_TYPE + fields))


def join_by_signature(
    there: Stage, participant: str, valid_until: int, signature: bytes, *, permit: bytes = b"", at_ts: int | None = None
) -> Outcome:
    """An outsider brings a signature to the pact."""
    call = encode(["address", "uint256", "bytes", "bytes"], [participant, valid_until, signature, permit])
    when = there.opening_ts if at_ts is None else at_ts
    return there.call(_JOIN_BY_SIGNATURE + call, sender=OUTSIDER, at_ts=when)


def misused_signatures(there: Stage, code: PactCode) -> Iterator[Violation]:
    """Every misuse that must fail, and every use that must not.

    Args:
        there: Those invited are `signers`, and at least three can join.
        code: The pact's, to have a second one.
    """
    until = there.opening_ts + 60
    own = signer(0)[1]
    valid = join_signature(there.pact, 0, until)
    if there.terms.in_coins:
        if join_by_signature(there, own, until, valid).ok:
            yield Violation("signature", (), "somebody is joined by signature who brought no coins")
        return
    yield from _uses(there, until, valid)
    with there.evm.anchor():
        twin = there.evm.deploy(code.creation(there.terms), sender=DEPLOYER)
        misuses = {
            "signed by somebody else": (until, join_signature(there.pact, 1, until, whom=own)),
            "signed for another person": (until, join_signature(there.pact, 0, until, whom=signer(1)[1])),
            "with a later time than was signed": (until + 1, valid),
            "signed for a twin of the pact": (until, join_signature(twin, 0, until)),
            "signed for another chain": (until, join_signature(there.pact, 0, until, chain_id=5)),
            "signed for another kind of contract": (until, join_signature(there.pact, 0, until, name="Pactsmith")),
            "of all zeros": (until, bytes(65)),
            "that is too short": (until, valid[:64]),
        }
        for what, (valid_until, signature) in misuses.items():
            yield from _must_fail(there, own, valid_until, signature, f"with a signature {what}")
    yield from _must_fail(there, own, until, valid, "a second after its time", at_ts=until + 1)
    late = there.terms.join_until_ts
    yield from _must_fail(there, own, late, join_signature(there.pact, 0, late), "after joining has ended", at_ts=late)
    stranger = len(there.terms.invited)
    strange = join_signature(there.pact, stranger, until)
    yield from _must_fail(there, signer(stranger)[1], until, strange, "who was not invited")
    with there.evm.anchor():
        join_by_signature(there, own, until, valid)
        yield from _must_fail(there, own, until, valid, "a second time by the same signature")


def _uses(there: Stage, until: int, valid: bytes) -> Iterator[Violation]:
    own = signer(0)[1]
    with there.evm.anchor():
        outcome = join_by_signature(there, own, until, valid, at_ts=until)
        if not outcome.ok:
            yield Violation("signature", (), f"{{{own}}} is not joined by a valid signature ({outcome.error})")
    with there.evm.anchor():
        there.call_at(there.terms.token, _approve(there.pact, 0), sender=own, at_ts=there.opening_ts)
        permit = permit_signature(there.terms.token, 0, there.pact, there.terms.deposit, until)
        outcome = join_by_signature(there, own, until, valid, permit=permit)
        if not outcome.ok:
            yield Violation("signature", (), f"{{{own}}} is not joined by signature and permit ({outcome.error})")


def _must_fail(
    there: Stage, who: str, until: int, signature: bytes, how: str, *, at_ts: int | None = None
) -> Iterator[Violation]:
    with there.evm.anchor():
        if join_by_signature(there, who, until, signature, at_ts=at_ts).ok:
            yield Violation("signature", (), f"{{{who}}} is joined {how}")


def _approve(spender: str, amount: int) -> bytes:
    return selector("approve(address,uint256)") + address_word(spender) + word(amount)


def _domain(name: str, chain_id: int, contract: str) -> bytes:
    fields = keccak(name.encode()) + keccak(b"1") + word(chain_id) + address_word(contract)
    return keccak(_DOMAIN_TYPE + fields)


def _sign(key: PrivateKey, domain: bytes, content: bytes) -> bytes:
    signature = key.sign_recoverable(keccak(b"\x19\x01" + domain + content), hasher=None)
    return signature[:64] + bytes((27 + signature[64],))


def signed_terms(terms: PactTerms) -> PactTerms:
    """The same pact for the harness's own signers."""
    return terms.among(signers(4), capacity=3, quorum=1)
