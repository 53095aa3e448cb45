"""``pactsmith ingest rpc`` with nodes that fail, leave out, or change their mind: nothing lost, nothing doubled."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import NAME, contents, healed, history_in, ingested, pactsmith, require_no_stale_block, rpc
from rpc_faults import LOUD, Faults
from rpc_provider import Provider
from rpc_world.histories import history_of

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.world import World

VENUES = ("v2 USD/WETH", "v3 USD/WETH 3000")
QUICK = ("--timeout", "2")
WITHOUT_HEADERS = {"anchors": False}


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory):
    found = {}

    def of(venue: str):
        if venue not in found:
            store = tmp_path_factory.mktemp("undisturbed")
            told = ingested(store, world, world.venues[venue])
            assert told["coverage"]["proof"] == "state"
            found[venue] = contents(store, **WITHOUT_HEADERS)
        return found[venue]

    return of


def show(store: Path) -> dict:
    return pactsmith(store, "history", "show", NAME).done()


@pytest.mark.parametrize("venue", VENUES)
def test_errors_limits_and_cut_answers_change_nothing(world, undisturbed, tmp_path, venue):
    kinds = [kind for kind in LOUD if kind not in {"stall", "huge"}]  # these take as long as they say
    faults = Faults(seed=7, rates=dict.fromkeys(kinds, 0.02), most=60)
    with FaultyProxy(world.chain.url, faults=faults, provider=Provider(max_blocks=40, max_results=300)) as proxy:
        told = ingested(tmp_path, world, world.venues[venue], *QUICK, url=proxy.url)
        assert sum(proxy.counts().values()) >= 3, "the node failed"
    assert told["coverage"]["proof"] == "state"
    assert contents(tmp_path, **WITHOUT_HEADERS) == undisturbed(venue)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", ["empty_logs", "dropped_logs", "cut_logs"])
def test_what_a_node_silently_leaves_out_is_fetched_after_all(world, undisturbed, tmp_path, venue, kind):
    faults = Faults(seed=3, rates={kind: 0.5}, most=4)
    with FaultyProxy(world.chain.url, faults=faults, provider=Provider(max_blocks=60)) as proxy:
        told = ingested(tmp_path, world, world.venues[venue], "--checks", "receipts", url=proxy.url)
        assert proxy.lost(), "the node left something out"
    assert (told["coverage"]["proof"], told["coverage"]["why"]) == ("logs", "")
    assert history_in(tmp_path).events == history_of(world, world.venues[venue]).events


@pytest.mark.parametrize("venue", VENUES)
def test_what_a_node_keeps_leaving_out_is_named_and_healed(world, tmp_path, venue):
    """It never tells of one swap; the history says where events are missing, until another node tells of it."""
    history = history_of(world, world.venues[venue])
    gone = history.swaps[len(history.swaps) // 2]
    with FaultyProxy(world.chain.url, provider=Provider(withheld=frozenset({gone.tx_hash}))) as proxy:
        told = ingested(tmp_path, world, world.venues[venue], url=proxy.url)
    assert any(gap["after_block"] <= gone.block_number <= gap["before_block"] for gap in told["gaps"])
    assert any(one["first_block"] <= gone.block_number <= one["last_block"] for one in told["refetched"])
    assert [event.tx_hash for event in history_in(tmp_path).events] == [
        event.tx_hash for event in history.events if event.tx_hash != gone.tx_hash
    ]
    said = show(tmp_path)
    assert said["coverage"]["proof"] == "none"
    assert said["coverage"]["why"].startswith("events are missing in blocks")
    assert any("Not complete" in caveat for caveat in said["caveats"])
    told = healed(tmp_path, world.chain.url)
    assert told["coverage"]["proof"] == "state"
    assert not show(tmp_path)["continuity"]["gaps"]
    assert history_in(tmp_path).events == history.events


def test_a_swap_that_is_missing_in_the_store_is_named_with_its_blocks_and_healed(world, tmp_path):
    """As if a node had left it out for good: the proof does not rest on what was noticed while fetching."""
    venue = world.venues["v3 USD/WETH 3000"]
    ingested(tmp_path, world, venue)
    swaps = history_in(tmp_path).swaps
    gone = swaps[len(swaps) // 2]
    with closing(duckdb.connect(str(tmp_path / "chain.duckdb"))) as chain:
        chain.execute("DELETE FROM log WHERE tx_hash = ?", [bytes.fromhex(gone.tx_hash[2:])])
    with FaultyProxy(world.chain.url, faults=Faults(seed=1)) as proxy:
        told = pactsmith(tmp_path, *rpc(world, venue, url=proxy.url)).done()["histories"][0]
    assert told["coverage"]["proof"] == "state", "found, asked for again, and there"
    assert told["refetched"]
    assert any(one["first_block"] <= gone.block_number <= one["last_block"] for one in told["refetched"])
    assert history_in(tmp_path).swaps == swaps


def test_blocks_that_the_chain_replaces_meanwhile_are_fetched_anew(traffic, tmp_path):
    world = traffic.world
    venue = world.venues["v2 USD/WETH"]
    with traffic.unchanged():
        actions = {"reorg": lambda: traffic.reorganise(depth=3, blocks=4, seed=5)}
        faults = Faults(seed=1, once_at={25: "reorg"})
        with FaultyProxy(world.chain.url, faults=faults, provider=Provider(max_blocks=40), actions=actions) as proxy:
            told = ingested(tmp_path, world, venue, url=proxy.url)
        again = ingested(tmp_path, world, venue)
        assert told["coverage"]["proof"] == "state"
        assert again["coverage"]["proof"] == "state"
        assert history_in(tmp_path).events == history_of(world, venue).events
        require_no_stale_block(tmp_path, world)


def test_a_reorg_between_two_ingests_leaves_nothing_stale_and_a_deeper_one_is_refused(traffic, tmp_path):
    world = traffic.world
    venue = world.venues["v3 USD/WETH 3000"]
    ingested(tmp_path, world, venue)
    with traffic.unchanged():
        traffic.reorganise(depth=3, blocks=5, seed=2)
        told = ingested(tmp_path, world, venue)
        assert told["reorgs"]
        assert told["coverage"]["proof"] == "state"
        assert history_in(tmp_path).events == history_of(world, venue).events
        require_no_stale_block(tmp_path, world)
        traffic.reorganise(depth=6, blocks=7, seed=3)
        ran = pactsmith(tmp_path, *rpc(world, venue), "--reorg-depth", "2")
        assert (ran.code, ran.error["kind"]) == (1, "Reorg")


@pytest.mark.parametrize("form", ["{base}/v3/{key}", "{base}/?apikey={key}", "http://user:{key}@{host}"])
def test_a_key_in_the_url_is_shown_and_kept_nowhere(world, tmp_path, form):
    key = "s3cr3tk3ys3cr3tk3y"
    base = world.chain.url.rstrip("/")
    url = form.format(base=base, host=base.removeprefix("http://"), key=key)
    unreachable = url.replace(base.rsplit(":", 1)[1], "1")
    venue = world.venues["v2 USD/WETH"]
    for target in (url, unreachable):
        ran = pactsmith(tmp_path, *rpc(world, venue, url=target), "--budget", "20", "--timeout", "1")
        assert key not in ran.out + ran.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
