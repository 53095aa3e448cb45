"""A pact's group, scenes and refusals as Solidity. People are constants; their names stand in comments only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from verify.foundry.solidity import HEADER, camel, plain
from verify.pact.rehearsal import joined_in, names_of, told
from verify.pact.stage import OUTSIDER, opening_ts
from verify.pact.terms import BURN, NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from verify.pact.play import Names, Play, Step
    from verify.pact.refusals import Refusal
    from verify.pact.rehearsal import Scene
    from verify.pact.terms import PactTerms


class Group:
    """The people of a pact as Solidity's constants, and as words that are safe in a comment.

    Args:
        terms: The pact's.
        names: People by address, as anybody wrote them.
        stand_ins: Addresses that are nobody's yet.
    """

    def __init__(self, terms: PactTerms, names: Mapping[str, str], stand_ins: frozenset[str]) -> None:
        self.terms = terms
        self.names: Names = names_of(terms, {address: plain(name) for address, name in names.items()})
        guests = [guest for guest in terms.invited if guest != terms.host]
        self.constants = {terms.host: "HOST"} | {guest: f"GUEST_{i}" for i, guest in enumerate(guests, 1)}
        self.constants |= {OUTSIDER: "OUTSIDER", BURN: "BURN"}
        if terms.charity != NOBODY:
            self.constants[terms.charity] = "CHARITY"
        known = (terms.host, *guests, terms.charity, terms.token)
        self.stand_ins = tuple(address for address in known if address in stand_ins)

    def who(self, address: str) -> str:
        """What the address is, in words."""
        return "the token" if address == self.terms.token else self.names.of(address)


def agreed(group: Group, pact: str, decimals: int) -> str:
    """``script/Agreed.sol``: what the contract is told."""
    terms = group.terms
    token = "address(0)" if terms.in_coins else to_checksum_address(terms.token)
    constants = [
        f"address constant {name} = {to_checksum_address(address)}; // {_comment(group, address)}"
        for address, name in group.constants.items()
    ]
    constants.append(
        f"address constant TOKEN = {token}; // {'coins' if terms.in_coins else _comment(group, terms.token)}"
    )
    stand_ins = [group.constants.get(address, "TOKEN") for address in group.stand_ins]
    return f"""{HEADER}
import {{Attestation, Disputed, NoShow, Terms}} from "pactsmith/IPact.sol";

import {{{pact} as Pact}} from "../src/{pact}.sol";

{chr(10).join(constants)}

uint256 constant DECIMALS = {decimals};
uint256 constant OPENS_AT = {opening_ts(terms)}; // when the tests open the pact: shortly before joining ends

/// @title What the group agreed on
library Agreed {{
    function terms() internal pure returns (Terms memory) {{
        return Terms({{
            host: HOST,
            token: TOKEN,
            deposit: {terms.deposit},
            capacity: {terms.capacity},
            quorum: {terms.quorum},
            joinUntil: {terms.join_until_ts},
            startsAt: {terms.starts_ts},
            attestSeconds: {terms.attest_seconds},
            contestSeconds: {terms.contest_seconds},
            attestation: Attestation.{camel(terms.attestation.name.lower())},
            noShow: NoShow.{camel(terms.no_show.name.lower())},
            disputed: Disputed.{camel(terms.disputed.name.lower())},
            charity: {"address(0)" if terms.charity == NOBODY else "CHARITY"}
        }});
    }}

    function guests() internal pure returns (address[] memory list) {{
        {_list([group.constants[guest] for guest in terms.invited])}
    }}

    /// @notice Addresses that are nobody's yet: they are good for the tests alone.
    function standIns() internal pure returns (address[] memory list) {{
        {_list(stand_ins)}
    }}
}}
"""


def _comment(group: Group, address: str) -> str:
    return f"{group.who(address)}{', nobody’s address yet' if address in group.stand_ins else ''}"


def _list(constants: Sequence[str]) -> str:
    lines = [f"list = new address[]({len(constants)});"]
    lines += [f"list[{place}] = {constant};" for place, constant in enumerate(constants)]
    return "\n        ".join(lines)


def rehearsal_tests(group: Group, scenes: Sequence[Scene]) -> str:
    """``test/Rehearsal.t.sol``: every scene, and to the unit what each got."""
    tests = [
        _test(
            f"test_{number}_{camel(scene.title)}",
            f"{told(group.names, scene.steps)}.",
            [*_steps(group, scene.steps), *_payouts(group, scene)],
        )
        for number, scene in enumerate(scenes, 1)
    ]
    return _contract(group, "RehearsalTest", "The evening in several ways: who gets what, to the unit", tests)


def refusal_tests(group: Group, refusals: Sequence[Refusal]) -> str:
    """``test/Refusals.t.sol``: what nobody may do, and the error that says so."""
    tests = [
        _test(
            f"test_{camel(refusal.title)}",
            f"{refusal.title}.",
            [*_steps(group, refusal.steps), *_forbidden(group, refusal)],
        )
        for refusal in refusals
    ]
    return _contract(group, "RefusalsTest", "What the pact turns down", tests)


def _contract(group: Group, name: str, title: str, tests: Sequence[str]) -> str:
    used = sorted(constant for constant in group.constants.values() if _uses(tests, constant))
    return f"""{HEADER}
import {{{", ".join(used)}}} from "../script/Agreed.sol";
import {{PactTest}} from "./PactTest.sol";

/// @title {title}
contract {name} is PactTest {{
{chr(10).join(tests)}}}
"""


def _uses(tests: Sequence[str], constant: str) -> bool:
    return any(re.search(rf"\b{constant}\b", test) for test in tests)


def _test(name: str, comment: str, lines: Sequence[str]) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    return f"    // {comment}\n    function {name}() external {{\n{body}    }}\n"


def _steps(group: Group, steps: Play) -> Iterator[str]:
    """A line a step, and one where the time moves on."""
    now = None
    for step in steps:
        if step.at_ts != now:
            yield f"at({step.at_ts}); // {group.names.moment(step.at_ts)}"
            now = step.at_ts
        yield _call(group, step)


def _forbidden(group: Group, refusal: Refusal) -> Iterator[str]:
    *moment, call = _steps(group, (refusal.forbidden,))
    yield from moment
    yield f'refused("{refusal.error}");'
    yield call


def _payouts(group: Group, scene: Scene) -> Iterator[str]:
    terms = group.terms
    yield f"at({terms.pays_from_ts}); // {group.names.moment(terms.pays_from_ts)}"
    for who, amount in scene.got.items():
        verb = "isPaid" if who in (BURN, terms.charity) else "gets"
        yield f"{verb}({group.constants[who]}, {amount}); // {group.who(who)}"
    yield f"keeps({terms.deposit * len(joined_in(scene.steps)) - sum(scene.got.values())});"


def _call(group: Group, step: Step) -> str:
    who = group.constants[step.who]
    if step.action == "join":
        return f"joins({who});" if step.amount is None else f"joinsWith({who}, {step.amount});"
    verb = {"cancel": "cancels", "attest": "attests", "contest": "contests", "claim": "claims"}[step.action]
    return f"{verb}({', '.join((who, *(group.constants[absent] for absent in step.about)))});"
