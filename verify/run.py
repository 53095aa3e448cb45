"""`verify`: rules and a history in, one document with a scorecard for every rule and window length out."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.labels import jit_events, label_swaps
from ingest.ledger import ledger_add, ledger_rows
from verify.admission import admit
from verify.audit import audit
from verify.beside import audit_beside
from verify.cards import baseline_cards, best_pool, candidate_cards
from verify.collector import paused
from verify.compile import artifact_id, candidate_id, constructor_data
from verify.conventions import EVALUATOR_VERSION, MOST_WINDOW_BLOCKS, PRICE_ERRORS
from verify.evaluate import Candidate, Evaluator, Replayed, Resources, Verdict, conventions
from verify.findings import CandidateRejectedError, Finding
from verify.fork.base import ForkBase
from verify.jobs import Plan
from verify.kept import Kept, keep
from verify.machinery import machinery
from verify.plan import read
from verify.properties.examine import Subject, examine, on_card
from verify.score.bootstrap import Draws
from verify.score.rank import rank
from verify.score.scorecard import CandidateInfo
from verify.score.split import Split
from verify.setting import caveats, conventions_json, market_json
from verify.tables import Texts, from_tables, head, to_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from ingest.fork.records import Fork
    from ingest.records import History
    from ingest.store import Store
    from verify.compile import Artifact
    from verify.conventions import Labelling
    from verify.plan import Reading
    from verify.properties.examine import Examined
    from verify.templates import Promises

Json = dict[str, Any]

LABELLINGS: tuple[Labelling, ...] = ("rules", "routers", "all")
MACHINE_FINDINGS = frozenset({"timeout", "memory", "crashed"})
"""Codes of findings that the machine may be to blame for: they are never remembered."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to score: a rule's source and its constructor's arguments by name.

    ``file`` is how findings name it. ``windows`` are the lengths in blocks to score it at; empty: those of the options.
    ``promises`` are those of its description, None where it has none.
    """

    name: str
    source: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    file: str = "Rule.sol"
    windows: tuple[int, ...] = ()
    promises: Promises | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How to score.

    Args:
        windows: Lengths in blocks.
        workers: Processes.
        seed: Of all resampling.
        native_price: What a whole native coin is worth in whole units of the numeraire, for pools that hold none.
        memory_bytes: Address space of a worker.
        elasticity: The share of traders, from 0 to 1, who leave a mechanism in the free-running replay where the AMM
            serves them better; None: that replay is not run.
    """

    windows: tuple[int, ...] = (1, 5)
    workers: int = 2
    seed: int = 1
    native_price: Fraction | None = None
    memory_bytes: int = 4 * 1024**3
    elasticity: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: ``done`` of ``total`` units of a stage are done."""

    stage: str
    done: int
    total: int
    detail: str = ""


def quiet(_: Step) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule with what admission made of it."""

    rule: Rule
    info: CandidateInfo
    artifact: Artifact | None
    creation_code: bytes
    findings: tuple[Finding, ...]
    examined: Examined | None = None


@paused()
def verify(
    history: History,
    rules: Sequence[Rule],
    store: Store,
    options: Options,
    progress: Callable[[Step], None] = quiet,
    beside: Sequence[History] = (),
    fork: Fork | None = None,
) -> Json:
    """Scores rules against a history and stores the document as a run.

    A (rule, window) that was evaluated before, on the same content by the same evaluator, is read from the store.

    Args:
        history: What is replayed: whose swaps are the orders.
        rules: What is scored.
        store: Where results, the held-out ledger and the document are kept.
        options: How to score.
        progress: Is told about every step.
        beside: Other pools of the pair: further venues, where they stood in history.
        fork: The chain's own state and code right before the histories, to replay them on; without it, pools of
            genuine bytecode and plain tokens are made from what the histories tell.

    Returns:
        The document of DESIGN.md section 8, with a scorecard for each (rule, window) in the order given.

    Raises:
        InputError: A rule's parameters or an option is wrong, the history has nothing to score, or the fork is none of
            these histories.
    """
    started = time.monotonic()
    _check(history, rules, options)
    entries = [admitted(rule, i, len(rules), progress) for i, rule in enumerate(rules)]
    entries = examined(entries, options, progress)
    events = sum(len(each.events) for each in (history, *beside))
    progress(Step("audit", 0, events))
    base = None if fork is None else ForkBase.of(fork, (history, *beside))
    reports_beside, others = audit_beside(history, beside, base)
    report, trace = audit(history, base)
    progress(Step("audit", events, events))
    plan = Plan(history, trace, _readings(history, beside), options.native_price, others, base)
    outcomes, from_store = _outcomes(plan, entries, store, options, progress)
    ledger = _ledger(history, entries, store, options)
    draws = Draws(options.seed)
    cards = candidate_cards(
        plan,
        report,
        [entry.info for entry in entries],
        outcomes,
        ledger_rows=ledger,
        draws=draws,
        progress=lambda done, name: progress(Step("score", done, len(outcomes), name)),
    )
    told = [entries[i].examined for i, _ in sorted(outcomes)]
    cards = [card | on_card(examined, card["gates"]) for examined, card in zip(told, cards, strict=True)]
    document: Json = {
        "run_id": "",
        "history": history.name,
        "history_content_id": history.content_id,
        "source": history.source,
        "evaluator_version": EVALUATOR_VERSION,
        "audit": report.to_json(),
        "audit_beside": [each.to_json() for each in reports_beside],
        "market": market_json(plan),
        "conventions": conventions_json(plan),
        "caveats": caveats(plan, report),
        "heldout": {"ledger_rows": ledger, "seed": options.seed},
        "baselines": baseline_cards(plan, outcomes, ledger_rows=ledger, draws=draws),
        "best_pool": best_pool(outcomes),
        "candidates": cards,
        "ranking": rank(cards),
    }
    document["run_id"] = _sha256(document)[:16]  # by content: another result is another run
    store.put_result(f"run-{document['run_id']}", {}, document)
    keep(store, document["run_id"], _kept(plan, entries, options))
    document["from_store"] = from_store
    document["seconds"] = round(time.monotonic() - started, 3)
    return document


def _check(history: History, rules: Sequence[Rule], options: Options) -> None:
    if not history.swaps:
        raise InputError("the history has no swaps, so there is nothing to score", field=history.name)
    windows = [window for rule in rules for window in rule.windows or options.windows or (0,)]
    if any(not 1 <= window <= MOST_WINDOW_BLOCKS for window in windows):
        raise InputError(f"a window is a number of blocks from 1 to {MOST_WINDOW_BLOCKS}", field="window")
    if options.workers < 1:
        raise InputError("at least one worker process is needed", field="workers")
    if options.elasticity is not None and not 0 <= options.elasticity <= 1:
        raise InputError("must be a share from 0 to 1", field="elasticity")


def admitted(rule: Rule, i: int, total: int, progress: Callable[[Step], None]) -> Entry:
    """Compiles and admits the rule at place ``i`` of so many."""
    info = CandidateInfo(rule.name, candidate_id(rule.source, rule.parameters), rule.parameters)
    progress(Step("admission", i, total, rule.name))
    try:
        artifact = admit(rule.source, file=rule.file)
    except CandidateRejectedError as error:
        return Entry(rule, info, None, b"", error.findings)
    finally:
        progress(Step("admission", i + 1, total, rule.name))
    return Entry(rule, info, artifact, constructor_data(artifact, rule.parameters), ())


def examined(entries: Sequence[Entry], options: Options, progress: Callable[[Step], None]) -> list[Entry]:
    """The entries, with what was found of their properties where they were admitted."""
    asked = [i for i, entry in enumerate(entries) if not entry.findings]
    subjects = [Subject(entries[i].creation_code, entries[i].rule.promises) for i in asked]
    told = examine(
        subjects,
        options.workers,
        options.memory_bytes,
        lambda done: progress(Step("properties", done, len(subjects))),
    )
    found = dict(zip(asked, told, strict=True))
    return [
        replace(entry, examined=found[i], findings=found[i].findings) if i in found else entry
        for i, entry in enumerate(entries)
    ]


def _readings(history: History, beside: Sequence[History]) -> dict[Labelling, Reading]:
    jit = jit_events(history)
    return {labelling: read(history, label_swaps(history, labelling, beside), jit) for labelling in LABELLINGS}


# ---------------------------------------------------------------------- outcomes


def _outcomes(
    plan: Plan, entries: Sequence[Entry], store: Store, options: Options, progress: Callable[[Step], None]
) -> tuple[dict[tuple[int, int], Verdict], int]:
    """By (rule, window): outcomes by variant, or findings; and how many of them came from the store."""
    found: dict[tuple[int, int], Verdict] = {}
    missing = []
    for i, entry in enumerate(entries):
        for window in entry.rule.windows or options.windows:
            if entry.findings:
                found[i, window] = entry.findings
                continue
            stored = load_verdict(store, _evaluation_key(plan, entry, window, options))
            if stored is None:
                missing.append((i, window))
            else:
                found[i, window] = stored
    from_store = sum(1 for (i, _) in found if not entries[i].findings)
    candidates = [
        Candidate(entry.creation_code, entry.artifact is not None and keeps_state(entry.artifact)) for entry in entries
    ]
    if not missing:
        return found, from_store
    resources = Resources(options.workers, options.memory_bytes)
    windows = {window for _, window in missing}
    texts = Texts()
    with Evaluator(plan, windows, resources, lambda *done: progress(Step(*done))) as evaluator:
        for (i, window), verdict in evaluator.run(candidates, missing, options.elasticity):
            _save(store, _evaluation_key(plan, entries[i], window, options), verdict, texts)  # what is done is kept
            found[i, window] = verdict
    return found, from_store


def keeps_state(artifact: Artifact) -> bool:
    """Whether the rule calls the kernel's `store`: then a batch may depend on those before it."""
    return _calls_store(artifact.ast)


def _calls_store(node: Any) -> bool:
    if isinstance(node, dict):
        if node.get("nodeType") == "MemberAccess" and node.get("memberName") == "store":
            return True
        return any(_calls_store(value) for value in node.values())
    return isinstance(node, list) and any(_calls_store(value) for value in node)


def _evaluation_key(plan: Plan, entry: Entry, window: int, options: Options) -> str:
    identity = {
        "artifact": artifact_id(entry.info.candidate_id),
        "code": hashlib.sha256(entry.creation_code).hexdigest(),
        "fork": None if plan.base is None else plan.base.content_id,
        "machinery": [machinery(each.pool.kind) for each in plan.histories],
        "history": [each.content_id for each in plan.histories],
        "window": window,
        "conventions": {name: asdict(convention) for name, convention in conventions(window).items()},
        "price_errors": {name: asdict(error) for name, error in PRICE_ERRORS.items()},
        "native_price": str(plan.native_price),
        "elasticity": options.elasticity,
        "evaluator": EVALUATOR_VERSION,
    }
    return "evaluation-" + _sha256(identity)


def _kept(plan: Plan, entries: Sequence[Entry], options: Options) -> list[Kept]:
    beside = tuple(other.history.name for other in plan.beside)
    return [
        Kept(
            candidate_id=entry.info.candidate_id,
            window_blocks=window,
            source=entry.rule.source,
            parameters=dict(entry.rule.parameters),
            evaluation=_evaluation_key(plan, entry, window, options),
            beside=beside,
        )
        for entry in entries
        for window in entry.rule.windows or options.windows
    ]


def _save(store: Store, key: str, verdict: Verdict, texts: Texts) -> None:
    if isinstance(verdict, tuple):
        if any(finding.code in MACHINE_FINDINGS for finding in verdict):
            return  # the machine may have been at fault: tried again next time
        store.put_result(key, {}, {"findings": [finding.to_json() for finding in verdict]})
        return
    heads = {name: head(outcomes) for name, outcomes in verdict.outcomes.items()}
    store.put_result(key, to_tables(verdict.outcomes, texts), {"heads": heads, "free_running": verdict.free_running})


def load_verdict(store: Store, key: str) -> Verdict | None:
    """What the store has under an evaluation's key."""
    stored = store.get_result(key)
    if stored is None:
        return None
    if "findings" in stored.document:
        return tuple(Finding(**finding) for finding in stored.document["findings"])
    outcomes = from_tables(stored.table("orders"), stored.table("batches"), stored.document["heads"])
    return Replayed(outcomes, stored.document["free_running"])


# ---------------------------------------------------------------------- scores


def _ledger(history: History, entries: Sequence[Entry], store: Store, options: Options) -> int:
    """Writes this run's evaluations into the held-out ledger; the rows that now overlap its held-out blocks."""
    first, last = history.events[0].block_number, history.events[-1].block_number
    judged: dict[int, list[tuple[str, int]]] = {}
    for entry in entries:
        for window in entry.rule.windows or options.windows:
            judged.setdefault(window, []).extend([] if entry.findings else [(entry.info.candidate_id, window)])
    heldout_first = last
    for window, rows in judged.items():
        begin, end = Split(first, last, window).blocks("heldout")
        if begin <= end:
            heldout_first = min(heldout_first, begin)
            ledger_add(store, history, begin, end, rows)
    return max(1, ledger_rows(store, history, heldout_first, last))


def _sha256(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
