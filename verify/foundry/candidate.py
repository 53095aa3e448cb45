"""A candidate as a Foundry project: its rule, the kernel, and batches of history that it settles again to the wei."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError, PactsmithError
from verify import kernel
from verify.admission import admit
from verify.batches import plan_of, results, sample, value_of, workers
from verify.compile import closure, constructor_data
from verify.evaluate import HEADLINE_NAME, Replayed
from verify.foundry.candidate_readme import readme
from verify.foundry.record import RecordUnit, record
from verify.foundry.solidity import HEADER, checksummed, own, plain, settings
from verify.reference import Reference
from verify.replay import RELAYER
from verify.run import keeps_state, load_verdict
from verify.venues import OPERATOR
from verify.world import accounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.records import History
    from ingest.store import Store
    from verify.compile import Artifact
    from verify.evm import Slots
    from verify.foundry.record import Codes, Recorded, RecordedBatch
    from verify.kept import Kept
    from verify.outcomes import OrderOutcome

Json = dict[str, Any]

V4 = 4
"""Kind of a venue whose pools share one contract: a world makes one for each pool, at no address of a chain."""

SECONDS = 600.0
"""A worker's limit: a rule that keeps a state settles all batches up to the last one recorded."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which batches go into a project: so many of most value, and so many drawn from the others."""

    largest: int = 20
    drawn: int = 20
    seed: int = 1


def candidate_project(
    store: Store, document: Json, card: Json, candidate: Kept, sampling: Sampling, memory_bytes: int = 4 * 1024**3
) -> dict[str, str]:
    """The project's files: texts by their paths.

    The sampled batches are settled once more here, and must come to what the store recorded.

    Args:
        store: Has the run's histories and outcomes.
        document: The run's.
        card: The candidate's scorecard in it.
        candidate: What the run kept of it.
        sampling: Which batches.
        memory_bytes: Address space of the worker that settles them.

    Raises:
        InputError: The candidate has no outcomes, the run was made on a fork, or a history is another than it was.
        CandidateRejectedError: The source is turned down.
        PactsmithError: The batches do not come to what was recorded: the evaluator is another than it was.
    """
    outcomes = _outcomes(store, document, card, candidate)
    history, beside = _histories(store, document, candidate)
    artifact = admit(candidate.source, file=f"{card['name']}.sol")
    creation_code = constructor_data(artifact, candidate.parameters)
    plan = plan_of(history, None, beside)
    with workers(plan, 1, SECONDS, memory_bytes, candidate.window_blocks) as work:
        reference = Reference(history)
        places = sample(work.batches, reference, largest=sampling.largest, drawn=sampling.drawn, seed=sampling.seed)
        unit = RecordUnit(
            creation_code, candidate.window_blocks, work.baseline_file, tuple(places), keeps_state(artifact)
        )
        (recorded,) = results(work.pool.map(record, [unit]))
    told = [_told(batch, history, outcomes) for batch in recorded.batches]
    arguments = creation_code[len(artifact.creation_code) :]
    on_chain = all(venue.kind != V4 for venue in recorded.venues)
    values = [int(value_of(batch.prepared, reference)) for batch in recorded.batches]
    return {
        "foundry.toml": settings(readable=["test"]),
        "README.md": readme(
            document, card, candidate, sampling, batches=len(told), orders=_count(told), on_chain=on_chain
        ),
        f"src/{artifact.name}.sol": candidate.source,
        **{path.replace("kernel/", "lib/pactsmith/"): text for path, text in _kernel_sources().items()},
        **({"script/Deploy.s.sol": own("foundry/candidate/Deploy.s.sol")} if on_chain else {}),
        "test/BatchTest.sol": own("foundry/candidate/BatchTest.sol"),
        "test/Sample.sol": _sample(artifact, arguments, recorded, history),
        "test/Verdict.t.sol": _tests(recorded, values, reference),
        "test/Vm.sol": own("foundry/Vm.sol"),
        "test/state/world.json": _allocs(recorded.slots, recorded.codes),
        **{f"test/state/{_name(b)}.json": _allocs(b.moment.slots, b.moment.codes) for b in recorded.batches},
        **{
            f"test/batches/{_name(batch)}.json": json.dumps(expected, indent=1) + "\n"
            for batch, expected in zip(recorded.batches, told, strict=True)
        },
    }


def _outcomes(store: Store, document: Json, card: Json, candidate: Kept) -> dict[int, OrderOutcome]:
    """The recorded orders by seq."""
    if document["market"]["fork"] is not None:
        raise InputError("a run on a fork cannot be exported: export one on Uniswap's own pools", field="CANDIDATE")
    verdict = load_verdict(store, candidate.evaluation)
    if not isinstance(verdict, Replayed):
        raise InputError(f"{card['name']} has no outcomes to repeat: {card['verdict_why']}", field="CANDIDATE")
    return {order.seq: order for order in verdict.outcomes[HEADLINE_NAME].orders}


def _histories(store: Store, document: Json, candidate: Kept) -> tuple[History, list[History]]:
    history = store.load_history(document["history"])
    if history.content_id != document["history_content_id"]:
        raise InputError("it is not the history any more that the run was made on: verify again", field=history.name)
    return history, [store.load_history(name) for name in candidate.beside]


def _kernel_sources() -> dict[str, str]:
    """The deployable kernel and all that it or a rule imports, by path below ``contracts/``."""
    return closure(["kernel/SignedSettlement.sol", "kernel/IKernel.sol", "kernel/Math.sol"])


def _told(batch: RecordedBatch, history: History, outcomes: Mapping[int, OrderOutcome]) -> Json:
    """A batch as the tests read it; the amounts are the store's.

    Raises:
        PactsmithError: What was settled now is not what the store has.
    """
    prepared, tokens = batch.prepared, (history.pool.token0.address, history.pool.token1.address)
    rows = [outcomes[seq] for seq in prepared.batch.orders]
    expected = [(row.sell_amount, row.bought) if row.filled else (0, 0) for row in rows]
    unfilled = [row for row in rows if not row.filled]
    again = [
        fallback for fallback, (sold, _) in zip(batch.settled.fallbacks, batch.settled.fills, strict=True) if not sold
    ]
    if expected != list(batch.settled.fills) or again != [row.fallback_out for row in unfilled]:
        raise PactsmithError(
            f"the batch of block {prepared.batch.settle_block} does not come to what the store recorded: verify again"
        )
    return {
        "block": prepared.batch.settle_block,
        "timestamp": prepared.timestamp,
        "kernel": batch.moment.kernel,
        "calldata": f"0x{batch.calldata.hex()}",
        "traders": [address for address, _ in accounts(len(rows))],
        "sellTokens": [tokens[not row.sells_token0] for row in rows],
        "buyTokens": [tokens[row.sells_token0] for row in rows],
        "sold": [str(sold) for sold, _ in expected],
        "bought": [str(bought) for _, bought in expected],
        "fallbackCalls": [f"0x{call.hex()}" for call in batch.fallback_calls],
        "fallbackTokens": [tokens[row.sells_token0] for row in unfilled],
        "fallbackReceived": [str(row.fallback_out) for row in unfilled],
    }


def _count(told: Sequence[Json]) -> int:
    return sum(len(batch["traders"]) for batch in told)


def _name(batch: RecordedBatch) -> str:
    return f"block_{batch.prepared.batch.settle_block}"


def _sample(artifact: Artifact, arguments: bytes, recorded: Recorded, history: History) -> str:
    """``test/Sample.sol``: who is who, and what the constructors take."""
    kernel_arguments = kernel.arguments(recorded.rule, recorded.venues)
    return f"""{HEADER}
import {{{artifact.name} as Rule}} from "../src/{artifact.name}.sol";

uint256 constant CHAIN_ID = {history.pool.chain_id};
address constant RULE = {checksummed(recorded.rule)};
address constant RELAYER = {checksummed(RELAYER)}; // sends the settlements
address constant DRIVER = {checksummed(recorded.driver)}; // sells on the pool what a rule left unfilled
address constant OPERATOR = {checksummed(OPERATOR)}; // whom the driver obeys

bytes constant RULE_ARGUMENTS = hex"{arguments.hex()}";
bytes constant KERNEL_ARGUMENTS = hex"{kernel_arguments.hex()}"; // the rule, and the pools
"""


def _tests(recorded: Recorded, values: Sequence[int], reference: Reference) -> str:
    """``test/Verdict.t.sol``: a test for each batch."""
    symbol = plain(reference.numeraire.symbol)
    tests = [
        f"    // Orders: {len(batch.prepared.intents)}, which sell {value // reference.unit:,} {symbol} in all\n"
        f'    function test_{_name(batch)}() external {{\n        repeats("{_name(batch)}");\n    }}\n'
        for batch, value in zip(recorded.batches, values, strict=True)
    ]
    return f"""{HEADER}
import {{BatchTest}} from "./BatchTest.sol";

/// @title Batches of history come to what the verdict stands on, to the wei
contract VerdictTest is BatchTest {{
{chr(10).join(tests)}}}
"""


def _allocs(slots: Slots, codes: Codes) -> str:
    """Accounts as Foundry loads them; a slot that is 0 is written too."""
    accounts: dict[str, Json] = {}
    for (address, slot), value in sorted(slots.items()):
        account = accounts.setdefault(address, {"balance": "0x0", "storage": {}})
        account["storage"][f"0x{slot:064x}"] = f"0x{value:064x}"
    for address, code in sorted(codes.items()):
        accounts.setdefault(address, {"balance": "0x0"})["code"] = f"0x{code.hex()}"
    return json.dumps(accounts, indent=0) + "\n"
