"""``pactsmith ingest rpc`` killed at any moment: what is stored is sound, and the next run makes it whole."""

from __future__ import annotations

import random
import signal
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import NAME, contents, ended, forked, history_in, ingested, pactsmith, rpc, started
from rpc_faults import Faults
from rpc_provider import Provider

from ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rpc_world.world import Venue, World

SMALL_STEPS = Provider(max_blocks=30)
"""So that an ingest takes many chunks, and, as the limit is stated, the same ones each time."""
KILLS, MANY_KILLS = 6, 42
VENUE, OTHER_VENUES = "v3 USD/WETH 3000", ("v2 USD/WETH", "v3 USD/WETH 500", "v4 USD/WETH 3000")


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """An ingest that nobody ends: what it leaves, and how many requests it takes."""

    contents: dict[str, list]
    requests: int


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory) -> Callable[[str], Undisturbed]:
    found: dict[str, Undisturbed] = {}

    def of(venue: str) -> Undisturbed:
        if venue not in found:
            store = tmp_path_factory.mktemp("undisturbed")
            with FaultyProxy(world.chain.url, provider=SMALL_STEPS) as proxy:
                ingested(store, world, world.venues[venue], url=proxy.url)
                found[venue] = Undisturbed(contents(store), proxy.requests)
        return found[venue]

    return of


def kill(store: Path, world: World, venue: Venue, request: int, after_s: float = 0.0, start=forked) -> int:
    """Starts an ingest, and kills it so long after a request arrives, before it is answered; its exit code.

    Without a delay the kill is certain; with one the ingest may be through before.
    """
    children = []

    def end() -> None:
        children[0].kill()

    actions = {"kill": end if not after_s else lambda: threading.Timer(after_s, end).start()}
    with FaultyProxy(world.chain.url, Faults(once_at={request: "kill"}), SMALL_STEPS, actions) as proxy:
        children.append(start(store, *rpc(world, venue, url=proxy.url)))
        code = ended(children[0])
    assert code in (-signal.SIGKILL, 0)
    return code


def resume(store: Path, world: World, venue: Venue) -> set[int]:
    """Runs the ingest again, to its end; the blocks whose logs it asked for."""
    with FaultyProxy(world.chain.url, provider=SMALL_STEPS) as proxy:
        assert ingested(store, world, venue, url=proxy.url)["coverage"]["proof"] == "state"
        return {block for first, last in proxy.ranges for block in range(first, last + 1)}


def complete_blocks(store: Path, world: World, venue: Venue) -> set[int]:
    """The blocks that a store says it has whole; all their logs are there, each with its transaction."""
    if not (store / "chain.duckdb").exists():
        return set()
    with closing(duckdb.connect(str(store / "chain.duckdb"), read_only=True)) as db:
        marks = db.execute("SELECT first_block, last_block FROM complete").fetchall()
        logs = db.execute("SELECT block_number, log_index, tx_hash FROM log").fetchall()
        known = {tx_hash for (tx_hash,) in db.execute("SELECT tx_hash FROM transaction_of").fetchall()}
    there = {(block, index): tx_hash for block, index, tx_hash in logs}
    assert set(there.values()) == known
    assert len(there) == len(logs)
    for first, last in marks:
        for log in world.truth.logs(venue.address, None, venue.pool_id, first=first, last=last):
            assert there[log.block_number, log.log_index].hex() == log.tx_hash[2:]
    return {block for first, last in marks for block in range(first, last + 1)}


def kill_and_resume(
    store: Path, world: World, venue: str, whole: Undisturbed, request: int, after_s: float = 0.0, start=forked
) -> int:
    """How many blocks were whole already when it went on."""
    pool = world.venues[venue]
    code = kill(store, world, pool, request, after_s, start)
    assert after_s or code == -signal.SIGKILL
    there = complete_blocks(store, world, pool)
    if (store / "history.duckdb").exists() and Store(store).list_histories():
        assert history_in(store).coverage.proof == "state"
    asked = resume(store, world, pool)
    assert contents(store) == whole.contents
    assert not asked & there, "a block that was there was asked for again"
    return len(there)


def spread(kills: int, requests: int) -> list[int]:
    """So many requests, evenly from the first to the last."""
    return [1 + round(place * (requests - 1) / (kills - 1)) for place in range(kills)]


def test_killed_at_any_request_an_ingest_goes_on_to_the_identical_store(world, undisturbed, tmp_path):
    whole = undisturbed(VENUE)
    there = [kill_and_resume(tmp_path / str(at), world, VENUE, whole, at) for at in spread(KILLS, whole.requests)]
    assert there[0] == 0
    assert there[-1] == max(there) > 500
    assert len(set(there)) >= 3


def test_killed_while_the_history_is_written_it_is_there_whole_or_not_at_all(world, undisturbed, tmp_path):
    whole = undisturbed(VENUE)
    kill_and_resume(tmp_path, world, VENUE, whole, whole.requests, after_s=0.1, start=started)


def test_killed_again_and_again_it_gets_to_the_end(world, undisturbed, tmp_path):
    """Each time it gets a little further than the last time."""
    whole, pool = undisturbed(VENUE), world.venues[VENUE]
    there, codes = [], []
    while not codes or codes[-1] != 0:
        assert len(codes) < 20
        codes.append(kill(tmp_path, world, pool, whole.requests // 3))
        there.append(len(complete_blocks(tmp_path, world, pool)))
    assert there == sorted(there)
    assert len(codes) >= 3
    assert contents(tmp_path) == whole.contents
    assert pactsmith(tmp_path, "history", "audit", NAME, "--strict").done()["mismatched"] == 0


@pytest.mark.long
@pytest.mark.parametrize("venue", OTHER_VENUES)
def test_the_program_killed_at_many_requests_goes_on_to_the_identical_store(world, undisturbed, tmp_path, venue):
    whole, kills = undisturbed(venue), MANY_KILLS // len(OTHER_VENUES)
    there = [
        kill_and_resume(tmp_path / str(at), world, venue, whole, at, start=started)
        for at in spread(kills, whole.requests)
    ]
    assert there[0] == 0
    assert len(set(there)) >= kills // 3


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_the_program_killed_at_a_random_moment_goes_on_to_the_identical_store(world, undisturbed, tmp_path, seed):
    """Half of them around the end, where the history is written."""
    rng, whole = random.Random(seed), undisturbed(VENUE)
    request = rng.randint(1, whole.requests) if seed % 2 else whole.requests
    kill_and_resume(tmp_path, world, VENUE, whole, request, after_s=rng.uniform(0.001, 0.4), start=started)
