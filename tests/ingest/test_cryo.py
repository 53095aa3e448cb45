"""cryo's Parquet against the same logs as CSV, against pyarrow's own slow reading, and damaged in every way."""

from __future__ import annotations

import ast
import csv
import gzip
import random
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.pool_state import read_pool_state
from ingest.sources import parquet
from ingest.sources.chain_files import chain_rows
from ingest.store import Store

BINARY = pa.large_binary()  # as polars writes
POOLS = {
    "pool_88e6_fee500": "88e6a0c2ddd26feeb64f039a2c41296fcb3f5640",
    "pool_8ad5_fee3000": "8ad599c3a0ff1de082011efddc58f1908eb6e6d8",
}
LOG_TYPES = {
    "block_number": pa.uint32(),
    "transaction_index": pa.uint32(),
    "log_index": pa.uint32(),
    "transaction_hash": BINARY,
    "address": BINARY,
    "topic0": BINARY,
    "topic1": BINARY,
    "topic2": BINARY,
    "topic3": BINARY,
    "data": BINARY,
    "n_data_bytes": pa.uint32(),
    "chain_id": pa.uint64(),
}
BLOCK_TYPES = {
    "block_hash": BINARY,
    "author": BINARY,
    "block_number": pa.uint32(),
    "gas_used": pa.uint64(),
    "extra_data": BINARY,
    "timestamp": pa.uint32(),
    "base_fee_per_gas": pa.uint64(),
    "chain_id": pa.uint64(),
}
TRANSACTION_TYPES = {
    "block_number": pa.uint32(),
    "transaction_index": pa.uint64(),
    "transaction_hash": BINARY,
    "nonce": pa.uint64(),
    "from_address": BINARY,
    "to_address": BINARY,
    "value_binary": BINARY,
    "value_string": pa.large_string(),
    "value_f64": pa.float64(),
    "input": BINARY,
    "gas_limit": pa.uint64(),
    "gas_used": pa.uint64(),
    "gas_price": pa.uint64(),
    "transaction_type": pa.uint32(),
    "success": pa.bool_(),
    "chain_id": pa.uint64(),
}


def table_of(rows: list[dict], types: dict) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema(list(types.items())))


def in_hex(table: pa.Table) -> pa.Table:
    """What ``cryo --hex`` writes."""
    for at, field in enumerate(table.schema):
        if field.type == BINARY:
            text = [None if value is None else f"0x{value.hex()}" for value in table[field.name].to_pylist()]
            table = table.set_column(at, field.name, pa.array(text, pa.large_string()))
    return table


def renamed(table: pa.Table, **names: str) -> pa.Table:
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def write(table: pa.Table, path, **options):
    pq.write_table(table, path, **({"compression": "lz4"} | options))
    return path


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp())


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@pytest.fixture(scope="module")
def real(mainnet_day):
    """Both pools' logs of the day in one table as cryo has them, and the times of their blocks."""
    logs, times = [], {}
    for stem, address in POOLS.items():
        with gzip.open(mainnet_day / f"{stem}_raw_logs.csv.gz", "rt") as stream:
            for row in csv.DictReader(stream):
                topics = [unhex(topic) for topic in ast.literal_eval(row["topics"])] + [None] * 4
                data = unhex(row["data"])
                log = {"block_number": int(row["block_number"]), "transaction_index": int(row["transaction_index"])}
                log |= {"log_index": int(row["log_index"]), "transaction_hash": unhex(row["transaction_hash"])}
                log |= {"address": unhex(address), "data": data, "n_data_bytes": len(data), "chain_id": 1}
                logs.append(log | {f"topic{place}": topics[place] for place in range(4)})
                times[log["block_number"]] = seconds(row["block_timestamp"])
    logs.sort(key=lambda log: (log["block_number"], log["log_index"]))
    blocks = [
        {"block_number": number, "timestamp": at, "block_hash": number.to_bytes(32, "big"), "author": bytes(20)}
        | {"gas_used": 1, "extra_data": b"x", "base_fee_per_gas": 10**9, "chain_id": 1}
        for number, at in times.items()
    ]
    return table_of(logs, LOG_TYPES), table_of(blocks, BLOCK_TYPES)


def transactions_of(logs: pa.Table) -> pa.Table:
    """A transaction for each that has a log, with made-up but distinct costs and values."""
    places = {
        log["transaction_hash"]: log
        for log in logs.select(["transaction_hash", "block_number", "transaction_index"]).to_pylist()
    }
    rows = []
    for number, (tx_hash, place) in enumerate(places.items()):
        value = number * 10**17 + 1
        rows.append(
            place
            | {"nonce": number, "from_address": b"\x11" * 20, "to_address": b"\x22" * 20 if number % 7 else None}
            | {"value_binary": value.to_bytes(32, "big"), "value_string": str(value), "value_f64": float(value)}
            | {"input": tx_hash[: number % 5], "gas_limit": 10**6, "gas_used": 21_000 + number}
            | {"gas_price": 10**10 + number, "transaction_type": 2, "success": number % 3 > 0, "chain_id": 1}
        )
    return table_of(rows, TRANSACTION_TYPES)


def as_written(logs, blocks):
    return logs, blocks


def with_hex(logs, blocks):
    return in_hex(logs), in_hex(blocks)


def as_of_old(logs, blocks):
    logs = renamed(logs, address="contract_address").drop_columns(["n_data_bytes", "chain_id"])
    return logs, renamed(blocks, block_hash="hash", block_number="number").drop_columns(["chain_id"])


def signed_and_plain(logs, blocks):
    kinds = {pa.uint32(): pa.int32(), pa.uint64(): pa.int64(), BINARY: pa.binary()}
    return tuple(
        table.cast(pa.schema([field.with_type(kinds[field.type]) for field in table.schema]))
        for table in (logs, blocks)
    )


def of_fixed_width(logs, blocks):
    widths = {"transaction_hash": 32, "address": 20, **{f"topic{place}": 32 for place in range(4)}}
    fields = [
        field.with_type(pa.binary(widths[field.name])) if field.name in widths else field for field in logs.schema
    ]
    return logs.cast(pa.schema(fields)), blocks


@pytest.mark.shared_data
@pytest.mark.parametrize("stem", POOLS)
@pytest.mark.parametrize("form", [as_written, with_hex, as_of_old, signed_and_plain, of_fixed_width])
def test_the_history_is_the_one_that_csv_gives(real, mainnet_day, tmp_path, form, stem):
    logs, blocks = form(*real)
    files = [write(logs, tmp_path / "logs.parquet"), write(blocks, tmp_path / "blocks.parquet")]
    state = mainnet_day / f"{stem}_initial_state.json"
    read = ingest_files(files, initial_state=state, name="x")
    given = ingest_files(mainnet_day / f"{stem}_raw_logs.csv.gz", initial_state=state, name="x")
    assert read.content_id == given.content_id
    assert read.history.events == given.history.events
    assert read.counts.events == given.counts.events
    own = sum(read.counts.events.values()) + read.counts.dropped_before_state
    assert read.counts.ignored == {"logs of other contracts": logs.num_rows - own}
    assert read.counts.rows == logs.num_rows
    swaps = read.counts.events["swap"]
    assert read.told.caveats[0] == f"No file tells the gas of {swaps} of {swaps} swaps."


@pytest.mark.shared_data
def test_parts_in_any_order_and_twice_give_the_same(real, day_paths, tmp_path):
    logs, blocks = real
    half = logs.num_rows // 2
    parts = {
        "blocks": blocks,
        "logs_0": logs.slice(0, half + 50),
        "logs_1": logs.slice(half),
        "transactions": transactions_of(logs),
    }
    for name, table in parts.items():
        write(table, tmp_path / f"ethereum__{name}.parquet", row_group_size=700)
    whole = ingest_files(tmp_path, initial_state=day_paths[1], name="x")
    shuffled = sorted(tmp_path.iterdir(), reverse=True)
    again = ingest_files([*shuffled, shuffled[1]], initial_state=day_paths[1], name="x")
    assert whole.content_id == again.content_id
    assert whole.counts.duplicates > 40
    assert again.counts.duplicates > half // 2
    assert "No file tells" not in " ".join(whole.told.caveats)


@pytest.mark.shared_data
def test_swaps_carry_what_their_transaction_paid(real, day_paths, tmp_path, day):
    logs, _ = real
    transactions = transactions_of(logs)
    timed = {block["block_number"]: block["timestamp"] for block in real[1].to_pylist()}
    times = [timed[number] for number in transactions["block_number"].to_pylist()]
    told = transactions.append_column("timestamp", pa.array(times, pa.uint32()))
    files = [write(logs, tmp_path / "logs"), write(told, tmp_path / "transactions")]
    read = ingest_files(files, initial_state=day_paths[1], name="x")
    costs = {row["transaction_hash"]: (row["gas_used"], row["gas_price"]) for row in transactions.to_pylist()}
    events = read.history.events
    assert [event.block_ts for event in events] == [event.block_ts for event in day.events]
    swaps = read.history.swaps
    assert len(swaps) == 6045
    for swap in swaps:
        assert (swap.gas_used, swap.gas_price_wei) == costs[unhex(swap.tx_hash)]
    some = transactions.slice(0, 1000)
    files[1] = write(some.append_column("timestamp", pa.array(times[:1000], pa.uint32())), tmp_path / "transactions")
    blocks = write(real[1], tmp_path / "blocks")
    fewer = ingest_files([*files, blocks], initial_state=day_paths[1], name="x")
    unpaid = sum(swap.gas_used is None for swap in fewer.history.swaps)
    assert 0 < unpaid < 6045
    assert fewer.told.caveats[0] == f"No file tells the gas of {unpaid} of 6045 swaps."


def some_logs(build, count: int = 6, pool: bytes = b"\x77" * 20) -> pa.Table:
    """Swaps of the builder's pool, and a log of another contract after each."""
    file = build.LogFile()
    rows = []
    for number in range(count):
        file.swap(1000 + number, -990, block=100 + number, tx=number, log=2 * number)
        row = file.rows[-1]
        topics = [unhex(topic) for topic in ast.literal_eval(row["topics"])] + [None]
        log = {"block_number": 100 + number, "transaction_index": number, "log_index": 2 * number}
        log |= {"transaction_hash": unhex(row["transaction_hash"]), "address": pool, "data": unhex(row["data"])}
        log |= {f"topic{place}": topics[place] for place in range(4)} | {"n_data_bytes": 160, "chain_id": 1}
        other = log | {"address": b"\x01" * 20, "log_index": 2 * number + 1, "topic0": None, "topic1": None}
        rows += [log, other | {"topic2": None, "data": b""}]
    return table_of(rows, LOG_TYPES)


def some_blocks(build, count: int = 6) -> pa.Table:
    rows = [
        {"block_number": 100 + number, "timestamp": build.START_TS + 12 * number, "chain_id": 1}
        for number in range(count)
    ]
    return table_of(rows, BLOCK_TYPES)


def history(build, tmp_path, logs: pa.Table, *others: pa.Table, **options):
    files = [write(logs, tmp_path / "logs.parquet", **options)]
    files += [write(other, tmp_path / f"other{number}.parquet") for number, other in enumerate(others)]
    return read_history(files, initial_state=build.make_state(), name="x")


def test_a_block_without_a_time_is_named_with_what_to_add(build, tmp_path):
    with pytest.raises(InputError, match=r"when block 105 was; add the exporter's file of blocks \(cryo") as refusal:
        history(build, tmp_path, some_logs(build), some_blocks(build, 5))
    assert (refusal.value.file, refusal.value.line) == (str(tmp_path / "logs.parquet"), 11)


def test_two_times_of_a_block_are_refused(build, tmp_path):
    blocks, other = some_blocks(build), some_blocks(build, 3)
    wrong = other.set_column(5, "timestamp", pa.array([build.START_TS, build.START_TS + 13, build.START_TS + 24]))
    with pytest.raises(InputError, match="another time is told of the same block") as refusal:
        history(build, tmp_path, some_logs(build), blocks, wrong)
    assert (refusal.value.file, refusal.value.line) == (str(tmp_path / "other1.parquet"), 2)
    timed = some_logs(build).append_column("timestamp", pa.array([build.START_TS + 1] * 12, pa.uint32()))
    with pytest.raises(InputError, match="another file tells another time of this block") as refusal:
        history(build, tmp_path, timed, blocks)
    assert (refusal.value.line, refusal.value.field) == (1, "timestamp")


def test_two_costs_of_a_transaction_are_refused(build, tmp_path):
    logs, blocks = some_logs(build), some_blocks(build)
    told = transactions_of(logs)
    for column in ("gas_used", "gas_price"):
        at = told.column_names.index(column)
        other = told.set_column(at, column, pa.array([number + 9 for number in told[column].to_pylist()], pa.uint64()))
        with pytest.raises(InputError, match=r"another gas_\w+ is told of the same transaction") as refusal:
            history(build, tmp_path, logs, blocks, told, other)
        assert refusal.value.file == str(tmp_path / "other2.parquet")
    # a price that no receipt confirms gives way
    offered = other.drop_columns(["gas_used"])
    assert history(build, tmp_path, logs, blocks, told, offered) == history(build, tmp_path, logs, blocks, told)


def test_another_chain_and_another_pool_are_refused(build, tmp_path):
    logs = some_logs(build)
    other = logs.set_column(11, "chain_id", pa.array([1] * 11 + [10], pa.uint64()))
    with pytest.raises(InputError, match="a pool of chain 1, found 10") as refusal:
        history(build, tmp_path, other, some_blocks(build))
    assert (refusal.value.line, refusal.value.field) == (12, "chain_id")
    with pytest.raises(InputError, match="holds no event of the pool"):
        history(build, tmp_path, some_logs(build, pool=b"\x78" * 20), some_blocks(build))


# --- the chain's own tables ------------------------------------------------------------------------------------------


def rows_of(path) -> list[dict]:
    return [row for rows in chain_rows(path) for row in rows.table.to_pylist()]


@pytest.mark.shared_data
@pytest.mark.parametrize("form", [lambda table: table, in_hex])
def test_every_row_is_read_as_it_is(real, tmp_path, form):
    logs, blocks = real
    told = transactions_of(logs)
    expected = [
        {
            "block_number": row["block_number"],
            "block_ts": None,
            "tx_hash": row["transaction_hash"],
            "tx_index": row["transaction_index"],
            "log_index": row["log_index"],
            "address": row["address"],
            **{f"topic{place}": row[f"topic{place}"] for place in range(4)},
            "data": row["data"],
        }
        for row in logs.to_pylist()
    ]
    assert rows_of(write(form(logs), tmp_path / "l", row_group_size=1000)) == expected
    assert rows_of(write(form(blocks), tmp_path / "b")) == [
        {"block_number": row["block_number"], "block_hash": row["block_hash"], "parent_hash": None}
        | {"block_ts": row["timestamp"], "base_fee_wei": str(row["base_fee_per_gas"])}
        for row in blocks.to_pylist()
    ]
    transactions = [
        {
            "tx_hash": row["transaction_hash"],
            "block_number": row["block_number"],
            "tx_index": row["transaction_index"],
            "sender": row["from_address"],
            "to_address": row["to_address"],
            "value_wei": row["value_string"],
            "input": row["input"],
            "succeeded": row["success"],
            "gas_used": row["gas_used"],
            "gas_price_wei": str(row["gas_price"]),
        }
        for row in told.to_pylist()
    ]
    for left in (["value_string"], ["value_binary"], []):
        others = [name for name in ("value_string", "value_binary") if name not in left]
        less = told.drop_columns(others) if left else told
        assert rows_of(write(form(less), tmp_path / "t")) == transactions
    lines = [line for rows in chain_rows(tmp_path / "l") for line in rows.lines.tolist()]
    assert lines == list(range(1, logs.num_rows + 1))
    assert {rows.chain_id for rows in chain_rows(tmp_path / "t")} == {1}


@settings(deadline=None)
@given(values=st.lists(st.integers(0, (1 << 256) - 1) | st.sampled_from([0, (1 << 256) - 1]), min_size=1))
def test_values_of_any_size_keep_all_digits(tmp_path_factory, build, values):
    logs = some_logs(build, len(values))
    told = transactions_of(logs)
    text = pa.array([str(value) for value in values], pa.large_string())
    words = pa.array([value.to_bytes(32, "big") for value in values], BINARY)
    path = tmp_path_factory.mktemp("values") / "t"
    for less in (["value_string"], ["value_binary"]):
        table = told.set_column(6, "value_binary", words).set_column(7, "value_string", text).drop_columns(less)
        for form in (table, in_hex(table)):
            assert [int(row["value_wei"]) for row in rows_of(write(form, path))] == values


@pytest.mark.parametrize("left", ["value_f64", "value_f32", "value_u64", "value_u32"])
def test_values_that_were_rounded_or_cut_are_not_taken(build, tmp_path, left):
    told = transactions_of(some_logs(build)).drop_columns(["value_string", "value_binary", "value_f64"])
    kind = {"value_f64": pa.float64(), "value_f32": pa.float32(), "value_u64": pa.uint64(), "value_u32": pa.uint32()}
    told = told.append_column(left, pa.array([1] * told.num_rows, kind[left]))
    with pytest.raises(InputError, match="cannot do without this column") as refusal:
        rows_of(write(told, tmp_path / "t"))
    assert refusal.value.field == "value_string"
    exact = told.append_column("value_str", pa.array(["7"] * told.num_rows))
    beside = exact.append_column("value", pa.array([Decimal(7)] * told.num_rows))
    assert {row["value_wei"] for row in rows_of(write(beside, tmp_path / "t"))} == {"7"}
    # a pool's history has no use for them
    assert history(build, tmp_path, some_logs(build), some_blocks(build), told).swaps[0].gas_used == 21_000


# --- damaged and hostile ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hex_text", [False, True])
def test_every_column_missing_or_exchanged_is_refused(build, tmp_path, hex_text):
    logs, blocks = some_logs(build), some_blocks(build)
    logs = in_hex(logs) if hex_text else logs
    whole = history(build, tmp_path, logs, blocks)
    for name in logs.column_names:
        less = logs.drop_columns([name])
        if name in {"n_data_bytes", "chain_id"}:
            assert history(build, tmp_path, less, blocks) == whole
            continue
        with pytest.raises(InputError, match=name):
            history(build, tmp_path, less, blocks)
    for at, name in enumerate(logs.column_names[:-1]):
        names = logs.column_names
        names[at], names[at + 1] = names[at + 1], name
        moved = logs.select(names)
        assert history(build, tmp_path, moved, blocks) == whole, "columns go by their names"
        try:
            read = history(build, tmp_path, logs.rename_columns(names), blocks)
        except InputError:
            continue
        assert (name, logs.column_names[at + 1]) in {
            ("transaction_index", "log_index"),  # these may stand for each other; the file then says just that
            ("topic1", "topic2"),
        }, f"{name} taken for {logs.column_names[at + 1]}"
        assert read.events != whole.events


def replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def one_changed(table: pa.Table, name: str, value, row: int = 4) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    return replaced(table, name, pa.array(values, table[name].type))


BAD_LOGS = [
    ("block_number", None, "must not be empty"),
    ("log_index", None, "must not be empty"),
    ("transaction_hash", b"\x01" * 31, "32 bytes in all"),
    ("transaction_hash", b"", "32 bytes in all"),
    ("transaction_hash", None, "must not be empty"),
    ("address", b"\x77" * 21, "20 bytes in all"),
    ("address", None, "must not be empty"),
    ("topic0", b"\x01" * 33, "32 bytes in all"),
    ("topic0", b"\x01" * 32, "no event of a Uniswap pool"),
    ("topic0", None, "stands here without a topic0"),
    ("topic1", b"\x01" * 32, "no address"),
    ("topic2", None, "has 3 topics"),
    ("topic1", None, "stands here without a topic1"),
    ("topic3", b"\x00" * 32, "has 3 topics"),
    ("data", b"\x00" * 159, "320 hex digits"),
    ("data", None, "must not be empty"),
]


@pytest.mark.parametrize(("name", "value", "why"), BAD_LOGS)
def test_a_bad_value_is_named_with_its_row(build, tmp_path, name, value, why):
    logs = one_changed(some_logs(build), name, value)
    with pytest.raises(InputError, match=why) as refusal:
        history(build, tmp_path, logs, some_blocks(build))
    assert (refusal.value.file, refusal.value.line) == (str(tmp_path / "logs.parquet"), 5)
    assert refusal.value.field == name or refusal.value.field.startswith("topic")


BAD_HEX = [
    "",
    "0x",
    "0X" + "12" * 32,
    "0x" + "1" * 63,
    "0x" + "zz" * 32,
    "12" * 33,
    "0x" + "12" * 33,
    "0x" + "\u0661" * 64,
]


@pytest.mark.parametrize("value", BAD_HEX)
@pytest.mark.parametrize("name", ["transaction_hash", "topic1"])
def test_hex_text_that_is_none_is_named_with_its_row(build, tmp_path, name, value):
    logs = one_changed(in_hex(some_logs(build)), name, value)
    with pytest.raises(InputError, match="must be 0x and an even number of hex digits, 32 bytes") as refusal:
        history(build, tmp_path, logs, some_blocks(build))
    assert (refusal.value.line, refusal.value.field) == (5, name)


@pytest.mark.parametrize(
    ("name", "column", "why"),
    [
        ("block_number", pa.array([100.0] * 12), "double, which rounds"),
        ("block_number", pa.array([100.0] * 12, pa.float32()), "float, which rounds"),
        ("block_number", pa.array([-1] * 12, pa.int64()), "from 0 to .* found -1"),
        ("block_number", pa.array([1 << 63] * 12, pa.uint64()), "from 0 to .* found 9223372036854775808"),
        ("block_number", pa.array(["100"] * 12), "must hold whole numbers, but is stored as string"),
        ("block_number", pa.array([b"100"] * 12), "must hold whole numbers, but is stored as binary"),
        ("block_number", pa.array([True] * 12), "must hold whole numbers, but is stored as bool"),
        ("transaction_index", pa.array([1 << 25] * 12), "from 0 to 16777216"),
        ("log_index", pa.array([1 << 33] * 12), "from 0 to 4294967296"),
        ("data", pa.array([7] * 12), "must hold bytes or hex text, but is stored as int64"),
        ("data", pa.array([[1, 2]] * 12), "list"),
        ("data", pa.array([{"a": 1}] * 12), "struct"),
        ("topic0", pa.array([1.5] * 12), "double, which rounds"),
        ("block_number", pa.array([datetime(2024, 1, 5, tzinfo=UTC)] * 12), "timestamp"),
    ],
)
def test_a_column_of_another_type_is_refused(build, tmp_path, name, column, why):
    with pytest.raises(InputError, match=why) as refusal:
        history(build, tmp_path, replaced(some_logs(build), name, column), some_blocks(build))
    assert (refusal.value.file, refusal.value.field) == (str(tmp_path / "logs.parquet"), name)


@pytest.mark.parametrize(
    "value", ["1.0", "-1", "1e80", str(1 << 256), str(10**80), "01", " 1", "", "\u0661", "\uff11", "NaN", "0x10"]
)
def test_a_value_that_is_no_whole_number_is_refused(build, tmp_path, value):
    told = one_changed(transactions_of(some_logs(build)), "value_string", value)
    with pytest.raises(InputError, match="must be a whole number from 0 to") as refusal:
        rows_of(write(told, tmp_path / "t"))
    assert (refusal.value.line, refusal.value.field) == (5, "value_string")


def test_times_in_milliseconds_are_refused(build, tmp_path):
    blocks = some_blocks(build)
    late = replaced(blocks, "timestamp", pa.array([1000 * at for at in blocks["timestamp"].to_pylist()], pa.uint64()))
    with pytest.raises(InputError, match="must be from 0 to") as refusal:
        history(build, tmp_path, some_logs(build), late)
    assert (refusal.value.line, refusal.value.field) == (1, "timestamp")


def test_a_column_that_stands_twice_is_refused(build, tmp_path):
    logs = some_logs(build)
    twice = renamed(logs, n_data_bytes="log_index")
    with pytest.raises(InputError, match="stands twice") as refusal:
        history(build, tmp_path, twice, some_blocks(build))
    assert refusal.value.field == "log_index"


def test_other_datasets_are_told_apart(build, tmp_path):
    transfers = table_of(
        [{"block_number": 1, "transaction_hash": b"1" * 32, "from_address": b"2" * 20, "value_string": "5"}],
        {
            name: TRANSACTION_TYPES[name]
            for name in ("block_number", "transaction_hash", "from_address", "value_string")
        },
    )
    with pytest.raises(InputError, match="of no known kind; to be a Parquet file of cryo"):
        history(build, tmp_path, transfers)


def test_a_file_cut_off_anywhere_is_refused(build, tmp_path):
    whole = write(some_logs(build, 200), tmp_path / "whole", row_group_size=64).read_bytes()
    places = random.Random(3)
    path = tmp_path / "cut"
    for keep in [1, 3, 4, 5, 11, 12, *(places.randrange(12, len(whole)) for _ in range(30)), len(whole) - 1]:
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError) as refusal:
            read_history(path, initial_state=build.make_state(), name="x")
        assert refusal.value.file == str(path)


def slow_reading(path) -> list[tuple]:
    """What a file says, read at once by pyarrow and decoded by hand."""
    found = []
    needed = [name for name in LOG_TYPES if name != "n_data_bytes"]
    for row in pq.ParquetFile(path).read(needed).to_pylist():
        if row["address"] != b"\x77" * 20:
            continue
        words = [row["data"][at : at + 32] for at in range(0, 160, 32)]
        amounts = [int.from_bytes(word, "big", signed=True) for word in words[:2]]
        numbers = [int.from_bytes(word, "big") for word in words[2:4]]
        tick = int.from_bytes(words[4], "big", signed=True)
        place = (row["block_number"], row["log_index"], row["transaction_index"])
        parties = [f"0x{value.hex()}" for value in (row["transaction_hash"], row["topic1"][12:], row["topic2"][12:])]
        found.append((*place, *parties, *amounts, *numbers, tick))
    return sorted(set(found))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_refused_or_read_as_they_are(build, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("hostile")
    compression = data.draw(st.sampled_from(("none", "lz4", "zstd", "snappy")))
    checked = data.draw(st.booleans())
    logs = some_logs(build, 20)
    path = write(logs, folder / "l", compression=compression, row_group_size=30, write_page_checksum=checked)
    blocks = write(some_blocks(build, 20), folder / "b")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        read = read_history([path, blocks], initial_state=build.make_state(), name="x")
    except InputError as error:
        if error.file != str(path):
            pytest.fail(f"names another file: {error}")
        return
    names = ("tx_hash", "sender", "recipient", "amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")
    names = ("block_number", "log_index", "tx_index", *names)
    ours = [tuple(getattr(swap, name) for name in names) for swap in read.swaps]
    assert ours == slow_reading(path)


def test_no_bit_of_a_dictionary_column_makes_anything_else_than_a_refusal(build, tmp_path):
    """Among them codes that point beyond the dictionary, which Arrow reads without a word."""
    path = write(some_logs(build, 20), tmp_path / "l", compression="none")
    whole = path.read_bytes()
    chunk = pq.read_metadata(path).row_group(0).column(list(LOG_TYPES).index("address"))
    refused = 0
    for at in range(chunk.dictionary_page_offset, chunk.dictionary_page_offset + chunk.total_compressed_size):
        for bit in range(8):
            content = bytearray(whole)
            content[at] ^= 1 << bit
            path.write_bytes(content)
            try:
                assert sum(rows.table.num_rows for rows in chain_rows(path)) == 40
            except InputError:
                refused += 1
    assert refused


def test_a_value_stored_once_and_repeated_without_end_is_taken_in_small_pieces(build, tmp_path):
    """One megabyte of data for 3,000 logs: 3 GB unpacked, some kilobytes in the file."""
    logs = some_logs(build, 1500)
    big = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([bytes(1 << 20)]))
    path = tmp_path / "bomb"
    schema = pa.schema(list(LOG_TYPES.items())).set(9, pa.field("data", big.type))
    with pq.ParquetWriter(path, schema, store_schema=False) as writer:
        writer.write_table(logs.set_column(9, "data", big))
    assert path.stat().st_size < 1 << 20
    before = pa.total_allocated_bytes()
    most = 0
    for rows in chain_rows(path):
        most = max(most, pa.total_allocated_bytes() - before)
        assert rows.table.num_rows * (1 << 20) <= parquet.BATCH_BYTES
    assert most < 5 * parquet.BATCH_BYTES
    with pytest.raises(InputError, match="320 hex digits"):
        read_history(path, initial_state=build.make_state(), name="x")


def test_claims_beyond_all_sizes_are_refused_before_anything_is_unpacked(build, tmp_path):
    path = tmp_path / "file"
    length = parquet.MAX_FOOTER_BYTES + 1
    path.write_bytes(b"PAR1" + bytes(length) + length.to_bytes(4, "little") + b"PAR1")
    with pytest.raises(InputError, match="has a footer of 16777217 bytes"):
        read_history(path, initial_state=build.make_state(), name="x")
    path.write_bytes(b"PAR1" + bytes(40) + b"PARE")
    with pytest.raises(InputError, match="is an encrypted Parquet file"):
        read_history(path, initial_state=build.make_state(), name="x")
    path.write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(InputError, match="is no whole Parquet file"):
        read_history(path, initial_state=build.make_state(), name="x")


def test_a_row_group_larger_than_the_limit_is_refused(build, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MAX_GROUP_BYTES", 1000)
    with pytest.raises(InputError, match="row group 1 is larger than 1000 bytes"):
        history(build, tmp_path, some_logs(build, 100), some_blocks(build, 100))


def test_very_many_row_groups_are_refused_with_what_to_do(build, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MAX_FOOTER_BYTES", 1 << 20)
    schema = pa.schema([("x", pa.int8())])
    one = pa.record_batch([pa.array([1], pa.int8())], schema)
    with pq.ParquetWriter(tmp_path / "l", schema, write_statistics=False) as writer:
        for _ in range(30_000):
            writer.write_batch(one)
    with pytest.raises(InputError, match="write it with larger row groups"):
        read_history(tmp_path / "l", initial_state=build.make_state(), name="x")


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_encodings_that_could_hide_any_size_are_refused(build, tmp_path, encoding):
    options = {"use_dictionary": False, "column_encoding": {"data": encoding}}
    with pytest.raises(InputError, match="written in a form that is not read here") as refusal:
        history(build, tmp_path, some_logs(build), some_blocks(build), **options)
    assert refusal.value.line == 1


def test_a_refused_file_leaves_the_store_as_it_was(build, tmp_path):
    store = Store(tmp_path / "store")
    store.write_history(history(build, tmp_path, some_logs(build), some_blocks(build)))
    before = store.database.read_bytes()
    with pytest.raises(InputError):
        store.write_history(history(build, tmp_path, one_changed(some_logs(build), "data", b""), some_blocks(build)))
    assert store.database.read_bytes() == before


@pytest.mark.shared_data
def test_a_state_of_the_other_pool_picks_the_other_pools_logs(real, mainnet_day, tmp_path):
    files = [write(table, tmp_path / name) for table, name in zip(real, ("logs", "blocks"), strict=True)]
    states = [read_pool_state(mainnet_day / f"{stem}_initial_state.json") for stem in POOLS]
    first, second = (ingest_files(files, initial_state=state, name="x") for state in states)
    assert first.counts.ignored["logs of other contracts"] == sum(second.counts.events.values()) + 1
    assert second.counts.ignored["logs of other contracts"] == sum(first.counts.events.values()) + 1
