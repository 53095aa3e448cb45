"""The README of a pact's project, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from verify.foundry.solidity import plain
from verify.pact.rehearsal import in_units, told
from verify.pact.terms import BURN, Attestation, Disputed, NoShow
from verify.solc import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.foundry.pact_tests import Group
    from verify.pact.rehearsal import Scene

_WORD = {
    Attestation.HOST: "the host says who stayed away",
    Attestation.MAJORITY: "somebody stayed away if more than half of the others who joined say so",
}
_NO_SHOW = {
    NoShow.SPLIT: "is split among those who came and did not attest it",
    NoShow.REFUND: "is paid back all the same",
    NoShow.BURN: "is burnt",
    NoShow.CHARITY: "goes to the charity",
}
_DISPUTED = {
    Disputed.REFUND: "has the own deposit back, and no part of any other",
    Disputed.BURN: "gets nothing: it is burnt",
}


def readme(
    group: Group, pact: str, scenes: Sequence[Scene], *, chain_id: int | None, symbol: str, decimals: int
) -> str:
    """The whole text; arguments as `pact_project` has them."""
    parts = (
        f"# {pact}\n\nDeposits that hold a group to its plan, as a [Foundry](https://getfoundry.sh) project.",
        _agreement(group, symbol=plain(symbol), decimals=decimals),
        _rehearsal(group, scenes, symbol=plain(symbol), decimals=decimals),
        _testing(pact),
        _deploying(group, chain_id),
        _VERIFYING,
    )
    return "\n\n".join(parts) + "\n"


def _agreement(group: Group, *, symbol: str, decimals: int) -> str:
    terms = group.terms
    amount = f"{in_units(terms.deposit, decimals)} {symbol} ({terms.deposit} in smallest units)"
    lines = [
        "## What was agreed on",
        "",
        f"- Who joins brings {amount}. At least {terms.quorum} must join, at most {terms.capacity} can.",
        f"- One can join before {_moment(terms.join_until_ts)}; it starts at {_moment(terms.starts_ts)}.",
        f"- {_WORD[terms.attestation].capitalize()}, before {_moment(terms.attest_until_ts)}. Who is said to have "
        f"stayed away can contest it then, before {_moment(terms.pays_from_ts)}. From then on everybody can claim.",
        f"- The deposit of somebody who stayed away {_NO_SHOW[terms.no_show]}. Who contests "
        f"{_DISPUTED[terms.disputed]}.",
        "- The host can cancel before the start. Then, or if too few join, all can have their deposits back at once.",
        "",
        "| who | address | |",
        "|---|---|---|",
        *_people(group),
    ]
    return "\n".join(lines)


def _people(group: Group) -> Iterator[str]:
    terms = group.terms
    for address in dict.fromkeys((terms.host, *terms.invited, terms.charity, terms.token)):
        if int(address, 16) == 0:
            continue
        roles = ["host"] if address == terms.host else []
        roles += ["invited"] if address in terms.invited else []
        roles += ["**to be filled in**: this address is nobody's"] if address in group.stand_ins else []
        yield f"| {group.who(address)} | `{to_checksum_address(address)}` | {', '.join(roles)} |"


def _moment(at_ts: int) -> str:
    return f"{datetime.fromtimestamp(at_ts, UTC):%Y-%m-%d %H:%M} UTC"


def _rehearsal(group: Group, scenes: Sequence[Scene], *, symbol: str, decimals: int) -> str:
    lines = [
        "## The rehearsal",
        "",
        f"What each gets in the end, in {symbol}, of the {len(scenes)} ways that were played.",
    ]
    for number, scene in enumerate(scenes, 1):
        paid = [
            f"{group.who(who)} {in_units(amount, decimals)}"
            for who, amount in scene.got.items()
            if amount or who not in (BURN, group.terms.charity)
        ]
        lines += ["", f"{number}. **{scene.title}.** {told(group.names, scene.steps)}. In the end: {'; '.join(paid)}."]
    return "\n".join(lines)


def _testing(pact: str) -> str:
    return f"""\
## Test it

    forge test

plays these scenes on the contract, and compares what each gets to the last unit (`test/Rehearsal.t.sol`); tries what
nobody may do, and compares the error (`test/Refusals.t.sol`); and holds the deployment script to what it must refuse
(`test/Deploy.t.sol`). Nothing is fetched but, if you do not have it, the compiler: Solidity {VERSION}, with the
settings in `foundry.toml`. The contract is `src/{pact}.sol`, what it is told stands in `script/Agreed.sol`. The tests
use a token of their own at the agreed token's address; they show nothing about the token itself."""


def _deploying(group: Group, chain_id: int | None) -> str:
    chain = "" if chain_id else " Fill in `chainId` as well: nobody has said which chain it is for."
    addresses = (
        "1. In `script/addresses.json`, fill in each `address` that is missing. Ask the person for it by a way that "
        "you trust, and compare all of it, not only its ends."
        if group.stand_ins
        else "1. All addresses are agreed on: `script/addresses.json` names the chain only."
    )
    return f"""\
## Deploy it

{addresses}{chain}
2. Try it without sending anything:

       forge script script/Deploy.s.sol --rpc-url $RPC_URL

   It stops where an address is missing or nobody's, where the chain is another one, the token has no code or other
   decimals, or joining would be over.
3. Send it, from any wallet; who deploys has no right over it:

       forge script script/Deploy.s.sol --rpc-url $RPC_URL --broadcast --interactives 1"""


_VERIFYING = """\
## Verify that a contract is this one

    forge script script/Deploy.s.sol --rpc-url $RPC_URL --sig "verify(address)" 0x…

The pact's address is computed from its code, its terms and its guests, so that a contract with one other byte, term or
guest stands elsewhere. Everybody who has this project with `script/addresses.json` filled in can check that before
paying, and needs to trust nobody's word for it, the host's included."""
