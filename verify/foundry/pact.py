"""A pact as a Foundry project: the contract, its rehearsal as tests, and a script that deploys it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from verify.foundry.pact_readme import readme
from verify.foundry.pact_tests import Group, agreed, refusal_tests, rehearsal_tests
from verify.foundry.solidity import own, settings
from verify.pact.compile import PACT_SOURCES, admit_pact
from verify.pact.refusals import refusals
from verify.pact.terms import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.pact.rehearsal import Scene
    from verify.pact.terms import PactTerms


def pact_project(
    source: str,
    terms: PactTerms,
    scenes: Sequence[Scene],
    *,
    names: Mapping[str, str],
    stand_ins: frozenset[str],
    chain_id: int | None,
    symbol: str,
    decimals: int,
) -> dict[str, str]:
    """The project's files: texts by their paths.

    Nothing is fetched to build it. ``forge test`` plays every scene again and compares what each got, to the unit.

    Args:
        source: A pact that passed `check_pact`.
        terms: What its contract is told.
        scenes: Its rehearsal, by `rehearse`.
        names: People by address, as anybody wrote them: they stand in comments and in the README, as plain words.
        stand_ins: Addresses in ``terms`` that are nobody's yet. The script deploys nothing until they are filled in.
        chain_id: The chain that it is for; None where that is to be filled in too.
        symbol: The token's.
        decimals: The token's.

    Raises:
        CandidateRejectedError: The source is no pact that may be run.
        RehearsalError: The contract lets something happen that no pact may.
    """
    pact = admit_pact(source, file="Pact.sol").name
    group = Group(terms, names, stand_ins)
    return {
        "foundry.toml": settings(readable=["script"]),
        "README.md": readme(group, pact, scenes, chain_id=chain_id, symbol=symbol, decimals=decimals),
        f"src/{pact}.sol": source,
        **{f"lib/{path}": own(path.replace("pactsmith/", "kernel/")) for path in PACT_SOURCES},
        "script/Agreed.sol": agreed(group, pact, decimals),
        "script/Deploy.s.sol": own("foundry/pact/Deploy.s.sol"),
        "script/Vm.sol": own("foundry/Vm.sol"),
        "script/addresses.json": _to_fill_in(group, chain_id),
        "test/Deploy.t.sol": own("foundry/pact/Deploy.t.sol"),
        "test/PactTest.sol": own("foundry/pact/PactTest.sol"),
        "test/Refusals.t.sol": refusal_tests(group, refusals(source, terms)),
        "test/Rehearsal.t.sol": rehearsal_tests(group, scenes),
        "test/TestToken.sol": own("foundry/pact/TestToken.sol"),
    }


def _to_fill_in(group: Group, chain_id: int | None) -> str:
    missing: list[dict[str, Any]] = [
        {"who": group.who(address), "standIn": to_checksum_address(address), "address": NOBODY}
        for address in group.stand_ins
    ]
    return json.dumps({"chainId": chain_id or 0, "missing": missing}, indent=2, ensure_ascii=False) + "\n"
