"""``pactsmith ingest rpc`` on a chain that changes its mind: what is stored is the chain's own, or it is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import contents, history_in, ingested, pactsmith, require_no_stale_block, rpc
from rpc_faults import Faults
from rpc_provider import Provider
from rpc_world.histories import history_of

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.traffic import Traffic

VENUE = "v3 USD/WETH 3000"
SMALL_STEPS = Provider(max_blocks=60)
REQUESTS = 95
"""How many an ingest of these takes in such steps, about."""


def reorganised_at(traffic: Traffic, store: Path, request: int, name: str = VENUE) -> None:
    """Replaces the last three blocks by four others when a request arrives; then runs the ingest once more."""
    world = traffic.world
    venue = world.venues[name]
    with traffic.unchanged():
        action = {"reorg": lambda: traffic.reorganise(3, blocks=4, seed=request)}
        with FaultyProxy(world.chain.url, Faults(once_at={request: "reorg"}), SMALL_STEPS, action) as proxy:
            ran = pactsmith(store, *rpc(world, venue, url=proxy.url))
            if proxy.counts()["reorg"] == 0:  # it was through before
                assert proxy.requests < request
                traffic.reorganise(3, blocks=4, seed=request)
        if ran.code == 0:
            last = history_in(store).coverage.last_block
            assert history_in(store).coverage.proof == "state"
            if proxy.counts()["reorg"]:
                truth = history_of(world, venue).events
                assert history_in(store).events == tuple(one for one in truth if one.block_number <= last)
        else:
            assert "was replaced while its state was read; try again" in ran.error["message"]
        ingested(store, world, venue)
        assert history_in(store).events == history_of(world, venue).events
        assert history_in(store).coverage.proof == "state"
        require_no_stale_block(store, world)
        fresh = store.with_name(f"{store.name} fresh")
        ingested(fresh, world, venue)
        assert contents(store, anchors=False) == contents(fresh, anchors=False)


@pytest.mark.parametrize("request_number", [30, 60, REQUESTS - 5])
def test_blocks_replaced_in_the_middle_are_replaced_in_the_store(traffic, tmp_path, request_number):
    reorganised_at(traffic, tmp_path / "store", request_number)


@pytest.mark.long
@pytest.mark.parametrize("request_number", range(1, REQUESTS + 8, 4))
def test_whenever_blocks_are_replaced_the_store_is_the_new_chains(traffic, tmp_path, request_number):
    reorganised_at(traffic, tmp_path / "store", request_number)


def test_a_history_that_begins_in_replaced_blocks_begins_anew_with_the_state_there(traffic, tmp_path):
    """The state that it began with was read at a block that is no more."""
    world = traffic.world
    venue = world.venues["v2 USD/WETH"]
    with traffic.unchanged():
        traffic.play(6)
        first = world.head - 3
        ingested(tmp_path, world, venue, "--from-block", first)
        before = history_in(tmp_path)
        traffic.reorganise(8, blocks=12, seed=1)
        told = ingested(tmp_path, world, venue)
        after = history_in(tmp_path)
        assert told["coverage"]["proof"] == "state"
        assert after.initial_state != before.initial_state
        assert after.initial_state.after == before.initial_state.after
        tail = [event for event in history_of(world, venue).events if event.block_number >= first]
        assert after.events == tuple(replace(event, seq=seq) for seq, event in enumerate(tail))


def test_a_replacement_deeper_than_allowed_is_said_and_changes_nothing(traffic, tmp_path):
    world = traffic.world
    venue = world.venues[VENUE]
    with traffic.unchanged():
        ingested(tmp_path, world, venue)
        before = contents(tmp_path)
        traffic.reorganise(6, blocks=7, seed=1)
        ran = pactsmith(tmp_path, *rpc(world, venue), "--reorg-depth", 4)
        assert (ran.code, ran.error["kind"]) == (1, "Reorg")
        assert "give a larger reorg depth" in ran.error["message"]
        assert contents(tmp_path) == before
        told = ingested(tmp_path, world, venue, "--reorg-depth", 6)
        assert [one["dropped_blocks"] for one in told["reorgs"]] == [6]
        assert history_in(tmp_path).events == history_of(world, venue).events
