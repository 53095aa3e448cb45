"""The store: exact integers through every table, nothing twice, nothing lost."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import migrations
from ingest.content import content_id
from ingest.errors import ChangedError, InputError, StoreBusyError, StoreError
from ingest.event_table import COLUMNS, COUNTER_COLUMNS, from_events, to_events
from ingest.files import read_history
from ingest.ledger import ledger_add, ledger_rows
from ingest.pool_state import pool_state_document
from ingest.records import (
    FLOW_CLASSES,
    Coverage,
    Label,
    LiquidityEvent,
    Pool,
    PoolState,
    Position,
    PricePoint,
    Swap,
    TickLiquidity,
    Token,
)
from ingest.store import Store, default_root

EXTREMES = (0, 1, -1, (1 << 256) - 1, 1 << 255, -(1 << 255), (1 << 255) - 1, 1 << 63, -(1 << 63), (1 << 53) + 1)
ANY_INT = st.sampled_from(EXTREMES) | st.integers(-(1 << 255), (1 << 256) - 1)
INT64 = st.sampled_from((0, 1, -1, (1 << 63) - 1, -(1 << 63), (1 << 53) + 1)) | st.integers(-(1 << 63), (1 << 63) - 1)
HEX20 = st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}")
HEX32 = st.integers(0, (1 << 256) - 1).map(lambda number: f"0x{number:064x}")
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)


def record(made_of, /, **others):
    """Any value in every integer field of a record, extremes first; 64 bits for what an event only counts."""
    counts = COUNTER_COLUMNS if made_of in (Swap, LiquidityEvent) else ()
    made = {}
    for field in fields(made_of):
        number = INT64 if field.name in counts else ANY_INT
        if field.type == "int":
            made[field.name] = number
        elif field.type == "int | None":
            made[field.name] = st.none() | number
    return st.builds(made_of, **(made | others))


PARTY = st.none() | HEX20
SWAPS = record(Swap, tx_hash=HEX32, sender=PARTY, recipient=PARTY)
LIQUIDITY = record(
    LiquidityEvent,
    kind=st.sampled_from(("initialize", "mint", "burn", "collect", "flash", "sync")),
    tx_hash=HEX32,
    owner=PARTY,
)
TOKENS = record(Token, address=HEX20, symbol=TEXT)
STATES = record(
    PoolState,
    pool=record(Pool, kind=st.just("v3"), address=HEX20, token0=TOKENS, token1=TOKENS),
    after=st.none() | record(Position, tx_hash=st.none() | HEX32),
    ticks=st.lists(record(TickLiquidity), max_size=3).map(tuple),
    reserve0=st.just(0),
    reserve1=st.just(0),
)
LABELS = st.builds(Label, st.sampled_from(FLOW_CLASSES), TEXT)
PRICES = st.builds(PricePoint, ANY_INT, st.fractions(min_value=0).map(str))


@settings(max_examples=25, deadline=None)
@given(
    events=st.lists(SWAPS | LIQUIDITY, max_size=6),
    state=STATES,
    labels=st.dictionaries(st.integers(0, 5), LABELS, max_size=4),
    limits=st.dictionaries(st.integers(0, 5), ANY_INT, max_size=4),
    prices=st.lists(PRICES, max_size=4),
    window=ANY_INT,
    block=ANY_INT,
)
def test_every_integer_of_every_table_round_trips(
    build, tmp_path_factory, events, state, labels, limits, prices, window, block
):
    store = Store(tmp_path_factory.getbasetemp() / "round-trip")
    history = build.make_history(
        [replace(event, seq=seq) for seq, event in enumerate(events)],
        initial_state=state,
        labels=labels,
        known_limits=limits,
        prices=tuple(prices),
        price_source="somewhere",
        caveats=("one", "two"),
    )
    assert store.write_history(history, replace=True) in ("stored", "replaced", "already stored")
    assert store.load_history("test") == history
    (summary,) = store.list_histories()
    assert (summary.chain_id, summary.fee_pips) == (state.pool.chain_id, state.pool.fee_pips)
    blocks = [event.block_number for event in history.events]
    assert (summary.first_block, summary.last_block) == ((min(blocks), max(blocks)) if blocks else (None, None))
    ledger_add(store, history, block, block, [("candidate", window)])
    with duckdb.connect(str(store.database), read_only=True) as connection:
        query = "SELECT CAST(first_block AS VARCHAR), CAST(last_block AS VARCHAR), CAST(window_blocks AS VARCHAR) "
        stored = connection.execute(query + "FROM heldout_ledger").fetchall()
    assert (str(block), str(block), str(window)) in stored
    assert ledger_rows(store, history, block, block) >= 1


def test_the_round_trip_covers_every_table_and_column(build, tmp_path):
    """The property above writes each integer column: a table that is added must be added there too."""
    store = Store(tmp_path)
    store.write_history(build.make_history([build.make_swap(0)]))
    with duckdb.connect(str(store.database), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    columns = [column for column in columns if not column[0].startswith("flow")]  # those: test_flow_store.py
    integers = {(table, name) for table, name, kind in columns if "INT" in kind or "NUM" in kind or "DOUBLE" in kind}
    own_counters = {(table, name) for table, name in integers if name in ("history_id", "seq", "place")}
    own_counters |= {("history", "events"), ("history", "swaps"), ("schema_version", "version")}
    counted = {("event", name) for name in COUNTER_COLUMNS}
    assert {kind for table, name, kind in columns if (table, name) in counted} == {"BIGINT"}
    rest = integers - own_counters - counted
    assert {kind for table, name, kind in columns if (table, name) in rest} == {"BIGNUM"}
    assert {table for table, _ in rest} == {"history", "event", "known_limit", "price", "heldout_ledger"}


@settings(deadline=None)
@given(st.lists(SWAPS | LIQUIDITY, max_size=5))
def test_events_round_trip_through_their_columns(events):
    numbered = tuple(replace(event, seq=seq) for seq, event in enumerate(events))
    assert to_events(from_events(numbered)) == numbered


@pytest.mark.parametrize("field", COUNTER_COLUMNS)
def test_a_counter_beyond_64_bits_is_refused_and_never_cut(build, tmp_path, field):
    event = build.make_swap(0, **{field: 1 << 63}) if field in Swap.__slots__ else None
    event = event or build.LiquidityEvent(0, "mint", 1, 1, build.tx_hash(1), 0, 0, **{field: 1 << 63})
    with pytest.raises((StoreError, ValueError), match="63 bits"):
        Store(tmp_path).write_history(build.make_history([event]))


@pytest.mark.shared_data
@pytest.mark.timeout(120)
def test_real_histories_come_back_equal_and_fast(day, velodrome, tmp_path):
    import time

    store = Store(tmp_path)
    for history, limit_s in ((day, 0.3), (velodrome, 2.0)):
        assert store.write_history(history) == "stored"
        assert store.write_history(history) == "already stored"
        took = []
        for _ in range(3):
            start = time.process_time()  # the machine may be busy with other tests
            loaded = store.load_history(history.name)
            took.append(time.process_time() - start)
        assert loaded == history
        assert content_id(loaded) == history.content_id
        assert min(took) <= limit_s
    assert [summary.name for summary in store.list_histories()] == ["usdc-weth-day", "weth-op"]
    assert [summary.swaps for summary in store.list_histories()] == [6045, 49_330]


@pytest.mark.shared_data
def test_ingesting_the_same_file_twice_changes_nothing(day_paths, tmp_path):
    store = Store(tmp_path)
    outcomes, contents = [], []
    for _ in range(2):
        outcomes.append(store.write_history(read_history(day_paths[0], initial_state=day_paths[1], name="day")))
        contents.append(store.database.read_bytes())
    assert outcomes == ["stored", "already stored"]
    with duckdb.connect(str(store.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchall() == [(6233,)]


def test_the_content_id_is_of_the_content_alone(build):
    one = build.make_history([build.make_swap(0), build.make_swap(1)], name="one")
    assert build.make_history([build.make_swap(0), build.make_swap(1)], name="two").content_id == one.content_id
    assert replace(one, caveats=("x",), price_source="y", source="chain").content_id == content_id(
        replace(one, caveats=("x",), price_source="y", source="chain")
    )
    changes = [
        {"events": one.events[:1]},
        {"events": (replace(one.events[0], amount1=-991), one.events[1])},
        {"events": (replace(one.events[0], sender=None), one.events[1])},
        {"initial_state": build.make_state(liquidity=1)},
        {"labels": {0: Label("user", "r")}},
        {"known_limits": {0: 5}},
        {"prices": (PricePoint(1, "2"),)},
    ]
    ids = {content_id(replace(one, **change)) for change in changes}
    assert len(ids | {one.content_id}) == len(changes) + 1


def test_another_content_under_the_name_is_refused_unless_it_replaces(build, tmp_path):
    store = Store(tmp_path)
    first, second = build.make_history([build.make_swap(0)]), build.make_history([build.make_swap(0, amount0=7)])
    other = build.make_history([build.make_swap(0)], name="other")
    assert store.write_history(first) == "stored"
    assert store.write_history(other) == "stored"
    with pytest.raises(InputError, match="another history 'test'"):
        store.write_history(second)
    assert store.load_history("test") == first
    assert store.write_history(second, replace=True) == "replaced"
    assert store.load_history("test") == second
    assert store.load_history("other") == other
    with duckdb.connect(str(store.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchall() == [(2,)]


def test_a_history_takes_the_place_of_the_one_it_was_made_from_and_of_no_other(build, tmp_path):
    store = Store(tmp_path)
    before, between, after = (build.make_history([build.make_swap(0, amount0=n)]) for n in (5, 6, 7))
    store.write_history(before)
    assert store.write_history(between, instead_of=before) == "replaced"
    with pytest.raises(ChangedError, match="was changed by another process meanwhile; run again"):
        store.write_history(after, instead_of=before)
    further = replace(between, coverage=Coverage(1, 9, "logs"))
    store.write_history(further)
    with pytest.raises(ChangedError):
        store.write_history(after, instead_of=between)
    assert store.load_history("test") == further
    assert store.write_history(after, instead_of=further) == "replaced"


def test_a_name_is_refused_before_there_is_anything_to_store(build, tmp_path):
    store = Store(tmp_path)
    store.require_free("flow", "flow")
    store.write_history(build.make_history([build.make_swap(0)], name="history"))
    store.require_free("history", "history")
    for name, kind in (("history", "flow"), ("", "history"), ("x" * 101, "flow")):
        with pytest.raises(InputError, match="name"):
            store.require_free(name, kind)


@pytest.mark.parametrize("name", ["", " x", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_typed_is_refused(build, tmp_path, name):
    with pytest.raises(InputError, match="printable characters"):
        Store(tmp_path).write_history(build.make_history([], name=name))
    assert not (tmp_path / "history.duckdb").exists()


def test_a_history_whose_id_or_numbering_is_wrong_is_refused(build, tmp_path):
    store, history = Store(tmp_path), build.make_history([build.make_swap(0), build.make_swap(1)])
    with pytest.raises(StoreError, match="content_id"):
        store.write_history(replace(history, content_id="0" * 64))
    turned = tuple(reversed(history.events))
    with pytest.raises(StoreError, match="numbered by their place"):
        store.write_history(build.make_history(turned))


def test_an_unknown_history_is_refused_with_those_there_are(build, tmp_path):
    store = Store(tmp_path / "new")
    with pytest.raises(InputError, match="none yet"):
        store.load_history("x")
    assert not (tmp_path / "new").exists(), "reading makes nothing"
    store.write_history(build.make_history([build.make_swap(0)], name="there"))
    with pytest.raises(InputError, match="it has: there"):
        store.load_history("x")


def test_an_empty_database_and_a_foreign_one_are_told_apart(build, tmp_path):
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    with pytest.raises(StoreError, match="none of Pactsmith's"):
        Store(tmp_path).list_histories()
    with pytest.raises(StoreError, match="none of Pactsmith's"):
        Store(tmp_path).write_history(build.make_history([]))
    (tmp_path / "empty").mkdir()
    duckdb.connect(str(tmp_path / "empty" / "history.duckdb")).close()
    assert Store(tmp_path / "empty").list_histories() == ()


def test_a_store_of_a_newer_version_is_refused(build, tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.write_history(build.make_history([build.make_swap(0)]))
    monkeypatch.setattr(migrations, "MIGRATIONS", ())
    for act in (store.list_histories, lambda: store.write_history(build.make_history([], name="b"))):
        with pytest.raises(StoreError, match="written by a newer Pactsmith"):
            act()
    monkeypatch.undo()
    assert store.load_history("test").events


def test_an_older_store_is_brought_up_to_date_also_by_a_reader(build, tmp_path, monkeypatch):
    store, history = Store(tmp_path), build.make_history([build.make_swap(0)])
    store.write_history(history)

    def one_more(connection):
        connection.execute("CREATE TABLE added (x BIGNUM)")

    steps = (*migrations.MIGRATIONS, one_more)
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    assert store.load_history("test") == history
    with duckdb.connect(str(store.database), read_only=True) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(len(steps),)]
        assert connection.execute("SELECT count(*) FROM added").fetchall() == [(0,)]


def write_as_version_1(store: Store, history, content: str) -> None:
    """A history as the first version of the schema had it: hashes as text, every number a BIGNUM."""
    with duckdb.connect(str(store.database)) as connection:
        migrations.migrate(connection, migrations.MIGRATIONS[:1])
        state = json.dumps(pool_state_document(history.initial_state))
        connection.execute(
            "INSERT INTO history VALUES "
            "(1, ?, ?, 'simulated', 'v3', '1', '0x', 'A', 'B', '3000', ?, '', '[]', 2, 1, '1', '2', '3')",
            [history.name, content, state],
        )
        for event in history.events:
            names = ["history_id", "seq", "kind"] + [
                name for name in COLUMNS if hasattr(event, name) and name != "kind"
            ]
            values = ["1", event.seq, getattr(event, "kind", "swap")] + [getattr(event, name) for name in names[3:]]
            marks = ", ".join("?" for _ in names)
            texts = [None if value is None else str(value) for value in values]
            connection.execute(f"INSERT INTO event ({', '.join(names)}) VALUES ({marks})", texts)
        connection.execute("INSERT INTO label VALUES (1, 0, 'user', 'told')")
        connection.execute("INSERT INTO known_limit VALUES (1, 0, '77')")
        connection.execute("INSERT INTO price VALUES (1, 0, '5', '1/3')")
        connection.execute(
            "INSERT INTO heldout_ledger VALUES ('simulated:' || $1, $1, '1', '2', 'c', '1', '0')", [content]
        )


def test_a_store_of_the_first_version_keeps_every_event_and_its_ledger(build, tmp_path):
    mint = build.LiquidityEvent(
        1, "mint", 101, 5, build.tx_hash(9), 1, 2, build.address(3), -60, 60, 1 << 127, (1 << 255) - 1, 0
    )
    history = build.make_history(
        [build.make_swap(0, amount0=-(1 << 200), amount1=5), mint],
        source="simulated",
        labels={0: Label("user", "told")},
        known_limits={0: 77},
        prices=(PricePoint(5, "1/3"),),
    )
    store = Store(tmp_path)
    write_as_version_1(store, history, "old" * 10)
    assert store.load_history("test") == history
    assert store.write_history(history) == "already stored"
    assert ledger_rows(store, history, 1, 2) == 1


def test_a_migration_that_fails_changes_nothing(build, tmp_path, monkeypatch):
    store, history = Store(tmp_path), build.make_history([build.make_swap(0)])
    store.write_history(history)

    def failing(connection):
        connection.execute("DELETE FROM event")
        connection.execute("SELECT broken")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, failing))
        with pytest.raises(StoreError, match="broken"):
            store.load_history("test")
    assert store.load_history("test") == history


def test_a_damaged_database_is_a_store_error(build, tmp_path):
    store = Store(tmp_path)
    store.write_history(build.make_history([build.make_swap(seq) for seq in range(50)]))
    store.database.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened as a store"):
        store.load_history("test")


def test_the_default_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PACTSMITH_STORE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("PACTSMITH_STORE")
    assert default_root().name == "pactsmith"
    assert default_root() != Path("pactsmith")


def test_a_writer_that_stays_makes_the_others_give_up_in_time(build, tmp_path):
    store = Store(tmp_path, wait_s=0.3)
    store.write_history(build.make_history([build.make_swap(0)]))
    holder = duckdb.connect(str(store.database))
    try:
        for act in (store.list_histories, lambda: store.write_history(build.make_history([], name="b"))):
            with pytest.raises(StoreBusyError, match="try again later"):
                act()
    finally:
        holder.close()
    assert store.load_history("test").events


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_an_export_holds_everything_exactly(build, tmp_path, file_format):
    store = Store(tmp_path / "store")
    events = [build.make_swap(seq, amount0=(1 << 255) - 1 - seq) for seq in range(3)]
    history = build.make_history(
        events, labels={1: Label("user", "r")}, known_limits={2: 1 << 200}, prices=(PricePoint(5, "1/3"),)
    )
    store.write_history(history)
    files = store.export_history("test", tmp_path / "out", file_format)
    assert {path.stem for path in files} == {"events", "labels", "known_limits", "prices", "pool_state", "history"}

    def table(name: str) -> pa.Table:
        path = tmp_path / "out" / f"{name}.{file_format}"
        if file_format == "parquet":
            return pq.read_table(path)
        names = pa_csv.read_csv(path).column_names
        options = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        )
        return pa_csv.read_csv(path, convert_options=options)

    for row, event in zip(table("events").to_pylist(), history.events, strict=True):
        said = {name: getattr(event, name, None) for name in COLUMNS} | {"kind": getattr(event, "kind", "swap")}
        assert row | {"seq": int(row["seq"])} == {"seq": event.seq} | {
            name: v if v is None else str(v) for name, v in said.items()
        }
    assert table("known_limits")["min_buy_amount"].to_pylist() == [str(1 << 200)]
    assert table("labels")["class"].to_pylist() == ["user"]
    assert table("prices")["price"].to_pylist() == ["1/3"]
    with pytest.raises(InputError, match="exists already"):
        store.export_history("test", tmp_path / "out", file_format)
