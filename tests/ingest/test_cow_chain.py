"""Settled CoW orders of a real chain: every fill as it was asked for and happened, or a reason why it is not told."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import pytest
from cow_world import (
    LOG_TYPES,
    SETTLE_TYPES,
    Rows,
    all_wanted,
    cow_of,
    made_by_contract,
    node_at,
    raw,
    reader_of,
    rows_of,
    settlement,
    solving_contracts,
    uid_of_order,
    wanted,
)
from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st
from rpc_world.anvil import CHAIN_ID
from rpc_world.asked import CowBatch, CowFill
from rpc_world.cow import COIN

from ingest.chain_store import ChainStore
from ingest.cow_calls import MAX_BYTES, SETTLE, trades_of_call
from ingest.cow_chain import SettlementReader, intents_of_settlements, settlements_of
from ingest.cow_orders import domain_of, executed_at, signer_of, uid_of
from ingest.cow_settlements import read_settlements
from ingest.rpc.fetch import Request, fetch
from ingest.rpc.queries import COW_SETTLEMENT_CONTRACT, COW_TRADE, cow_filter

WETH_MAINNET = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
SCHEMES = {"eip712": 0, "ethsign": 1, "eip1271": 2, "presign": 3}


@pytest.fixture(scope="module")
def store(world, tmp_path_factory) -> ChainStore:
    """All the chain's settlements."""
    store = ChainStore(tmp_path_factory.mktemp("chain"))
    with node_at(world.chain.url) as node:
        fetch(node, store, Request((cow_filter(cow_of(world)),), 0, None, 0, "events"))
    return store


@pytest.fixture(scope="module")
def richest(world):
    """A settlement with many trades, partial ones and one for the chain's coin among them, and its rows."""
    made, batch = max(
        world.settlements(),
        key=lambda one: (
            any(fill.order.partially_fillable for fill in one[1].fills),
            any(fill.order.buy_token == COIN for fill in one[1].fills),
            len(one[1].fills),
        ),
    )
    return rows_of(world, made), wanted(world, made, batch)


def read(world, rows: Rows):
    return list(reader_of(world).read(rows.transaction, rows.logs))


# ---------------------------------------------------------------- what is told


def test_every_fill_is_told_as_it_was_asked_for_and_happened(world, store):
    found = list(intents_of_settlements(store, CHAIN_ID, cow_of(world), (0, world.head), world.tokens["WETH"]))
    assert found == all_wanted(world)
    assert len(found) >= 60


def test_the_chain_has_orders_of_every_kind(world):
    """Else the test above would show less than it seems to."""
    fills = [fill for _, batch in world.settlements() for fill in batch.fills]
    kinds = Counter((fill.order.kind, fill.order.partially_fillable, fill.order.scheme) for fill in fills)
    assert len(kinds) == 12
    assert sum(fill.order.buy_token == COIN for fill in fills) >= 3
    assert sum(fill.order.receiver != fill.order.owner for fill in fills) >= 10
    assert sum(fill.fee > 0 for fill in fills) >= 10
    assert sum(0 < fill.fee < fill.order.fee_amount for fill in fills) >= 3


def test_only_the_blocks_asked_for_are_read(world, store):
    middle = world.head // 2
    parts = [
        list(intents_of_settlements(store, CHAIN_ID, cow_of(world), blocks, world.tokens["WETH"]))
        for blocks in ((0, middle), (middle + 1, world.head))
    ]
    assert all(parts)
    assert parts[0] + parts[1] == all_wanted(world)


def test_no_limit_is_broken_and_no_order_is_filled_beyond_its_size(world, store):
    intents = list(intents_of_settlements(store, CHAIN_ID, cow_of(world), (0, world.head), world.tokens["WETH"]))
    filled: Counter[str] = Counter()
    for one in intents:
        assert one.executed_in * one.amount_out <= one.executed_out * one.amount_in
        exact = (one.executed_in, one.amount_in) if one.kind == "sell" else (one.executed_out, one.amount_out)
        filled[one.order_id] += exact[0]
        assert filled[one.order_id] <= exact[1]
        if not one.partially_fillable:
            assert exact[0] == exact[1]
    times = Counter(one.order_id for one in intents)
    assert sum(count >= 2 for count in times.values()) >= 3
    assert all(one.partially_fillable for one in intents if times[one.order_id] > 1)


def test_all_of_it_is_known_by_the_calls_themselves(world, store):
    found = list(settlements_of(store, CHAIN_ID, cow_of(world), (0, world.head), world.tokens["WETH"]))
    assert Counter((one.known, one.contradiction) for one in found) == {("settle", ""): len(world.settlements())}
    assert [(one.block_number, one.tx_hash) for one in found] == [
        (made.logs[0].block_number, made.hash) for made, _ in world.settlements()
    ]


@pytest.mark.parametrize("change", ["chain", "contract"])
def test_orders_signed_for_another_chain_or_contract_are_not_taken_for_these(world, richest, change):
    rows, _ = richest
    reader = reader_of(world, chain_id=10) if change == "chain" else SettlementReader(CHAIN_ID, "0x" + "11" * 20, COIN)
    if change == "contract":
        rows = deepcopy(rows)
        rows.transaction["to_address"] = bytes.fromhex("11" * 20)
    (found,) = reader.read(rows.transaction, rows.logs)
    assert (found.intents, found.contradiction) == (
        (),
        "trade 0: the call's order is not the one whose id the log has",
    )


def test_what_solvers_append_to_their_calls_changes_nothing(world, richest):
    rows, intents = deepcopy(richest)
    rows.transaction["input"] += bytes.fromhex("00000000008a1b2c")
    (found,) = read(world, rows)
    assert list(found.intents) == intents


# ---------------------------------------------------------------- what was tampered with


def require_true_or_refused(world, rows: Rows, intents) -> bool:
    """Whether there is a reason why it is not told; else it is told as it was."""
    found = read(world, rows)
    told = [intent for one in found for intent in one.intents]
    refused = any(one.contradiction for one in found)
    assert all(bool(one.intents) != bool(one.contradiction) for one in found)
    if not refused:
        assert told == intents
    return refused


@given(st.data())
def test_a_changed_call_is_refused_or_says_the_same(world, richest, data):
    rows, intents = deepcopy(richest)
    call = bytearray(rows.transaction["input"])
    for _ in range(data.draw(st.integers(1, 3))):
        call[data.draw(st.integers(0, len(call) - 1))] = data.draw(st.integers(0, 255))
    rows.transaction["input"] = bytes(call)
    require_true_or_refused(world, rows, intents)


@given(st.data())
def test_a_cut_or_stretched_call_is_refused_or_says_the_same(world, richest, data):
    rows, intents = deepcopy(richest)
    call = rows.transaction["input"]
    at = data.draw(st.integers(0, len(call)))
    rows.transaction["input"] = (
        call[:at] + data.draw(st.binary(max_size=64)) + call[at + data.draw(st.integers(0, 64)) :]
    )
    require_true_or_refused(world, rows, intents)


@given(st.data())
def test_a_changed_log_is_refused(world, richest, data):
    rows, intents = deepcopy(richest)
    log = rows.logs[data.draw(st.integers(0, len(rows.logs) - 2))]
    field = data.draw(st.sampled_from(["data", "topic1"]))
    content = bytearray(log[field])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    log[field] = bytes(content)
    assert require_true_or_refused(world, rows, intents)


WORDS = {
    "sell token index": 0,
    "buy token index": 1,
    "receiver": 2,
    "sell amount": 3,
    "buy amount": 4,
    "valid to": 5,
    "app data": 6,
    "fee amount": 7,
    "flags": 8,
}


@pytest.mark.parametrize("field", WORDS)
def test_every_field_of_an_order_is_proven_by_its_id(world, richest, field):
    rows, intents = deepcopy(richest)
    tokens, prices, trades, interactions = decode(SETTLE_TYPES, rows.transaction["input"][4:])
    trade = list(trades[0])
    value = trade[WORDS[field]]
    trade[WORDS[field]] = {
        "receiver": "0x" + "12" * 20,
        "app data": bytes(32),
        "buy amount": value and value - 1 if isinstance(value, int) else value,
    }.get(field, value ^ 1 if isinstance(value, int) else value)
    changed = (tokens, prices, (tuple(trade), *trades[1:]), interactions)
    rows.transaction["input"] = SETTLE + encode(SETTLE_TYPES, changed)
    assert require_true_or_refused(world, rows, intents)


@pytest.mark.parametrize("change", ["prices", "executed", "signature", "twice", "missing", "swapped"])
def test_each_number_of_a_call_must_fit_its_logs(world, richest, change):
    rows, intents = deepcopy(richest)
    tokens, prices, trades, interactions = (list(part) for part in decode(SETTLE_TYPES, rows.transaction["input"][4:]))
    partial = next(n for n, trade in enumerate(trades) if trade[8] & 2)
    if change == "prices":
        prices[trades[partial][0]] *= 2
    elif change == "executed":
        trades[partial] = (*trades[partial][:9], trades[partial][9] + 1, trades[partial][10])
    elif change == "signature":
        trades[0] = (*trades[0][:10], trades[1][10] if trades[0][10] != trades[1][10] else b"")
    elif change == "twice":
        trades.append(trades[0])
    elif change == "missing":
        trades.pop()
    else:
        trades[:2] = trades[1::-1]
    rows.transaction["input"] = SETTLE + encode(SETTLE_TYPES, (tokens, prices, trades, interactions))
    assert require_true_or_refused(world, rows, intents)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.logs.pop(0), "makes"),
        (lambda rows: rows.logs.pop(), "Settlement log is missing"),
        (lambda rows: rows.logs.insert(0, rows.logs[0]), "makes"),
        (lambda rows: rows.logs.reverse(), "calls the contract once"),
        (lambda rows: rows.logs.append(rows.logs[-1]), "calls the contract once"),
        (lambda rows: rows.transaction.update(succeeded=False), "failed, yet has logs"),
        (lambda rows: rows.transaction.update(input=b""), "neither settle nor swap"),
        (lambda rows: rows.transaction.update(input=SETTLE + bytes(MAX_BYTES)), "bytes, more than"),
        (lambda rows: [log.update(block_ts=2**33) for log in rows.logs], "had expired"),
    ],
)
def test_what_cannot_have_happened_is_refused_with_the_reason(world, richest, change, why):
    rows, _ = deepcopy(richest)
    change(rows)
    found = read(world, rows)
    assert not any(one.intents for one in found)
    assert all(one.contradiction for one in found)
    assert why in found[0].contradiction


def test_logs_without_their_transaction_are_refused(world, richest):
    (found,) = reader_of(world).read(None, richest[0].logs)
    assert (found.intents, found.contradiction) == ((), "its transaction is not stored")


# ---------------------------------------------------------------- calls by other contracts


@pytest.fixture(scope="module")
def solvers():
    """A chain of its own, on which contracts settle."""
    with solving_contracts() as cow:
        yield cow


def test_calls_inside_another_ones_data_are_found_and_proven(solvers):
    world = solvers.world
    calls = [settlement(solvers, 2), settlement(solvers, 1), settlement(solvers, 2)]
    made = made_by_contract(solvers, "run", [raw(call.data) for call in calls])
    found = read(world, rows_of(world, made))
    assert [(one.known, one.contradiction) for one in found] == [("inside", "")] * 3
    fills = CowBatch(tuple(fill for call in calls for fill in call.asked.fills))
    assert [intent for one in found for intent in one.intents] == wanted(world, made, fills)


def test_calls_that_were_prepared_but_not_made_are_not_told(solvers):
    """The data names two settlements of as many orders; the logs tell which one was made."""
    world = solvers.world
    other, call = settlement(solvers, 2), settlement(solvers, 2)
    made = made_by_contract(solvers, "runHalves", [raw(call.data)[9:], raw(other.data)], [raw(call.data)[:9]])
    rows = rows_of(world, made)
    (found,) = read(world, rows)
    assert found.known == "logs"
    rows.transaction["input"] += raw(call.data)
    (found,) = read(world, rows)
    assert (found.known, list(found.intents)) == ("inside", wanted(world, made, call.asked))


def test_logs_alone_tell_what_was_executed_and_no_limit(solvers):
    world = solvers.world
    call = settlement(solvers, 3, fee_amount=77)
    made = made_by_contract(solvers, "runHalves", [raw(call.data)[3:]], [raw(call.data)[:3]])
    (found,) = read(world, rows_of(world, made))
    assert (found.known, found.contradiction) == ("logs", "")
    assert list(found.intents) == [
        replace(
            one,
            method="Trade",
            kind="sell",
            amount_in=None,
            amount_out=None,
            partially_fillable=False,
            recipient=None,
        )
        for one in wanted(world, made, call.asked)
    ]


def test_logs_alone_must_still_be_those_of_the_contract(solvers):
    world = solvers.world
    call = settlement(solvers, 2)
    made = made_by_contract(solvers, "runHalves", [raw(call.data)[3:]], [raw(call.data)[:3]])

    def spoilt(**changes):
        rows = rows_of(world, made)
        rows.logs[1] |= changes
        return [(one.intents, one.contradiction) for one in read(world, rows)]

    data = rows_of(world, made).logs[1]["data"]
    strange = [
        {"topic1": bytes(12) + bytes.fromhex("12" * 20)},  # an owner that is not the one in the order's id
        {"topic1": None},
        {"topic2": bytes(32)},
        {"data": data + bytes(32)},
        {"data": data[:-1]},
        {"data": b""},
    ]
    for changes in strange:
        ((told, why),) = spoilt(**changes)
        assert (told, "is no Trade of the settlement contract" in why) == ((), True)
    values = list(decode(LOG_TYPES, data))
    values[4] = values[2] + 1
    assert spoilt(data=encode(LOG_TYPES, values)) == [((), "the fee is above what was sold")]


def test_a_receiver_that_is_zero_is_the_owner(solvers):
    world = solvers.world
    call = settlement(solvers, 1, receiver="0x" + "00" * 20)
    made = made_by_contract(solvers, "run", [raw(call.data)])
    ((intent,),) = [one.intents for one in read(world, rows_of(world, made))]
    assert intent.recipient == intent.trader == call.asked.fills[0].order.owner


@pytest.mark.parametrize("fee", [0, 77])
def test_a_lone_log_with_a_fee_does_not_tell_whether_that_is_counted_in(solvers, fee):
    world = solvers.world
    call = settlement(solvers, 1, fee_amount=fee)
    made = made_by_contract(solvers, "runHalves", [raw(call.data)[3:]], [raw(call.data)[:3]])
    ((intent,),) = [one.intents for one in read(world, rows_of(world, made))]
    (fill,) = call.asked.fills
    assert intent.executed_in == (fill.sold if fee == 0 else None)
    assert (intent.executed_out, intent.executed_fee) == (fill.bought, fill.fee)


@pytest.mark.parametrize("kind", ["sell", "buy"])
def test_a_swap_at_balancer_is_read_with_its_fee_on_top(solvers, kind):
    world = solvers.world
    while True:
        order, *_ = solvers._priced_order()
        if order.kind == kind and order.scheme == "eip712" and order.buy_token != COIN:
            break
    order = replace(order, fee_amount=123, partially_fillable=False)
    order = replace(order, uid=uid_of_order(solvers, order))
    limit = order.buy_amount + 5 if kind == "sell" else order.sell_amount - 5
    trade = (
        1,
        0,
        order.receiver,
        order.sell_amount,
        order.buy_amount,
        order.valid_to,
        raw(order.app_data),
        order.fee_amount,
        int(kind == "buy"),
        limit,
        solvers._sign(order),
    )
    call = world.call("cow", "swap", [], [order.buy_token, order.sell_token], trade, sender=world.solver)
    made = world.mine([call]).transactions[0]
    rows = rows_of(world, made)
    (found,) = read(world, rows)
    sold, bought = (order.sell_amount, limit) if kind == "sell" else (limit, order.buy_amount)
    fill = CowFill(order, order.whole, sold + 123, bought, 123)
    assert (found.known, found.contradiction) == ("swap", "")
    assert list(found.intents) == [replace(one, method="swap") for one in wanted(world, made, CowBatch((fill,)))]
    for place in (2, 3, 4):  # sold, bought, fee: each of them by so little that the order's own limit still holds
        spoilt = deepcopy(rows)
        values = list(decode(LOG_TYPES, spoilt.logs[0]["data"]))
        values[place] += -1 if (kind, place) == ("sell", 3) else 1
        spoilt.logs[0]["data"] = encode(LOG_TYPES, values)
        (found,) = read(world, spoilt)
        assert "not those that the swap had to give" in found.contradiction


# ---------------------------------------------------------------- mainnet


def told(path):
    """Every settlement of a file as its call's arguments, read with other means."""
    for line in csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())):
        trades = json.loads(line["trades"].replace("} {", "},{"))
        yield (
            line["call_tx_hash"],
            line["tokens"].strip("[]").split(),
            [int(text) for text in line["clearing_prices"].strip("[]").split()],
            [
                tuple(raw(one[name]) if name in ("appData", "signature") else one[name] for name in FIELDS)
                for one in trades
            ],
        )


FIELDS = (
    "sellTokenIndex",
    "buyTokenIndex",
    "receiver",
    "sellAmount",
    "buyAmount",
    "validTo",
    "appData",
    "feeAmount",
    "flags",
    "executedAmount",
    "signature",
)


@pytest.mark.shared_data
def test_calls_of_mainnet_are_read_as_the_file_of_their_arguments_is(shared_data):
    path = shared_data / "cow_settlements_mainnet" / "settlements.csv.gz"
    batches = {batch.tx_hash: batch for batch in read_settlements(path)}
    domain, reader = domain_of(1, COW_SETTLEMENT_CONTRACT), SettlementReader(1, COW_SETTLEMENT_CONTRACT, WETH_MAINNET)
    own, signed, count = 0, 0, 0
    for tx_hash, tokens, prices, trades in told(path):
        data = SETTLE + encode(SETTLE_TYPES, (tokens, prices, trades, [[], [], []]))
        logs, batch = [], batches.pop(tx_hash)
        for trade, one in zip(trades_of_call(data, len(trades)), batch.trades, strict=True):
            executed = executed_at(trade.order, trade.executed_amount, *trade.prices)
            digest = trade.order.digest(domain)
            owner = signer_of(digest, trade.scheme, trade.signature)
            uid = uid_of(digest, owner, one.valid_to)
            logs.append(trade_row(tx_hash, one.sell_token, one.buy_token, executed, owner, uid))
            if trade.scheme in (SCHEMES["eip712"], SCHEMES["ethsign"]):
                signed += 1
                own += owner == one.receiver
        transaction = {
            "to_address": raw(COW_SETTLEMENT_CONTRACT),
            "input": data,
            "succeeded": True,
            "gas_used": None,
            "gas_price_wei": None,
        }
        (found,) = reader.read(transaction, [*logs, settlement_row(tx_hash)])
        assert not found.contradiction
        for intent, one in zip(found.intents, batch.trades, strict=True):
            count += 1
            assert (intent.kind, intent.partially_fillable) == (one.kind, one.partially_fillable)
            assert (intent.amount_in, intent.amount_out) == (one.sell_amount, one.buy_amount)
            assert (intent.executed_in, intent.executed_out) == (one.executed_sell, one.executed_buy)
            assert (intent.executed_fee, intent.deadline_ts) == (one.executed_fee, one.valid_to)
            assert intent.recipient in (one.receiver, intent.trader)
            coin = WETH_MAINNET if one.buy_token == COIN else one.buy_token
            assert intent.path == (one.sell_token, coin)
    assert not batches
    assert count == 853
    # Nothing but the right digest makes a signature be that of the account which receives what is bought.
    assert (own, signed) == (504, 514)


def trade_row(tx_hash: str, sell: str, buy: str, executed, owner: str, order_uid: bytes) -> dict:
    data = encode(LOG_TYPES, (sell, buy, executed.sold + executed.fee, executed.bought, executed.fee, order_uid))
    return settlement_row(tx_hash) | {"topic0": raw(COW_TRADE), "topic1": bytes(12) + raw(owner), "data": data}


def settlement_row(tx_hash: str) -> dict:
    return {
        "block_number": 1,
        "block_ts": None,
        "tx_hash": raw(tx_hash),
        "tx_index": 0,
        "log_index": 0,
        "topic0": raw(cow_filter().topic0[1]),
        "topic1": bytes(32),
        "topic2": None,
        "topic3": None,
        "data": b"",
    }
