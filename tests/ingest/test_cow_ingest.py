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
from ingest.rpc import answers
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
    assert coverage.proof == ("logs" if why is None else "none")
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
    assert done.coverage.proof == "logs", "what was looked at once stays proven"
    assert intents(world, store, done) == all_wanted(world)


def test_it_goes_on_where_it_was_and_is_proven_where_all_parts_are(world, tmp_path):
    store, middle = ChainStore(tmp_path), world.head // 2
    assert ingest(world, store, "receipts", last_block=middle).coverage.proof == "logs"
    later = ingest(world, store, "events")
    assert (later.coverage.first_block, later.coverage.last_block) == (0, world.head)
    assert sum(one.blocks for one in later.fetched) == world.head - middle
    assert later.coverage.proof == "none"
    again = ingest(world, store, "receipts")
    assert sum(one.blocks for one in again.fetched) == world.head - middle
    assert again.coverage.proof == "logs"
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
    assert (hidden.found.settlements, hidden.coverage.proof) == ({}, "none")
    assert NOT_THE_HEADERS in hidden.coverage.why
    assert found.coverage.proof == "logs"
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
    assert done.coverage.proof == ("logs" if checks == "receipts" else "none")
    if done.coverage.proof == "logs":
        assert found == late_wanted(world)
    else:
        assert set(found) <= set(late_wanted(world))


@pytest.mark.parametrize("bloom", [None, bytes(256)])
@pytest.mark.parametrize("until", ["the end", "the middle"])
def test_without_bloom_filters_all_receipts_must_be_read(world, tmp_path, monkeypatch, bloom, until):
    """Some chains leave them empty, or did so once."""
    last = world.head // (1 if until == "the end" else 2)
    change_headers(monkeypatch, lambda one: replace(one, bloom=bloom) if one.block_number <= last else one)
    done = ingest(world, ChainStore(tmp_path / "headers"), "headers")
    assert (done.coverage.proof, done.fetched[0].blooms) == ("none", "unusable")
    assert "the node's headers do not tell which blocks may hold a log" in done.coverage.why
    store = ChainStore(tmp_path / "receipts")
    done = ingest(world, store, "receipts", first_block=last - 100)
    assert (done.coverage.proof, done.fetched[0].blooms) == ("logs", "unusable")
    assert intents(world, store, done) == [one for one in all_wanted(world) if one.block_number >= last - 100]


def change_headers(monkeypatch, change) -> None:
    headers = Node.headers
    monkeypatch.setattr(Node, "headers", lambda self, numbers: [change(one) for one in headers(self, numbers)])


@pytest.mark.parametrize("checks", ["headers", "receipts"])
@pytest.mark.parametrize("blank", ["a shown block", "the hidden block"])
def test_one_header_without_a_bloom_filter_hides_no_settlement(world, tmp_path, monkeypatch, checks, blank):
    """It contradicts the logs of its block, or says that there are none where they are withheld."""
    blocks = sorted({one.logs[0].block_number for one, _ in world.settlements()})
    shown, hidden = blocks[len(blocks) // 2 :][:2]
    number = shown if blank == "a shown block" else hidden
    change_headers(monkeypatch, lambda one: replace(one, bloom=bytes(256)) if one.block_number == number else one)
    withheld = frozenset(one.hash for one, _ in world.settlements() if one.logs[0].block_number == hidden)
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(withheld=withheld)) as proxy:
        done = ingest(world, store, checks, proxy.url)
    if checks == "receipts":
        assert done.coverage.proof == "logs"
        assert intents(world, store, done) == all_wanted(world)
    else:
        assert done.coverage.proof == "none"


def test_a_chunk_whose_headers_do_not_tell_is_looked_at_again_the_next_time(world, tmp_path, monkeypatch):
    store = ChainStore(tmp_path)
    with monkeypatch.context() as once:
        change_headers(once, lambda one: replace(one, bloom=bytes(256)))
        assert NOT_THE_HEADERS not in ingest(world, store, "headers").coverage.why
    again = ingest(world, store, "headers")
    assert sum(one.blocks for one in again.fetched) == world.head + 1
    assert NOT_THE_RECEIPTS in again.coverage.why


def test_receipts_that_a_node_gives_in_part_are_read_one_by_one(world, tmp_path, monkeypatch):
    """It hides a settlement in its logs and among its block's receipts, but the block has more transactions."""
    hidden, parsed = world.settlements()[-3][0].hash, answers.receipts
    monkeypatch.setattr(answers, "receipts", lambda value: [one for one in parsed(value) if one.tx_hash != raw(hidden)])
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(withheld=frozenset({hidden}))) as proxy:
        done = ingest(world, store, "receipts", proxy.url, **late_blocks(world))
    assert done.coverage.proof == "logs"
    assert intents(world, store, done) == late_wanted(world)


def test_blocks_without_a_settlement_are_proven_to_have_none(world, tmp_path):
    last = rows_of(world, world.settlements()[0][0]).logs[0]["block_number"] - 1
    done = ingest(world, ChainStore(tmp_path), "receipts", last_block=last)
    assert (done.found.settlements, done.coverage.proof) == ({}, "logs")


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
    assert done.coverage.proof == "none"
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
    with pytest.raises(InputError, match=r"first block.*not known from where on; say from which block"):
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
        {"first_block": 0, "last_block": world.head, "proof": "logs", "why": ""},
    )
    assert (second["settlements"], second["left_out"]) == ({"settle": len(world.settlements())}, 0)
    assert second["node"] == world.chain.url
    third = command(world, tmp_path).done()
    assert (third["written"], third["logs_fetched"]) == ("already stored", 0)
    flow = Store(tmp_path).flows.load("orders")
    assert list(flow.intents) == all_wanted(world)
    assert (flow.content_id, flow.counts["batches"]) == (third["content_id"], len(world.settlements()))


def test_a_flow_is_gone_on_with_from_where_it_begins_whatever_else_was_fetched(world, tmp_path):
    middle = world.head // 2
    command(world, tmp_path, "--from-block", 0, "--to-block", middle, name="first").done()
    command(world, tmp_path, "--from-block", middle - 50, "--to-block", middle + 50, name="second").done()
    told = command(world, tmp_path, name="second").done()["coverage"]
    assert (told["first_block"], told["last_block"]) == (middle - 50, world.head)
    expected = [one for one in all_wanted(world) if one.block_number >= middle - 50]
    assert list(Store(tmp_path).flows.load("second").intents) == expected
    assert "not known from where on" in command(world, tmp_path, name="third").error["message"]


def test_asking_for_less_leaves_what_is_there(world, tmp_path):
    command(world, tmp_path, "--from-block", 100).done()
    flow = Store(tmp_path).flows.load("orders")
    for less in (["--to-block", 300], ["--follow", 200]):
        told = command(world, tmp_path, *less).done()
        assert (told["written"], told["coverage"]["last_block"]) == ("already stored", world.head)
    for start in (0, 300):
        refused = command(world, tmp_path, "--from-block", start).error
        assert (refused["field"], refused["exit_code"]) == ("first block", 2)
        assert "begins at block 100" in refused["message"]
    assert Store(tmp_path).flows.load("orders") == flow
    assert (flow.coverage.first_block, flow.coverage.last_block) == (100, world.head)


def test_a_flow_that_an_earlier_version_stored_loses_nothing(world, tmp_path):
    """It did not say which blocks it was made of."""
    command(world, tmp_path, "--from-block", 0).done()
    flow = Store(tmp_path).flows.load("orders")
    with writing(Store(tmp_path).database) as store:
        store.execute("UPDATE flow SET coverage = NULL")
    assert "not known from where on" in command(world, tmp_path).error["message"]
    command(world, tmp_path, "--from-block", 300, "--to-block", 400).done()
    assert Store(tmp_path).flows.load("orders").intents == flow.intents


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
