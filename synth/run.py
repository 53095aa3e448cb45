"""`synth`: a history in; candidates tried on its training blocks, the best judged on its held-out ones, and said so."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from synth.brief import brief
from synth.budget import BudgetSpentError, Meter
from synth.finalists import ATTACK, FINALISTS, Champion, champion
from synth.journal import Journal
from synth.llm.calls import Calls
from synth.llm.endpoint import Model
from synth.options import MODELS, SynthOptions
from synth.proposers.drawn import Drawn
from synth.proposers.model import LanguageModel
from synth.proposers.parameters import Parameters
from synth.records import Searched
from synth.search import Search
from synth.space import Space
from synth.summary import summary
from verify.adversary.run import attack_rule
from verify.conventions import EVALUATOR_VERSION
from verify.run import Step, quiet, verify
from verify.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ingest.fork.records import Fork
    from ingest.records import History
    from ingest.store import Store
    from synth.proposers import Proposer
    from synth.records import Tried
    from verify.adversary.run import AttackOptions
    from verify.run import Rule

Json = dict[str, Any]

RUNS = "synth"
RUN_ID = re.compile(r"[0-9a-f]{16}")
WITNESSES = "witnesses"


@dataclass(frozen=True, slots=True)
class Market:
    """What is searched on: the history, other pools of the pair, and the fork, if any, that worlds are built on."""

    history: History
    beside: tuple[History, ...] = ()
    fork: Fork | None = None


def synthesize(
    market: Market, store: Store, options: SynthOptions, progress: Callable[[Step], None] = quiet
) -> tuple[Json, Json]:
    """Searches for a mechanism, and judges what was found beside what people wrote.

    The same market, options and evaluator are the same run: where one was stopped, it goes on.

    Returns:
        The document of `synth.summary`, and that of `verify.run.verify` over the champions and the hand-written rules.

    Raises:
        InputError: An option is wrong, or the history has nothing to score.
        StoreBusyError: Another process works on this run.
    """
    options.check()
    space = Space.of(options.windows)
    config = _config(market, options, space)
    run_id = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
    with Journal(journal_file(store.root, run_id)) as journal:
        if journal.first("run") is None:
            journal.append("run", run_id=run_id, config=config)
        work = _Work(market, store, options, space, journal, progress)
        searched = work.search()
        champions = work.champions(searched)
        judged = work.judge(searched, champions)
        document = summary(run_id, market.history.name, options, searched, champions, judged)
        if journal.first("result") is None:
            journal.append("result", judged=judged["run_id"], verdict=document["verdict"])
    return document, judged


def stored_options(store: Store, run_id: str, workers: int) -> tuple[Json, SynthOptions]:
    """What a run was begun with: the names of its histories, and its options.

    Raises:
        InputError: The store has no such run.
    """
    file = journal_file(store.root, run_id)
    if not RUN_ID.fullmatch(run_id) or not file.is_file():
        raise InputError(f"the store at {store.root} has no run {run_id!r} of synth", field="resume")
    with Journal(file) as journal:
        begun = journal.first("run")
    if begun is None:
        raise InputError(f"the run {run_id!r} was never begun", field="resume")
    return begun["config"], SynthOptions.of_json(begun["config"]["options"], workers)


def journal_file(root: Path, run_id: str) -> Path:
    """Where the store keeps a run's journal."""
    return root / RUNS / run_id / "journal.jsonl"


def _config(market: Market, options: SynthOptions, space: Space) -> Json:
    histories = (market.history, *market.beside)
    return {
        "history": market.history.name,
        "beside": [each.name for each in market.beside],
        "contents": [each.content_id for each in histories],
        "forked": market.fork is not None,
        "templates": space.digest(),
        "options": options.to_json(),
        "evaluator": EVALUATOR_VERSION,
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """The three steps of a run, which share all of this."""

    market: Market
    store: Store
    options: SynthOptions
    space: Space
    journal: Journal
    progress: Callable[[Step], None]

    def search(self) -> Searched:
        """Tries what people wrote, then lets one proposer after the other search."""
        market, options = self.market, self.options
        told = (line["seconds"] for kind in ("candidate", "answer") for line in self.journal.lines(kind))
        meter = Meter(options.limits, max(told, default=0.0))

        def watched(step: Step) -> None:
            self.progress(step)
            meter.check()

        ended: dict[str, str] = {}
        replies: dict[str, dict[str, int]] = {}
        calls = self._calls(meter)
        windows, evaluation = options.windows, options.evaluation
        with Trials(market.history, windows, self.store, evaluation, watched, market.beside, market.fork) as trials:
            search = Search(trials, meter, self.journal, self.progress)
            try:
                search.by_hand(self.space.defaults())
                for name in options.proposers:
                    proposer = self._proposer(name, trials, calls)
                    ended[name] = search.run(proposer)
                    if isinstance(proposer, LanguageModel):
                        replies[name] = dict(proposer.outcomes)
            except BudgetSpentError as spent:
                ended |= {name: str(spent) for name in options.proposers if name not in ended}
            return Searched(tuple(search.tried), ended, replies, meter.spent(), trials.last_block)

    def _calls(self, meter: Meter) -> Calls | None:
        endpoint = self.options.endpoint
        return None if endpoint is None else Calls(endpoint, Model(endpoint).ask, self.journal, meter)

    def _proposer(self, name: str, trials: Trials, calls: Calls | None) -> Proposer:
        if calls is None or name not in MODELS:
            return (Parameters if name == "parameters" else Drawn)(self.space, self.options.evaluation.seed)

        def describe(by_hand: Sequence[Tried]) -> Json:
            return brief(trials.plan, self.options.windows, by_hand)

        writes = self.options.writes
        space = self.space.tunable() if writes == "template" else self.space
        return LanguageModel(space, writes, calls, describe, feedback=name == "llm")

    def champions(self, searched: Searched) -> dict[str, Champion]:
        """By proposer; where nothing is to be attacked, the best by what it surely gains."""
        finalists = {name: searched.best(name, FINALISTS) for name in self.options.proposers}
        if not self.options.attack:
            return {name: Champion(next(iter(found), None), ()) for name, found in finalists.items()}
        evaluation = self.options.evaluation
        how = replace(
            ATTACK,
            last_block=searched.last_block,
            workers=evaluation.workers,
            memory_bytes=evaluation.memory_bytes,
            native_price=evaluation.native_price,
        )
        return {name: champion(found, self.journal, how, self._attack) for name, found in finalists.items()}

    def judge(self, searched: Searched, champions: Mapping[str, Champion]) -> Json:
        """Scores on held-out blocks, once: the champions, and every hand-written rule at the window that suits it best.

        A champion that is a hand-written rule at that window is judged as what it is.
        """
        chosen = {one.proposal.key: one for one in searched.by_hand()}
        for each in champions.values():
            if each.tried is not None:
                chosen.setdefault(each.tried.proposal.key, each.tried)
        rules = [
            replace(one.proposal.rule(), name=one.title, windows=(one.proposal.window_blocks,))
            for one in chosen.values()
        ]
        market = self.market
        return verify(
            market.history, rules, self.store, self.options.evaluation, self.progress, market.beside, market.fork
        )

    def _attack(self, rule: Rule, how: AttackOptions) -> Json:
        market = self.market
        folder = self.store.root / WITNESSES
        return attack_rule(market.history, rule, how, folder, self.progress, market.beside, market.fork)
