"""Intents of whole blocks against what other people decoded, and small transactions whose outcome is known."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict

import pyarrow as pa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from router_calls import (
    CALLER,
    COLLECTOR,
    DEADLINE,
    ETHER,
    FRIEND,
    ITSELF,
    PAIR,
    SENDER,
    SWAP,
    UNIVERSAL_2,
    V2_ROUTER,
    V2_SWAP,
    V3_ROUTER,
    WETH,
    A,
    B,
    C,
    call,
    execute,
    packed,
    plan,
)

from ingest.block_intents import (
    block_intents,
    calls_in_block,
    calls_in_tables,
    intents_of_transactions,
    unread_calls,
)
from ingest.chain_tables import BLOCKS, LOGS, TRANSACTIONS
from ingest.records import UserIntent
from ingest.traces import Block, Call, Transaction, read_block

# Every row of the data's own intents.csv.gz on which this reader says something else, by block and transaction.
REVERTED_WITH_AMOUNTS = {
    # The row has amounts of calls inside of a transaction that reverted: nothing was executed.
    (11935012, 71),
    (13323642, 5),
    (13666326, 16),
    (13666326, 17),
    (13666326, 18),
    (13666326, 19),
    (13666326, 65),
}
TAXED = {
    # The row has what the pool sent, this reader what the router saw arrive: the token kept a part on the way.
    (12483198, 185): (25996387098253084, 24176658856548840),
    (13666326, 343): (22416736650309354106379, 19726728252272231613614),
}
SPLIT = (13666312, 219)  # two rows: one sale in two parts, by two ways from the same token to the same token
ROUTER_NAMES = {
    "UniswapV2Router02": "Uniswap v2 Router02",
    "SushiSwapRouter": "SushiSwap Router",
    "UniswapV3SwapRouter": "Uniswap v3 SwapRouter",
}


def number(text: str) -> int | None:
    return int(text) if text else None


@pytest.fixture(scope="module")
def blocks(shared_data):
    return [read_block(path) for path in sorted((shared_data / "mev_blocks_mainnet").glob("block_*_traces.json.gz"))]


@pytest.fixture(scope="module")
def intents(blocks):
    return {
        (intent.block_number, intent.tx_index): intent
        for block in blocks
        for intent in block_intents(block, wrapped_native=WETH)
    }


@pytest.fixture(scope="module")
def rows(shared_data):
    with gzip.open(shared_data / "mev_blocks_mainnet" / "intents.csv.gz", "rt", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 286
    return found


def place(row: dict[str, str]) -> tuple[int, int]:
    return int(row["block_number"]), int(row["tx_index"])


@pytest.mark.shared_data
def test_no_call_is_left_out_and_none_is_invented(blocks, intents, rows):
    assert sum(len(block_intents(block, wrapped_native=WETH)) for block in blocks) == len(intents) == 285
    assert set(intents) == {place(row) for row in rows}
    calls = [one for block in blocks for one in calls_in_block(block)]
    assert (len(calls), unread_calls(calls, wrapped_native=WETH)) == (293, ())  # eight of them add or remove liquidity


@pytest.mark.shared_data
def test_every_intent_is_as_the_data_has_it(intents, rows):
    """All 286 rows: kind, limits, path, fees, recipient, deadline, method, outcome, gas."""
    same = Counter()
    for row in rows:
        at = place(row)
        intent = intents[at]
        assert (intent.tx_hash, intent.trader) == (row["tx_hash"], row["sender"])
        assert intent.venue == ROUTER_NAMES[row["router"]]
        assert intent.status == {"ok": "filled", "reverted": "reverted"}[row["status"]]
        assert intent.gas_price_wei == int(row["gas_price"])
        if at == SPLIT:
            continue
        assert (intent.kind, intent.method) == (row["kind"], row["method"])
        assert (intent.amount_in, intent.amount_out) == (int(row["amount_in_limit"]), int(row["amount_out_limit"]))
        assert intent.path == tuple(row["path"].split(">"))
        assert intent.fees_pips == tuple(int(fee) for fee in row["fees"].split("/") if fee)
        assert intent.deadline_ts == int(row["deadline"])
        assert (intent.place, intent.executed_fee, intent.partially_fillable) == (0, 0, False)
        same["recipient"] += recipient_as_in(row, intent)
        same["outcome"] += outcome_as_in(row, intent)
    assert same == {"recipient": 284, "outcome": 284}


def recipient_as_in(row: dict[str, str], intent: UserIntent) -> bool:
    """The row has the zero address where a router is to keep what it unwraps; the intent has who gets it then."""
    if row["recipient"] == ETHER:
        return intent.path[-1] == WETH and intent.recipient == intent.trader
    return intent.recipient == row["recipient"]


def outcome_as_in(row: dict[str, str], intent: UserIntent) -> bool:
    executed = (intent.executed_in, intent.executed_out)
    theirs = (number(row["amount_in_executed"]), number(row["amount_out_executed"]))
    if place(row) in REVERTED_WITH_AMOUNTS:
        return intent.status == "reverted" and executed == (None, None) and None not in theirs
    if place(row) in TAXED:
        return (theirs[1], intent.executed_out) == TAXED[place(row)] and intent.executed_in == theirs[0]
    return executed == theirs


@pytest.mark.shared_data
def test_a_real_split_is_one_intent_and_its_outcome_known(intents, rows):
    parts = [row for row in rows if place(row) == SPLIT]
    intent = intents[SPLIT]
    assert [row["method"] for row in parts] == ["exactInput", "exactInputSingle"]
    assert intent.method == "exactInput+exactInputSingle"
    assert intent.amount_in == sum(int(row["amount_in_limit"]) for row in parts) == intent.executed_in
    assert intent.amount_out == sum(int(row["amount_out_limit"]) for row in parts)
    assert intent.executed_out == 212664682174  # 0.4 % above the limit; the rows have none
    ends = {(row["path"][:42], row["path"][-42:]) for row in parts}
    assert ends == {(intent.path[0], intent.path[-1])}


def limit_kept(intent: UserIntent) -> bool:
    return intent.executed_in <= intent.amount_in and intent.executed_out >= intent.amount_out


@pytest.mark.shared_data
def test_no_filled_intent_breaks_its_limit(intents):
    filled = [intent for intent in intents.values() if intent.status == "filled"]
    assert len(filled) == 215
    assert all(limit_kept(intent) for intent in filled)
    for intent in filled:  # what is exact is met exactly
        assert intent.kind == "buy" or intent.executed_in == intent.amount_in
        assert intent.kind == "sell" or intent.executed_out == intent.amount_out


# Transactions and logs


def to_bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text[2:])


@pytest.fixture(scope="module")
def etl(shared_data):
    folder = shared_data / "etl_blocks_mainnet_17173049_17173050"

    def lines(name: str) -> list[dict]:
        with gzip.open(folder / name, "rt") as file:
            return [json.loads(line) for line in file]

    transactions = [
        {
            "tx_hash": to_bytes(one["hash"]),
            "block_number": one["block_number"],
            "tx_index": one["transaction_index"],
            "sender": to_bytes(one["from_address"]),
            "to_address": to_bytes(one["to_address"]),
            "value_wei": str(one["value"]),
            "input": to_bytes(one["input"]),
            "succeeded": one["receipt_status"] == 1,
            "gas_used": one["receipt_gas_used"],
            "gas_price_wei": str(one["receipt_effective_gas_price"]),
        }
        for one in lines("transactions.jsonl.gz")
    ]
    logs = [
        {
            "block_number": one["block_number"],
            "block_ts": one["block_timestamp"],
            "tx_hash": to_bytes(one["transaction_hash"]),
            "tx_index": one["transaction_index"],
            "log_index": one["log_index"],
            "address": to_bytes(one["address"]),
            "data": to_bytes(one["data"]),
        }
        | {f"topic{place}": to_bytes(topic) for place, topic in enumerate(one["topics"])}
        for one in lines("logs.jsonl.gz")
    ]
    return pa.Table.from_pylist(transactions, TRANSACTIONS), pa.Table.from_pylist(logs, LOGS)


@pytest.fixture(scope="module")
def logged(etl):
    return intents_of_transactions(*etl, wrapped_native=WETH)


@pytest.mark.shared_data
def test_every_real_call_of_a_router_is_read(etl, logged):
    calls = calls_in_tables(*etl)
    assert unread_calls(calls, wrapped_native=WETH) == ()
    assert [intent.tx_hash for intent in logged] == [one.tx_hash for one in calls]
    assert Counter(intent.venue for intent in logged) == {
        "Uniswap Universal Router": 28,
        "Uniswap v2 Router02": 22,
        "Uniswap v3 SwapRouter02": 3,
    }
    assert Counter(intent.status for intent in logged) == {"filled": 48, "reverted": 5}
    assert {intent.block_ts for intent in logged} == {1683029999, 1683030011}
    assert all(intent.gas_used and intent.gas_price_wei for intent in logged)


@pytest.mark.shared_data
def test_real_limits_hold_by_the_logs_too(logged):
    for intent in logged:
        if intent.status == "filled":
            assert limit_kept(intent), intent
            assert intent.kind == "buy" or intent.executed_in == intent.amount_in
        else:
            assert (intent.executed_in, intent.executed_out) == (None, None)


@pytest.mark.shared_data
def test_outcomes_agree_with_the_pools_own_swaps(shared_data, logged):
    """In the first pool and out of the last; else the token kept a whole percentage on the way, as such tokens do."""
    with gzip.open(shared_data / "etl_blocks_mainnet_17173049_17173050" / "derived_swaps.csv.gz", "rt") as file:
        swaps = defaultdict(list)
        for row in csv.DictReader(file):
            swaps[int(row["b"]), int(row["ti"])].append((int(row["ain"]), int(row["aout"])))
    seen = Counter()
    for intent in logged:
        if intent.status == "reverted":
            continue
        pools = swaps[intent.block_number, intent.tx_index][1 - len(intent.path) :]  # before them a token sold its fees
        paid, got = pools[0][0], pools[-1][1]
        seen["all in", intent.executed_in == paid] += 1
        seen["all out", intent.executed_out == got] += 1
        assert is_whole_percentage(paid, intent.executed_in)
        assert is_whole_percentage(intent.executed_out, got)
    assert seen == {("all in", True): 46, ("all in", False): 2, ("all out", True): 41, ("all out", False): 7}


def is_whole_percentage(part: int, whole: int) -> bool:
    percentage = round(100 * part / whole)
    return 90 < percentage <= 100 and abs(100 * part - percentage * whole) <= 100


# Small transactions

V2_SELL = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
V2_SELL_FOR_ETHER = V2_SELL.replace("ForTokens", "ForETHSupportingFeeOnTransferTokens")
V2_SELL_ETHER = "swapExactETHForTokens(uint256,address[],address,uint256)"
V2_BUY_WITH_ETHER = "swapETHForExactTokens(uint256,address[],address,uint256)"
INPUT_SINGLE = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
HASH = "0x" + "ab" * 32
BLOCK = 12


def make_call(address, sender, to, data=b"", value=0, *, kind="call", output=b"", failed=False) -> Call:
    return Call(HASH, 3, tuple(address), kind, sender, to, value, data, output, failed)


def transfer(to: str, amount: int) -> bytes:
    return call("transfer(address,uint256)", to, amount)


def transfer_from(sender: str, to: str, amount: int) -> bytes:
    return call("transferFrom(address,address,uint256)", sender, to, amount)


def make_block(*calls: Call) -> Block:
    return Block(BLOCK, 1_600_000_000, (Transaction(HASH, 3, calls, 21_000, 7),))


def traced(*calls: Call) -> tuple[UserIntent, ...]:
    return block_intents(make_block(*calls), wrapped_native=WETH)


def outcomes(intents: tuple[UserIntent, ...]) -> list[tuple]:
    return [(intent.status, intent.executed_in, intent.executed_out) for intent in intents]


def swap_tokens() -> bytes:
    return call(V2_SELL, 100, 80, [A, B], FRIEND, DEADLINE)


def test_an_intent_carries_its_transaction():
    (intent,) = traced(
        make_call([], SENDER, V2_ROUTER, swap_tokens()),
        make_call([0], V2_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], PAIR, B, transfer(FRIEND, 90)),
    )
    assert intent == UserIntent(
        venue="Uniswap v2 Router02",
        method="swapExactTokensForTokens",
        kind="sell",
        status="filled",
        path=(A, B),
        amount_in=100,
        amount_out=80,
        executed_in=100,
        executed_out=90,
        trader=SENDER,
        recipient=FRIEND,
        deadline_ts=DEADLINE,
        block_number=BLOCK,
        block_ts=1_600_000_000,
        tx_hash=HASH,
        tx_index=3,
        gas_used=21_000,
        gas_price_wei=7,
    )


def test_failed_calls_false_answers_and_delegate_calls_move_nothing():
    intents = traced(
        make_call([], SENDER, V2_ROUTER, swap_tokens()),
        make_call([0], V2_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([0, 0], A, COLLECTOR, transfer_from(SENDER, PAIR, 100), kind="delegatecall"),
        make_call([1], PAIR, B, transfer(FRIEND, 90)),
        make_call([2], PAIR, B, transfer(FRIEND, 5), failed=True),
        make_call([3], PAIR, B, transfer(FRIEND, 6), output=bytes(32)),
    )
    assert outcomes(intents) == [("filled", 100, 90)]


def test_a_reverted_transaction_is_an_intent_that_got_nothing():
    assert outcomes(traced(make_call([], SENDER, V2_ROUTER, swap_tokens(), failed=True))) == [("reverted", None, None)]


def test_what_left_no_trace_is_not_guessed():
    assert outcomes(traced(make_call([], SENDER, V2_ROUTER, swap_tokens()))) == [("filled", None, None)]


def test_ether_that_comes_back_was_not_spent():
    data = call(V2_BUY_WITH_ETHER, 90, [WETH, B], FRIEND, DEADLINE)
    (intent,) = traced(
        make_call([], SENDER, V2_ROUTER, data, 100),
        make_call([0], V2_ROUTER, WETH, call("deposit()"), 70),
        make_call([1], V2_ROUTER, WETH, transfer(PAIR, 70)),
        make_call([2], PAIR, B, transfer(FRIEND, 90)),
        make_call([3], V2_ROUTER, SENDER, b"", 30),
    )
    assert (intent.amount_in, intent.executed_in, intent.executed_out) == (100, 70, 90)


def test_what_the_router_kept_by_the_caller_s_mistake_is_not_what_the_pool_was_paid():
    data = call(INPUT_SINGLE, (WETH, B, 500, FRIEND, DEADLINE, 70, 80, 0))
    (intent,) = traced(
        make_call([], SENDER, V3_ROUTER, data, 100),
        make_call([0], V3_ROUTER, WETH, call("deposit()"), 70),
        make_call([1], V3_ROUTER, WETH, transfer(PAIR, 70)),
        make_call([2], PAIR, B, transfer(FRIEND, 90)),
    )
    assert (intent.executed_in, intent.executed_out) == (70, 90)


def test_unwrapped_ether_is_what_was_got():
    data = call(V2_SELL_FOR_ETHER, 100, 80, [A, WETH], FRIEND, DEADLINE)
    intents = traced(
        make_call([], SENDER, V2_ROUTER, data),
        make_call([0], V2_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], PAIR, WETH, transfer(V2_ROUTER, 90)),
        make_call([2], V2_ROUTER, WETH, call("withdraw(uint256)", 90)),
        make_call([2, 0], WETH, V2_ROUTER, b"", 90),
        make_call([3], V2_ROUTER, FRIEND, b"", 90),
    )
    assert outcomes(intents) == [("filled", 100, 90)]


def test_a_token_that_keeps_a_part_brings_what_the_router_saw_arrive():
    data = call(
        V2_SELL.replace("ForTokens", "ForTokensSupportingFeeOnTransferTokens"), 100, 80, [A, B], FRIEND, DEADLINE
    )
    balance = call("balanceOf(address)", FRIEND)

    def read(place: int, amount: int) -> Call:
        return make_call([place], V2_ROUTER, B, balance, kind="staticcall", output=encode(["uint256"], [amount]))

    calls = [
        make_call([], SENDER, V2_ROUTER, data),
        make_call([0], V2_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        read(1, 1_000),
        make_call([2], PAIR, B, transfer(FRIEND, 90)),
        read(3, 1_085),
    ]
    assert outcomes(traced(*calls)) == [("filled", 100, 85)]
    assert outcomes(traced(*calls[:-1])) == [("filled", 100, 90)]


def test_a_part_that_failed_alone_is_reverted_and_the_rest_filled():
    def part(*path):
        return (0x21 | 0x80, "bytes,bytes[]", *plan((0x00, SWAP, CALLER, 100, 80, packed(*path), True)))

    data = execute(part(A, 500, B), part(C, 500, WETH))
    intents = traced(
        make_call([], SENDER, UNIVERSAL_2, data),
        make_call([0], UNIVERSAL_2, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], PAIR, B, transfer(SENDER, 90)),
    )
    assert outcomes(intents) == [("filled", 100, 90), ("reverted", None, None)]
    assert [intent.place for intent in intents] == [0, 1]


def test_trades_that_touch_one_token_are_told_apart_only_where_their_limits_add_up():
    swaps = [call(INPUT_SINGLE, (A, token, 500, FRIEND, DEADLINE, 100, 80, 0)) for token in (B, C)]
    calls = [
        make_call([], SENDER, V3_ROUTER, call("multicall(bytes[])", swaps)),
        make_call([0], V3_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], PAIR, B, transfer(FRIEND, 90)),
        make_call([2], V3_ROUTER, A, transfer_from(SENDER, COLLECTOR, 100)),
        make_call([3], COLLECTOR, C, transfer(FRIEND, 95)),
    ]
    assert outcomes(traced(*calls)) == [("filled", 100, 90), ("filled", 100, 95)]
    calls[3] = make_call([2], V3_ROUTER, A, transfer_from(SENDER, COLLECTOR, 99))
    assert outcomes(traced(*calls)) == [("filled", None, 90), ("filled", None, 95)]

    swaps = [call(INPUT_SINGLE, (token, C, 500, FRIEND, DEADLINE, 100, 80, 0)) for token in (A, B)]
    calls = [
        make_call([], SENDER, V3_ROUTER, call("multicall(bytes[])", swaps)),
        make_call([0], V3_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], V3_ROUTER, B, transfer_from(SENDER, PAIR, 100)),
        make_call([2], PAIR, C, transfer(FRIEND, 190)),
    ]
    assert outcomes(traced(*calls)) == [("filled", 100, None), ("filled", 100, None)]


def test_a_round_trip_s_amounts_cannot_be_told_apart():
    data = call(V2_SELL, 100, 80, [A, B, A], SENDER, DEADLINE)
    intents = traced(
        make_call([], SENDER, V2_ROUTER, data),
        make_call([0], V2_ROUTER, A, transfer_from(SENDER, PAIR, 100)),
        make_call([1], PAIR, A, transfer(SENDER, 103)),
    )
    assert outcomes(intents) == [("filled", None, None)]


def test_calls_that_cannot_be_read_are_named_with_their_reason():
    block = make_block(make_call([], SENDER, V2_ROUTER, swap_tokens()[:-1]))
    assert block_intents(block, wrapped_native=WETH) == ()
    (unread,) = unread_calls(calls_in_block(block), wrapped_native=WETH)
    assert (unread.venue, unread.call.tx_hash, unread.call.block_number) == ("Uniswap v2 Router02", HASH, BLOCK)
    assert "list" in unread.reason or "ends before" in unread.reason


def test_contracts_that_call_a_router_are_not_users():
    assert traced(make_call([], SENDER, COLLECTOR), make_call([0], COLLECTOR, V2_ROUTER, swap_tokens())) == ()


def topic(address: str) -> bytes:
    return encode(["address"], [address])


def event(name: str, emitter: str, addresses: tuple[str, ...], amount: int) -> dict:
    types = "address,address,uint256" if len(addresses) == 2 else "address,uint256"
    topics = (keccak(f"{name}({types})".encode()), *map(topic, addresses))
    row = {f"topic{place}": one for place, one in enumerate(topics)}
    return row | {"address": to_bytes(emitter), "data": encode(["uint256"], [amount])}


def moved(token: str, sender: str, recipient: str, amount: int) -> dict:
    return event("Transfer", token, (sender, recipient), amount)


def by_logs(to: str, data: bytes, *logs: dict, value: int = 0, succeeded: bool | None = True, **kwargs):
    transaction = {
        "tx_hash": to_bytes(HASH),
        "block_number": BLOCK,
        "tx_index": 3,
        "sender": to_bytes(SENDER),
        "to_address": to_bytes(to),
        "value_wei": str(value),
        "input": data,
        "succeeded": succeeded,
    }
    creation = transaction | {"to_address": None, "tx_hash": bytes(32), "tx_index": 4}
    place = {"block_number": BLOCK, "tx_hash": to_bytes(HASH), "tx_index": 3}
    table = pa.Table.from_pylist([place | {"log_index": at} | log for at, log in enumerate(logs)], LOGS)
    transactions = pa.Table.from_pylist([transaction, creation], TRANSACTIONS)
    return intents_of_transactions(transactions, table, wrapped_native=WETH, **kwargs)


def test_logs_give_what_arrived_after_a_token_kept_a_part():
    intents = by_logs(
        V2_ROUTER,
        swap_tokens(),
        moved(A, SENDER, PAIR, 100),
        moved(B, PAIR, COLLECTOR, 5),
        moved(B, PAIR, FRIEND, 85),
    )
    assert outcomes(intents) == [("filled", 100, 85)]


def test_a_token_that_sells_its_fees_through_the_same_router_does_not_blur_the_outcome():
    """While the trader's tokens move, the token's contract sells what it kept for ether, through the same router."""
    data = call(V2_SELL_FOR_ETHER, 100, 80, [A, WETH], FRIEND, DEADLINE)
    intents = by_logs(
        V2_ROUTER,
        data,
        moved(A, COLLECTOR, PAIR, 1_000),
        moved(WETH, PAIR, V2_ROUTER, 777),
        event("Withdrawal", WETH, (V2_ROUTER,), 777),
        moved(A, SENDER, PAIR, 100),
        moved(WETH, PAIR, V2_ROUTER, 90),
        event("Withdrawal", WETH, (V2_ROUTER,), 90),
    )
    assert outcomes(intents) == [("filled", 100, 90)]
    data = call(V2_SELL_ETHER, 80, [WETH, B], FRIEND, DEADLINE)
    intents = by_logs(
        V2_ROUTER,
        data,
        event("Deposit", WETH, (V2_ROUTER,), 100),
        moved(WETH, V2_ROUTER, PAIR, 100),
        moved(WETH, PAIR, V2_ROUTER, 777),
        event("Withdrawal", WETH, (V2_ROUTER,), 777),
        moved(B, PAIR, FRIEND, 90),
        value=100,
    )
    assert outcomes(intents) == [("filled", 100, 90)]


def test_a_sale_through_pairs_has_given_all_whatever_the_token_told_of_it():
    logs = [moved(A, SENDER, PAIR, 98), moved(B, PAIR, FRIEND, 90)]
    assert outcomes(by_logs(V2_ROUTER, swap_tokens(), *logs)) == [("filled", 100, 90)]
    swap = call(INPUT_SINGLE, (A, B, 500, FRIEND, DEADLINE, 100, 80, 0))
    assert outcomes(by_logs(V3_ROUTER, swap, *logs)) == [("filled", 98, 90)]
    parts = [(0x08, V2_SWAP, CALLER, 60, 40, [A, B], True), (0x00, SWAP, CALLER, 40, 30, packed(A, 500, B), True)]
    logs = [moved(A, SENDER, PAIR, 60), moved(B, PAIR, SENDER, 90)]
    assert outcomes(by_logs(UNIVERSAL_2, execute(*parts), *logs)) == [("filled", 60, 90)]
    may_fail = (0x21 | 0x80, "bytes,bytes[]", *plan((0x08, V2_SWAP, CALLER, 40, 30, [A, B], True)))
    assert outcomes(by_logs(UNIVERSAL_2, execute(parts[0], may_fail), *logs)) == [("filled", 60, 90)]


def test_a_refund_of_the_universal_router_was_not_spent():
    data = execute(
        (0x0B, "address,uint256", ITSELF, 100),
        (0x09, V2_SWAP, CALLER, 90, 100, [WETH, B], False),
        (0x0C, "address,uint256", CALLER, 0),
    )
    logs = [
        event("Deposit", WETH, (UNIVERSAL_2,), 100),
        moved(WETH, ETHER, UNIVERSAL_2, 100),  # some wrapped tokens tell of it twice
        moved(WETH, UNIVERSAL_2, PAIR, 70),
        moved(B, PAIR, SENDER, 90),
        event("Withdrawal", WETH, (UNIVERSAL_2,), 30),
        moved(WETH, UNIVERSAL_2, ETHER, 30),
    ]
    (intent,) = by_logs(UNIVERSAL_2, data, *logs, value=100)
    assert (intent.kind, intent.amount_in, intent.executed_in, intent.executed_out) == ("buy", 100, 70, 90)


def test_a_fee_in_ether_is_not_seen_in_logs_so_the_amount_is_unknown():
    swap = (0x00, SWAP, ITSELF, 100, 0, packed(A, 500, WETH), True)
    fee, sweep = (
        (0x06, "address,address,uint256", ETHER, COLLECTOR, 100),
        (0x04, "address,address,uint256", ETHER, CALLER, 80),
    )
    logs = [
        moved(A, SENDER, PAIR, 100),
        moved(WETH, PAIR, UNIVERSAL_2, 90),
        event("Withdrawal", WETH, (UNIVERSAL_2,), 90),
    ]
    unwrap = (0x0C, "address,uint256", ITSELF, 0)
    assert outcomes(by_logs(UNIVERSAL_2, execute(swap, unwrap, fee, sweep), *logs)) == [("filled", 100, None)]
    assert outcomes(by_logs(UNIVERSAL_2, execute(swap, unwrap, sweep), *logs)) == [("filled", 100, 90)]
    fee = (0x06, "address,address,uint256", WETH, COLLECTOR, 1_000)
    logs[1:] = [moved(WETH, PAIR, UNIVERSAL_2, 100), moved(WETH, UNIVERSAL_2, COLLECTOR, 10), *logs[2:]]
    unwrap = (0x0C, "address,uint256", CALLER, 80)
    assert outcomes(by_logs(UNIVERSAL_2, execute(swap, fee, unwrap), *logs)) == [("filled", 100, 90)]


def test_logs_that_are_missing_or_strange_leave_the_amount_unknown():
    data = swap_tokens()
    assert outcomes(by_logs(V2_ROUTER, data, moved(A, SENDER, PAIR, 100))) == [("filled", 100, None)]
    nft = moved(B, PAIR, FRIEND, 90) | {"topic3": bytes(32)}
    short = moved(B, PAIR, FRIEND, 90) | {"data": b""}
    assert outcomes(by_logs(V2_ROUTER, data, moved(A, SENDER, PAIR, 100), nft, short)) == [("filled", 100, None)]


def test_without_a_status_only_what_moved_tells_that_an_intent_was_filled():
    data = swap_tokens()
    assert outcomes(by_logs(V2_ROUTER, data, moved(A, SENDER, PAIR, 100), succeeded=None)) == [("filled", 100, None)]
    assert outcomes(by_logs(V2_ROUTER, data, succeeded=None)) == [("open", None, None)]
    assert outcomes(by_logs(V2_ROUTER, data, moved(A, SENDER, PAIR, 100), succeeded=False)) == [
        ("reverted", None, None)
    ]


def test_a_block_without_logs_has_its_time_from_its_header():
    header = {"block_number": BLOCK, "block_hash": bytes(32), "parent_hash": bytes(32), "block_ts": 1_600_000_000}
    blocks = pa.Table.from_pylist([header], BLOCKS)
    (intent,) = by_logs(V2_ROUTER, swap_tokens(), blocks=blocks)
    assert intent.block_ts == 1_600_000_000
    (intent,) = by_logs(V2_ROUTER, swap_tokens())
    assert intent.block_ts is None
