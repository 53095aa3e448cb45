"""CoW settlements from a node: nothing is called complete of which no more was looked at than it takes to hide one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from cow_world import (
    all_wanted,
    cow_of,
    made_by_contract,
    node_at,
    raw,
    rows_of,
    settlement,
    solving_contracts,
    wanted,
)
from faulty_proxy import FaultyProxy
from rpc_commands import pactsmith
from rpc_faults import Faults
from rpc_provider import Provider

from app.cli import run
from ingest.chain_schema import MIGRATIONS
from ingest.chain_store import ChainStore
from ingest.cow_chain import intents_of_settlements
from ingest.cow_flow import flow_of_settlements
from ingest.database import writing
from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_ingested import from_records
from ingest.rpc.cow_ingest import CowIngest, ingest_cow
from ingest.rpc.fetch import Request
from ingest.rpc.node import Node
from ingest.rpc.queries import COW_SETTLEMENT_CONTRACT
from ingest.store import Store

NOT_THE_HEADERS = "the node was not asked for every block's header"
NOT_THE_RECEIPTS = "not all receipts were read"
ALWAYS = 10**9


def ingest(world, store: ChainStore, checks: str, url: str | None = None, **changes) -> CowIngest:
    values = {"filters": (), "first_block": 0, "last_block": None, "follow_blocks": 0, "checks": checks}
    options = {"settlement": cow_of(world), "wrapped_native": world.tokens["WETH"]}
    with node_at(url or world.chain.url) as node:
        return ingest_cow(node, store, Request(**(values | changes)), **options)


def intents(world, store: ChainStore, done: CowIngest):
    blocks = done.coverage.first_block, done.coverage.last_block
    return list(intents_of_settlements(store, done.chain_id, done.settlement, blocks, world.tokens["WETH"]))


@pytest.mark.parametrize(
    ("checks", "why"), [("events", NOT_THE_HEADERS), ("headers", NOT_THE_RECEIPTS), ("receipts", None)]
)
def test_as_much_is_proven_as_was_looked_at(world, tmp_path, checks, why):
    store = ChainStore(tmp_path)
    done = ingest(world, store, checks)
    coverage = done.coverage
    assert (coverage.first_block, coverage.last_block) == (0, world.head)
    assert coverage.proven is (why is None)
    assert (why or "") in coverage.why
    said = "is not proven: " + coverage.why if why else f"all settlements of blocks 0 to {world.head}"
    assert said in done.caveats[-1]
    assert intents(world, store, done) == all_wanted(world)
    assert (done.found.settlements, done.found.left_out) == ({"settle": len(world.settlements())}, 0)
    assert done.found.intents == {"settle": len(all_wanted(world))}


def test_blocks_are_asked_for_again_only_where_more_is_to_be_looked_at(world, tmp_path):
    store, blocks = ChainStore(tmp_path), world.head + 1
    fetched = [
        sum(one.blocks for one in ingest(world, store, checks).fetched)
        for checks in ("events", "events", "headers", "receipts", "receipts", "headers")
    ]
    assert fetched == [blocks, 0, blocks, blocks, 0, 0]
    done = ingest(world, store, "events")
    assert done.coverage.proven, "what was looked at once stays proven"
    assert intents(world, store, done) == all_wanted(world)


def test_it_goes_on_where_it_was_and_is_proven_where_all_parts_are(world, tmp_path):
    store, middle = ChainStore(tmp_path), world.head // 2
    assert ingest(world, store, "receipts", last_block=middle).coverage.proven
    later = ingest(world, store, "events", first_block=None)
    assert (later.coverage.first_block, later.coverage.last_block) == (0, world.head)
    assert sum(one.blocks for one in later.fetched) == world.head - middle
    assert not later.coverage.proven
    again = ingest(world, store, "receipts", first_block=None)
    assert sum(one.blocks for one in again.fetched) == world.head - middle
    assert again.coverage.proven
    assert intents(world, store, again) == all_wanted(world)


def late_blocks(world) -> dict[str, int]:
    """A part of the chain that has a few settlements."""
    return {"first_block": rows_of(world, world.settlements()[-6][0]).logs[0]["block_number"]}


def late_wanted(world):
    return [one for one in all_wanted(world) if one.block_number >= late_blocks(world)["first_block"]]


def test_a_node_that_hides_settlements_is_not_believed_to_tell_all(world, tmp_path):
    """It always leaves logs out; then only receipts show all of them."""
    faults = Faults(rates={"empty_logs": 1.0}, most=ALWAYS, most_per_request=ALWAYS)
    with FaultyProxy(world.chain.url, faults) as proxy:
        hidden = ingest(world, ChainStore(tmp_path / "events"), "events", proxy.url)
        store = ChainStore(tmp_path / "receipts")
        found = ingest(world, store, "receipts", proxy.url, **late_blocks(world))
    assert (hidden.found.settlements, hidden.coverage.proven) == ({}, False)
    assert NOT_THE_HEADERS in hidden.coverage.why
    assert found.coverage.proven
    assert intents(world, store, found) == late_wanted(world)


@pytest.mark.parametrize("checks", ["events", "headers", "receipts"])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_called_proven_is_all_there_is_whatever_the_node_leaves_out(world, tmp_path, checks, seed):
    store = ChainStore(tmp_path)
    faults = Faults(seed=seed, rates={"dropped_logs": 0.7, "cut_logs": 0.3}, most_per_request=ALWAYS)
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=15)) as proxy:
        done = ingest(world, store, checks, proxy.url, **late_blocks(world))
        assert proxy.lost()
    found = intents(world, store, done)
    assert done.coverage.proven is (checks == "receipts")
    if done.coverage.proven:
        assert found == late_wanted(world)
    else:
        assert set(found) <= set(late_wanted(world))


@pytest.mark.parametrize("bloom", [None, bytes(256)])
@pytest.mark.parametrize("until", ["the end", "the middle"])
def test_without_bloom_filters_nothing_is_proven(world, tmp_path, monkeypatch, bloom, until):
    headers, last = Node.headers, world.head // (1 if until == "the end" else 2)

    def bare(self, numbers):
        return [replace(one, bloom=bloom) if one.block_number <= last else one for one in headers(self, numbers)]

    monkeypatch.setattr(Node, "headers", bare)
    done = ingest(world, ChainStore(tmp_path / "all"), "receipts")
    assert (done.coverage.proven, done.coverage.why) == (False, "the node's headers do not tell which blocks hold logs")
    assert not ingest(world, ChainStore(tmp_path / "none"), "receipts", last_block=2).coverage.proven


def test_blocks_without_a_settlement_are_proven_to_have_none(world, tmp_path):
    last = rows_of(world, world.settlements()[0][0]).logs[0]["block_number"] - 1
    done = ingest(world, ChainStore(tmp_path), "receipts", last_block=last)
    assert (done.found.settlements, done.coverage.proven) == ({}, True)


# ---------------------------------------------------------------- what does not fit


def change_store(store: ChainStore, query: str, *values: object) -> None:
    with writing(store.database, steps=MIGRATIONS) as connection:
        assert connection.execute(query, values).fetchall()[0][0] == 1


def test_a_missing_trade_shows_and_is_fetched_again(world, tmp_path):
    store = ChainStore(tmp_path)
    ingest(world, store, "events")
    made, batch = max(world.settlements(), key=lambda one: len(one[1].fills))
    lost = rows_of(world, made).logs[1]
    change_store(
        store, "DELETE FROM log WHERE block_number = ? AND log_index = ?", lost["block_number"], lost["log_index"]
    )
    done = ingest(world, store, "events")
    assert len(batch.fills) >= 3
    assert done.refetched == (lost["block_number"],)
    assert done.found.left_out == 0
    assert intents(world, store, done) == all_wanted(world)


def test_a_settlement_that_stays_contradictory_is_left_out_and_named(world, tmp_path):
    store = ChainStore(tmp_path)
    ingest(world, store, "receipts")
    made, batch = world.settlements()[3]
    call = bytearray(raw(made.data))
    call[call.index(raw(batch.fills[0].order.app_data))] ^= 1
    change_store(store, "UPDATE transaction_of SET input = ? WHERE tx_hash = ?", bytes(call), raw(made.hash))
    done = ingest(world, store, "receipts")
    block = made.logs[0].block_number
    assert done.refetched == (block,)
    assert [(one.block_number, one.tx_hash, one.intents) for one in done.found.contradictions] == [
        (block, made.hash, ())
    ]
    assert not done.coverage.proven
    assert (
        f"1 settlement(s) left out, the first in block {block} (transaction {made.hash}): trade 0: "
        in done.coverage.why
    )
    assert intents(world, store, done) == [one for one in all_wanted(world) if one.tx_hash != made.hash]


def test_a_contract_that_settles_no_cow_orders_is_refused(world, tmp_path):
    with node_at(world.chain.url) as node:
        for address in (world.contracts["v2 router"].address, world.users[0]):
            with pytest.raises(InputError, match="is not CoW Protocol's settlement contract on chain 1"):
                ingest_cow(
                    node,
                    ChainStore(tmp_path),
                    Request((), 0, None, 0, "events"),
                    settlement=address,
                    wrapped_native=world.tokens["WETH"],
                )


def test_to_go_on_from_nothing_is_refused(world, tmp_path):
    with pytest.raises(InputError, match=r"first block.*no settlements of chain 1 are stored yet; say from which"):
        ingest(world, ChainStore(tmp_path), "events", first_block=None)


# ---------------------------------------------------------------- the flow


def test_fills_that_only_logs_tell_of_are_counted_and_said(tmp_path):
    with solving_contracts() as cow:
        world, store = cow.world, ChainStore(tmp_path)
        inside, hidden = settlement(cow, 2), settlement(cow, 3)
        made = made_by_contract(cow, "run", [raw(inside.data)])
        made_by_contract(cow, "runHalves", [raw(hidden.data)[3:]], [raw(hidden.data)[:3]])
        done = ingest(world, store, "receipts")
        found = intents(world, store, done)
    assert done.found.intents == {"inside": 2, "logs": 3}
    assert any(caveat.startswith("3 of 5 fills are known by their logs alone") for caveat in done.caveats)
    assert found[:2] == wanted(world, made, inside.asked)
    assert [(one.executed_in, one.executed_out) for one in found[2:]] == [
        (fill.sold - fill.fee, fill.bought) for fill in hidden.asked.fills
    ]


def test_a_flow_has_every_intent_as_it_was_and_the_same_identity_again(world, tmp_path):
    store = ChainStore(tmp_path)
    done = ingest(world, store, "events")
    flows = [
        flow_of_settlements(
            iter(intents(world, store, done)), "cow", name=name, caveats=done.caveats, counts={"batches": 3}
        )
        for name in ("one", "two")
    ]
    flow = flows[0].flow
    assert list(flow.intents) == all_wanted(world)
    assert (flow.exact, flow.unit, flow.amount_places, flow.trades) == (True, "smallest units", 0, ())
    assert (flow.caveats, flow.counts["batches"], flow.source) == (done.caveats, 3, "chain")
    assert flow.content_id == flows[1].flow.content_id
    assert Counter(one.order_id for one in flow.intents).most_common(1)[0][1] >= 2


def test_no_settlement_makes_no_flow():
    with pytest.raises(InputError, match="hold no settled order that could be read"):
        flow_of_settlements(iter(()), "cow", name="none", caveats=(), counts={})


# ---------------------------------------------------------------- the command


def command(world, store, *more: object, name: str = "orders"):
    options = {
        "--rpc-url": world.chain.url,
        "--name": name,
        "--follow": 0,
        "--wrapped-native": world.tokens["WETH"],
        "--cow-settlement": cow_of(world),
    }
    arguments = [part for pair in options.items() for part in pair]
    return pactsmith(store, "ingest", "rpc", "--cow", *arguments, *more)


def test_the_command_stores_a_flow_and_goes_on_with_it(world, tmp_path):
    middle = world.head // 2
    first = command(world, tmp_path, "--from-block", 0, "--to-block", middle).done()
    assert (first["written"], first["coverage"]["last_block"]) == ("stored", middle)
    second = command(world, tmp_path, "--checks", "receipts").done()
    assert (second["written"], second["coverage"]) == (
        "replaced",
        {"first_block": 0, "last_block": world.head, "proven": True, "why": ""},
    )
    assert (second["settlements"], second["left_out"]) == ({"settle": len(world.settlements())}, 0)
    assert second["node"] == world.chain.url
    third = command(world, tmp_path).done()
    assert (third["written"], third["logs_fetched"]) == ("already stored", 0)
    flow = Store(tmp_path).flows.load("orders")
    assert list(flow.intents) == all_wanted(world)
    assert (flow.content_id, flow.counts["batches"]) == (third["content_id"], len(world.settlements()))


def test_the_command_says_on_a_terminal_what_it_did_and_did_not_prove(world, tmp_path, capsys):
    for checks, proof in (("events", "NOT proven complete"), ("receipts", ": proven complete")):
        arguments = ["ingest", "rpc", "--cow", "--cow-settlement", cow_of(world), "--rpc-url", world.chain.url]
        arguments += [
            "--name",
            "orders",
            "--from-block",
            "0",
            "--follow",
            "0",
            "--checks",
            checks,
            "--store",
            str(tmp_path),
        ]
        assert run(arguments) == 0
        said = capsys.readouterr().out
        assert proof in said
        assert f"{len(all_wanted(world))} fills of orders" in said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--pool", "0x" + "11" * 20], "either pools or --cow"),
        (["--cow-settlement", "0x12"], "must be an address"),
        (["--cow-settlement", COW_SETTLEMENT_CONTRACT], "is not CoW Protocol's settlement contract on chain 1"),
        (["--to-block", 3], "hold no settled order"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(world, tmp_path, more, why):
    assert why in command(world, tmp_path, "--from-block", 0, *more).error["message"]
    assert not Store(tmp_path).flows.summaries()


def test_a_name_that_is_something_elses_is_refused_before_the_node_is_asked_for_logs(world, tmp_path):
    flow = OrderFlow("orders", "", "file", ("dune",), "smallest units", 0, True, "…", intents=(all_wanted(world)[0],))
    Store(tmp_path).flows.write(from_records(flow))
    refused = command(world, tmp_path, "--from-block", 0).error
    assert (refused["field"], refused["exit_code"]) == ("name", 2)
    assert not ChainStore(tmp_path).database.exists()
