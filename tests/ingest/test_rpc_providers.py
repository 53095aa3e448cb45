"""``pactsmith ingest rpc`` against what real providers allow, how they say no, and how they are slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import NAME, contents, history_in, ingested, pactsmith, require_no_stale_block, rpc
from rpc_faults import LOUD, Faults
from rpc_provider import DIALECTS_OF_NO_STATE, DIALECTS_OF_TOO_MANY, DIALECTS_OF_TOO_WIDE, Provider
from rpc_world.histories import history_of

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.world import World

VENUE = "v3 USD/WETH 3000"
FOR_EVER = {"most": 10**9, "most_per_request": 10**9}


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory) -> dict[str, list]:
    """What an ingest without any trouble leaves, without the headers of blocks where nothing happened."""
    store = tmp_path_factory.mktemp("whole")
    ingested(store, world, world.venues[VENUE])
    return contents(store, anchors=False)


def require_whole(store: Path, world: World, whole: dict[str, list]) -> None:
    require_no_stale_block(store, world)
    assert contents(store, anchors=False) == whole


LIMITS = [Provider(max_results=60, too_many=words) for words in DIALECTS_OF_TOO_MANY]
LIMITS += [Provider(max_blocks=80, too_wide=words) for words in DIALECTS_OF_TOO_WIDE]
OTHER_LIMITS = [
    Provider(max_blocks=80, max_results=60, max_batch=0),
    Provider(max_batch=3),
    Provider(max_blocks=80, missing_methods=frozenset({"eth_getBlockReceipts"})),
]


@pytest.mark.parametrize("limits", OTHER_LIMITS, ids=["no batches", "small batches", "no receipts of blocks"])
def test_whatever_a_provider_does_not_take_the_store_is_the_same(world, whole, tmp_path, limits):
    with FaultyProxy(world.chain.url, provider=limits) as proxy:
        assert ingested(tmp_path, world, world.venues[VENUE], url=proxy.url)["coverage"]["proof"] == "state"
    require_whole(tmp_path, world, whole)


@pytest.mark.long
@pytest.mark.parametrize("limits", LIMITS, ids=[f"{one.too_many}, {one.too_wide}" for one in LIMITS])
def test_in_whatever_words_a_provider_refuses_the_store_is_the_same(world, whole, tmp_path, limits):
    with FaultyProxy(world.chain.url, provider=limits) as proxy:
        assert ingested(tmp_path, world, world.venues[VENUE], url=proxy.url)["coverage"]["proof"] == "state"
        assert len(proxy.ranges) >= 4
    require_whole(tmp_path, world, whole)


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted({*LOUD, "duplicate_logs", "null_result"} - {"huge", "stall"}))
def test_however_often_one_thing_goes_wrong_the_store_is_the_same(world, whole, tmp_path, kind):
    faults = Faults(seed=2, rates={kind: 0.25}, most_per_request=1)
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=40)) as proxy:
        assert ingested(tmp_path, world, world.venues[VENUE], url=proxy.url)["coverage"]["proof"] == "state"
        assert proxy.counts()[kind] >= 5
    require_whole(tmp_path, world, whole)


def test_slow_and_huge_answers_are_given_up_and_asked_for_again(world, whole, tmp_path):
    faults = Faults(once_at={5: "stall", 30: "huge", 60: "stall"}, stall_s=60)
    began = time.monotonic()
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=40)) as proxy:
        ingested(tmp_path, world, world.venues[VENUE], "--timeout", "1", url=proxy.url)
        assert proxy.counts() == {"stall": 2, "huge": 1}
    assert time.monotonic() - began < 40, "nobody waited for the answers that stalled"
    require_whole(tmp_path, world, whole)


def test_a_node_that_lags_behind_gives_less_and_the_next_run_the_rest(world, whole, tmp_path):
    faults = Faults(rates={"stale_head": 1}, stale_blocks=9, **FOR_EVER)
    with FaultyProxy(world.chain.url, faults) as proxy:
        told = ingested(tmp_path, world, world.venues[VENUE], url=proxy.url)
    assert (told["coverage"]["last_block"], told["coverage"]["proof"]) == (world.head - 9, "state")
    ingested(tmp_path, world, world.venues[VENUE])
    require_whole(tmp_path, world, whole)


@pytest.mark.parametrize("words", sorted({*DIALECTS_OF_NO_STATE} - {"header"}))  # that one may also mean: not yet
def test_without_old_state_nothing_is_lost_but_the_end_is_not_proven(world, tmp_path, words):
    end = world.head - 40
    with FaultyProxy(world.chain.url, provider=Provider(state_blocks=20, no_state=words)) as proxy:
        told = ingested(tmp_path, world, world.venues[VENUE], "--to-block", end, url=proxy.url)
        assert told["coverage"]["proof"] == "none"
        assert f"does not keep the state of block {end}" in told["coverage"]["why"]
        assert any("not proven" in caveat for caveat in told["caveats"])
        middle = pactsmith(tmp_path / "middle", *rpc(world, world.venues[VENUE], url=proxy.url), "--from-block", 300)
    truth = history_of(world, world.venues[VENUE]).events
    assert history_in(tmp_path).events == tuple(event for event in truth if event.block_number <= end)
    assert (middle.code, middle.error["kind"]) == (1, "NoState")
    assert "begin at the pool's creation" in middle.error["message"]
    assert not (tmp_path / "middle" / "history.duckdb").exists()
    healed = pactsmith(tmp_path, "history", "heal", NAME, "--rpc-url", world.chain.url).done()
    assert healed["coverage"]["proof"] == "state", "another node, which keeps old state, proves it"


def test_when_its_time_is_used_up_it_says_so_and_goes_on_later(world, whole, tmp_path):
    faults = Faults(rates={"http_503": 0.6}, **FOR_EVER)
    messages = []
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=20)) as proxy:
        for _ in range(4):
            ran = pactsmith(tmp_path, *rpc(world, world.venues[VENUE], url=proxy.url), "--budget", 1)
            assert (ran.code, ran.error["kind"]) == (1, "Budget")
            messages.append(ran.error["message"])
    assert all("time budget of 1 s is used up" in message for message in messages)
    ingested(tmp_path, world, world.venues[VENUE])
    require_whole(tmp_path, world, whole)
