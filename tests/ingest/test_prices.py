"""Reference prices: what a time means, which way round, how old; exact."""

from __future__ import annotations

import csv
import gzip
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.files import ingest_files
from ingest.prices import PriceSeries, pool_price, read_prices
from ingest.records import PricePoint


def read(build, tmp_path, lines, *, near=Fraction(2), invert=None, first=1000, last=9000):
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_prices(path, pool=build.make_pool(), first_ts=first, last_ts=last, near=near, invert=invert)


@pytest.mark.shared_data
def test_the_hourly_closes_count_from_the_end_of_the_hour(day_paths, shared_data):
    path = shared_data / "cex_binance_hourly_close" / "ETHUSDT.csv.gz"
    history = ingest_files(day_paths[0], initial_state=day_paths[1], name="x", prices=path).history
    with gzip.open(path, "rt") as stream:
        closes = {row["open_time_utc"]: row["close"] for row in csv.DictReader(stream)}
    series = PriceSeries(history.prices)
    at_noon = 1704456000  # 2024-01-05 12:00:00 UTC
    assert series.at(at_noon).price == 1 / Fraction(closes["2024-01-05 11:00:00"])
    assert series.at(at_noon + 3599).age_s == 3599
    assert series.at(at_noon + 3600).price == 1 / Fraction(closes["2024-01-05 12:00:00"])
    assert "USDC per WETH (found from the pool's first price), closes of candles of 3600 s" in history.price_source
    gaps = sorted(
        abs(float(pool_price(history.pool, swap) / series.at(swap.block_ts).price) - 1)
        for swap in history.swaps
        if series.at(swap.block_ts).age_s < 120
    )
    assert 1e4 * gaps[len(gaps) // 2] < 10, "the data's README: the pool follows with 6 bps, only this way"


def test_a_series_of_known_prices_counts_from_its_time(build, tmp_path):
    points, source = read(build, tmp_path, ["ts,price", "2000,25", "1000,15", "2000,25.0"], near=Fraction(20))
    assert points == (PricePoint(1000, "15"), PricePoint(2000, "25"))
    assert "BBB per AAA (found from the pool's first price), known from ts on" in source
    series = PriceSeries(points)
    assert series.at(999) is None
    assert (series.at(1999).price, series.at(1999).age_s) == (15, 999)
    assert (series.at(2000).price, series.at(2000).age_s) == (25, 0)
    assert PriceSeries(()).at(5) is None


def test_the_way_round_is_found_told_or_refused(build, tmp_path):
    lines = ["ts,price", "1000,0.5", "2000,0.4"]
    turned, source = read(build, tmp_path, lines)
    assert turned == (PricePoint(1000, "2"), PricePoint(2000, "5/2"))
    assert "AAA per BBB" in source
    straight, source = read(build, tmp_path, lines, invert=False)
    assert straight[0] == PricePoint(1000, "0.5")
    assert "(as told)" in source
    with pytest.raises(InputError, match="both ways round fit") as refusal:
        read(build, tmp_path, ["ts,price", "1000,1.1"], near=Fraction(1))
    assert refusal.value.field == "invert"
    with pytest.raises(InputError, match="neither way round fits"):
        read(build, tmp_path, ["ts,price", "1000,2000"])


@settings(deadline=None)
@given(st.integers(1, 10**30), st.integers(0, 18))
def test_a_turned_price_is_exact(number, places):
    from ingest.prices import _turned

    text = f"{number // 10**places}.{number % 10**places:0{places}}" if places else str(number)
    assert Fraction(_turned(text)) * Fraction(text) == 1


@pytest.mark.parametrize(
    ("lines", "line", "field", "why"),
    [
        (["time,price", "1000,1"], 1, None, "either the columns ts, price"),
        (["open_time_utc,price", "1970-01-01 01:00:00,2"], 1, None, "either the columns"),
        (["ts,price,open_time_utc,close", "1000,2,1970-01-01 01:00:00,2"], 1, None, "either the columns"),
        (["ts,price", "1000,1e3"], 2, "price", "written out"),
        (["ts,price", "1000,-2"], 2, "price", "written out"),
        (["ts,price", "1000,0.000"], 2, "price", "above 0"),
        (["ts,price", "1000,2", "1000,2.1"], 3, "ts", "another price already"),
        (["ts,price", "1000.5,2"], 2, "ts", "UTC time"),
        (["ts,price", "20000,2"], None, "ts", "do not overlap"),
        (["ts,price"], None, "ts", "do not overlap"),
        (["open_time_utc,close", "1970-01-01 00:30:00,2"], None, "open_time_utc", "one candle alone"),
    ],
)
def test_a_wrong_price_file_is_refused(build, tmp_path, lines, line, field, why):
    with pytest.raises(InputError, match=why) as refusal:
        read(build, tmp_path, lines)
    assert (refusal.value.line, refusal.value.field) == (line, field)


def test_pool_prices_are_exact_and_in_whole_tokens(build):
    pool = build.make_pool(decimals=(6, 18))
    state = build.make_state(pool=pool, sqrt_price_x96=3 << 96)
    assert pool_price(pool, state) == Fraction(9, 10**12)
    assert pool_price(pool, build.make_swap(0)) == Fraction(1, 10**12)
    pair = build.make_pool("v2")
    assert pool_price(pair, build.make_state("v2", reserve0=3, reserve1=7)) == Fraction(7, 3)
    with pytest.raises(ValueError, match="neither"):
        pool_price(pair, build.make_state("v2"))


def test_without_a_pool_price_the_way_round_must_be_told(build, tmp_path):
    lines = ["ts,price", "1000,0.5"]
    with pytest.raises(InputError, match="not known here"):
        read(build, tmp_path, lines, near=None)
    assert read(build, tmp_path, lines, near=None, invert=True)[0] == (PricePoint(1000, "2"),)
