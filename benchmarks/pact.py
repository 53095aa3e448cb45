"""From terms to a checked pact: how long it takes, beside its own EVM calls driven bare; and what its actions cost.

For each way of attesting the bundled pact is compiled with an empty cache, then checked in this one process. Every call
of the EVM that the checks make is written down, and made again in the same order by a loop that does nothing else: the
floor. Times are CPU seconds of this process; the compiler is a process of its own, so that compiling is wall time.
Last, the dearest transaction of each action, with few people and with as many as can join.

    python benchmarks/pact.py [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from verify.cache import CACHE_VARIABLE
from verify.evm import Evm, ExecutionError
from verify.pact import check, stage
from verify.pact.attacks import costliest_evening
from verify.pact.compile import PactCode, admit_pact
from verify.pact.terms import NOBODY, Attestation, Disputed, NoShow, PactTerms, meetup_pact
from verify.venues import labelled_address

GUESTS = tuple(labelled_address(f"guest {number}") for number in range(64))
Calls = list[tuple[str, tuple[Any, ...], dict[str, Any]]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {attestation.name.lower(): measure(attestation, options.rounds) for attestation in Attestation}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, figure in figures.items():
        print(f"attested by {name}")
        for what, value in figure.items():
            print(f"  {what}: {value}")


def measure(attestation: Attestation, rounds: int) -> dict[str, Any]:
    """The figures for one way of attesting, in tokens, where no-shows are split: the longest checks."""
    terms = group(attestation, 8)
    stage.harness()
    with tempfile.TemporaryDirectory() as empty, mock.patch.dict(os.environ, {CACHE_VARIABLE: empty}):
        begun = time.perf_counter()
        code = admit_pact(meetup_pact().read_text(encoding="utf-8"), file="MeetupPact.sol")
        compiling = time.perf_counter() - begun
    worlds = record(code, terms)
    checking, bare = [], []
    for _ in range(rounds):
        checking.append(cpu_seconds(lambda: run(code, terms)))
        bare.append(cpu_seconds(lambda: drive(worlds)))
    calls = sum(name == "call" for world in worlds for name, _, _ in world)
    return {
        "compile, nothing cached, s": round(compiling, 2),
        "check, CPU s": round(statistics.median(checking), 2),
        "EVM calls": calls,
        "the same calls bare, CPU s": round(statistics.median(bare), 2),
        "check over bare": round(statistics.median(checking) / statistics.median(bare), 2),
        "dearest transactions, 8 people, gas": gas(code, terms),
        "dearest transactions, 64 people, gas": gas(code, group(attestation, 64)),
    }


def group(attestation: Attestation, people: int) -> PactTerms:
    """Terms for so many, all of whom can join."""
    return PactTerms(
        host=GUESTS[0],
        token=labelled_address("benchmark token"),
        deposit=10**16,
        capacity=people,
        quorum=2,
        join_until_ts=1_900_000_000,
        starts_ts=1_900_086_400,
        attest_seconds=86_400,
        contest_seconds=3 * 86_400,
        attestation=attestation,
        no_show=NoShow.SPLIT,
        disputed=Disputed.REFUND,
        charity=NOBODY,
        invited=GUESTS[:people],
    )


def run(code: PactCode, terms: PactTerms) -> None:
    """The checks, in this process; the pact must pass."""
    assert not check.examine(check.Job(code, terms, {}, stage.harness(), check.PLAYS, 1))


def record(code: PactCode, terms: PactTerms) -> list[Calls]:
    """What the checks do with each EVM that they make."""
    worlds: list[Calls] = []

    class Recorded(Evm):
        def __init__(self, chain_id: int) -> None:
            super().__init__(chain_id)
            worlds.append([])
            self.calls = worlds[-1]

    def recorded(name: str) -> Any:
        original = getattr(Evm, name)

        def act(self: Recorded, *arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            return original(self, *arguments, **named)

        return act

    for name in ("call", "deploy", "set_block", "open", "undo", "set_code", "fund", "balance"):
        setattr(Recorded, name, recorded(name))
    with mock.patch.object(stage, "Evm", Recorded):
        run(code, terms)
    return worlds


def drive(worlds: list[Calls]) -> None:
    """The same, and nothing else."""
    for calls in worlds:
        evm = Evm(1)
        for name, arguments, named in calls:
            try:
                getattr(evm, name)(*arguments, **named)
            except ExecutionError:
                continue


def gas(code: PactCode, terms: PactTerms) -> dict[str, int]:
    """By action, the most that a transaction of it used in the costliest evening."""
    coins = replace(terms, token=NOBODY)
    dearest: dict[str, int] = {}
    with stage.stage(code, coins, stage.harness()) as there:
        for step in costliest_evening(there):
            dearest[step.action] = max(dearest.get(step.action, 0), there.act(step).gas)
    return dearest


def cpu_seconds(work: Any) -> float:
    """Of this process."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
