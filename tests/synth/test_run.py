"""A whole run: the same whatever the workers and however often it was killed; judged on blocks that it never saw."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from ingest.store import Store
from synth.budget import Limits
from synth.options import SynthOptions
from synth.run import Market, stored_options, synthesize
from verify.run import Options
from verify.training import training_last

WINDOWS = (1, 2)
CANDIDATES = 3


PROPOSERS = ("parameters", "random")


def options(workers=2, *, proposers=PROPOSERS, attack=False, candidates=CANDIDATES, seconds=None):
    limits = Limits(candidates, seconds)
    return SynthOptions(proposers, limits, WINDOWS, attack, Options(workers=workers, seed=3, elasticity=None))


def timeless(document):
    """The document but for the time that it took."""
    return document | {"spent": document["spent"] | {"seconds": 0}}


@pytest.fixture(scope="module")
def undisturbed(market_history, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    store.write_history(market_history)
    document, judged = synthesize(Market(market_history), store, options())
    return store, document, judged


def test_it_is_the_same_on_one_worker_in_another_store(market_history, store, undisturbed):
    _, document, judged = undisturbed
    again, judged_again = synthesize(Market(market_history), store, options(workers=1))
    assert timeless(again) == timeless(document)
    assert judged_again["run_id"] == judged["run_id"]


def test_asked_again_it_is_looked_up(market_history, undisturbed):
    store, document, _ = undisturbed
    stages = []
    again, _ = synthesize(Market(market_history), store, options(), lambda step: stages.append(step.stage))
    assert timeless(again) == timeless(document)
    assert "replay" not in stages


def test_every_candidate_is_typed_and_counted(undisturbed):
    _, document, _ = undisturbed
    assert document["spent"]["candidates"] == 2 * CANDIDATES
    for found in document["proposers"].values():
        assert found["candidates"] == len(found["tried"]) == CANDIDATES
        assert found["scored"] + found["rejected"] + found["unscored"] == CANDIDATES
        assert all(one["status"] in {"scored", "rejected", "unscored"} for one in found["tried"])
        chosen = found["champion"]
        lowers = [one["lower"] for one in found["tried"] if one["lower"] is not None]
        assert chosen["lower"] == max(lowers)
        assert chosen["verdict"] in {"improvement", "transfer", "no improvement", "worse", "unscored"}
    assert {one["title"] for one in document["by_hand"]} == {
        "CallAuction", "FunctionMaximizing", "GreedySequencing", "MidpointCrossing", "Sequential", "VolatilityDonation",
    }  # fmt: skip


def test_only_what_is_put_forward_is_judged_on_held_out_blocks(undisturbed):
    _, document, judged = undisturbed
    told = {(one["candidate_id"], one["window_blocks"]) for one in document["by_hand"]}
    told |= {(p["champion"]["candidate_id"], p["champion"]["window_blocks"]) for p in document["proposers"].values()}
    assert {(card["candidate_id"], card["window_blocks"]) for card in judged["candidates"]} == told
    assert document["heldout_ledger_rows"] == len(told)


def test_what_comes_after_the_training_blocks_moves_no_choice(market_history, changed_later, store, undisturbed):
    _, document, judged = undisturbed
    last = training_last(market_history)
    other = changed_later(market_history, last)
    assert training_last(other) == last
    again, judged_again = synthesize(Market(other), store, options())
    for name, found in document["proposers"].items():
        assert again["proposers"][name]["tried"] == found["tried"]
    assert judged_again["candidates"][0]["metrics"]["heldout"] != judged["candidates"][0]["metrics"]["heldout"]


def test_a_run_that_is_out_of_time_says_so(market_history, store):
    document, _ = synthesize(Market(market_history), store, options(seconds=0.001))
    assert document["spent"]["candidates"] == 0
    assert document["best"] is None
    assert document["verdict"] == "no improvement"
    for found in document["proposers"].values():
        assert "0.001 s" in found["ended"]
        assert found["champion"] == {"status": "none", "reason": "none of its candidates has a score to be chosen by"}


def test_finalists_are_attacked_before_one_is_put_forward(market_history, store):
    document, _ = synthesize(Market(market_history), store, options(proposers=("random",), attack=True, candidates=1))
    for found in document["proposers"].values():
        assert found["attacks"]
        for attack in found["attacks"]:
            assert attack["batches"] == 4
            assert attack["plays"] > 0
    assert list((store.root / "witnesses").iterdir())


# ---------------------------------------------------------------------- killed


def command(store, *more):
    arguments = ["synth", "--history", "demo-v3-5", "--seed", "3", "--max-candidates", str(CANDIDATES)]
    arguments += ["--no-attack", "--no-free-running"]
    arguments += [word for name in PROPOSERS for word in ("--proposer", name)]
    arguments += [word for window in WINDOWS for word in ("--window", str(window))]
    program = [sys.executable, "-c", "from app.cli import main; main()", *arguments, *more, "--store", str(store.root)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def killed_then_resumed(store, undisturbed, kills, chances):
    _, document, _ = undisturbed
    for _ in range(kills):
        running = command(store)
        time.sleep(chances.uniform(0.5, 12.0))
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    run_id = document["run_id"]
    config, resumed = stored_options(store, run_id, 2)
    assert config["history"] == "demo-v3-5"
    again, _ = synthesize(Market(store.load_history("demo-v3-5")), store, resumed)
    assert timeless(again) == timeless(document)


def test_killed_at_any_moment_it_goes_on_to_the_same_end(store, undisturbed):
    killed_then_resumed(store, undisturbed, kills=2, chances=random.Random(1))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment_it_goes_on_to_the_same_end_long(store, undisturbed, seed):
    killed_then_resumed(store, undisturbed, kills=5, chances=random.Random(100 + seed))
