"""Every trade of a block: the real ones as listed, with each difference shown to be right, and each venue by itself."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from whole_blocks import (
    ETL,
    MEV,
    LogTable,
    Made,
    at,
    balance,
    block_of,
    calldata,
    csv_rows,
    etl_lines,
    etl_logs,
    mev_blocks,
    mev_labels,
    pulled,
    reserves,
    transfer,
)

from ingest.blocks import (
    activity_of_block,
    activity_of_logs,
    liquidations_of_block,
    liquidations_of_logs,
    liquidity_of_block,
    liquidity_of_logs,
    trades_of_block,
    trades_of_logs,
)
from ingest.blocks.uniswap_calls import pair_amounts
from ingest.chain_tables import LOGS

VENUES = {
    "uniswap_v2": "v2",
    "uniswap_v3": "v3",
    "balancer_v1": "balancer_v1",
    "curve": "curve",
    "bancor": "bancor",
    "0x": "0x",
}

# --- 18 real blocks of call traces -----------------------------------------------------------------------------------

# Listed, but nothing was exchanged: the swap or a call around it failed. By (block, transaction index): how many.
FAILED = {
    (11935012, 71): 2,
    (12483198, 2): 5,
    (12483198, 211): 1,
    (12914944, 11): 1,
    (12914944, 16): 2,
    (12914944, 21): 2,
    (12914944, 56): 2,
    (12914944, 147): 2,
    (13179291, 161): 1,
    (13323642, 5): 2,
    (13666326, 16): 1,
    (13666326, 17): 1,
    (13666326, 18): 1,
    (13666326, 19): 1,
    (13666326, 33): 2,
    (13666326, 65): 1,
    (13666326, 217): 2,
}

# Made, but not listed: the list knows Curve's pools one by one and Bancor's network only where it is called first.
UNLISTED = {
    (11931272, 151, (1, 5, 2)): "curve",
    (12914944, 138, (0, 6)): "bancor",
    (13207907, 6, (0, 6)): "bancor",
    (13302365, 3, (1, 2, 2)): "bancor",
    (13302365, 3, (1, 2, 3)): "bancor",
}

# Amounts in. The list has what was sent to the pair; a pair takes what arrived, which is less where the token takes a
# fee on transfers. Its contract may sell the fee within the seller's transfer (the places below ``(0, 1)``): there the
# list has the seller's amount. By the 0.3 % formula what arrived gives exactly what came out, and what was sent does
# not: ``test_what_a_pair_took_and_gave_fits_the_formula_with_its_reserves``.
FEES_ON_TRANSFER = {
    (11930296, 180, (3,)): 903954500,  # listed 913085353
    (12483198, 152, (3,)): 1291564644545778,  # listed 1316482897115993
    (12483198, 185, (4,)): 9810740652306658,  # listed 10000000000000000
    (13207907, 79, (3,)): 62060705968796432767,  # listed 63317650039376173010
    (13323642, 18, (0, 1, 3)): 660958150504025469,  # listed 4617786200214838287
    (13323642, 18, (3,)): 4183941081281909174,  # listed 4617786200214838287
    (13370850, 2, (1,)): 227710616678415512,  # listed 231910178104087255
    (13370850, 27, (0, 1, 3)): 1848890545276747518762,  # listed 56732500000010000000000
    (13370850, 27, (3,)): 50025340201276350142509,  # listed 56732500000010000000000
    (13370850, 531, (3,)): 446412851723850582073062,  # listed 500041681867853115216425
    (13666184, 78, (3,)): 12640850268763219603353604,  # listed 13306158177645494319319584
    (13666312, 66, (0, 1, 3)): 309362400721643850370829551796,  # listed 1000000000000000000000000000000
    (13666312, 66, (3,)): 903053518400475136588678934692,  # listed 1000000000000000000000000000000
    (13666312, 70, (0, 1, 3)): 2361048752882654579,  # listed 4256878547994934132
    (13666312, 70, (3,)): 3831190693195440719,  # listed 4256878547994934132
    (13666312, 146, (3,)): 137208022519958370891,  # listed 140000000000000000000
    (13666312, 232, (3,)): 922705908750754284,  # listed 1024140111000000000
    (13666312, 258, (3,)): 29668479548580150589,  # listed 30272312370654062439
    (13666312, 271, (3,)): 1745087826697618342791,  # listed 1780017487119670798719
    (13666326, 156, (0, 1, 3)): 121108511221391996791559634692,  # listed 1516890400191249098680866151090
    (13666326, 156, (3,)): 1369975355910868447178499487402,  # listed 1516890400191249098680866151090
    (13666326, 193, (3,)): 174665123697171,  # listed 185813961379969
    (13666326, 381, (0, 1, 3)): 3220913295474584255,  # listed 8200000000000000000
    (13666326, 381, (3,)): 7380000000000000000,  # listed 8200000000000000000
}

# … and two v3 pools that were sent more than the swap cost by the pool's own answer.
OVERPAID = {
    (13370850, 6, (0,)): 15129658247,  # 15129718766 was sent
    (13666312, 0, (0, 2, 0)): 186014833701519587469055,  # 186014833701813469398851 was sent
}
MADE_BY_FORMULA = 23  # of the 24 with a fee: 0x2742bd51… (13370850, 2) is a bot that took less than it could


@pytest.fixture(scope="module")
def blocks(shared_data):
    return mev_blocks(shared_data)


@pytest.fixture(scope="module")
def trades(blocks):
    """By (block, transaction index, place in its tree of calls)."""
    return {
        (number, trade.tx_index, trade.place): trade
        for number, block in blocks.items()
        for trade in trades_of_block(block)
    }


@pytest.fixture(scope="module")
def listed(shared_data):
    return {
        (number, swap["transaction_position"], tuple(swap["trace_address"])): swap
        for number, labels in mev_labels(shared_data).items()
        for swap in labels["swaps"]
    }


@pytest.mark.shared_data
def test_the_trades_of_real_blocks_are_those_listed_or_differ_for_a_reason(trades, listed):
    assert len(listed) == 515
    assert {place: trades[place].venue for place in trades.keys() - listed.keys()} == UNLISTED
    both = trades.keys() & listed.keys()
    assert len(both) == 515 - sum(FAILED.values()) == 486
    for place in both:
        ours, theirs = trades[place], listed[place]
        assert ours.tx_hash == theirs["transaction_hash"]
        assert ours.venue == VENUES[theirs["protocol"]]
        assert (ours.token_in, ours.token_out) == (theirs["token_in_address"], theirs["token_out_address"])
        amounts = (theirs["token_in_amount"], theirs["token_out_amount"])
        expected = (FEES_ON_TRANSFER | OVERPAID).get(place, amounts[0]), amounts[1]
        assert (ours.amount_in, ours.amount_out) == expected
        if ours.venue != "0x":  # the list names the exchange; here the pool is the maker who was traded with
            assert (ours.pool, ours.recipient) == (theirs["contract_address"].lower(), theirs["to_address"])
    for place in FEES_ON_TRANSFER | OVERPAID:
        assert listed[place]["token_in_amount"] > trades[place].amount_in


@pytest.mark.shared_data
def test_listed_trades_that_are_left_out_failed(blocks, trades, listed):
    calls = {
        (number, call.tx_index, call.address): call
        for number, block in blocks.items()
        for transaction in block.transactions
        for call in transaction.calls
    }
    missing = listed.keys() - trades.keys()
    assert all(calls[place].failed for place in missing)
    assert not any(calls[place].failed for place in trades)
    counts = {place: sum(one[:2] == place for one in missing) for place in {one[:2] for one in missing}}
    assert counts == FAILED
    assert sum(listed[place]["error"] is not None for place in missing) == 7  # of the others, a call around them failed


@pytest.mark.shared_data
def test_what_a_pair_took_and_gave_fits_the_formula_with_its_reserves(trades, listed, shared_data):
    """Of v2 pairs whose reserves before the swap are known, from the data's own list of them."""
    checked = exact = 0
    for row in csv_rows(shared_data / MEV / "v2_hops.csv.gz"):
        place = (int(row["block_number"]), int(row["tx_index"]), tuple(map(int, row["trace_address"].split("/"))))
        if place not in trades or not row["reserve0_before"]:
            continue
        trade, both = trades[place], (int(row["reserve0_before"]), int(row["reserve1_before"]))
        into, out = both if row["zero_for_one"] == "1" else both[::-1]
        most = 997 * trade.amount_in * out // (1000 * into + 997 * trade.amount_in)
        assert trade.amount_out <= most
        checked += 1
        if place in FEES_ON_TRANSFER:
            sent = listed[place]["token_in_amount"]
            assert trade.amount_out < 997 * sent * out // (1000 * into + 997 * sent)
            exact += trade.amount_out == most
    assert checked >= 300
    assert exact == MADE_BY_FORMULA == len(FEES_ON_TRANSFER) - 1


@pytest.mark.shared_data
def test_the_liquidations_of_real_blocks_are_those_listed(blocks, shared_data):
    found = {
        (one.tx_hash, one.place): (one.protocol, one.borrower)
        for block in blocks.values()
        for one in liquidations_of_block(block)
    }
    names = {"cream": "compound_v2"}  # a fork
    expected = {
        (one["transaction_hash"], tuple(one["trace_address"])): (
            names.get(one["protocol"], one["protocol"]),
            one["liquidated_user"],
        )
        for labels in mev_labels(shared_data).values()
        for one in labels["liquidations"]
    }
    assert len(expected) == 11
    assert found == expected


@pytest.mark.shared_data
def test_callers_are_the_accounts_and_contracts_of_the_transactions(blocks):
    activity = activity_of_block(blocks[12483198])
    caller = activity.callers["0xd5639f59fb23547826bcd9a2a99905d3f748454776fd4d679c724283de1dbb81"]
    assert caller.account == "0x0000000056fe1a43449d3c659012924ce8f41505"
    assert caller.contract == "0x0000000000005117dd3a72e64a705198753fdd54"


# --- two real blocks of logs -----------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_the_trades_of_real_logs_are_exactly_those_listed(shared_data):
    expected = {
        (int(row["b"]), int(row["li"])): (
            int(row["ti"]), row["tx"], row["pool"], row["kind"], int(row["ain"]), int(row["aout"]), row["sender"],
            row["to"], row["dir"] == "0>1",
        )
        for row in csv_rows(shared_data / ETL / "derived_swaps.csv.gz")
    }  # fmt: skip
    trades = trades_of_logs(etl_logs(shared_data))
    found = {
        (trade.block_number, *trade.place): (
            trade.tx_index, trade.tx_hash, trade.pool, trade.venue, trade.amount_in, trade.amount_out, trade.sender,
            trade.recipient, trade.token_in < trade.token_out,
        )
        for trade in trades
    }  # fmt: skip
    assert sum(trade.venue == "v2" for trade in trades) == 69
    assert sum(trade.venue == "v3" for trade in trades) == 10
    assert found == expected


@pytest.mark.shared_data
def test_the_tokens_of_real_logs_are_those_that_moved(shared_data):
    moved = {
        (line["block_number"], line["transaction_hash"], line["token_address"], side, line[f"{side}_address"])
        for line in etl_lines(shared_data, "token_transfers")
        for side in ("from", "to")
    }
    for trade in trades_of_logs(etl_logs(shared_data)):
        assert (trade.block_number, trade.tx_hash, trade.token_out, "from", trade.pool) in moved
        assert (trade.block_number, trade.tx_hash, trade.token_in, "to", trade.pool) in moved


@pytest.mark.shared_data
def test_a_hundred_thousand_logs_take_seconds(shared_data):
    logs, times = etl_logs(shared_data), 150
    many = pa.concat_tables([logs] * times)
    turn = np.repeat(np.arange(times), len(logs))
    hashes = [
        bytes(a ^ b for a, b in zip(one, int(place).to_bytes(32, "big"), strict=True))
        for one, place in zip(many["tx_hash"].to_pylist(), turn, strict=True)
    ]
    many = many.set_column(0, LOGS.field(0), pa.array(np.asarray(many["block_number"]) + 10 * turn))
    many = many.set_column(2, LOGS.field(2), pa.array(hashes, pa.binary(32)))
    assert len(many) > 100_000
    start = time.perf_counter()
    assert len(trades_of_logs(many)) == 79 * times
    assert time.perf_counter() - start < 10  # 0.8 s on the machine it was written on


# --- v2 pairs in call traces -----------------------------------------------------------------------------------------

PAIR, OTHER_PAIR, TOKEN_A, TOKEN_B, TRADER, ROUTER = (at(number) for number in (0x100, 0x101, 0xA, 0xB, 0x7, 0x8))


def v2_swap(after, out0=0, out1=0, callback=(), by=ROUTER, pair=PAIR, to=TRADER, **more):
    """A pair's swap that leaves it with ``after``, its balances of A and B."""
    payouts = [transfer(token, pair, to, out) for token, out in ((TOKEN_A, out0), (TOKEN_B, out1)) if out]
    reads = [balance(TOKEN_A, pair, after[0]), balance(TOKEN_B, pair, after[1])]
    data = calldata("swap(uint256,uint256,address,bytes)", out0, out1, to, b"x" if callback else b"")
    return Made(by, pair, data, calls=[*payouts, *callback, *reads], **more)


def only(trades):
    (one,) = trades
    return one.token_in, one.amount_in, one.token_out, one.amount_out


BEFORE = (1000, 500)


def test_without_known_reserves_a_pair_took_what_was_sent_to_it():
    paid = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100)
    (trade,) = trades_of_block(block_of([paid, v2_swap((1100, 455), out1=45)]))
    assert only([trade]) == (TOKEN_A, 100, TOKEN_B, 45)
    assert (trade.venue, trade.pool, trade.sender, trade.recipient) == ("v2", PAIR, ROUTER, TRADER)
    assert (trade.block_number, trade.block_ts, trade.tx_index, trade.place) == (100, 1_700_000_000, 0, (1,))


def test_with_known_reserves_a_pair_took_what_arrived():
    paid = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100)  # of which 10 do not arrive
    block = block_of([reserves(PAIR, *BEFORE), paid, v2_swap((1090, 459), out1=41)])
    assert only(trades_of_block(block)) == (TOKEN_A, 90, TOKEN_B, 41)
    assert activity_of_block(block).traded.transfer_fees == {TOKEN_A: Fraction(1, 10)}


def test_the_reserves_after_a_swap_are_those_before_the_next_one_in_the_block():
    first = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1100, 455), out1=45)]
    second = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1190, 420), out1=35)]
    assert [trade.amount_in for trade in trades_of_block(block_of(first, second))] == [100, 90]


@pytest.mark.parametrize("settles", ["mint(address)", "burn(address)", "sync()"])
def test_what_a_pair_settles_otherwise_makes_its_reserves_unknown(settles):
    first = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1100, 455), out1=45)]
    added = [
        pulled(TOKEN_A, ROUTER, TRADER, PAIR, 5000),
        Made(TRADER, PAIR, calldata(settles, *([TRADER] * ("(a" in settles)))),
    ]
    second = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((9190, 420), out1=35)]
    found = trades_of_block(block_of(first, [*added, *second]))
    assert [trade.amount_in for trade in found] == [100, 100]


def test_what_belongs_to_one_transaction_is_not_carried_to_the_next():
    left_lying = [transfer(TOKEN_A, TRADER, PAIR, 40)]
    swap = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1100, 455), out1=45)]
    assert only(trades_of_block(block_of(left_lying, swap))) == (TOKEN_A, 100, TOKEN_B, 45)
    # The second transaction asks for the reserves at a place that was within the swap of the first.
    added = Made(TRADER, PAIR, calldata("mint(address)", TRADER))
    routed = [
        added,
        reserves(PAIR, 9000, 500),
        pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100),
        v2_swap((9090, 495), out1=5),
    ]
    found = trades_of_block(block_of(swap, [Made(TRADER, ROUTER), Made(TRADER, ROUTER, calls=routed)]))
    assert [trade.amount_in for trade in found] == [100, 90]


def test_a_failed_call_tells_nothing_of_reserves_and_makes_no_trade():
    swap = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1100, 455), out1=45)]
    around = Made(TRADER, ROUTER, calls=[reserves(PAIR, 1, 1), *swap], failed=True)
    inner = [
        pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100, failed=True),
        v2_swap((1100, 455), out1=45, failed=True),
    ]
    assert trades_of_block(block_of([around], inner)) == ()
    assert only(trades_of_block(block_of([around], swap))) == (TOKEN_A, 100, TOKEN_B, 45)


def test_a_transfer_that_answers_false_moved_nothing():
    refused = transfer(TOKEN_A, TRADER, PAIR, 40, output=encode(["bool"], [False]))
    silent = transfer(TOKEN_A, TRADER, PAIR, 60, output=b"")  # as tokens that answer nothing do
    found = trades_of_block(block_of([refused, silent, v2_swap((1060, 470), out1=30)]))
    assert only(found) == (TOKEN_A, 60, TOKEN_B, 30)


def test_a_proxys_delegate_call_is_not_a_second_trade_or_transfer():
    implementation = at(0xDE1)
    paid = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100)
    paid.calls = [Made(TOKEN_A, implementation, paid.data, paid.output, kind="delegatecall")]
    swap = v2_swap((1100, 455), out1=45)
    swap.calls = [Made(PAIR, implementation, swap.data, calls=swap.calls, kind="delegatecall")]
    assert only(trades_of_block(block_of([paid, swap]))) == (TOKEN_A, 100, TOKEN_B, 45)


def test_a_flash_swap_pays_in_its_callback():
    repaid = transfer(TOKEN_A, TRADER, PAIR, 100)
    asks = reserves(PAIR, *BEFORE, by=TRADER)  # still those before the swap
    swap = v2_swap((1100, 455), out1=45, callback=[asks, repaid])
    after = [pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100), v2_swap((1190, 420), out1=35)]
    read = activity_of_block(block_of([swap, *after])).traded
    assert [(trade.amount_in, trade.amount_out) for trade in read.trades] == [(100, 45), (90, 35)]
    assert read.transfer_fees == {TOKEN_A: Fraction(1, 10)}  # what the callback paid is not counted again


def test_a_loan_repaid_in_its_own_token_is_no_trade():
    repaid = transfer(TOKEN_B, TRADER, PAIR, 46)
    assert trades_of_block(block_of([v2_swap((1000, 501), out1=45, callback=[repaid])])) == ()


def test_what_came_back_of_a_loan_is_no_part_of_the_trade():
    repaid = [transfer(TOKEN_B, TRADER, PAIR, 30), transfer(TOKEN_A, TRADER, PAIR, 40)]
    asked = reserves(PAIR, *BEFORE)
    swap = v2_swap((1040, 485), out1=45, callback=repaid)
    assert only(trades_of_block(block_of([swap]))) == (TOKEN_A, 40, TOKEN_B, 15)
    assert only(trades_of_block(block_of([asked, swap]))) == (TOKEN_A, 40, TOKEN_B, 15)


def test_a_share_of_the_tokens_own_fee_takes_nothing_from_what_was_bought():
    """Some tokens share their fee among all holders: the pair's balance grows by its payout, with no transfer."""
    paid = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100)
    block = block_of([reserves(PAIR, *BEFORE), paid, v2_swap((1100, 456), out1=45)])
    assert only(trades_of_block(block)) == (TOKEN_A, 100, TOKEN_B, 45)


def test_a_token_that_sells_its_fee_within_a_transfer_is_its_own_trade():
    """The outer transfer is not done while the token's contract swaps within it."""
    inner = [transfer(TOKEN_A, TOKEN_A, PAIR, 20), v2_swap((1020, 490), out1=10, by=TOKEN_A, to=TOKEN_A)]
    outer = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100, calls=inner)
    swap = v2_swap((1110, 455), out1=35)
    read = activity_of_block(block_of([reserves(PAIR, *BEFORE), outer, swap])).traded
    found = [(trade.place, trade.amount_in, trade.amount_out) for trade in read.trades]
    assert found == [((1, 1), 20, 10), ((2,), 90, 35)]
    assert read.transfer_fees == {TOKEN_A: Fraction(1, 10)}
    unknown = trades_of_block(block_of([outer, swap]))
    assert [(trade.amount_in, trade.amount_out) for trade in unknown] == [(20, 10), (90, 35)]


def test_what_is_no_pair_makes_no_trade():
    swap = v2_swap((1100, 455), out1=45)
    reads_nothing = Made(ROUTER, PAIR, swap.data, calls=swap.calls[:1])
    pays_nothing = Made(ROUTER, PAIR, swap.data, calls=swap.calls[1:])
    pays_less = Made(ROUTER, PAIR, swap.data, calls=[transfer(TOKEN_B, PAIR, TRADER, 44), *swap.calls[1:]])
    paid = pulled(TOKEN_A, ROUTER, TRADER, PAIR, 100)
    assert trades_of_block(block_of([paid, reads_nothing], [paid, pays_nothing], [paid, pays_less])) == ()


AMOUNT = st.integers(0, 2**112 - 1)


@given(ins=st.tuples(AMOUNT, AMOUNT), outs=st.tuples(AMOUNT, AMOUNT), came=st.tuples(AMOUNT, AMOUNT))
def test_a_pairs_trade_sells_one_token_and_buys_the_other(ins, outs, came):
    amounts = pair_amounts(ins, outs, came)
    nets = [paid - got for paid, got in zip(ins, outs, strict=True)]
    if amounts is None:
        assert nets[0] * nets[1] >= 0
        return
    sold, amount_in, amount_out = amounts
    assert nets[sold] == amount_in > 0 > nets[1 - sold]
    assert -nets[1 - sold] <= amount_out <= outs[1 - sold]
    assert (came[1 - sold] >= ins[1 - sold]) == (amount_out == -nets[1 - sold]) or not ins[1 - sold]
    turned = pair_amounts(ins[::-1], outs[::-1], came[::-1])
    assert turned == (1 - sold, amount_in, amount_out)


# --- v3 pools and others in call traces ------------------------------------------------------------------------------

POOL = at(0x300)
V3_SWAP = "swap(address,bool,int256,uint160,bytes)"


def v3_swap(amount0, amount1, token_in=TOKEN_A, token_out=TOKEN_B, pool=POOL, paid_out=None, **more):
    asked = calldata(V3_SWAP, TRADER, amount0 > 0, 1, 1, b"")
    out = max(-min(amount0, amount1), 0) if paid_out is None else paid_out
    callback = Made(pool, ROUTER, calls=[transfer(token_in, ROUTER, pool, max(amount0, amount1, 0))])
    calls = [transfer(token_out, pool, TRADER, out), balance(token_in, pool, 5), callback, balance(token_in, pool, 9)]
    return Made(ROUTER, pool, asked, **({"output": encode(["int256"] * 2, [amount0, amount1]), "calls": calls} | more))


def test_a_v3_swap_is_what_the_pool_answers():
    down = trades_of_block(block_of([v3_swap(100, -45)]))
    assert only(down) == (TOKEN_A, 100, TOKEN_B, 45)
    assert (down[0].venue, down[0].recipient, down[0].sender) == ("v3", TRADER, ROUTER)
    up = v3_swap(-45, 100, TOKEN_B, TOKEN_A)
    assert only(trades_of_block(block_of([up]))) == (TOKEN_B, 100, TOKEN_A, 45)
    up.calls.insert(0, balance(TOKEN_A, POOL, 7))  # a pool may look at both
    assert only(trades_of_block(block_of([up]))) == (TOKEN_B, 100, TOKEN_A, 45)


@pytest.mark.parametrize(
    "swap",
    [
        v3_swap(0, 0),
        v3_swap(100, 0),
        v3_swap(100, 45),
        v3_swap(100, -45, paid_out=44),
        v3_swap(100, -45, output=b""),
        v3_swap(100, -45, calls=[]),
        v3_swap(100, -45, kind="delegatecall"),
        v3_swap(100, -45, failed=True),
    ],
)
def test_a_v3_swap_that_bought_nothing_or_is_no_pools_is_no_trade(swap):
    assert trades_of_block(block_of([swap])) == ()


def test_trades_within_a_callback_stand_behind_the_one_they_are_in():
    outer = v3_swap(100, -45)
    outer.calls[2].calls.append(v3_swap(-7, 9, TOKEN_B, TOKEN_A, pool=at(0x301)))
    found = trades_of_block(block_of([outer]))
    assert [(trade.pool, trade.place) for trade in found] == [(POOL, (0,)), (at(0x301), (0, 2, 1))]
    assert only(found[:1]) == (TOKEN_A, 100, TOKEN_B, 45)


def test_balancer_trades_are_what_the_pool_answers():
    exact_in = calldata("swapExactAmountIn(address,uint256,address,uint256,uint256)", TOKEN_A, 100, TOKEN_B, 1, 1)
    exact_out = calldata("swapExactAmountOut(address,uint256,address,uint256,uint256)", TOKEN_A, 999, TOKEN_B, 45, 1)
    answers = [encode(["uint256"] * 2, [45, 7]), encode(["uint256"] * 2, [100, 7])]
    calls = [Made(TRADER, POOL, data, output) for data, output in zip((exact_in, exact_out), answers, strict=True)]
    found = trades_of_block(block_of(calls))
    assert [(one.venue, only([one])) for one in found] == [("balancer_v1", (TOKEN_A, 100, TOKEN_B, 45))] * 2


@pytest.mark.parametrize(
    ("signature", "index"),
    [
        ("exchange(int128,int128,uint256,uint256)", 0),
        ("exchange_underlying(int128,int128,uint256,uint256)", 0),
        ("exchange(uint256,uint256,uint256,uint256)", 0),
    ],
)
def test_a_curve_trade_is_what_its_caller_and_the_pool_sent_each_other(signature, index):
    lending = at(0x99)  # where some pools keep their tokens
    inside = [
        pulled(TOKEN_A, POOL, TRADER, POOL, 100),
        transfer(TOKEN_A, POOL, lending, 100),
        transfer(TOKEN_B, lending, POOL, 46),
        transfer(TOKEN_B, POOL, TRADER, 45),
    ]
    call = Made(TRADER, POOL, calldata(signature, index, 1, 100, 1), calls=inside)
    (trade,) = trades_of_block(block_of([call]))
    assert (trade.venue, only([trade])) == ("curve", (TOKEN_A, 100, TOKEN_B, 45))
    pays_ether = Made(TRADER, POOL, call.data, calls=inside[:1])
    assert trades_of_block(block_of([pays_ether])) == ()


def test_a_bancor_trade_goes_from_the_first_token_of_its_path_to_the_last():
    signature = "convertByPath(address[],uint256,uint256,address,address,uint256)"
    path = [TOKEN_A, at(0x41), TOKEN_B]
    data = calldata(signature, path, 100, 1, TRADER, TRADER, 0)
    call = Made(TRADER, POOL, data, encode(["uint256"], [45]))
    (trade,) = trades_of_block(block_of([call]))
    assert (trade.venue, only([trade])) == ("bancor", (TOKEN_A, 100, TOKEN_B, 45))
    endless = data[:4] + b"\xff" * 32 + data[36:]
    assert trades_of_block(block_of([Made(TRADER, POOL, endless, call.output)])) == ()


RFQ = "(address,address,uint128,uint128,address,address,address,bytes32,uint64,uint256)"
LIMIT = "(address,address,uint128,uint128,uint128,address,address,address,address,bytes32,uint64,uint256)"
MAKER = at(0x66)


@pytest.mark.parametrize(
    ("name", "order_type", "order"),
    [
        ("fillRfqOrder", RFQ, (TOKEN_B, TOKEN_A, 1, 1, MAKER, TRADER, TRADER, b"", 1, 1)),
        ("fillLimitOrder", LIMIT, (TOKEN_B, TOKEN_A, 1, 1, 0, MAKER, TRADER, TRADER, TRADER, b"", 1, 1)),
        ("fillOrKillLimitOrder", LIMIT, (TOKEN_B, TOKEN_A, 1, 1, 0, MAKER, TRADER, TRADER, TRADER, b"", 1, 1)),
    ],
)
def test_an_order_filled_by_0x_is_a_trade_with_its_maker(name, order_type, order):
    exchange = at(0x88)
    data = calldata(f"{name}({order_type},(uint8,uint8,bytes32,bytes32),uint128)", order, (2, 27, b"", b""), 100)
    inside = [pulled(TOKEN_A, exchange, TRADER, MAKER, 100), pulled(TOKEN_B, exchange, MAKER, TRADER, 45)]
    (trade,) = trades_of_block(block_of([Made(TRADER, exchange, data, calls=inside)]))
    assert (trade.venue, trade.pool, trade.recipient) == ("0x", MAKER, TRADER)
    assert only([trade]) == (TOKEN_A, 100, TOKEN_B, 45)
    assert trades_of_block(block_of([Made(TRADER, exchange, data, calls=inside[:1])])) == ()


# --- logs ------------------------------------------------------------------------------------------------------------

V2_EVENT = "Swap(address,uint256,uint256,uint256,uint256,address)"
V3_EVENT = "Swap(address,address,int256,int256,uint160,uint128,int24)"
PANCAKE_EVENT = "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)"
V4_EVENT = "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)"


def v2_log(logs, in0=0, in1=0, out0=0, out1=0, pair=PAIR):
    topics = [keccak(V2_EVENT.encode()), encode(["address"], [ROUTER]), encode(["address"], [TRADER])]
    return logs.raw(pair, topics, encode(["uint256"] * 4, [in0, in1, out0, out1]))


def v2_traded(logs, amount_in=100, amount_out=45):
    """B, the token with the higher address and so token1, sold for A."""
    logs.transfer(TOKEN_B, TRADER, PAIR, amount_in).transfer(TOKEN_A, PAIR, TRADER, amount_out)
    return v2_log(logs, in1=amount_in, out0=amount_out)


def v3_log(logs, amount0, amount1, event=V3_EVENT, *more):
    return logs.add(POOL, event, ROUTER, TRADER, amount0, amount1, 1, 1, 1, *more, indexed=2)


def test_a_v2_log_is_a_trade_in_the_tokens_that_moved():
    (trade,) = trades_of_logs(v2_traded(LogTable()).table())
    assert only([trade]) == (TOKEN_B, 100, TOKEN_A, 45)
    assert (trade.venue, trade.pool, trade.sender, trade.recipient) == ("v2", PAIR, ROUTER, TRADER)
    assert (trade.block_number, trade.block_ts, trade.tx_index, trade.place) == (100, 1_700_000_000, 0, (2,))


@pytest.mark.parametrize(("event", "more"), [(V3_EVENT, ()), (PANCAKE_EVENT, (3, 4))])
def test_a_v3_log_is_signed_from_the_pools_side(event, more):
    logs = LogTable().transfer(TOKEN_A, POOL, TRADER, 45).transfer(TOKEN_B, ROUTER, POOL, 100)
    v3_log(logs, -45, 100, event, *more)
    (trade,) = trades_of_logs(logs.table())
    assert (trade.venue, only([trade])) == ("v3", (TOKEN_B, 100, TOKEN_A, 45))


def test_a_v4_log_is_signed_from_the_swappers_side_and_its_tokens_are_those_it_was_made_with():
    pool_id = bytes(range(32))
    logs = LogTable().add(POOL, V4_EVENT, pool_id, ROUTER, -100, 45, 1, 1, 1, 3000, indexed=2)
    assert trades_of_logs(logs.table()) == ()
    told = {"0x" + pool_id.hex(): (at(0), TOKEN_B)}  # ether is the address zero
    (trade,) = trades_of_logs(logs.table(), told)
    assert (trade.venue, trade.pool, trade.sender, trade.recipient) == ("v4", "0x" + pool_id.hex(), ROUTER, None)
    assert only([trade]) == (at(0), 100, TOKEN_B, 45)
    made = "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)"
    logs.add(POOL, made, pool_id, TOKEN_A, TOKEN_B, 1, 1, at(0), 1, 1, indexed=3)
    assert only(trades_of_logs(logs.table())) == (TOKEN_A, 100, TOKEN_B, 45)


def test_tokens_are_told_by_exact_amounts_where_more_than_two_moved():
    noise = at(0xF)
    logs = LogTable().transfer(noise, TRADER, PAIR, 1).transfer(noise, PAIR, TRADER, 2)
    assert only(trades_of_logs(v2_traded(logs).table())) == (TOKEN_B, 100, TOKEN_A, 45)


def test_what_a_pool_paid_out_and_nobody_got_is_a_fee_on_transfers():
    logs = LogTable().transfer(TOKEN_B, TRADER, PAIR, 100)
    logs.transfer(TOKEN_A, PAIR, TRADER, 36).transfer(TOKEN_A, PAIR, TOKEN_A, 9)
    activity = activity_of_logs(v2_log(logs, in1=100, out0=45).table())
    assert only(activity.trades) == (TOKEN_B, 100, TOKEN_A, 45)
    assert activity.traded.transfer_fees == {TOKEN_A: Fraction(1, 5)}
    assert activity_of_logs(v2_traded(LogTable()).table()).traded.transfer_fees == {}


def test_one_swap_of_a_pool_tells_the_tokens_of_all_and_the_majority_decides():
    logs = v2_traded(v2_log(LogTable(), in0=7, out1=3).next_transaction())
    assert [only([trade]) for trade in trades_of_logs(logs.table())] == [
        (TOKEN_A, 7, TOKEN_B, 3),
        (TOKEN_B, 100, TOKEN_A, 45),
    ]
    fake = at(0xF)
    logs.next_transaction().transfer(fake, TRADER, PAIR, 9).transfer(TOKEN_A, PAIR, TRADER, 4)
    v2_log(logs, in1=9, out0=4)
    assert trades_of_logs(logs.table()) == ()  # one against one
    v2_traded(logs.next_transaction(), 50, 20)
    assert {trade.token_in for trade in trades_of_logs(logs.table())} == {TOKEN_A, TOKEN_B}


def test_known_tokens_overrule_what_transfers_tell():
    logs = v2_traded(LogTable()).table()
    assert only(trades_of_logs(logs, {PAIR: (at(1), at(2))})) == (at(2), 100, at(1), 45)
    assert only(trades_of_logs(v2_log(LogTable(), in0=7, out1=3).table(), {PAIR: (at(1), at(2))}))[0] == at(1)


def test_transfers_of_an_earlier_swap_or_transaction_are_not_the_next_ones():
    logs = v2_traded(LogTable())
    v2_log(logs, in0=30, out1=10)  # of B nothing came back here: no loan
    logs.next_transaction().transfer(TOKEN_B, TRADER, PAIR, 5).next_transaction()
    v2_log(logs, in0=30, in1=5, out1=10)
    assert [trade.amount_out for trade in trades_of_logs(logs.table())] == [45, 10, 10]


def test_what_came_back_of_a_loan_is_no_part_of_the_trade_in_logs():
    logs = LogTable().transfer(TOKEN_A, PAIR, TRADER, 45).transfer(TOKEN_A, TRADER, PAIR, 30)
    logs.transfer(TOKEN_B, TRADER, PAIR, 40)
    v2_log(logs, in0=30, in1=40, out0=45)
    assert only(trades_of_logs(logs.table(), {PAIR: (TOKEN_A, TOKEN_B)})) == (TOKEN_B, 40, TOKEN_A, 15)
    loan = LogTable().transfer(TOKEN_A, PAIR, TRADER, 45).transfer(TOKEN_A, TRADER, PAIR, 46)
    assert trades_of_logs(v2_log(loan, in0=46, out0=45).table(), {PAIR: (TOKEN_A, TOKEN_B)}) == ()


SHAPES = {  # topics after the first, and words of data
    V2_EVENT: (2, 4),
    V3_EVENT: (2, 5),
    PANCAKE_EVENT: (2, 7),
    V4_EVENT: (2, 6),
    "Transfer(address,address,uint256)": (2, 1),
}


@given(
    st.sampled_from(list(SHAPES)),
    st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    st.integers(0, 9),
    st.data(),
)
def test_a_log_of_another_layout_is_another_contracts_and_none_of_these(event, topics, words, data):
    """Anybody may emit anything; a token whose units have numbers has a Transfer with four topics."""
    size = 32 * words + data.draw(st.sampled_from([0, 0, 1, 31]))
    text = data.draw(st.binary(min_size=size, max_size=size))
    logs = v2_traded(LogTable().raw(PAIR, [keccak(event.encode()), *topics], text))
    found = trades_of_logs(logs.table(), {PAIR: (TOKEN_A, TOKEN_B)})  # with any content it is no error
    if (len(topics), len(text)) != (SHAPES[event][0], 32 * SHAPES[event][1]):
        assert only(found) == (TOKEN_B, 100, TOKEN_A, 45)


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_makes_no_difference(random):
    logs = v2_traded(v2_traded(LogTable()).next_transaction(), 50, 20)
    v3_log(logs.transfer(TOKEN_A, POOL, TRADER, 45).transfer(TOKEN_B, ROUTER, POOL, 100), -45, 100)
    rows = list(logs.rows)
    random.shuffle(rows)
    assert trades_of_logs(pa.Table.from_pylist(rows, LOGS)) == trades_of_logs(logs.table())


def test_no_logs_make_no_trades():
    assert trades_of_logs(LOGS.empty_table()) == ()
    assert liquidations_of_logs(LOGS.empty_table()) == liquidity_of_logs(LOGS.empty_table()) == ()


# --- liquidations ----------------------------------------------------------------------------------------------------

BORROWER, MARKET = at(0xB0), at(0x4A)
CALLS = {
    "liquidationCall(address,address,address,uint256,bool)": ("aave", (TOKEN_A, TOKEN_B, BORROWER, 5, True), BORROWER),
    "liquidationCall(bytes32,bytes32)": ("aave", (b"", b""), None),
    "liquidateBorrow(address,uint256,address)": ("compound_v2", (BORROWER, 5, MARKET), BORROWER),
    "liquidateBorrow(address,address)": ("compound_v2", (BORROWER, MARKET), BORROWER),
    "absorb(address,address[])": ("compound_v3", (TRADER, [BORROWER]), None),
    "buyCollateral(address,uint256,uint256,address)": ("compound_v3", (TOKEN_A, 1, 5, TRADER), None),
    "liquidate((address,address,address,address,uint256),address,uint256,uint256,bytes)": (
        "morpho",
        ((TOKEN_A, TOKEN_B, at(1), at(2), 3), BORROWER, 5, 0, b""),
        BORROWER,
    ),
    "take(uint256,uint256,uint256,address,bytes)": ("maker", (1, 2, 3, TRADER, b""), None),
}


@pytest.mark.parametrize(("signature", "expected"), CALLS.items())
def test_a_liquidation_is_known_by_the_function_called(signature, expected):
    protocol, values, borrower = expected
    data = calldata(signature, *values)
    (found,) = liquidations_of_block(block_of([Made(TRADER, MARKET, data)]))
    assert (found.protocol, found.borrower, found.market, found.place) == (protocol, borrower, MARKET, (0,))
    not_done = (
        Made(TRADER, MARKET, data, failed=True),
        Made(TRADER, MARKET, data, kind="delegatecall"),
        Made(TRADER, MARKET, data, kind="staticcall"),
        Made(TRADER, MARKET, data[:36]),
        Made(TRADER, MARKET, b"\xff" + data[1:]),
    )
    assert liquidations_of_block(block_of(list(not_done))) == ()


def test_a_market_that_answers_an_errors_number_has_done_nothing():
    data = calldata("liquidateBorrow(address,uint256,address)", BORROWER, 5, MARKET)
    answers = [Made(TRADER, MARKET, data, encode(["uint256"], [code])) for code in (0, 3)]
    assert [one.place for one in liquidations_of_block(block_of(answers))] == [(0,)]


# The topics are those that explorers show for the protocols' deployed contracts.
EVENTS = {
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)": (
        "e413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286",
        "aave",
        (TOKEN_A, TOKEN_B, BORROWER, 1, 2, TRADER, True),
        3,
    ),
    "LiquidationCall(address,address,address,uint256,uint256,uint256,address,bool,uint256)": (
        "56864757fd5b1fc9f38f5f3a981cd8ae512ce41b902cf73fc506ee369c6bc237",
        "aave",
        (TOKEN_A, TOKEN_B, BORROWER, 1, 2, 3, TRADER, True, 4),
        3,
    ),
    "LiquidateBorrow(address,address,uint256,address,uint256)": (
        "298637f684da70674f26509b10f07ec2fbc77a335ab1e7d6215a4b2484d8bb52",
        "compound_v2",
        (TRADER, BORROWER, 1, MARKET, 2),
        0,
    ),
    "AbsorbCollateral(address,address,address,uint256,uint256)": (
        "9850ab1af75177e4a9201c65a2cf7976d5d28e40ef63494b44366f86b2f9412e",
        "compound_v3",
        (TRADER, BORROWER, TOKEN_A, 1, 2),
        3,
    ),
    "BuyCollateral(address,address,uint256,uint256)": (
        "f891b2a411b0e66a5f0a6ff1368670fefa287a13f541eb633a386a1a9cc7046b",
        "compound_v3",
        (TRADER, TOKEN_A, 1, 2),
        2,
    ),
    "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)": (
        "a4946ede45d0c6f06a0f5ce92c9ad3b4751452d2fe0e25010783bcab57a67e41",
        "morpho",
        (b"id", TRADER, BORROWER, 1, 2, 3, 4, 5),
        3,
    ),
}


@pytest.mark.parametrize(("signature", "expected"), EVENTS.items())
def test_a_liquidation_is_known_by_its_event(signature, expected):
    topic, protocol, values, indexed = expected
    assert keccak(signature.encode()).hex() == topic
    logs = LogTable().add(MARKET, signature, *values, indexed=indexed)
    (found,) = liquidations_of_logs(logs.table())
    named = BORROWER if BORROWER in values else None
    assert (found.protocol, found.market, found.borrower, found.place) == (protocol, MARKET, named, (0,))
    row = logs.rows[0]
    other = LogTable().raw(MARKET, [row["topic0"]], b"").raw(MARKET, [row["topic0"]], row["data"] + b"\0")
    assert liquidations_of_logs(other.table()) == ()


def test_an_auction_of_makers_collateral_is_a_liquidation():
    topic = bytes.fromhex("05e309fd6ce72f2ab888a20056bb4210df08daed86f21f95053deb19964d86b1")
    taken = LogTable().raw(MARKET, [topic, bytes(32), bytes(32)], bytes(160))
    (found,) = liquidations_of_logs(taken.table())
    assert (found.protocol, found.borrower) == ("maker", None)


# --- liquidity -------------------------------------------------------------------------------------------------------

MOVED = ("mint", POOL, 100, TRADER, -60, 120, 5), ("burn", POOL, 100, TRADER, -60, 120, 5)


def moved(moves):
    return tuple(
        (one.kind, one.pool, one.block_number, one.owner, one.tick_lower, one.tick_upper, one.liquidity)
        for one in moves
    )


def test_liquidity_moves_are_read_from_calls():
    answer = encode(["uint256"] * 2, [1, 2])
    mint = calldata("mint(address,int24,int24,uint128,bytes)", TRADER, -60, 120, 5, b"")
    burn = calldata("burn(int24,int24,uint128)", -60, 120, 5)
    poke = calldata("burn(int24,int24,uint128)", -60, 120, 0)
    calls = [Made(ROUTER, POOL, mint, answer), Made(TRADER, POOL, burn, answer)]
    nothing = [
        Made(TRADER, POOL, poke, answer),
        Made(TRADER, POOL, burn, b""),
        Made(TRADER, POOL, burn, answer, failed=True),
        Made(TRADER, POOL, burn, answer, kind="delegatecall"),
    ]
    assert moved(liquidity_of_block(block_of([*calls, *nothing]))) == MOVED


def test_liquidity_moves_are_read_from_logs():
    mint = "Mint(address,address,int24,int24,uint128,uint256,uint256)"
    burn = "Burn(address,int24,int24,uint128,uint256,uint256)"
    ends = [encode([kind], [value]) for kind, value in (("address", TRADER), ("int24", -60), ("int24", 120))]
    put_in = [keccak(mint.encode()), *ends], encode(["address", "uint128", "uint256", "uint256"], [ROUTER, 5, 1, 2])
    logs = LogTable().raw(POOL, *put_in).add(POOL, burn, TRADER, -60, 120, 5, 1, 2, indexed=3)
    logs.add(POOL, burn, TRADER, -60, 120, 0, 0, 0, indexed=3)
    logs.raw(POOL, [keccak(burn.encode())], b"").raw(POOL, put_in[0], b"")
    assert moved(liquidity_of_logs(logs.table())) == MOVED
