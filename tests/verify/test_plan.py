"""Which orders settle where, on which state, after which news."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import History, Label, LiquidityEvent, Pool, PoolState, PricePoint, Swap, Token
from verify.conventions import PriceError
from verify.plan import batches, read
from verify.reference import Reference

POOL = Pool("v3", 1, "0x" + "77" * 20, Token("0x" + "a0" * 20, "USDC", 6), Token("0x" + "c0" * 20, "WETH", 18), 500, 10)
STATE = PoolState(POOL, None, sqrt_price_x96=2**96 * 20_000)


def swap(seq, block, price=20_000, ts=None):
    seconds = block * 12 if ts is None else ts
    return Swap(seq, block, seconds, f"0x{seq:064x}", 0, seq, 1000, -900, 500, sqrt_price_x96=2**96 * price)


def mint(seq, block):
    return LiquidityEvent(seq, "mint", block, block * 12, f"0x{seq:064x}", 0, seq, liquidity=5)


def history(*events, prices=(), state=STATE):
    return History("h", "id", "file", state, tuple(events), prices=prices, price_source="given")


def reading_of(found, classes, jit=()):
    labels = {seq: Label(name, "test") for seq, name in classes.items()}
    return read(found, labels, frozenset(jit))


def test_windows_are_aligned_and_settle_in_their_last_block():
    found = history(*(swap(i, block) for i, block in enumerate((10, 11, 14, 15, 19, 20))))
    cut = batches(found, reading_of(found, dict.fromkeys(range(6), "user")), 5, "settlement")
    assert [(batch.window, batch.settle_block, batch.orders) for batch in cut] == [
        (2, 14, (0, 1, 2)),
        (3, 19, (3, 4)),
        (4, 24, (5,)),
    ]


def test_news_are_arbitrage_and_lasting_liquidity_before_the_settlement_blocks_first_order():
    events = [swap(0, 9), swap(1, 10), mint(2, 10), mint(3, 10), swap(4, 10), swap(5, 10), swap(6, 10)]
    found = history(*events)
    classes = {0: "arbitrage", 1: "arbitrage", 4: "sandwich", 5: "user", 6: "arbitrage"}
    (batch,) = batches(found, reading_of(found, classes, jit={3}), 1, "settlement")
    assert (batch.orders, batch.start_seq, batch.news, batch.sandwich_legs) == ((5,), 1, (1, 2), (4,))


def test_a_window_without_an_order_in_its_last_block_starts_there_without_news():
    found = history(swap(0, 10), swap(1, 11), swap(2, 12))
    (batch,) = batches(found, reading_of(found, {0: "user", 1: "arbitrage", 2: "arbitrage"}), 3, "settlement")
    assert (batch.window, batch.settle_block) == (3, 11)
    (other,) = batches(found, reading_of(found, {0: "user", 1: "arbitrage", 2: "arbitrage"}), 4, "settlement")
    assert (other.settle_block, other.start_seq, other.news) == (11, 1, ())


def test_the_other_anchors_start_with_the_window():
    found = history(swap(0, 10), swap(1, 11), swap(2, 12), swap(3, 14), swap(4, 14))
    classes = {0: "arbitrage", 1: "user", 2: "arbitrage", 3: "arbitrage", 4: "unknown"}
    reading = reading_of(found, classes)
    (settlement,) = batches(found, reading, 5, "settlement")
    (start,) = batches(found, reading, 5, "window-start")
    (path,) = batches(found, reading, 5, "arbitrage-only")
    assert (settlement.start_seq, settlement.news) == (3, (3,))
    assert (start.start_seq, start.news) == (0, ())
    assert (path.start_seq, path.news) == (0, (0, 2, 3))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_every_order_is_in_exactly_one_batch_that_settles_at_or_after_its_block(blocks, window, random):
    found = history(*(swap(i, block) for i, block in enumerate(sorted(blocks))))
    names = ("user", "unknown", "arbitrage", "sandwich")
    reading = reading_of(found, {i: random.choice(names) for i in range(len(blocks))})
    for anchor in ("settlement", "window-start", "arbitrage-only"):
        cut = batches(found, reading, window, anchor)
        assert sorted(seq for batch in cut for seq in batch.orders) == list(reading.orders)
        for batch in cut:
            for seq in batch.orders:
                assert 0 <= batch.settle_block - found.events[seq].block_number < window
            assert all(seq >= batch.start_seq and seq not in batch.orders for seq in batch.news)
            placed = [seq for seq in batch.orders if found.events[seq].block_number == batch.settle_block]
            assert not placed or all(seq < placed[0] for seq in batch.news)


def test_the_reference_price_is_the_pools_before_the_block_never_after_the_trade():
    reference = Reference(history(swap(0, 10, 20_000), swap(1, 12, 30_000), swap(2, 12, 40_000)))
    assert reference.price(10) == 20_000**2
    assert reference.price(12) == 20_000**2
    assert reference.price(13) == 40_000**2
    assert "own price" in reference.source


def test_a_given_price_holds_from_its_time_on():
    points = (PricePoint(100, "0.0004"), PricePoint(200, "0.0005"))
    reference = Reference(history(swap(0, 10, ts=150), swap(1, 20, ts=200), prices=points))
    assert reference.price(10) == Fraction("0.0004") * 10**12
    assert reference.price(20) == Fraction("0.0005") * 10**12
    assert reference.source == "given"


def test_values_are_in_the_dollar_token_and_gas_in_the_bought_one():
    reference = Reference(history(swap(0, 10, 20_000)))
    price = Fraction(20_000**2)
    assert reference.numeraire.symbol == "USDC"
    assert reference.values(10) == (1, 1 / price)
    assert reference.bought_per_wei(10, buys_token0=True) == 1 / price
    assert reference.bought_per_wei(10, buys_token0=False) == 1


def test_gas_on_a_pool_without_the_native_coin_needs_a_price():
    pool = Pool("v3", 137, POOL.address, POOL.token0, POOL.token1, 500, 10)
    found = history(swap(0, 10, 20_000), state=PoolState(pool, None, sqrt_price_x96=STATE.sqrt_price_x96))
    assert Reference(found).bought_per_wei(10, buys_token0=True) is None
    priced = Reference(found, Fraction("0.5"))
    assert priced.bought_per_wei(10, buys_token0=True) == Fraction(5 * 10**5, 10**18)


@pytest.mark.parametrize(("block", "ts"), [(10, 100), (11, 106), (12, 112), (13, 124), (14, 136), (16, 160)])
def test_blocks_that_the_history_has_not_get_a_time_in_proportion(block, ts):
    reference = Reference(history(swap(0, 10, ts=100), swap(1, 12, ts=112), swap(2, 14, ts=136)))
    assert reference.time(block) == ts


def test_later_values_are_those_of_the_series_as_far_as_it_is_fine_and_reaches():
    prices = tuple(PricePoint(100 + 60 * i, f"0.000{4 + i}") for i in range(5))
    reference = Reference(history(swap(0, 10, ts=150), swap(1, 20, ts=300), prices=prices))
    assert reference.later_values(10) == {60: (1, 1 / (Fraction("0.0005") * 10**12))}
    assert reference.why_no_markout(60) == reference.why_no_markout(300) == ""
    assert reference.why_no_markout(30) == "the reference price has one price every 60 s"
    assert reference.later_values(20) == {60: (1, 1 / (Fraction("0.0008") * 10**12))}


def test_the_pools_own_price_tells_no_markout():
    reference = Reference(history(swap(0, 10), swap(1, 60)))
    assert reference.later_values(10) == {}
    assert "holds the trades themselves" in reference.why_no_markout(300)


def test_a_wrong_reference_price_is_taken_higher_or_read_later():
    points = (PricePoint(100, "0.0004"), PricePoint(200, "0.0005"))
    found = history(swap(0, 10, ts=195), swap(1, 20, ts=260), prices=points)
    told = Fraction("0.0004") * 10**12
    assert Reference(found, error=PriceError(bps=10)).price(10) == told * Fraction(10_010, 10_000)
    assert Reference(found, error=PriceError(seconds=12)).price(10) == Fraction("0.0005") * 10**12
    assert Reference(found, error=PriceError(seconds=-200)).price(10) == told
    own = history(swap(0, 10, 20_000, ts=100), swap(1, 11, 30_000, ts=112), swap(2, 12, 40_000, ts=124))
    assert Reference(own, error=PriceError(seconds=12)).price(11) == 30_000**2
    assert Reference(own, error=PriceError(seconds=-12)).price(12) == Reference(own).price(11) == 20_000**2
