"""Order flows in the store: every column exactly, nothing twice, names shared with the histories."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields, replace

import duckdb
import pyarrow.parquet as pq
import pytest
from flow_samples import SAMPLES, flow_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError, StoreError
from ingest.flow import FlowTrade
from ingest.flow_export import export_flow
from ingest.flow_files import ingest_flow
from ingest.flow_ingested import IngestedFlow, from_records
from ingest.flow_store import TABLES
from ingest.flow_table import INTENTS, LABELS, TRADES, of_intents, of_trades
from ingest.records import FLOW_CLASSES, Coverage, Label, UserIntent
from ingest.store import Store

AMOUNTS = st.sampled_from((0, 1, (1 << 256) - 1, (1 << 53) + 1, 10**80)) | st.integers(0, (1 << 256) - 1)
COUNTERS = st.sampled_from((0, 1, (1 << 63) - 1)) | st.integers(0, (1 << 63) - 1)
ADDRESS = st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}")
HASH = st.integers(0, (1 << 256) - 1).map(lambda number: f"0x{number:064x}")
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=12)


def maybe(strategy):
    return st.none() | strategy


TRADE = st.builds(
    FlowTrade,
    venue=TEXT,
    token_in=maybe(TEXT),
    token_out=maybe(TEXT),
    amount_in=maybe(AMOUNTS),
    amount_out=maybe(AMOUNTS),
    sides_told=st.booleans(),
    aggregate=st.booleans(),
    amount_usd=maybe(st.decimals(0, 10**9, places=3).map(str)),
    queried_reserve_in=maybe(AMOUNTS),
    queried_reserve_out=maybe(AMOUNTS),
    pool=maybe(ADDRESS | HASH),
    sender=maybe(ADDRESS),
    recipient=maybe(ADDRESS),
    block_number=maybe(COUNTERS),
    block_ts=maybe(COUNTERS),
    tx_hash=HASH,
    tx_index=maybe(COUNTERS),
    place=st.lists(COUNTERS, max_size=4).map(tuple),
)
INTENT = st.builds(
    UserIntent,
    venue=TEXT,
    method=TEXT,
    kind=st.sampled_from(("sell", "buy")),
    status=st.sampled_from(("filled", "reverted", "open")),
    path=st.lists(TEXT, max_size=4).map(tuple),
    amount_in=maybe(AMOUNTS),
    amount_out=maybe(AMOUNTS),
    executed_in=maybe(AMOUNTS),
    executed_out=maybe(AMOUNTS),
    executed_fee=AMOUNTS,
    fees_pips=st.lists(st.integers(0, 10**6), max_size=3).map(tuple),
    partially_fillable=st.booleans(),
    trader=maybe(ADDRESS),
    recipient=maybe(ADDRESS),
    deadline_ts=maybe(AMOUNTS),
    order_id=maybe(TEXT),
    block_number=maybe(COUNTERS),
    block_ts=maybe(COUNTERS),
    tx_hash=HASH,
    tx_index=maybe(COUNTERS),
    place=COUNTERS,
    gas_used=maybe(COUNTERS),
    gas_price_wei=maybe(AMOUNTS),
)
LABEL = st.builds(Label, st.sampled_from(FLOW_CLASSES), TEXT)


def a_trade(number: int = 0, **changed) -> FlowTrade:
    return FlowTrade("v2", "A", "B", 5, 7, tx_hash=f"0x{number:064x}", block_number=100 - number, **changed)


def ingested(number: int = 0, name: str = "flow") -> IngestedFlow:
    return from_records(flow_of(name, trades=(a_trade(number),)))


@settings(max_examples=40, deadline=None)
@given(
    trades=st.lists(TRADE, max_size=5, unique_by=lambda trade: (trade.tx_hash, trade.place)),
    intents=st.lists(INTENT, max_size=5, unique_by=lambda intent: (intent.tx_hash, intent.place)),
    labels=st.dictionaries(HASH, LABEL, max_size=4),
)
def test_every_column_of_every_record_round_trips(tmp_path_factory, trades, intents, labels):
    if not (trades or intents):
        return
    given_flow = flow_of(trades=tuple(trades), intents=tuple(intents), labels=labels)
    made = from_records(given_flow)
    store = Store(tmp_path_factory.mktemp("store"))
    assert store.flows.write(made) == "stored"
    loaded = store.flows.load("flow")
    assert loaded == made.flow
    assert set(loaded.trades) == set(trades)
    assert set(loaded.intents) == set(intents)
    assert loaded.labels == labels
    assert loaded == replace(
        given_flow,
        content_id=made.about.content_id,
        counts=made.about.counts,
        trades=loaded.trades,
        intents=loaded.intents,
    )
    shuffled = replace(given_flow, trades=tuple(reversed(trades)), intents=tuple(reversed(intents)))
    assert from_records(shuffled).about.content_id == made.about.content_id
    assert store.flows.write(from_records(shuffled)) == "already stored"


def test_the_tables_have_the_records_fields_and_no_double(tmp_path):
    """The property above writes each column: a field that is added must be stored too."""
    assert TRADES.names == list(FlowTrade.__slots__)
    assert set(INTENTS.names) == set(UserIntent.__slots__)
    store = Store(tmp_path)
    store.flows.write(ingested())
    with duckdb.connect(str(store.database), read_only=True) as connection:
        query = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE table_name LIKE 'flow%'"
        columns = connection.execute(query).fetchall()
    assert {kind for _, _, kind in columns} == {"BIGINT", "BIGNUM", "VARCHAR", "BLOB", "BOOLEAN"}
    for schema, table in ((TRADES, "trade"), (INTENTS, "intent"), (LABELS, "label")):
        stored = {name: kind for of, name, kind in columns if of == TABLES[table]}
        assert set(stored) == {"flow_id", "seq", *schema.names}
        amounts = {name for name in schema.names if "amount" in name or "reserve" in name or "executed" in name}
        assert {stored[name] for name in amounts - {"amount_usd"}} <= {"BIGNUM"}


def test_the_content_id_is_of_the_content_alone():
    base = ingested().about.content_id
    other_words = flow_of("other", source="file", lacks="x", caveats=(), counts={}, formats=("y",), trades=(a_trade(),))
    assert from_records(other_words).about.content_id == base
    changed = [{"exact": False}, {"unit": "whole tokens"}, {"labels": {f"0x{1:064x}": Label("user", "r")}}]
    changed += [
        {"trades": (replace(a_trade(), **{name: value}),)} for name, value in (("amount_in", 6), ("aggregate", True))
    ]
    changed += [{"intents": (UserIntent("v", "m", "sell", "open", (), 1, 1, tx_hash=f"0x{1:064x}"),)}]
    ids = {from_records(replace(flow_of(trades=(a_trade(),)), **change)).about.content_id for change in changed}
    assert len(ids | {base}) == len(changed) + 1


def test_other_content_under_a_name_is_refused_unless_it_replaces(tmp_path):
    store = Store(tmp_path)
    assert store.flows.write(ingested(1)) == "stored"
    with pytest.raises(InputError, match="another order flow 'flow'"):
        store.flows.write(ingested(2))
    assert store.flows.load("flow") == ingested(1).flow
    assert store.flows.write(ingested(2), replace=True) == "replaced"
    assert store.flows.load("flow") == ingested(2).flow
    with duckdb.connect(str(store.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM flow_trade").fetchall() == [(1,)]


def test_a_flow_is_dropped_with_its_rows_and_no_other_is(tmp_path):
    store = Store(tmp_path)
    store.flows.drop("flow")
    assert not store.database.exists()
    store.flows.write(ingested())
    store.flows.write(ingested(name="other"))
    store.flows.drop("flow")
    assert [summary.flow.name for summary in store.flows.summaries()] == ["other"]
    assert store.flows.load("other").trades
    with duckdb.connect(str(store.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM flow_trade").fetchall() == [(1,)]


def test_which_blocks_a_flow_covers_is_kept_and_brought_up_to_date(tmp_path):
    store = Store(tmp_path)
    for coverage in (Coverage(1, 5, "none", "why"), Coverage(1, 9, "logs"), None):
        flow = ingested()
        store.flows.write(replace(flow, about=replace(flow.about, coverage=coverage)))
        assert store.flows.load("flow").coverage == coverage


def test_histories_and_flows_share_their_names(build, tmp_path):
    store = Store(tmp_path)
    store.write_history(build.make_history([build.make_swap(0)], name="history"))
    store.flows.write(ingested(name="flow"))
    for replaces in (False, True):
        with pytest.raises(InputError, match="already has a history 'history'"):
            store.flows.write(ingested(name="history"), replace=replaces)
        with pytest.raises(InputError, match="already has an order flow 'flow'"):
            store.write_history(build.make_history([build.make_swap(0)], name="flow"), replace=replaces)
    assert store.load_history("history").events
    assert store.flows.load("flow").trades


def test_a_flow_is_never_loaded_as_a_history(tmp_path):
    store = Store(tmp_path)
    store.flows.write(ingested())
    with pytest.raises(InputError, match=r"'flow' is an order flow and cannot be replayed: it is a test"):
        store.load_history("flow")
    assert store.list_histories() == ()


def test_an_unknown_flow_is_refused_with_those_there_are(tmp_path):
    store = Store(tmp_path / "new")
    with pytest.raises(InputError, match="none yet"):
        store.flows.load("x")
    assert store.flows.summaries() == ()
    assert not (tmp_path / "new").exists(), "reading makes nothing"
    store.flows.write(ingested(name="there"))
    with pytest.raises(InputError, match="it has: there"):
        store.flows.load("x")


def test_a_summary_counts_without_the_rows(tmp_path):
    store = Store(tmp_path)
    trades = (a_trade(1, block_ts=7), a_trade(2, aggregate=True, block_ts=9))
    store.flows.write(from_records(flow_of(trades=trades)))
    found = store.flows.find("flow")
    assert (found.trades, found.aggregates, found.intents) == (2, 1, 0)
    assert (found.first_block, found.last_block, found.first_ts, found.last_ts) == (98, 99, 7, 9)
    assert found.flow == replace(store.flows.load("flow"), trades=())


@pytest.mark.parametrize("name", ["", " x", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_typed_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="printable characters"):
        Store(tmp_path).flows.write(ingested(name=name))
    assert not (tmp_path / "history.duckdb").exists()


def test_a_write_that_fails_half_way_leaves_the_flow_as_it_was(tmp_path):
    class Broken(IngestedFlow):
        def batches(self, table):
            yield from super().batches(table)
            if table == "intent":
                raise OSError("the disk is gone")

    store = Store(tmp_path)
    store.flows.write(ingested(1))
    second = ingested(2)
    with pytest.raises((OSError, StoreError), match="the disk is gone"):
        store.flows.write(Broken(second.about, second.spool), replace=True)
    assert store.flows.load("flow") == ingested(1).flow


def test_places_in_a_transaction_sort_as_numbers_and_not_as_text():
    trades = [a_trade(1, place=place) for place in ((10,), (9, 1), (9,), ())]
    flow = from_records(flow_of(trades=tuple(trades))).flow
    assert [trade.place for trade in flow.trades] in ([(), (9,), (9, 1), (10,)], [(9,), (9, 1), (10,), ()])


def test_records_that_cannot_be_columns_are_refused():
    with pytest.raises(ValueError, match="63 bits"):
        of_trades([a_trade(block_ts=1 << 63)])
    with pytest.raises(ValueError, match="hex"):
        of_intents([UserIntent("v", "m", "sell", "open", (), 1, 1, tx_hash="0xzz")])
    with pytest.raises(ValueError, match="places"):
        from_records(flow_of(amount_places=3, trades=(a_trade(),)))
    with pytest.raises(InputError, match="neither a trade nor an order"):
        from_records(flow_of())


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_an_export_holds_every_row_as_exact_text(tmp_path, kind, file_format):
    (tmp_path / "file").write_text(SAMPLES[kind])
    made = ingest_flow(tmp_path / "file", "flow")
    store = Store(tmp_path / "store")
    store.flows.write(made)
    files = export_flow(store.flows, "flow", tmp_path / "out", file_format)
    table = "trades" if made.flow.trades else "intents"
    assert {path.name for path in files} == {f"{table}.{file_format}", "flow.json"}
    about = json.loads((tmp_path / "out" / "flow.json").read_text())
    assert (about["content_id"], about["exact"], about["lacks"]) == (
        made.about.content_id,
        made.about.exact,
        made.about.lacks,
    )
    path = tmp_path / "out" / f"{table}.{file_format}"
    is_parquet = file_format == "parquet"
    rows = pq.read_table(path).to_pylist() if is_parquet else list(csv.DictReader(io.StringIO(path.read_text())))
    records = getattr(made.flow, table)
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert {field.name for field in fields(record)} == set(row)
        for name in ("amount_in", "amount_out"):
            whole, _, part = (row[name] or "").partition(".")
            amount = getattr(record, name)
            assert (int(whole + part.ljust(made.about.amount_places, "0")) if row[name] else None) == amount
    with pytest.raises(InputError, match="exists already"):
        export_flow(store.flows, "flow", tmp_path / "out", file_format)
