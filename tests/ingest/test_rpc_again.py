"""Going on with what is stored, and refusing before anything is fetched what cannot come to a good end."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import NAME, contents, healed, history_in, ingested, pactsmith, rpc
from rpc_faults import Faults
from rpc_provider import Provider
from rpc_world.histories import history_of

from app.intents import FORMAT, INTENTS
from ingest.flow import OrderFlow
from ingest.flow_ingested import from_records
from ingest.store import Store

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there: what is refused with it was refused before anybody was asked."""
V2, V3 = "v2 MKR/WETH", "v3 USD/WETH 3000"
A_POOL = "0x" + "12" * 20


def label_file(folder: Path, tx_hash: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(f"tx_hash,class,min_buy_amount,rule\n{tx_hash},arbitrage,1,mine\n")
    return path


def mine(history) -> list[tuple[str, str, int]]:
    """What a user told of swaps."""
    return [
        (history.events[seq].tx_hash, label.flow_class, history.known_limits[seq])
        for seq, label in history.labels.items()
        if label.rule == "mine"
    ]


# ---------------------------------------------------------------- never less than there was


@pytest.mark.parametrize("less", [("--to-block", 300), ("--follow", 200)])
def test_asking_for_less_leaves_what_is_there(world, tmp_path, less):
    venue = world.venues[V2]
    ingested(tmp_path, world, venue)
    told = [swap for swap in history_in(tmp_path).swaps if swap.amount_out][-1].tx_hash
    pactsmith(tmp_path, "history", "annotate", NAME, "--labels", label_file(tmp_path, told)).done()
    before = contents(tmp_path)
    again = ingested(tmp_path, world, venue, *less)
    assert (again["written"], again["coverage"]["last_block"]) == ("already stored", world.head)
    assert contents(tmp_path) == before
    assert mine(history_in(tmp_path)) == [(told, "arbitrage", 1)]


def test_a_node_that_lags_behind_takes_nothing_away(world, tmp_path):
    ingested(tmp_path, world, world.venues[V2])
    before = contents(tmp_path)
    lagging = Faults(rates={"stale_head": 1}, stale_blocks=9, most_per_request=10**9)
    with FaultyProxy(world.chain.url, lagging) as proxy:
        ran = pactsmith(tmp_path, *rpc(world, url=proxy.url))
    assert (ran.code, ran.error["kind"]) == (1, "Unavailable")
    assert f"its newest block is {world.head - 9}, what is stored goes to {world.head}" in ran.error["message"]
    assert contents(tmp_path) == before


def test_what_a_user_tells_during_an_ingest_stays(world, tmp_path):
    venue = world.venues[V2]
    ingested(tmp_path, world, venue, "--to-block", world.head - 300)
    told = history_in(tmp_path).swaps[3].tx_hash
    labels = label_file(tmp_path, told)
    actions = {"annotate": lambda: pactsmith(tmp_path, "history", "annotate", NAME, "--labels", labels).done()}
    with FaultyProxy(world.chain.url, Faults(once_at={15: "annotate"}), Provider(max_blocks=60), actions) as proxy:
        ingested(tmp_path, world, venue, url=proxy.url)
        assert proxy.counts()["annotate"] == 1
    history = history_in(tmp_path)
    assert history.events == history_of(world, venue).events
    assert mine(history) == [(told, "arbitrage", 1)]


def test_what_a_user_tells_at_the_very_moment_of_writing_stays(world, tmp_path, monkeypatch):
    venue = world.venues[V2]
    ingested(tmp_path, world, venue, "--to-block", world.head - 300)
    told, write, turns = history_in(tmp_path).swaps[3].tx_hash, Store.write_ingested, []

    def late(store, *of, **options):
        if not turns.append(1) and len(turns) == 1:
            pactsmith(tmp_path, "history", "annotate", NAME, "--labels", label_file(tmp_path, told)).done()
        return write(store, *of, **options)

    monkeypatch.setattr(Store, "write_ingested", late)
    ingested(tmp_path, world, venue)
    assert len(turns) == 2
    assert mine(history_in(tmp_path)) == [(told, "arbitrage", 1)]
    assert history_in(tmp_path).coverage.last_block == world.head


def test_an_ingest_that_another_one_overtook_takes_nothing_away(world, tmp_path):
    venue = world.venues[V2]
    ingested(tmp_path, world, venue, "--to-block", 200)
    actions = {"overtake": lambda: ingested(tmp_path, world, venue)}
    with FaultyProxy(world.chain.url, Faults(once_at={5: "overtake"}), actions=actions) as proxy:
        ran = pactsmith(tmp_path, *rpc(world, venue, url=proxy.url), "--to-block", 300)
    assert (ran.code, ran.error["kind"]) == (1, "Changed")
    assert history_in(tmp_path).coverage.last_block == world.head


def test_what_is_annotated_while_an_ingest_writes_is_told_of_the_new_history(world, tmp_path, monkeypatch):
    venue = world.venues[V2]
    ingested(tmp_path, world, venue, "--to-block", world.head - 300)
    told, write, turns = history_in(tmp_path).swaps[3].tx_hash, Store.write_history, []

    def late(store, *of, **options):
        if not turns.append(1) and len(turns) == 1:
            ingested(tmp_path, world, venue)
        return write(store, *of, **options)

    monkeypatch.setattr(Store, "write_history", late)
    pactsmith(tmp_path, "history", "annotate", NAME, "--labels", label_file(tmp_path, told)).done()
    assert history_in(tmp_path).coverage.last_block == world.head
    assert mine(history_in(tmp_path)) == [(told, "arbitrage", 1)]


# ---------------------------------------------------------------- intents beside a history


def test_intents_that_are_no_more_do_not_stay(world, tmp_path):
    told = ingested(tmp_path, world, world.venues[V3])
    assert told["intents"]["intents"] == told["router_calls"] > 50
    assert len(Store(tmp_path).flows.load(NAME + INTENTS).intents) == told["router_calls"]
    with closing(duckdb.connect(str(tmp_path / "chain.duckdb"))) as chain:
        chain.execute("DELETE FROM contract_role")
    again = pactsmith(tmp_path, *rpc(world)).done()["histories"][0]
    assert again["intents"] is None
    assert Store(tmp_path).flows.find(NAME + INTENTS) is None


def test_a_flow_of_ones_own_is_not_overwritten_and_nothing_is_fetched(world, tmp_path):
    ingested(tmp_path / "source", world, world.venues[V3])
    intents = Store(tmp_path / "source").flows.load(NAME + INTENTS).intents
    own = OrderFlow(NAME + INTENTS, "", "file", ("mine",), "smallest units", 0, True, "…", intents=intents[:1])
    Store(tmp_path).flows.write(from_records(own))
    ran = pactsmith(tmp_path, *rpc(world, world.venues[V3], url=NOWHERE))
    assert (ran.code, ran.error["field"]) == (2, "name")
    assert Store(tmp_path).flows.load(NAME + INTENTS).formats == ("mine",) != (FORMAT,)


@pytest.mark.parametrize("name", ["", " x", "x" * 95, "a\nb"])
def test_a_name_that_cannot_be_one_is_refused_before_anybody_is_asked(world, tmp_path, name):
    ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", NOWHERE, "--pool", A_POOL, "--name", name)
    assert (ran.code, ran.error["field"]) == (2, "name")
    assert "printable characters" in ran.error["message"]


def test_a_name_that_its_intents_cannot_share_with_a_history_is_refused(world, tmp_path):
    ingested(tmp_path, world, world.venues[V2])
    with closing(duckdb.connect(str(tmp_path / "history.duckdb"))) as store:
        store.execute(f"UPDATE history SET name = 'other{INTENTS}'")
    ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", NOWHERE, "--pool", A_POOL, "--name", "other")
    assert (ran.code, ran.error["field"]) == (2, "name")


def test_pools_whose_tokens_have_odd_names_have_plain_ones(world, tmp_path):
    venues = [world.venues["v2 ODD/WETH"], world.venues[V2]]
    done = pactsmith(tmp_path, *rpc(world, *venues, venues[0]), "--to-block", 200).done()["histories"]
    assert len(done) == 2, "a pool that is named twice is one"
    for one in done:
        assert one["history"].isascii()
        assert " " not in one["history"]


# ---------------------------------------------------------------- what needs no node to be refused


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ([], "pool", "give --pool: the store has no history 'pool'"),
        (["--pool", "0x12"], "pool", "must be an address"),
        (["--pool", "nothex"], "pool", "must be an address"),
        (["--pool", A_POOL, "--decimals", "nonsense=6"], "decimals", "must be TOKEN=N"),
        (["--pool", A_POOL, "--manager", "0x12"], "manager", "must be an address"),
        (["--pool", A_POOL, "--router", "v9=" + A_POOL], "router", "must be FAMILY=ADDRESS"),
        (["--pool", A_POOL, "--wrapped-native", "WETH"], "wrapped native", "must be an address"),
        (["--pool", A_POOL, "--pool", "0x" + "13" * 20, "--created-block", "5"], "created block", "one pool's"),
        (["--cow", "--from-block", "1", "--decimals", f"{A_POOL}=6"], "decimals", "belongs to a pool"),
        (["--cow", "--from-block", "1", "--manager", A_POOL], "manager", "belongs to a pool"),
        (["--cow", "--from-block", "1", "--v2-fee-pips", "3000"], "v2 fee pips", "belongs to a pool"),
        (["--cow", "--from-block", "1", "--created-block", "3"], "created block", "belongs to a pool"),
    ],
)
def test_what_is_wrong_in_itself_is_said_before_anybody_is_asked(tmp_path, arguments, field, said):
    ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", NOWHERE, "--name", NAME, *arguments)
    assert (ran.code, ran.error["field"]) == (2, field)
    assert said in ran.error["message"]


def test_a_history_from_files_cannot_be_healed_or_gone_on_with(build, tmp_path):
    Store(tmp_path).write_history(build.make_history([build.make_swap(0)], name=NAME))
    ran = pactsmith(tmp_path, "history", "heal", NAME, "--rpc-url", NOWHERE)
    assert (ran.code, ran.error["field"]) == (2, "name")
    assert "only histories from a node can be healed; 'pool' came from files" in ran.error["message"]
    ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", NOWHERE, "--name", NAME)
    assert "did not come from a node" in ran.error["message"]


def test_healing_follows_a_reorg_as_deep_as_it_is_told(traffic, tmp_path):
    world = traffic.world
    with traffic.unchanged():
        ingested(tmp_path, world, world.venues[V2])
        traffic.reorganise(6, blocks=7, seed=1)
        ran = pactsmith(tmp_path, "history", "heal", NAME, "--rpc-url", world.chain.url, "--reorg-depth", 4)
        assert (ran.code, ran.error["kind"]) == (1, "Reorg")
        assert healed(tmp_path, world.chain.url, "--reorg-depth", 6)["coverage"]["proof"] == "state"


# ---------------------------------------------------------------- pools


def test_from_a_block_on_nobody_looks_for_the_creation(world, tmp_path):
    venue = world.venues[V3]
    with FaultyProxy(world.chain.url) as proxy:
        ingested(tmp_path / "middle", world, venue, "--from-block", 500, url=proxy.url)
        assert not proxy.methods["eth_getCode"]
        told = ingested(tmp_path / "before", world, venue, "--from-block", 1, "--to-block", 200, url=proxy.url)
        assert proxy.methods["eth_getCode"], "the pool is younger"
    again = ingested(tmp_path / "before", world, venue, "--from-block", 1, "--to-block", 200)
    assert again["written"] == "already stored"
    assert told["coverage"]["first_block"] > 1
    truth = history_of(world, venue).events
    assert history_in(tmp_path / "middle").events[0].block_number >= 500
    assert history_in(tmp_path / "before").events == tuple(one for one in truth if one.block_number <= 200)


def test_a_creation_that_cannot_be_searched_for_is_told(world, tmp_path):
    venue = world.venues[V2]
    created = world.truth.logs(venue.address)[0].block_number
    with FaultyProxy(world.chain.url) as proxy:
        told = ingested(tmp_path, world, venue, "--created-block", created, "--to-block", 200, url=proxy.url)
        assert not proxy.methods["eth_getCode"]
    assert told["coverage"]["first_block"] == created
    assert told["coverage"]["proof"] == "state"


def test_other_decimals_than_the_stored_historys_are_refused(world, tmp_path):
    venue, token = world.venues["v2 MUTE/WETH"], world.tokens["MUTE"]
    ingested(tmp_path, world, venue, "--to-block", 200)
    before = contents(tmp_path)["history"]
    ran = pactsmith(tmp_path, *rpc(world, venue), "--decimals", f"{token}=7")
    assert (ran.code, ran.error["field"]) == (2, "decimals")
    assert contents(tmp_path)["history"] == before


FOREIGN = "0x" + "ab" * 32


def test_a_pool_of_another_kind_is_noticed_at_its_first_event_and_nothing_is_forgotten(world, tmp_path, monkeypatch):
    """As of a fork with an event of its own: the node tells it in logs and receipts alike."""
    from ingest.rpc import answers

    venue, read = world.venues[V3], answers.log
    foreign = next(log for log in world.truth.logs(venue.address) if log.block_number > 150)

    def with_foreign(value):
        place = int(value["blockNumber"], 16), int(value["logIndex"], 16)
        topics = [FOREIGN, *value["topics"][1:]]
        return read(value | {"topics": topics} if place == (foreign.block_number, foreign.log_index) else value)

    monkeypatch.setattr(answers, "log", with_foreign)
    requests = []
    for _ in range(2):
        with FaultyProxy(world.chain.url, provider=Provider(max_blocks=20)) as proxy:
            ran = pactsmith(tmp_path, *rpc(world, venue, url=proxy.url), "--connections", 1)
            assert (ran.code, ran.error["field"]) == (2, "pool")
            assert f"block {foreign.block_number} is of the event {FOREIGN}" in ran.error["message"]
            assert "another kind of pool, and not supported" in ran.error["message"]
            ranges = [(first, last) for first, last in proxy.ranges if first < last]
            assert max(last for _, last in ranges) < world.head - 200, "the rest was not fetched"
            requests.append(proxy.methods["eth_getLogs"])
    assert requests[1] < requests[0] / 2, "what was fetched before is kept"


def test_a_foreign_event_in_the_store_is_said_and_the_blocks_are_not_fetched_again(world, tmp_path):
    venue = world.venues[V3]
    ingested(tmp_path, world, venue)
    with closing(duckdb.connect(str(tmp_path / "chain.duckdb"))) as chain:
        chain.execute(
            "UPDATE log SET topic0 = ? WHERE (block_number, log_index) = "
            "(SELECT max((block_number, log_index)) FROM log WHERE address = ? AND block_number < 400)",
            [bytes.fromhex(FOREIGN[2:]), bytes.fromhex(venue.address[2:])],
        )
    for _ in range(2):
        with FaultyProxy(world.chain.url) as proxy:
            ran = pactsmith(tmp_path, *rpc(world, venue, url=proxy.url))
            assert f"of the event {FOREIGN}" in ran.error["message"]
            assert not proxy.methods["eth_getLogs"]


def test_a_coin_whose_wrapped_token_is_not_known_is_said(tmp_path):
    from ingest.chain_history import COIN_UNKNOWN, Routing

    assert Routing.of(1).caveats == ()
    assert Routing.of(31337).caveats == (COIN_UNKNOWN,)
    assert "--wrapped-native" in json.dumps(COIN_UNKNOWN)
