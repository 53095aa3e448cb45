"""Reference prices: what a time means, which way round, how old; exact."""

from __future__ import annotations

import csv
import gzip
import math
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.files import ingest_files
from ingest.price_files import PriceFile
from ingest.price_rows import nanoseconds
from ingest.price_use import OWN, price_use
from ingest.prices import pool_price, read_prices
from ingest.records import PricePoint

HOUR = 3600


def price_at(points, ts):
    """The price in force at a time, and how old it was; None before the first."""
    before = [point for point in points if point.ts <= ts]
    return (Fraction(before[-1].price), ts - before[-1].ts) if before else None


def read_file(build, file, *, near=Fraction(2), invert=None, first=1000, last=9000, per=None):
    return read_prices(file, pool=build.make_pool(), first_ts=first, last_ts=last, near=near, invert=invert, per=per)


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def read(build, tmp_path, lines, **how):
    return read_file(build, write(tmp_path / "prices.csv", lines), **how)


@pytest.mark.shared_data
def test_the_hourly_closes_count_from_the_end_of_the_hour(day_paths, shared_data):
    path = shared_data / "cex_binance_hourly_close" / "ETHUSDT.csv.gz"
    history = ingest_files(day_paths[0], initial_state=day_paths[1], name="x", prices=path).history
    with gzip.open(path, "rt") as stream:
        closes = {row["open_time_utc"]: row["close"] for row in csv.DictReader(stream)}
    at_noon = 1704456000  # 2024-01-05 12:00:00 UTC
    assert price_at(history.prices, at_noon) == (1 / Fraction(closes["2024-01-05 11:00:00"]), 0)
    assert price_at(history.prices, at_noon + 3599)[1] == 3599
    assert price_at(history.prices, at_noon + 3600) == (1 / Fraction(closes["2024-01-05 12:00:00"]), 0)
    assert "USDC per WETH (found from the pool's first price), closes of candles of 3600 s" in history.price_source
    gaps = sorted(
        abs(float(pool_price(history.pool, swap) / price) - 1)
        for swap in history.swaps
        for price, age_s in [price_at(history.prices, swap.block_ts)]
        if age_s < 120
    )
    assert 1e4 * gaps[len(gaps) // 2] < 10, "the data's README: the pool follows with 6 bps, only this way"


def test_a_series_of_known_prices_counts_from_its_time(build, tmp_path):
    points, source = read(build, tmp_path, ["ts,price", "2000,25", "1000,15", "2000,25.0"], near=Fraction(20))
    assert points == (PricePoint(1000, "15"), PricePoint(2000, "25"))
    assert "BBB per AAA (found from the pool's first price), known from ts on" in source


def test_the_way_round_is_found_told_or_refused(build, tmp_path):
    lines = ["ts,price", "1000,0.5", "2000,0.4"]
    turned, source = read(build, tmp_path, lines)
    assert turned == (PricePoint(1000, "2"), PricePoint(2000, "5/2"))
    assert "AAA per BBB" in source
    straight, source = read(build, tmp_path, lines, invert=False, near=Fraction(1))
    assert straight[0] == PricePoint(1000, "0.5")
    assert "(as told)" in source
    with pytest.raises(InputError, match="fit both ways round") as refusal:
        read(build, tmp_path, ["ts,price", "1000,1.1"], near=Fraction(1))
    assert refusal.value.field == "invert"
    with pytest.raises(InputError, match=r"perhaps the series is another pair's, or has to be divided.*--prices-per"):
        read(build, tmp_path, ["ts,price", "1000,2000"])


@pytest.mark.parametrize("invert", [True, False])
def test_a_way_round_that_was_told_must_fit_the_pools_own_price(build, tmp_path, invert):
    lines = ["ts,price", "1000,8"]
    (point,), _ = read(build, tmp_path, lines, invert=invert, near=Fraction(1, 8) if invert else Fraction(8))
    assert Fraction(point.price) == (Fraction(1, 8) if invert else 8)
    with pytest.raises(InputError, match="fit the other way round, not as told") as refusal:
        read(build, tmp_path, lines, invert=invert, near=Fraction(8) if invert else Fraction(1, 8))
    assert refusal.value.field == "invert"
    with pytest.raises(InputError, match="another pair's"):
        read(build, tmp_path, lines, invert=invert, near=Fraction(600))
    unknown, _ = read(build, tmp_path, lines, invert=invert, near=None)
    assert len(unknown) == 1


@pytest.mark.shared_data
def test_another_pairs_prices_are_refused_for_a_real_pool(day_paths, shared_data):
    """OP in dollars for a pool of dollars and ether is 600 times off."""
    path = shared_data / "cex_binance_hourly_close" / "OPUSDT.csv.gz"
    for invert in (True, False, None):
        with pytest.raises(InputError, match="another pair's"):
            ingest_files(day_paths[0], initial_state=day_paths[1], name="x", prices=path, invert_prices=invert)


@settings(deadline=None)
@given(number=st.integers(1, 10**30), places=st.integers(0, 18))
def test_a_turned_price_is_exact(build, tmp_path_factory, number, places):
    text = f"{number // 10**places}.{number % 10**places:0{places}}" if places else str(number)
    path = write(tmp_path_factory.getbasetemp() / "turned.csv", ["ts,price", f"1000,{text}"])
    (point,), _ = read_file(build, path, invert=True, near=None)
    assert Fraction(point.price) * Fraction(text) == 1


@pytest.mark.parametrize(
    ("lines", "line", "field", "why"),
    [
        (["time,price", "1000,1"], 1, "time", "what these times are is not plain"),
        (
            ["when,price", "1000,1"],
            1,
            None,
            "at best ts, price or open_time_utc, close or open_time, close, close_time",
        ),
        (["open_time_utc,price", "1970-01-01 01:00:00,2"], 1, None, "one column of times and one of prices"),
        (["ts,price,open_time_utc,close", "1000,2,1970-01-01 01:00:00,2"], 1, None, "one column of times"),
        (["time,date,price", "1000,1970-01-01,2"], 1, None, "one column of times"),
        (["ts,price", "1000,nan"], 2, "price", "written out"),
        (["ts,price", "1000,"], 2, "price", "written out"),
        (["ts,price", "1000,1_0"], 2, "price", "written out"),
        (["ts,price", "1000,٣"], 2, None, "plain ASCII"),
        (["ts,price", "1970-01-01 00:20:00 CET,2"], 2, "ts", "UTC time"),
        (["ts,price", "1970-02-30 00:20:00,2"], 2, "ts", "that exists"),
        (["ts,price", "1970-01-01 00:20:00+15:00,2"], 2, "ts", "offset that exists"),
        (["ts,price", "99999999999,2"], 2, "ts", "1970 to 2200"),
        (["ts,price", "1000,1e3"], 2, "price", "written out"),
        (["ts,price", "1000,-2"], 2, "price", "written out"),
        (["ts,price", "1000,0.000"], 2, "price", "above 0"),
        (["open_time,close,close_time", "5000,2,4000"], 2, "close_time", "closes before it opens"),
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


# ---------------------------------------------------------------------- files of other origin


def series(points):
    return [(point.ts, point.price) for point in points]


@pytest.mark.parametrize(
    ("times_are", "known", "meaning"),
    [
        ("open", [(1060, "2"), (1120, "3")], "closes of candles of 60 s, known from their end on"),
        ("close", [(1000, "2"), (1060, "3")], r"closes of candles, known from their end on \(timestamp\)"),
        ("known", [(1000, "2"), (1060, "3")], "known from timestamp on"),
    ],
)
def test_other_columns_are_taken_once_it_is_said_what_their_times_are(build, tmp_path, times_are, known, meaning):
    path = write(tmp_path / "x.csv", ["timestamp,open,close", "1000,9,2", "1060,9,3"])
    points, source = read_file(build, PriceFile(path, times_are))
    assert series(points) == known
    assert re.search(meaning, source)


def test_a_candles_length_can_be_told_and_must_not_overlap_the_next(build, tmp_path):
    path = write(tmp_path / "x.csv", ["date,close", "1970-01-01 00:15,2"])
    points, source = read_file(build, PriceFile(path, "open", 300))
    assert series(points) == [(1200, "2")]
    assert "candles of 300 s" in source
    path = write(path, ["date,close", "1970-01-01 00:15,2", "1970-01-01 00:16,2"])
    with pytest.raises(InputError, match="would overlap: two of them open 60 s apart"):
        read_file(build, PriceFile(path, "open", 300))
    with pytest.raises(InputError, match="when candles open"):
        read_file(build, PriceFile(path, "close", 60))


@pytest.mark.parametrize(
    ("header", "times_are", "told"),
    [
        ("ts,price", "open", "known"),
        ("open_time_utc,close", "known", "open"),
        ("open_time,close_time,close", "open", "close"),
    ],
)
def test_columns_that_say_it_themselves_must_not_be_contradicted(build, tmp_path, header, times_are, told):
    path = write(tmp_path / "x.csv", [header, "1000,2000,3"])
    with pytest.raises(InputError, match=f"are “{told}”, not “{times_are}”"):
        read_file(build, PriceFile(path, times_are))


def kline(open_s: int, close: str, unit: int) -> str:
    end = (open_s + 60) * unit - 1
    return f"{open_s * unit},9.1,9.5,9.0,{close},12.5,{end},100.25,7,6.5,50.1,0"


@pytest.mark.parametrize("unit", [1000, 10**6])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        "Open time,Open,High,Low,Close,Volume,Close time,Quote volume,Count,Taker volume,Taker quote,Ignore",
    ],
)
def test_binances_klines_are_known_from_their_closing_time_on(build, tmp_path, unit, header):
    start = 1_700_000_040
    lines = [kline(start, "2.5", unit), kline(start + 60, "2.25", unit)]
    path = write(tmp_path / "k.csv", [*([header] if header else []), *lines])
    points, _ = read_file(build, path, first=start, last=start + 600)
    assert series(points) == [(start + 60, "2.5"), (start + 120, "2.25")], "the end, not the last millisecond before"
    damaged = write(path, [*([header] if header else []), lines[0], lines[1].replace("2.25", "2.2.5")])
    with pytest.raises(InputError, match="written out") as refusal:
        read_file(build, damaged, first=start, last=start + 600)
    assert refusal.value.line == (3 if header else 2)


def test_a_kline_file_without_header_has_twelve_fields_in_every_line(build, tmp_path):
    path = write(tmp_path / "k.csv", [kline(1_700_000_040, "2", 1000), "1,2,3"])
    with pytest.raises(InputError, match="12 fields") as refusal:
        read_file(build, path)
    assert refusal.value.line == 2


def test_packed_files_are_read_by_their_first_bytes(build, tmp_path):
    content = b"ts,price\n1000,2\n"
    for name, packed in (("a", gzip.compress(content)), ("b", pa.compress(content, "zstd", asbytes=True))):
        (tmp_path / name).write_bytes(packed)
        assert series(read_file(build, tmp_path / name)[0]) == [(1000, "2")]
    (tmp_path / "c").write_bytes(gzip.compress(content)[:-6])
    with pytest.raises(InputError, match="cut off"):
        read_file(build, tmp_path / "c")


AT = datetime(1970, 1, 1, 0, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (pa.array([1200, 1260], pa.int64()), 1200),
        (pa.array([AT, AT + timedelta(seconds=60)], pa.timestamp("us", "UTC")), 1200),
        (pa.array([AT, AT + timedelta(seconds=60)], pa.timestamp("ns", "Europe/Zurich")), 1200),
        (pa.array([AT.replace(tzinfo=None), AT.replace(tzinfo=None, minute=21)], pa.timestamp("s")), 1200),
        (pa.array(["1970-01-01T00:20:00Z", "1970-01-01T01:21:00+01:00"]), 1200),
        (pa.array([date(1970, 1, 1), date(1970, 1, 2)], pa.date32()), 0),
    ],
)
def test_parquet_times_are_exact_whatever_their_type(build, tmp_path, times, first):
    pq.write_table(pa.table({"ts": times, "price": ["2", "3"]}), tmp_path / "x.parquet")
    points, source = read_file(build, tmp_path / "x.parquet", last=90_000)
    assert points[0] == PricePoint(first, "2")
    assert "doubles" not in source


@pytest.mark.parametrize(
    ("prices", "text", "note"),
    [
        (pa.array([Decimal("2.500")]), "2.500", False),
        (pa.array([3], pa.int32()), "3", False),
        (pa.array([2.1], pa.float64()), "2.1", True),
        (pa.array([1.7e-7], pa.float64()), "0.00000017", True),
        (pa.array([2.1], pa.float32()), "2.1", True),
    ],
)
def test_parquet_prices_are_written_out_and_doubles_said(build, tmp_path, prices, text, note):
    pq.write_table(pa.table({"ts": [1000], "price": prices}), tmp_path / "x.parquet")
    ((point,), source) = read_file(build, tmp_path / "x.parquet", invert=False, near=None)
    assert point.price == text
    assert ("prices written as doubles, taken as their shortest decimals" in source) == note


@pytest.mark.parametrize(
    ("columns", "line", "field", "why"),
    [
        ({"ts": [1000, 1100], "price": [2.0, math.nan]}, 2, "price", "written out"),
        ({"ts": [1000, 1100], "price": [2.0, math.inf]}, 2, "price", "written out"),
        ({"ts": [1000, 1100], "price": [2.0, -2.0]}, 2, "price", "written out"),
        ({"ts": [1000, 1100], "price": [2.0, 0.0]}, 2, "price", "above 0"),
        ({"ts": [1000, 1100], "price": [2.0, 1e300]}, 2, "price", "written out"),
        ({"ts": [1000, 1100], "price": [2.0, None]}, 2, "price", "must have a value"),
        ({"ts": [1000, 1100], "price": ["2", "٣"]}, 2, "price", "written out"),
        ({"ts": [1000, 1100], "price": [True, False]}, 1, "price", "written out"),
        ({"ts": [1000, None], "price": ["2", "2"]}, 2, "ts", "must have a value"),
        ({"ts": [1000, 1000], "price": ["2", "3"]}, 2, "ts", "another price already"),
        ({"ts": ["1000", "1e3"], "price": ["2", "3"]}, 2, "ts", "UTC time"),
        ({"ts": [1000.0, 1000.5], "price": ["2", "3"]}, 1, "ts", "UTC time"),
        ({"ts": [AT, AT - timedelta(days=1)], "price": ["2", "3"]}, 2, "ts", "1970 to 2200"),
        ({"time": [1000, 1100], "price": ["2", "3"]}, 1, "time", "not plain"),
    ],
)
def test_a_wrong_parquet_file_is_refused_with_its_row(build, tmp_path, columns, line, field, why):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=why) as refusal:
        read_file(build, tmp_path / "x.parquet")
    assert (refusal.value.line, refusal.value.field) == (line, field)


@given(st.integers(10**11, 7 * 10**15), st.integers(-14 * 60, 14 * 60))
def test_times_are_read_to_the_microsecond_in_any_unit_and_offset(whole, offset_minutes):
    time = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=whole)).replace(tzinfo=None)
    local = time + timedelta(minutes=offset_minutes)
    sign, minutes = "-" if offset_minutes < 0 else "+", abs(offset_minutes)
    for text in (
        time.isoformat(),
        time.isoformat(sep=" ") + " UTC",
        f"{local.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}",
    ):
        assert nanoseconds(text) == whole * 1000
    if whole >= 10**14:
        assert nanoseconds(str(whole)) == whole * 1000
        assert nanoseconds(str(whole // 1000)) == whole // 1000 * 10**6
        assert nanoseconds(str(whole // 10**6)) == whole // 10**6 * 10**9


def test_a_price_within_a_second_is_known_from_the_next_one_on(build, tmp_path):
    lines = ["ts,price", "1970-01-01T00:20:00.250Z,2", "1970-01-01T00:20:00.750Z,3", "1970-01-01T00:20:02Z,4"]
    assert series(read(build, tmp_path, lines)[0]) == [(1201, "3"), (1202, "4")]


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_changed_byte_is_refused_or_read(build, tmp_path_factory, data):
    kind = data.draw(st.sampled_from(["csv", "kline", "parquet"]))
    path = tmp_path_factory.getbasetemp() / f"changed.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"ts": [1000, 2000], "price": [2.5, 2.25]}), path)
    else:
        lines = [kline(1_700_000_040 + 60 * n, "2.5", 1000) for n in range(3)]
        write(path, lines if kind == "kline" else ["ts,price", "1000,2.5", "2000,2.25"])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        points, _ = read_file(build, path, invert=False, first=0, last=1 << 40)
    except InputError as error:
        assert error.file == str(path)  # noqa: PT017 - the other outcome is as good
        return
    assert all(Fraction(point.price) > 0 for point in points)
    assert [point.ts for point in points] == sorted({point.ts for point in points})


# ---------------------------------------------------------------------- one series by another


def test_one_series_by_another_is_exact_at_the_times_of_the_coarser(build, tmp_path):
    above = write(tmp_path / "a.csv", ["ts,price", "1000,3000", "1060,3001", "1120,3002", "1180,3003"])
    below = write(tmp_path / "b.csv", ["ts,price", "1000,1500", "1120,1400.5", "1240,7", "1360,8"])
    points, source = read_file(build, above, per=below)
    assert [(point.ts, Fraction(point.price)) for point in points] == [
        (1000, Fraction(2)),
        (1120, Fraction(30020, 14005)),
        (1240, Fraction(3003, 7)),
    ], "at 1360 the other series is older than one step"
    assert source.startswith("a.csv / b.csv: BBB per AAA (found from the pool's first price), known from ts on")
    turned, source = read_file(build, below, per=above, near=Fraction(2))
    assert [Fraction(point.price) for point in turned] == [Fraction(point.price) for point in points]
    assert "AAA per BBB" in source


def test_two_series_that_never_meet_are_refused(build, tmp_path):
    above = write(tmp_path / "a.csv", ["ts,price", "1000,3000", "1060,3001"])
    below = write(tmp_path / "b.csv", ["ts,price", "8000,1500", "8060,1500"])
    with pytest.raises(InputError, match="no prices at the same time"):
        read_file(build, above, per=below)


# ---------------------------------------------------------------------- how it serves a history


def test_the_use_of_a_series_says_its_step_and_how_old_it_was(build):
    times = [100, 160, 220, 400]
    swaps = [build.make_swap(n, block=n + 1, block_ts=ts) for n, ts in enumerate([90, 130, 220, 300, 460])]
    history = build.make_history(swaps, prices=tuple(PricePoint(ts, "1") for ts in times), price_source="a series")
    use = price_use(history)
    assert (use.points, use.step_s, use.swaps, use.swaps_covered) == (4, 60, 5, 4)
    assert (use.oldest_s, use.mean_age_s, use.older_than_step) == (80, (30 + 0 + 80 + 60) / 4, 0.25)
    assert use.sentence() == (
        "a series; one price every 60 s; 42 s old on average when used, at most 80 s; "
        "25.0% of swaps at a price older than one step; 1 swaps without a price"
    )


def test_without_a_series_the_pools_own_price_is_named_with_its_age(build):
    swaps = [build.make_swap(n, block=block, block_ts=10 * block) for n, block in enumerate([1, 3, 3, 10])]
    use = price_use(build.make_history(swaps))
    assert (use.source, use.step_s, use.older_than_step) == (OWN, None, None)
    assert (use.oldest_s, use.mean_age_s) == (70, (20 + 20 + 70) / 3)
    assert use.sentence() == f"{OWN}; 37 s old on average when used, at most 70 s"


def relabelled(path, to, column):
    """The hourly closes under another name for their times, so that their meaning must be said."""
    with gzip.open(path, "rt") as stream:
        to.write_text(stream.read().replace("open_time_utc", column, 1))
    return to


def with_series(history, file, per=None):
    points, source = read_prices(
        file,
        pool=history.pool,
        first_ts=history.events[0].block_ts,
        last_ts=history.events[-1].block_ts,
        near=pool_price(history.pool, history.initial_state),
        invert=None,
        per=per,
    )
    return replace(history, prices=points, price_source=source)


def hourly(build, pool_bps, series_bps):
    """A pool that trades once an hour at a price some bps above 1, and a series of prices for the same hours."""
    times = [HOUR * (n + 1) for n in range(len(pool_bps))]
    pool = zip(times, pool_bps, strict=True)
    swaps = [
        build.make_swap(n, block=n + 1, block_ts=ts, sqrt_price_x96=math.isqrt((10_000 + bps) * (1 << 192) // 10_000))
        for n, (ts, bps) in enumerate(pool)
    ]
    points = (PricePoint(ts, str(Decimal(10_000 + bps) / 10_000)) for ts, bps in zip(times, series_bps, strict=True))
    return build.make_history(swaps, prices=tuple(points), price_source="a series")


def test_other_times_must_fit_clearly_better_to_be_spoken_of(build):
    climb = [10 * n for n in range(20)]
    assert (
        "later: 0 bps off in the median instead of 10, over 18 prices"
        in price_use(hourly(build, climb, [*climb[1:], 200])).misfit
    )
    slow = list(range(20))
    assert price_use(hourly(build, slow, [bps + 10 for bps in slow])).misfit == "", "9 bps instead of 10"
    jumps = [10 * n + 500 * (n > 9) for n in range(20)]
    assert price_use(hourly(build, jumps, [*jumps[1:10], *jumps[9:10], *jumps[11:], 700])).misfit == "", (
        "better nearly everywhere, but far worse where the price really moved"
    )
    assert price_use(hourly(build, climb[:8], climb[1:9])).misfit == "", "too few prices to compare"


@pytest.mark.shared_data
def test_a_wrong_meaning_of_the_times_is_noticed_by_the_pools_own_prices(day, shared_data, tmp_path):
    path = relabelled(shared_data / "cex_binance_hourly_close" / "ETHUSDT.csv.gz", tmp_path / "eth.csv", "time")
    assert price_use(with_series(day, PriceFile(path, "open"))).misfit == ""
    wrong = price_use(with_series(day, PriceFile(path, "known")))
    assert wrong.misfit == (
        "the series fits the pool's prices better one step (3,600 s) later: 6 bps off in the median instead of 16, "
        "over 22 prices; are its times those at which candles open?"
    )
    assert wrong.sentence().endswith(wrong.misfit)
    late = with_series(day, PriceFile(path, "open"))
    late = replace(late, prices=tuple(PricePoint(point.ts + HOUR, point.price) for point in late.prices))
    assert "better one step (3,600 s) earlier" in price_use(late).misfit


@pytest.mark.shared_data
def test_the_weth_op_pool_follows_one_exchange_series_by_another(velodrome, shared_data, tmp_path):
    folder = shared_data / "cex_binance_hourly_close"
    eth, op = folder / "ETHUSDT.csv.gz", folder / "OPUSDT.csv.gz"
    history = with_series(velodrome, eth, op)
    assert history.price_source.startswith("ETHUSDT.csv.gz / OPUSDT.csv.gz: OP per WETH (found")
    with gzip.open(eth, "rt") as one, gzip.open(op, "rt") as other:
        closes = [{row["open_time_utc"]: row["close"] for row in csv.DictReader(stream)} for stream in (one, other)]
    at = history.prices[1000]
    hour = datetime.fromtimestamp(at.ts - HOUR, UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert Fraction(at.price) == Fraction(closes[0][hour]) / Fraction(closes[1][hour])
    gaps = sorted(
        abs(float(pool_price(history.pool, swap) / found[0]) - 1)
        for swap in history.swaps[::7]
        if (found := price_at(history.prices, swap.block_ts)) is not None and found[1] < 120
    )
    assert 15e-4 < gaps[len(gaps) // 2] < 30e-4, "the data's README: a median gap of 22 bps"
    use = price_use(history)
    assert (use.misfit, use.step_s, use.older_than_step) == ("", HOUR, 0.0)
    files = [PriceFile(relabelled(path, tmp_path / name, "date"), "close") for name, path in (("eth", eth), ("op", op))]
    assert "better one step (3,600 s) later: 22 bps" in price_use(with_series(velodrome, *files)).misfit
