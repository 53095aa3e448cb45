"""Who is behind the transactions of whole blocks: real blocks against their labels, and each rule by itself."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whole_blocks import ETL, at, etl_logs, etl_transactions, mev_blocks, mev_labels, tx

from ingest.blocks import (
    Activity,
    Caller,
    Liquidation,
    LiquidityMove,
    activity_of_block,
    activity_of_logs,
)
from ingest.blocks.calls import transfers
from ingest.blocks.trades import TradesRead
from ingest.cycles import MAX_LEGS, cycles, net_amounts
from ingest.records import Trade
from ingest.routers import ROUTERS
from ingest.strategies import arbitrages_of_blocks, label_transactions, sandwiches_of_blocks

WETH = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
ROUTER = next(iter(ROUTERS))


# --- 18 real blocks --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blocks(shared_data):
    return mev_blocks(shared_data)


@pytest.fixture(scope="module")
def activities(blocks):
    return {number: activity_of_block(block) for number, block in blocks.items()}


@pytest.fixture(scope="module")
def listed(shared_data):
    return mev_labels(shared_data)


def place(trade):
    return trade.tx_hash, trade.place


def listed_place(swap):
    return swap["transaction_hash"], tuple(swap["trace_address"])


@pytest.mark.shared_data
def test_the_sandwiches_of_real_blocks_are_those_listed_with_their_victims(activities, listed):
    found = {
        (place(case.front), place(case.back)): {place(victim) for victim in case.victims}
        for activity in activities.values()
        for case in sandwiches_of_blocks(activity)
    }
    expected = {
        (listed_place(case["frontrun_swap"]), listed_place(case["backrun_swap"])): {
            listed_place(swap) for swap in case["sandwiched_swaps"]
        }
        for labels in listed.values()
        for case in labels["sandwiches"]
    }
    assert len(expected) == 8
    assert found == expected


# Found, and not listed: the list wants each pool to pay the next one or the account that calls it, and in these the
# tokens take a way of their own. Each is a ring of trades, after which one contract has more wrapped ether than before
# and nothing less of anything: see the test after the next. (block, transaction): (put in, got) in wei.
UNLISTED_ARBITRAGES = {
    # Wrapped ether to DAI by a v2 flash swap, to USDC at Curve, back at SushiSwap, whose router called that pair.
    (12483198, "0xd5639f59fb23547826bcd9a2a99905d3f748454776fd4d679c724283de1dbb81"): (
        198407443668445035775,
        199805424280752672920,
    ),
    # The same contract, with USDT.
    (13179291, "0x94c8cc09af6329beff15f71f99dd3622561e3e787b16faf0495813840a43237f"): (
        137726542058347694477,
        138035204650747674654,
    ),
    # Wrapped ether to USDC at a v3 pool, on at a v2 pair, twice at Bancor, and back at a v2 pair.
    (13302365, "0xa3d8c446de81db9c63b8654329a09c4aee174ce329a55a4e24b999b0691e1f86"): (
        4703966420960137000,
        4756944024610941340,
    ),
    # An order for UNI filled at 0x, the UNI bought over AAVE with wrapped ether, and that with the order's USDC. Of the
    # USDC 341084 units were left as well.
    (13370850, "0x27c4d02cde06d8842905c0e937a483ff07be6388b4d2508aeedaad0ebf1cb1e1"): (
        9446940801832501943,
        9500770097179684678,
    ),
    # An order at 0x filled with USDC from a v3 flash swap.
    (13666312, "0xa043976d736ec8dc930c0556dffd0a86a4bfc80bf98fb7995c791fb4dc488b5d"): (
        34943079485284963661,
        35000000000000000000,
    ),
}

# Listed, and not found: the transaction's calls failed (the list says so too, in its field for errors), so that it only
# tried. In the same block 0x22540e53… had taken the same 9.95 ether before it.
FAILED_ARBITRAGE = (12483198, "0x23a4dc7044666d3d4cc2d394a8017fc9d6b87018c20390d35266cea1af783e8a")


@pytest.mark.shared_data
def test_the_arbitrages_of_real_blocks_are_those_listed_or_differ_for_a_reason(activities, listed):
    expected = {
        (number, case["transaction_hash"]): case for number, labels in listed.items() for case in labels["arbitrages"]
    }
    found = {
        (number, tx_hash): cycles
        for number, activity in activities.items()
        for tx_hash, cycles in arbitrages_of_blocks(activity).items()
    }
    assert len(expected) == 20
    assert expected.keys() - found.keys() == {FAILED_ARBITRAGE}
    assert expected[FAILED_ARBITRAGE]["error"] == "Reverted"
    assert found.keys() - expected.keys() == UNLISTED_ARBITRAGES.keys()
    for key, (ring,) in found.items():  # one in each transaction
        assert ring.token == WETH
        if key in UNLISTED_ARBITRAGES:
            assert (ring.put_in, ring.got) == UNLISTED_ARBITRAGES[key]
            continue
        theirs = expected[key]
        assert {trade.place for trade in ring.trades} == {tuple(swap["trace_address"]) for swap in theirs["swaps"]}
        assert ring.token == theirs["profit_token_address"]
        assert (ring.put_in, ring.got) == (theirs["start_amount"], theirs["end_amount"])
        assert ring.gain == theirs["profit_amount"]
    # With what is right about the disagreements: 24 found, 24 true, and 24 of 24 that took effect.
    right = len(found.keys() & expected.keys()) + len(UNLISTED_ARBITRAGES)
    assert right / len(found) >= 0.9
    assert len(found.keys() & expected.keys()) >= 18


@pytest.mark.shared_data
@pytest.mark.parametrize("key", UNLISTED_ARBITRAGES, ids=lambda key: key[1][:10])
def test_an_unlisted_arbitrage_left_one_contract_with_more_and_nothing_less(blocks, key):
    """From the token transfers of the whole transaction alone, whatever is a trade in it."""
    (transaction,) = [one for one in blocks[key[0]].transactions if one.tx_hash == key[1]]
    moved: dict[str, Counter[str]] = defaultdict(Counter)
    for one in transfers(transaction.calls):
        moved[one.sender][one.token] -= one.amount
        moved[one.recipient][one.token] += one.amount
    gained = [who for who, tokens in moved.items() if any(tokens.values()) and min(tokens.values()) >= 0]
    assert gained == [transaction.own.to]
    put_in, got = UNLISTED_ARBITRAGES[key]
    assert moved[transaction.own.to][WETH] == got - put_in
    assert {token for token, amount in moved[transaction.own.to].items() if amount} <= {
        WETH,
        "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    }


@pytest.mark.shared_data
def test_every_transaction_of_real_blocks_has_one_class_and_its_rule(activities, listed):
    counts: Counter[str] = Counter()
    for number, activity in activities.items():
        labels = label_transactions(activity)
        assert {one.tx_hash for one in activity.trades} <= labels.keys()
        indices = {one.tx_hash: one.tx_index for one in (*activity.trades, *activity.moves, *activity.liquidations)}
        assert [indices[tx_hash] for tx_hash in labels] == sorted(indices.values())
        assert all(label.rule for label in labels.values())
        counts.update(label.flow_class for label in labels.values())
        for one in listed[number]["liquidations"]:
            assert labels[one["transaction_hash"]].flow_class == "liquidation"
        for case in listed[number]["sandwiches"]:
            for leg in ("frontrun_swap", "backrun_swap"):
                assert labels[case[leg]["transaction_hash"]].flow_class == "sandwich"
            for swap in case["sandwiched_swaps"]:
                assert labels[swap["transaction_hash"]].flow_class in ("user", "unknown")
    # Eight sandwiches, of which two are one through two pools; eleven liquidations, two of them in one transaction.
    assert (counts["sandwich"], counts["liquidation"], counts["arbitrage"]) == (14, 10, 24)
    assert counts["jit"] == 0
    assert counts["user"] > 4 * counts["unknown"]


# --- two real blocks of logs -----------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize("with_callers", [False, True])
def test_the_sandwiches_of_real_logs_are_those_listed(shared_data, with_callers):
    transactions = etl_transactions(shared_data) if with_callers else None
    activity = activity_of_logs(etl_logs(shared_data), transactions)
    found = {
        (case.front.block_number, case.front.pool, case.front.tx_hash, case.back.tx_hash): (
            tuple(victim.tx_hash for victim in case.victims),
            (case.front.amount_in, case.front.amount_out, case.back.amount_in, case.back.amount_out),
        )
        for case in sandwiches_of_blocks(activity)
    }
    cases = json.loads((shared_data / ETL / "heuristic_sandwich_labels.json").read_text())
    assert len(cases) == 3
    assert found == {
        (case["block_number"], case["pool"], case["front_tx"], case["back_tx"]): (
            tuple(victim["tx"] for victim in case["victims"]),
            tuple(case[name] for name in ("front_in", "front_out", "back_in", "back_out")),
        )
        for case in cases
    }
    if with_callers:
        for case in cases:
            assert activity.callers[case["front_tx"]].account == case["attacker_eoa_front"]
            assert activity.callers[case["front_tx"]].contract == case["attacker_contract"]


# --- each rule -------------------------------------------------------------------------------------------------------

A, B, C, D, POOL = (at(number) for number in (0xA, 0xB, 0xC, 0xD, 0x100))
BOT, VICTIM, OTHER, ACCOUNT = (at(number) for number in (0xB07, 0x11, 0x22, 0xEE))


def trade(index, token_in, amount_in, token_out, amount_out, pool=POOL, who=BOT, **more):
    """A trade of the transaction with that index."""
    values = {
        "venue": "v2",
        "pool": pool,
        "block_number": 100,
        "block_ts": None,
        "tx_hash": tx(index),
        "tx_index": index,
        "place": (0,),
        "sender": who,
        "recipient": who,
        "token_in": token_in,
        "token_out": token_out,
        "amount_in": amount_in,
        "amount_out": amount_out,
    }
    return Trade(**(values | more))


def activity(*trades, moves=(), liquidations=(), callers=None, fees=None):
    placed = tuple(replace(one, place=(number,)) for number, one in enumerate(trades))
    return Activity(TradesRead(placed, fees or {}), tuple(moves), tuple(liquidations), callers or {})


FRONT = trade(0, A, 100, B, 50)
HIT = trade(1, A, 10, B, 4, who=VICTIM)
BACK = trade(2, B, 50, A, 101)


def sandwich_of(*trades, **more):
    (case,) = sandwiches_of_blocks(activity(*trades, **more))
    return case


def by(one, sender, recipient=None):
    return replace(one, sender=sender, recipient=recipient)


def test_a_sandwich_may_have_several_victims_and_not_those_of_another_pool_or_direction():
    between = [
        HIT,
        trade(2, A, 20, B, 8, who=OTHER),
        trade(3, B, 5, A, 9, who=OTHER),
        trade(4, A, 20, B, 8, who=OTHER, pool=at(0x101)),
        trade(5, A, 20, B, 8),
    ]
    case = sandwich_of(FRONT, *between, replace(BACK, tx_index=6, tx_hash=tx(6)))
    assert [victim.tx_index for victim in case.victims] == [1, 2]


@pytest.mark.parametrize(
    ("front", "back", "callers", "known_by"),
    [
        (by(FRONT, BOT), by(BACK, BOT), {}, BOT),  # the contract that called the pool
        (by(FRONT, ROUTER, BOT), by(BACK, OTHER, BOT), {}, BOT),  # the recipient
        (by(FRONT, ROUTER), by(BACK, ROUTER), {0: (ACCOUNT, ROUTER), 2: (ACCOUNT, ROUTER)}, ACCOUNT),  # the account
        (by(FRONT, at(1)), by(BACK, at(2)), {0: (at(3), BOT), 2: (at(4), BOT)}, BOT),  # the contract that it called
        (by(FRONT, ROUTER), by(BACK, ROUTER), {0: (at(3), ROUTER), 2: (at(4), ROUTER)}, None),  # two users
        (by(FRONT, at(1)), by(BACK, at(2)), {}, None),
        (by(FRONT, at(0x101)), by(BACK, at(0x101)), {}, None),  # a pool is nobody
        (by(FRONT, at(1), at(0x101)), by(BACK, at(2), at(0x101)), {}, None),
        (by(FRONT, None), by(BACK, None), {}, None),
    ],
)
def test_a_party_is_known_by_any_address_that_serves_nobody_else(front, back, callers, known_by):
    elsewhere = trade(3, A, 1, C, 1, pool=at(0x101), who=OTHER)
    known = {tx(index): Caller(*caller) for index, caller in callers.items()}
    found = sandwiches_of_blocks(activity(front, HIT, back, elsewhere, callers=known))
    assert [case.why for case in found] == ([f"both by {known_by}"] if known_by else [])


def test_a_victim_is_no_party_to_the_sandwich():
    own = {tx(0): Caller(ACCOUNT, BOT), tx(1): Caller(ACCOUNT, ROUTER), tx(2): Caller(ACCOUNT, BOT)}
    assert sandwiches_of_blocks(activity(FRONT, HIT, BACK, callers=own)) == ()


def test_swaps_of_the_two_transactions_themselves_are_no_victims():
    in_front = replace(HIT, tx_index=0, tx_hash=tx(0))
    in_back = replace(HIT, tx_index=2, tx_hash=tx(2))
    assert sandwiches_of_blocks(activity(FRONT, in_front, BACK)) == ()
    assert sandwiches_of_blocks(activity(FRONT, in_back, BACK)) == ()
    assert [victim.tx_index for victim in sandwich_of(FRONT, in_front, HIT, in_back, BACK).victims] == [1]


def test_front_and_back_lie_in_one_block():
    later = replace(BACK, block_number=101)
    assert sandwiches_of_blocks(activity(FRONT, HIT, later)) == ()


def test_a_sandwich_through_two_pools_stands_once_for_each():
    """The pool between sells dearer after the victim's trade, so that only the far token is sold to the last unit."""
    near, far = at(0x100), at(0x101)
    found = sandwiches_of_blocks(
        activity(
            trade(0, A, 100, B, 50, pool=near),
            trade(0, B, 50, C, 30, pool=far),
            trade(1, A, 40, B, 15, pool=near, who=VICTIM),
            trade(1, B, 15, C, 8, pool=far, who=VICTIM),
            trade(2, C, 30, B, 60, pool=far),
            trade(2, B, 60, A, 130, pool=near),
        )
    )
    assert [(case.front.pool, len(case.victims)) for case in found] == [(near, 1), (far, 1)]
    unrelated = sandwiches_of_blocks(activity(FRONT, HIT, replace(BACK, amount_in=60)))
    assert unrelated == ()


@pytest.mark.parametrize(
    ("sold", "fee", "found"),
    [
        (49, None, 1),
        (48, None, 0),
        (46, Fraction(3, 100), 1),
        (45, Fraction(3, 100), 0),
        (54, Fraction(3, 100), 0),
        (26, Fraction(1, 4), 1),
        (26, Fraction(26, 100), 0),
    ],
)
def test_a_fee_on_transfers_is_allowed_for_in_what_is_sold_again(sold, fee, found):
    fees = {B: fee} if fee else {}
    assert len(sandwiches_of_blocks(activity(FRONT, HIT, replace(BACK, amount_in=sold), fees=fees))) == found
    assert len(sandwiches_of_blocks(activity(FRONT, HIT, replace(BACK, amount_in=sold), fees={A: Fraction(1, 2)}))) == (
        sold == 49
    )


def test_a_sandwich_of_two_addresses_is_known_by_its_exact_amounts():
    front = trade(0, A, 1_000_007, B, 500_003, who=at(1))
    back = trade(2, B, 500_003, A, 1_000_107, who=at(2))
    case = sandwich_of(front, HIT, back)
    assert "to the last unit" in case.why
    labels = label_transactions(activity(front, HIT, back))
    assert [label.flow_class for label in labels.values()] == ["sandwich", "unknown", "sandwich"]
    assert "to the last unit" in labels[tx(0)].rule
    assert sandwiches_of_blocks(activity(front, HIT, replace(back, tx_index=3))) == ()
    assert sandwiches_of_blocks(activity(front, HIT, replace(back, amount_in=500_002))) == ()


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([49, 50, 51])), max_size=25))
def test_a_swap_is_front_or_back_of_one_sandwich_and_victims_lie_between(swaps):
    made = [
        trade(index, *((A, 100, B, size) if up else (B, size, A, 101)), who=at(0x1000 + who))
        for index, (who, up, size) in enumerate(swaps)
    ]
    cases = sandwiches_of_blocks(activity(*made))
    legs = [leg.tx_index for case in cases for leg in (case.front, case.back)]
    assert len(legs) == len(set(legs))
    for case in cases:
        assert case.victims
        assert case.front.sender == case.back.sender
        for victim in case.victims:
            assert case.front.tx_index < victim.tx_index < case.back.tx_index
            assert victim.token_in == case.front.token_in != case.back.token_in
            assert victim.sender != case.front.sender


# --- arbitrage -------------------------------------------------------------------------------------------------------


def ring(*amounts, tokens=(A, B, C, D), pools=None):
    """Trades round through the tokens, each (amount in, amount out), in as many pools."""
    count = len(amounts)
    return [
        trade(
            0,
            tokens[number],
            amount_in,
            tokens[(number + 1) % count],
            amount_out,
            pool=at(0x200 + (number if pools is None else pools[number])),
            place=(number,),
        )
        for number, (amount_in, amount_out) in enumerate(amounts)
    ]


def test_a_ring_of_trades_that_gains_is_an_arbitrage_in_any_order():
    trades = ring((100, 50), (50, 30), (30, 103))
    for turned in (trades, trades[::-1], [trades[1], trades[0], trades[2]]):
        (found,) = cycles(turned)
        assert (found.token, found.put_in, found.got, found.gain) == (A, 100, 103, 3)
        assert set(found.trades) == set(trades)


@pytest.mark.parametrize(
    "trades",
    [
        ring((100, 50), (50, 100)),  # nothing gained
        ring((100, 50), (50, 99)),
        ring((100, 50), (51, 103)),  # a unit of B came from elsewhere
        ring((100, 50), (50, 103), pools=(0, 0)),  # one pool: bought and sold again
        ring((100, 50), (50, 30), (30, 103))[:2],  # a route
        [],
    ],
)
def test_what_does_not_gain_or_leads_nowhere_is_no_arbitrage(trades):
    assert cycles(trades) == ()


def test_a_users_split_route_is_no_arbitrage():
    split = [
        trade(0, A, 60, B, 30, pool=at(1), place=(0,)),
        trade(0, A, 40, C, 90, pool=at(2), place=(1,)),
        trade(0, C, 90, B, 21, pool=at(3), place=(2,)),
        trade(0, A, 10, B, 6, pool=at(4), place=(3,)),
    ]
    assert cycles(split) == ()
    assert label_transactions(activity(*split))[tx(0)].flow_class == "unknown"


def test_two_users_served_in_one_transaction_are_no_arbitrage():
    """Opposite trades of a batch: what the one leaves over does not make up for what the other brought."""
    batch = [
        trade(0, A, 100, B, 50, pool=at(1), place=(0,)),
        trade(0, B, 20, A, 41, pool=at(2), place=(1,)),
    ]
    assert cycles(batch) == ()


def test_an_arbitrage_beside_a_users_trade_is_found_alone():
    user = trade(0, A, 500, B, 240, pool=at(0x999), place=(9,))
    (found,) = cycles([user, *ring((100, 50), (50, 103))])
    assert user not in found.trades
    assert found.gain == 3


def test_several_rings_are_several_arbitrages():
    first = ring((100, 50), (50, 103))
    second = [replace(one, pool=at(0x300 + number)) for number, one in enumerate(ring((70, 5), (5, 71), tokens=(A, D)))]
    found = cycles([*first, *second])
    assert sorted(one.gain for one in found) == [1, 3]
    rule = label_transactions(activity(*first, *second))[tx(0)].rule
    assert "and 1 more" in rule


def test_a_ring_that_splits_and_joins_is_one_arbitrage():
    split = [
        trade(0, A, 100, B, 50, pool=at(1), place=(0,)),
        trade(0, B, 30, A, 62, pool=at(2), place=(1,)),
        trade(0, B, 20, C, 5, pool=at(3), place=(2,)),
        trade(0, C, 5, A, 41, pool=at(4), place=(3,)),
    ]
    (found,) = cycles(split)
    assert (found.token, found.put_in, found.got) == (A, 100, 103)
    assert len(found.trades) == 4


def test_the_token_gained_is_the_one_that_grew_most():
    (found,) = cycles(ring((100, 52), (50, 103)))  # 3 % of A, and 2 of 50 of B
    assert (found.token, found.put_in, found.got) == (B, 50, 52)


def test_a_ring_may_have_twelve_trades():
    tokens = [at(0x400 + number) for number in range(MAX_LEGS + 1)]
    losing = [replace(one, pool=at(0x300 + number)) for number, one in enumerate(ring((70, 5), (5, 69)))]
    for count in (MAX_LEGS, MAX_LEGS + 1):
        amounts = [(10, 10)] * (count - 1) + [(10, 11)]
        trades = ring(*amounts, tokens=tokens[:count])
        (found,) = cycles(trades)
        assert len(found.trades) == count  # the longer one, as all that circulates
        assert len(cycles([*trades, *losing])) == (count == MAX_LEGS)


TRADES = st.lists(
    st.tuples(
        st.sampled_from([A, B, C, D]), st.sampled_from([A, B, C, D]), *[st.integers(1, 20)] * 2, st.integers(0, 5)
    ),
    max_size=9,
).map(
    lambda rows: [
        trade(0, sold, amount_in, bought, amount_out, pool=at(0x200 + pool), place=(number,))
        for number, (sold, bought, amount_in, amount_out, pool) in enumerate(rows)
        if sold != bought
    ]
)


@given(TRADES)
def test_an_arbitrage_loses_nothing_gains_something_and_no_trade_is_in_two(trades):
    found = cycles(trades)
    inside = [one for each in found for one in each.trades]
    assert len(inside) == len(set(inside))
    for each in found:
        nets = net_amounts(each.trades)
        assert min(nets.values()) >= 0
        assert each.gain == nets[each.token] > 0
        assert len({one.pool for one in each.trades}) > 1
        assert {one.token_in for one in each.trades} == {one.token_out for one in each.trades}


@given(TRADES)
def test_trades_that_never_lead_back_are_no_arbitrage(trades):
    assert cycles([one for one in trades if one.token_in < one.token_out]) == ()


def test_the_search_is_bounded():
    tokens = [at(0x400 + number) for number in range(20)]
    many = [
        trade(0, sold, 100, bought, 99, pool=at(0x1000 + number), place=(number,))
        for number, (sold, bought) in enumerate((one, other) for one in tokens for other in tokens if one != other)
    ]
    start = time.perf_counter()
    assert cycles(many) == ()
    assert time.perf_counter() - start < 5


# --- the other classes -----------------------------------------------------------------------------------------------


def test_through_a_router_is_a_user():
    seen = label_transactions(activity(by(FRONT, ROUTER)))
    assert seen[tx(0)].flow_class == "user"
    assert seen[tx(0)].rule == f"through {ROUTERS[ROUTER]}"
    sent = label_transactions(activity(FRONT, callers={tx(0): Caller(ACCOUNT, ROUTER)}))
    assert sent[tx(0)].flow_class == "user"
    assert label_transactions(activity(FRONT, callers={tx(0): Caller(ACCOUNT, None)}))[tx(0)].flow_class == "unknown"


def move(kind, index, liquidity=5, owner=BOT, span=(-60, 60), pool=POOL, block=100):
    return LiquidityMove(kind, pool, block, tx(index), index, (0,), owner, *span, liquidity)


def test_liquidity_for_the_length_of_others_trades_is_just_in_time():
    moves = [move("mint", 0), move("burn", 2)]
    labels = label_transactions(activity(HIT, moves=moves))
    assert [(tx_hash, label.flow_class) for tx_hash, label in labels.items()] == [
        (tx(0), "jit"),
        (tx(1), "unknown"),
        (tx(2), "jit"),
    ]


@pytest.mark.parametrize(
    "moves",
    [
        [move("mint", 0), move("burn", 2, liquidity=4)],
        [move("mint", 0), move("burn", 2, owner=OTHER)],
        [move("mint", 0), move("burn", 2, span=(-60, 120))],
        [move("mint", 0), move("burn", 2, pool=at(0x101))],
        [move("mint", 0), move("burn", 2, block=101)],
        [move("burn", 0), move("mint", 2)],
        [move("mint", 0), move("burn", 1)],
        [move("mint", 1), move("burn", 2)],
        [move("mint", 2), move("burn", 3)],
    ],
)
def test_other_liquidity_is_not_just_in_time(moves):
    labels = label_transactions(activity(HIT, moves=moves))
    assert {label.flow_class for label in labels.values()} == {"unknown"}


def test_of_several_rules_the_first_one_says_what_a_transaction_is():
    seized = Liquidation("aave", 100, tx(0), 0, (5,), at(0x4A), OTHER)
    arbitrage = [replace(one, sender=ROUTER) for one in ring((100, 50), (50, 103))]
    classes = [
        label_transactions(activity(*arbitrage[:1])),
        label_transactions(activity(*arbitrage)),
        label_transactions(activity(*arbitrage, liquidations=[seized])),
        label_transactions(activity(FRONT, HIT, BACK, liquidations=[seized])),
        label_transactions(activity(liquidations=[seized])),
    ]
    assert [labels[tx(0)].flow_class for labels in classes] == [
        "user",
        "arbitrage",
        "liquidation",
        "sandwich",
        "liquidation",
    ]
    assert classes[2][tx(0)].rule == "it liquidates through aave"
