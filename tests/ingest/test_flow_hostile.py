"""Damaged and hostile files of order flow: a located InputError or exactly what the file says; the store as before."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from decimal import Context, Decimal, InvalidOperation, localcontext
from itertools import combinations

import pytest
from flow_samples import (
    SAMPLES,
    answer,
    auction,
    book_row,
    csv_text,
    dune_newer,
    dune_older,
    event,
    events,
    order,
    settlement,
    subgraph_v2,
    subgraph_v3,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_blocks import MEV

from ingest.errors import InputError
from ingest.flow_files import find_flow_source, ingest_flow
from ingest.flow_sources import json_items
from ingest.flow_sources.json_items import read_items
from ingest.store import Store

WIDE = Context(prec=500)


def number(text) -> Decimal | None:
    if text in (None, ""):
        return None
    if not isinstance(text, Decimal) and not str(text).isascii():
        raise ValueError(text)
    return Decimal(text)


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def rows_of(text: str):
    return csv.DictReader(io.StringIO(text))


def documents(text: str, *path: str):
    text = text.replace("\v", " ").replace("\f", " ")  # which ijson takes for blanks
    found = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=once)
    for key in path:
        if isinstance(found, dict):
            found = found[key]
    return found


def flat(value: dict, before: str = "") -> dict:
    found = {}
    for key, inner in value.items():
        found |= flat(inner, f"{before}{key}.") if isinstance(inner, dict) else {before + key: inner}
    return found


def on_balance(row: dict, names: tuple[str, ...]):
    if len(names) == 2:
        nets = [number(row[name]) for name in names]
    else:
        nets = [number(row[names[0]]) - number(row[names[1]]), number(row[names[2]]) - number(row[names[3]])]
    if (nets[0] > 0) == (nets[1] > 0):
        return None
    return (nets[0], abs(nets[1])) if nets[0] > 0 else (nets[1], abs(nets[0]))


V2, V3 = ("amount0In", "amount0Out", "amount1In", "amount1Out"), ("amount0", "amount1")


def plain_reading(kind: str, text: str) -> Counter:
    """What a file says of each trade's or order's amounts, read slowly with other means."""
    with localcontext(WIDE):
        if kind == "dune-trades-2022":
            found = [(number(r["token_a_amount"]), number(r["token_b_amount"]), r["project"]) for r in rows_of(text)]
        elif kind == "dune-trades":
            names = ("token_sold_amount_raw", "token_bought_amount_raw", "tx_hash")
            found = list(
                {
                    tuple(r.values()): (number(r[names[0]]), number(r[names[1]]), r[names[2]]) for r in rows_of(text)
                }.values()
            )
        elif kind.startswith("subgraph"):
            rows = rows_of(text) if kind.endswith("csv") else [flat(one) for one in documents(text, "data", "swaps")]
            by_id = {row["id"].lower(): on_balance(row, V2 if "-v2-" in kind else V3) for row in rows}
            found = [(*amounts, one[:66]) for one, amounts in by_id.items() if amounts]
        elif kind == "v3-events-json":
            swaps = [one for one in documents(text, "events") if one["eventType"] == 1]
            found = [(*amounts, one["unixTimestamp"]) for one in swaps if (amounts := on_balance(one, V3))]
        elif kind == "cow-settlements":
            found = [
                (Decimal(one["sellAmount"]), Decimal(one["buyAmount"]), row["call_tx_hash"])
                for row in rows_of(text)
                for one in json.loads(row["trades"], object_pairs_hook=once)
            ]
        elif kind == "cow-auction":
            orders = documents(text, "orders").values()
            found = [(number(one["sell_amount"]), number(one["buy_amount"]), one["id"]) for one in orders]
        else:
            rows = {row["uid"].lower(): row for row in rows_of(text)}
            found = [(number(r["token_sold_amount"]), number(r["token_bought_amount"]), uid) for uid, r in rows.items()]
        return Counter((*amounts, str(key).lower()) for *amounts, key in found)


def our_reading(kind: str, flow) -> Counter:
    scale = Decimal(10) ** flow.amount_places
    found = []
    for one in (*flow.trades, *flow.intents):
        with localcontext(WIDE):
            amounts = [
                None if one_of is None else Decimal(one_of) / scale for one_of in (one.amount_in, one.amount_out)
            ]
        key = one.venue if kind == "dune-trades-2022" else one.block_ts if kind == "v3-events-json" else None
        key = key if key is not None else getattr(one, "order_id", None) or one.tx_hash
        found.append((*amounts, str(key).lower()))
    return Counter(found)


def outcome(path, kind: str):
    """The flow that a file gives, or None where it was refused in the right way."""
    try:
        flow = ingest_flow(path, "x", accept_inexact=True).flow
    except InputError as error:
        if error.file != str(path):
            pytest.fail(f"names another file: {error}")
        return None
    if flow.formats != (kind,):
        pytest.fail(f"took {kind} for {flow.formats}")
    return flow


def agrees(path, kind: str) -> None:
    """Fails unless the file was refused, or was read as it is."""
    flow = outcome(path, kind)
    if flow is None:
        return
    text = path.read_bytes().decode("utf-8-sig")
    try:
        wanted = plain_reading(kind, text)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, csv.Error) as error:
        pytest.fail(f"read a file that says nothing: {error!r}")
    assert our_reading(kind, flow) == wanted


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_refused_or_read_as_they_are(tmp_path_factory, kind, data):
    content = bytearray(SAMPLES[kind].encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        change = data.draw(st.sampled_from(("flip", "set", "delete", "insert")))
        byte = data.draw(st.sampled_from(b"0123456789abcdefxX,\"'{}[]: \n\r.eE-+\x00\xff") | st.integers(0, 255))
        if change == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "set":
            content[at] = byte
        elif change == "delete":
            del content[at]
        else:
            content.insert(at, byte)
    path = tmp_path_factory.mktemp("hostile") / "flow.txt"
    path.write_bytes(content)
    agrees(path, kind)


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_cut_file_is_refused_or_says_less(tmp_path_factory, kind, data):
    content = SAMPLES[kind].encode()
    cut = data.draw(st.integers(0, len(content) - 2))
    path = tmp_path_factory.mktemp("hostile") / "flow.txt"
    path.write_bytes(content[:cut])
    if kind.endswith("json") or kind == "cow-auction":
        assert outcome(path, kind) is None
    else:
        agrees(path, kind)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_cut_or_changed_gzip_is_refused(tmp_path, kind):
    content = gzip.compress(SAMPLES[kind].encode(), mtime=0)
    path = tmp_path / "flow.gz"
    path.write_bytes(content[:-9])
    assert outcome(path, kind) is None
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 16
    path.write_bytes(changed)
    assert outcome(path, kind) is None


@pytest.mark.parametrize(
    "kind", [kind for kind in SAMPLES if SAMPLES[kind].count(",") and not SAMPLES[kind].startswith("{")]
)
def test_exchanged_columns_are_refused_or_read_by_their_names(tmp_path, kind):
    header, _, rest = SAMPLES[kind].partition("\n")
    path = tmp_path / "flow.csv"
    names = header.split(",")
    for one, other in combinations(range(len(names)), 2):
        exchanged = list(names)
        exchanged[one], exchanged[other] = names[other], names[one]
        path.write_text("\n".join((",".join(exchanged), rest)))
        agrees(path, kind)


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if not SAMPLES[kind].startswith("{")])
def test_a_column_that_stands_twice_or_a_row_too_long_is_refused(tmp_path, kind):
    header, _, rest = SAMPLES[kind].partition("\n")
    path = tmp_path / "flow.csv"
    for text in (
        f"{header},{header.split(',')[1]}\n{rest}",
        f"{header}\n{rest}1,2\n",
        f"{header}\n\n{rest}",
        header.replace(",", ";") + "\n" + rest,
    ):
        path.write_text(text)
        assert outcome(path, kind) is None


WRONG_NUMBERS = ("-1", "١٢٣", "1_000", "0x10", "1,5", "nan", "inf", "1e999", " 1", "+1", "1.", ".5", "01", "9" * 79)
BUILDERS = {
    "dune-trades-2022": (dune_older, ("token_a_amount", "token_b_amount", "usd_amount"), csv_text),
    "dune-trades": (
        dune_newer,
        ("token_bought_amount_raw", "token_sold_amount_raw", "block_number", "amount_usd"),
        csv_text,
    ),
    "subgraph-v2-csv": (
        subgraph_v2,
        ("amount0In", "amount1Out", "timestamp", "transaction.blockNumber", "pair.reserve0", "amountUSD"),
        csv_text,
    ),
    "subgraph-v2-json": (
        subgraph_v2,
        ("amount0In", "amount1Out", "timestamp", "transaction.blockNumber", "pair.reserve0"),
        lambda rows: answer(*rows),
    ),
    "subgraph-v3-csv": (subgraph_v3, ("amount1", "timestamp", "logIndex"), csv_text),
    "cow-orderbook": (book_row, ("token_bought_amount", "token_sold_amount"), csv_text),
    "cow-settlements": (settlement, ("call_block_number", "gas_price"), csv_text),
}


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, (_, some, _) in BUILDERS.items() for field in some]
)
@pytest.mark.parametrize("value", WRONG_NUMBERS)
def test_a_wrong_number_is_refused_with_its_place(tmp_path, kind, field, value):
    build, _, text = BUILDERS[kind]
    if field == "amount1" and value == "-1":
        return  # v3's amounts are signed
    path = tmp_path / "flow.txt"
    good = {} if kind == "dune-trades-2022" else {"number": 1}
    path.write_text(text([build(**good), build(**{field: value})]))
    with pytest.raises(InputError) as refusal:
        ingest_flow(path, "x")
    assert refusal.value.file == str(path)
    assert refusal.value.line == (None if kind.endswith("json") else 3)
    assert refusal.value.field == (f"data.swaps[1].{field}" if kind.endswith("json") else field)


@pytest.mark.parametrize("field", ["token_bought_amount_raw", "token_sold_amount_raw"])
def test_an_amount_that_no_token_can_have_is_refused_and_the_largest_is_read(tmp_path, field):
    path = tmp_path / "dune.csv"
    path.write_text(csv_text([dune_newer(**{field: (1 << 256) - 1})]))
    (trade,) = ingest_flow(path, "x").flow.trades
    assert (1 << 256) - 1 in {trade.amount_in, trade.amount_out}
    path.write_text(csv_text([dune_newer(**{field: 1 << 256})]))
    with pytest.raises(InputError, match=r"below 2\*\*256") as refusal:
        ingest_flow(path, "x")
    assert (refusal.value.line, refusal.value.field) == (2, field)


@pytest.mark.parametrize("value", [1.5, -1.5, 10**80, True, "7", None, [1], {"a": 1}, "١"])
def test_wrong_json_numbers_are_refused_with_their_item(tmp_path, value):
    path = tmp_path / "flow.json"
    path.write_text(events(event(), event(amount1=value)))
    if value == "7":  # text of a whole number is one
        assert ingest_flow(path, "x").flow.trades[0].amount_in in {7, 10**16}
        return
    with pytest.raises(InputError) as refusal:
        ingest_flow(path, "x")
    assert (refusal.value.file, refusal.value.field) == (str(path), "events[1].amount1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sell_amount", 5),
        ("sell_amount", "5.0"),
        ("buy_amount", str(1 << 256)),
        ("buy_amount", "-1"),
        ("buy_amount", "١"),
        ("sell_token", "WETH"),
        ("buy_token", None),
        ("is_sell_order", 1),
        ("allow_partial_fill", "true"),
        ("id", "0x12"),
    ],
)
def test_a_wrong_order_of_an_auction_is_named(tmp_path, field, value):
    path = tmp_path / "auction.json"
    path.write_text(auction(order(0), order(1, **{field: value})))
    with pytest.raises(InputError) as refusal:
        ingest_flow(path, "x")
    assert refusal.value.field == f"orders.1.{field}"


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[" * 5000, '{"tokens": []', "null", "1", '"x"', "{}"])
def test_a_document_that_is_no_auction_is_refused(tmp_path, text):
    path = tmp_path / "auction.json"
    path.write_text(auction(order())[:-1] + f', "more": {text}')
    with pytest.raises(InputError):
        ingest_flow(path, "x", "cow-auction")
    path.write_text(text)
    with pytest.raises(InputError):
        ingest_flow(path, "x", "cow-auction")


LISTS, FIELDS = ("data.swaps", "swaps", ""), ("a", "b.c")
BAD_JSON = {
    '{"swaps":[{"a":1,"a":2}]}': "swaps[0].a",
    '{"swaps":[{"a":null,"a":2}]}': "swaps[0].a",
    '{"swaps":[{"a":1}],"swaps":[]}': "swaps",
    '{"swaps":[],"data":{"swaps":[]}}': "data.swaps",
    '{"swaps":[{"b":{"c":1},"b.c":2}]}': "swaps[0].b.c",
    '{"swaps":[{"a":1},[]]}': None,
    '{"swaps":[7]}': None,
    '{"swaps":[{"a":1e999999999}]}': "swaps[0].a",
    '{"swaps":[{"a":1},{"a":': "swaps[1].a",
    '{"swaps":[{"a":NaN}]}': "swaps[0].a",
    '{"swaps":[{"a":1}]} x': None,
    '{"swaps":{}}': None,
    "7": None,
    '{"swaps":[{"a":%s}]}' % ("9" * 5000): None,
    '{"swaps":[{"a":%s}]}' % ("[" * 40 + "]" * 40): None,
    '{"swaps":[{' + ",".join(f'"f{n}":1' for n in range(1001)) + "}]}": None,
}


@pytest.mark.parametrize("text", BAD_JSON)
def test_json_that_says_something_twice_or_nothing_is_refused(tmp_path, text):
    path = tmp_path / "items.json"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        list(read_items(path, LISTS, FIELDS))
    assert refusal.value.file == str(path)
    if BAD_JSON[text] is not None:
        assert refusal.value.field == BAD_JSON[text]


def test_a_value_without_end_is_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(json_items, "MAX_VALUE_BYTES", 200_000)
    path = tmp_path / "items.json"
    path.write_text('{"swaps":[{"a":"' + "x" * 300_000)
    with pytest.raises(InputError, match="a value of more than 200000 bytes"):
        list(read_items(path, LISTS, FIELDS))


def test_items_come_in_batches_and_keep_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(json_items, "BATCH_ITEMS", 3)
    path = tmp_path / "items.json"
    path.write_text(json.dumps([{"a": str(n), "b": {"c": None}, "l": [1, {"a": 9}]} for n in range(8)]))
    tables = list(read_items(path, LISTS, FIELDS))
    assert [table.columns["a"].to_pylist() for table in tables] == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]
    assert [table.lines.tolist() for table in tables] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    with pytest.raises(InputError, match=r"'\[4\]\.a': wrong, found '4'"):
        tables[1].fail(1, "a", "wrong")


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab[.cs"), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_json_is_read_as_json_reads_it_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "items.json"
    path.write_text(json.dumps({"swaps": value}))
    try:
        rows = [row for table in read_items(path, LISTS, FIELDS) for row in zip(*table.columns.values(), strict=True)]
    except InputError:
        return

    def text(found) -> str | None:
        if isinstance(found, bool):
            return str(found).lower()
        return None if found is None or isinstance(found, (dict, list)) else str(found)

    wanted = []
    for item in value:
        inner = item.get("b")
        nested = inner.get("c") if isinstance(inner, dict) else None
        wanted.append((text(item.get("a")), text(nested) if nested is not None else text(item.get("b.c"))))
    assert [tuple(cell.as_py() for cell in row) for row in rows] == wanted


def test_damaged_call_traces_and_tables_are_refused_and_the_store_stays(tmp_path, shared_data):
    store = Store(tmp_path / "store")
    path = tmp_path / "block.json"
    content = gzip.decompress((shared_data / MEV / "block_12674514_traces.json.gz").read_bytes())
    path.write_bytes(content)
    store.flows.write(ingest_flow(path, "block"))
    before = store.database.read_bytes()
    assert find_flow_source(path).name == "call-traces"
    for damaged in (
        content[: len(content) // 2],
        content.replace(b'"to"', b'"tu"'),
        content.replace(b"0x", b"0y", 900),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError) as refusal:
            store.flows.write(ingest_flow(path, "block"), replace=True)
        assert refusal.value.file == str(path)
    assert store.database.read_bytes() == before
