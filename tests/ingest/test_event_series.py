"""The event series from a pool's creation: every field, the fee of each swap, what the source cannot give."""

from __future__ import annotations

import csv
import gzip

import pytest

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.records import Swap


@pytest.mark.shared_data
def test_every_field_of_every_event_is_as_the_file_has_it(velodrome_paths, velodrome):
    with gzip.open(velodrome_paths[0], "rt") as stream:
        rows = list(csv.DictReader(stream))
    assert len(velodrome.events) == len(rows) == 62_845
    for event, row in zip(velodrome.events, rows, strict=True):
        place = (event.block_number, event.block_ts, event.tx_hash, event.tx_index, event.log_index)
        given = tuple(row[name] for name in ("block_number", "derived_timestamp", "tx_hash", "tx_index", "order_in_tx"))
        assert tuple(map(str, place)) == given
        if isinstance(event, Swap):
            values = (event.amount0, event.amount1, event.sqrt_price_x96, event.liquidity, event.tick, event.fee_pips)
            names = ("amount0", "amount1", "sqrt_price_x96_after", "liquidity_after", "tick_after", "derived_fee_pips")
            assert row["event"] == "swap"
            assert (event.sender, event.recipient) == (None, None)
        else:
            values = (event.amount0, event.amount1, event.liquidity, event.tick_lower, event.tick_upper)
            names = ("amount0", "amount1", "liquidity_amount", "tick_lower", "tick_upper")
            assert (event.kind, event.owner or "") == (row["event"], row["owner"])
        assert tuple(map(str, values)) == tuple(row[name] for name in names)


@pytest.mark.shared_data
def test_the_fee_changes_where_the_data_says(velodrome):
    paid = [(swap.block_number, swap.fee_pips) for swap in velodrome.swaps]
    assert [fee for _, fee in paid] == [3000] * 46_195 + [500] * 3_135
    assert paid[46_194][0] == 120_485_569
    assert paid[46_195][0] == 120_487_238


@pytest.mark.shared_data
def test_what_the_source_cannot_give_is_said(velodrome):
    assert any("no senders" in caveat for caveat in velodrome.caveats)
    assert any("no log index" in caveat for caveat in velodrome.caveats)


HEADER = (
    "seq,block_number,tx_index,order_in_tx,event,tx_hash,owner,tick_lower,tick_upper,liquidity_amount,amount0,amount1,"
    "sqrt_price_x96_after,liquidity_after,tick_after,derived_timestamp,derived_fee_pips"
)


def rows(build):
    return [
        f"1,100,0,0,mint,{build.tx_hash(1)},,-60,60,1000,3,3,,,,1700000000,",
        f"2,101,0,0,swap,{build.tx_hash(2)},,,,,5,-4,{build.ONE_X96},1000,0,1700000012,3000",
        f"3,101,0,1,burn,{build.tx_hash(2)},{build.address(7)},-60,60,1000,3,3,,,,1700000012,",
    ]


def read(build, tmp_path, lines, **more):
    path = tmp_path / "series.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return ingest_files(path, initial_state=build.make_state(), name="x", **more)


def test_rows_are_sorted_by_their_number_and_duplicates_dropped(build, tmp_path):
    first, second, third = rows(build)
    straight = read(build, tmp_path, [first, second, third])
    turned = read(build, tmp_path, [third, first, second, first])
    assert turned.history == straight.history
    assert (turned.counts.duplicates, turned.counts.out_of_order) == (1, 3)


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        ((",swap,", ",donate,"), 3, "event"),
        ((",5,-4,", ",5,4,"), 3, "amount0"),
        ((",5,-4,", ",5.0,-4,"), 3, "amount0"),
        ((",5,-4,", f",{10**80},-4,"), 3, "amount0"),
        ((",5,-4,", f",{1 << 255},-4,"), 3, "amount0"),
        ((",3,3,,,,1700000000,", ",-3,3,,,,1700000000,"), 2, "amount0"),
        ((",1000,3,3,", ",1e3,3,3,"), 2, "liquidity_amount"),
        ((",3000", ",1000000"), 3, "derived_fee_pips"),
        ((",3000", ","), 3, "derived_fee_pips"),
        ((",1700000000,", ",1700000000,3000"), 2, "derived_fee_pips"),
        (("mint,", "burn,"), 2, "owner"),
        ((",-60,60,1000,3,3,,,,1700000000", ",-50,60,1000,3,3,,,,1700000000"), 2, "tick_lower"),
        ((",-60,60,1000,3,3,,,,1700000000", ",60,-60,1000,3,3,,,,1700000000"), 2, "tick_lower"),
        ((",1000,0,1700000012", ",1000,1,1700000012"), 3, "sqrt_price_x96_after"),
        (("\n2,", "\n7,"), 4, "seq"),
        (("\n2,101", "\n2,99"), 3, "block_number"),
        ((",1700000012,3000", ",1600000012,3000"), 4, "derived_timestamp"),
    ],
)
def test_what_is_wrong_is_refused_at_its_line_and_field(build, tmp_path, change, line, field):
    text = "\n" + "\n".join(rows(build))
    changed = text.replace(*change, 1)
    assert changed != text
    with pytest.raises(InputError) as refusal:
        read(build, tmp_path, changed[1:].split("\n"))
    assert (refusal.value.line, refusal.value.field) == (line, field), str(refusal.value)
    assert "series.csv" in str(refusal.value)


def test_a_missing_number_is_a_missing_event(build, tmp_path):
    first, _, third = rows(build)
    with pytest.raises(InputError, match="events are missing: number 3 follows on 1"):
        read(build, tmp_path, [first, third])


@pytest.mark.shared_data
def test_a_series_for_a_v2_pair_is_refused(build, velodrome_paths):
    with pytest.raises(InputError, match="v3 pool"):
        read_history(velodrome_paths[0], initial_state=build.make_state("v2"), name="x")
