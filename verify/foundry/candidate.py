"""A candidate as a Foundry project: its rule, the kernel, and batches of history that it settles again to the wei."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from ingest.errors import InputError, PactsmithError
from verify import kernel
from verify.admission import admit
from verify.batches import plan_of, results, sample, value_of, workers
from verify.compile import closure, constructor_data
from verify.evaluate import HEADLINE_NAME, Replayed
from verify.foundry.candidate_readme import readme
from verify.foundry.record import RecordUnit, record
from verify.foundry.solidity import HEADER, own, plain, settings
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
MEMORY_BYTES = 4 * 1024**3
"""The worker's limits: a rule that keeps a state settles all batches up to the last one recorded."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which batches go into a project: so many of most value, and so many drawn from the others."""

    largest: int = 20
    drawn: int = 20
    seed: int = 1


def candidate_project(store: Store, document: Json, card: Json, candidate: Kept, sampling: Sampling) -> dict[str, str]:
    """The project's files: texts by their paths.

    The sampled batches are settled once more here, and must come to what the store recorded.

    Args:
        store: Has the run's histories and outcomes.
        document: The run's.
        card: The candidate's scorecard in it.
        candidate: What the run kept of it.
        sampling: Which batches.

    Raises:
        InputError: The candidate has no outcomes, the run was made on a fork, or a history is another than it was.
        CandidateRejectedError: The source is turned down.
        PactsmithError: The batches do not come to what was recorded: the evaluator is another than it was.
    """
    outcomes = _outcomes(store, document, card, candidate)
    history, beside = _histories(store, document, candidate)
    artifact = admit(candidate.source, file=f"{card['name']}.sol")
    creation_code = constructor_data(artifact, candidate.parameters)
    recorded = _recorded(history, beside, artifact, creation_code, candidate.window_blocks, sampling)
    told = [_told(batch, history, outcomes) for batch in recorded.batches]
    orders = sum(len(batch["traders"]) for batch in told)
    on_chain = all(venue.kind != V4 for venue in recorded.venues)
    about = readme(document, card, candidate, sampling, batches=len(told), orders=orders, on_chain=on_chain)
    return {
        "foundry.toml": settings(readable=["test"]),
        "README.md": about,
        f"src/{artifact.name}.sol": candidate.source,
        **_own_sources(on_chain=on_chain),
        "test/Sample.sol": _sample(artifact, creation_code[len(artifact.creation_code) :], recorded, history),
        "test/Verdict.t.sol": _tests(recorded, Reference(history)),
        **_data(recorded, told),
    }


def _recorded(
    history: History,
    beside: Sequence[History],
    artifact: Artifact,
    creation_code: bytes,
    window_blocks: int,
    sampling: Sampling,
) -> Recorded:
    """The sampled batches, settled once more in a confined process."""
    with workers(plan_of(history, None, beside), 1, SECONDS, MEMORY_BYTES, window_blocks) as work:
        places = sample(
            work.batches,
            Reference(history),
            largest=sampling.largest,
            drawn=sampling.drawn,
            seed=sampling.seed,
        )
        unit = RecordUnit(creation_code, window_blocks, work.baseline_file, tuple(places), keeps_state(artifact))
        (recorded,) = results(work.pool.map(record, [unit]))
    return recorded


def _own_sources(*, on_chain: bool) -> dict[str, str]:
    """The deployable kernel with all that it or a rule imports, and what tests and deploys."""
    kernel_sources = closure(["kernel/SignedSettlement.sol", "kernel/IKernel.sol", "kernel/Math.sol"])
    deploy = {"script/Deploy.s.sol": own("foundry/candidate/Deploy.s.sol")} if on_chain else {}
    return {
        **{path.replace("kernel/", "lib/pactsmith/"): text for path, text in kernel_sources.items()},
        **deploy,
        "test/BatchTest.sol": own("foundry/candidate/BatchTest.sol"),
        "test/Vm.sol": own("foundry/Vm.sol"),
    }


def _data(recorded: Recorded, told: Sequence[Json]) -> dict[str, str]:
    """The state that each batch meets, and the batches."""
    files = {"test/state/world.json": _allocs(recorded.slots, recorded.codes)}
    for batch, expected in zip(recorded.batches, told, strict=True):
        files[f"test/state/{_name(batch)}.json"] = _allocs(batch.moment.slots, batch.moment.codes)
        files[f"test/batches/{_name(batch)}.json"] = json.dumps(expected, indent=1) + "\n"
    return files


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


def _name(batch: RecordedBatch) -> str:
    return f"block_{batch.prepared.batch.settle_block}"


def _sample(artifact: Artifact, arguments: bytes, recorded: Recorded, history: History) -> str:
    """``test/Sample.sol``: who is who, and what the constructors take."""
    kernel_arguments = kernel.arguments(recorded.rule, recorded.venues)
    return f"""{HEADER}
import {{{artifact.name} as Rule}} from "../src/{artifact.name}.sol";

uint256 constant CHAIN_ID = {history.pool.chain_id};
address constant RULE = {to_checksum_address(recorded.rule)};
address constant RELAYER = {to_checksum_address(RELAYER)}; // sends the settlements
address constant DRIVER = {to_checksum_address(recorded.driver)}; // sells on the pool what a rule left unfilled
address constant OPERATOR = {to_checksum_address(OPERATOR)}; // whom the driver obeys

bytes constant RULE_ARGUMENTS = hex"{arguments.hex()}";
bytes constant KERNEL_ARGUMENTS = hex"{kernel_arguments.hex()}"; // the rule, and the pools
"""


def _tests(recorded: Recorded, reference: Reference) -> str:
    """``test/Verdict.t.sol``: a test for each batch."""
    symbol = plain(reference.numeraire.symbol)
    tests = []
    for batch in recorded.batches:
        name, orders = _name(batch), len(batch.prepared.intents)
        worth = value_of(batch.prepared, reference) // reference.unit
        about = f"    // Orders: {orders}, which sell {worth:,} {symbol} in all\n"
        tests.append(f'{about}    function test_{name}() external {{\n        repeats("{name}");\n    }}\n')
    return f"""{HEADER}
import {{BatchTest}} from "./BatchTest.sol";

/// @title Batches of history come to what the verdict stands on, to the wei
contract VerdictTest is BatchTest {{
{chr(10).join(tests)}}}
"""


def _allocs(slots: Slots, codes: Codes) -> str:
    """Accounts as Foundry loads them; a slot that is 0 is written too."""
    found: dict[str, Json] = {}
    for (address, slot), value in sorted(slots.items()):
        account = found.setdefault(address, {"balance": "0x0", "storage": {}})
        account["storage"][f"0x{slot:064x}"] = f"0x{value:064x}"
    for address, code in sorted(codes.items()):
        found.setdefault(address, {"balance": "0x0"})["code"] = f"0x{code.hex()}"
    return json.dumps(found, indent=0) + "\n"
