"""Order, duplicates, contradictions, several files, and where the history starts."""

from __future__ import annotations

import pytest

from ingest.errors import InputError
from ingest.files import ingest_files
from ingest.records import Position


def three(build):
    return build.LogFile().swap(block=100, tx=0, log=3).swap(2000, -1900, block=100, tx=1, log=7).swap(block=102, log=1)


def read(build, tmp_path, *files, state=None, **more):
    paths = [file.write(tmp_path / f"{number}.csv") for number, file in enumerate(files)]
    return ingest_files(paths, initial_state=state or build.make_state(), name="x", **more)


def test_rows_out_of_order_are_sorted_and_counted(build, tmp_path):
    straight, turned = three(build), three(build)
    turned.rows = [turned.rows[at] for at in (2, 0, 1)]
    expected, got = read(build, tmp_path, straight), read(build, tmp_path, turned)
    assert got.history.events == expected.history.events
    assert got.history.content_id == expected.history.content_id
    assert (expected.counts.out_of_order, got.counts.out_of_order) == (0, 2)


def test_exact_duplicates_are_dropped_and_counted_also_across_files(build, tmp_path):
    once, again, other = three(build), three(build), three(build)
    again.rows.append(dict(again.rows[1]))
    other.rows = other.rows[1:] + three(build).swap(block=104).rows[-1:]
    got = read(build, tmp_path, again, other)
    assert [event.block_number for event in got.history.events] == [100, 100, 102, 104]
    assert got.counts.duplicates == 3
    assert got.counts.rows == 7
    assert got.history.events[:3] == read(build, tmp_path, once).history.events


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("data", None, "data"),
        ("transaction_hash", f"0x{5:064x}", "transaction_hash"),
        ("block_timestamp", "2020-01-01 00:00:00", "block_timestamp"),
    ],
)
def test_two_different_events_at_one_place_are_refused(build, tmp_path, column, value, field):
    file = three(build)
    file.rows.append(file.rows[0] | {column: value or build.LogFile().swap(1001, -990).rows[0]["data"]})
    with pytest.raises(InputError, match="another event stands at the same place") as refusal:
        read(build, tmp_path, file)
    assert (refusal.value.line, refusal.value.field) == (5, field)
    assert "line 2" in str(refusal.value)


@pytest.mark.parametrize(
    ("row", "column", "value", "match"),
    [
        (1, "block_timestamp", "2023-11-14 22:33:21", "two different times"),
        (2, "block_timestamp", "2020-01-01 00:00:00", "earlier than the one before"),
        (1, "transaction_hash", None, "contradict each other"),
        (2, "transaction_hash", None, "stands at two places"),
        (0, "transaction_index", 2, "go backwards within the block"),
    ],
)
def test_what_no_chain_can_have_is_refused(build, tmp_path, row, column, value, match):
    file = three(build)
    file.rows[row][column] = value if value is not None else file.rows[0]["transaction_hash"]
    with pytest.raises(InputError, match=match):
        read(build, tmp_path, file)


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (Position(99), 3),
        (Position(100), 1),
        (Position(100, None, 3), 2),
        (Position(100, None, 5), 2),
        (Position(100, None, 0), 3),
        (Position(100, f"0x{(100 << 32) + 1:064x}"), 1),
        (Position(101, f"0x{1:064x}", 9), 1),
    ],
)
def test_events_up_to_the_initial_state_are_dropped_and_counted(build, tmp_path, after, left):
    state = build.make_state(after=after, liquidity=10**18)
    got = read(build, tmp_path, three(build), state=state)
    assert len(got.history.events) == left
    assert got.counts.dropped_before_state == 3 - left
    assert [event.seq for event in got.history.events] == list(range(left))


def test_a_state_that_contradicts_the_event_it_stands_after_is_refused(build, tmp_path):
    state = build.make_state(after=Position(100, None, 3), liquidity=10**18 + 1)
    with pytest.raises(InputError, match="do not belong together") as refusal:
        read(build, tmp_path, three(build), state=state)
    assert (refusal.value.line, refusal.value.field) == (2, "data")


def test_a_state_after_an_unknown_transaction_of_a_known_block_is_refused(build, tmp_path):
    state = build.make_state(after=Position(100, build.tx_hash(1)))
    with pytest.raises(InputError, match="is not in the file, but its block is"):
        read(build, tmp_path, three(build), state=state)


def test_a_state_after_everything_is_refused(build, tmp_path):
    with pytest.raises(InputError, match="at or before the initial state"):
        read(build, tmp_path, three(build), state=build.make_state(after=Position(200)))


def test_an_initialisation_at_another_price_is_refused(build, tmp_path):
    file = build.LogFile().add("Initialize", (), (build.ONE_X96 + 5, 0)).swap(block=101)
    with pytest.raises(InputError, match="do not belong together") as refusal:
        read(build, tmp_path, file)
    assert refusal.value.field == "data"


def test_a_file_of_the_other_kind_of_pool_is_refused(build, tmp_path):
    with pytest.raises(InputError, match="v3 Swap log, but the pool state file describes a v2 pool"):
        read(build, tmp_path, three(build), state=build.make_state("v2"))


def test_raw_logs_and_a_numbered_series_cannot_be_mixed(build, tmp_path, velodrome_paths):
    path = three(build).write(tmp_path / "logs.csv")
    with pytest.raises(InputError, match="cannot be mixed"):
        ingest_files([path, velodrome_paths[0]], initial_state=velodrome_paths[1], name="x")


def test_no_file_and_no_event_are_refused(build, tmp_path):
    with pytest.raises(InputError, match="no file"):
        ingest_files([], initial_state=build.make_state(), name="x")
    empty = three(build)
    path = tmp_path / "empty.csv"
    path.write_text(empty.text().split("\n", 1)[0] + "\n")
    with pytest.raises(InputError, match="no event"):
        ingest_files(path, initial_state=build.make_state(), name="x")
