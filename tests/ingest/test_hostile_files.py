"""Damaged and hostile files: a located InputError or exactly what the file says, and the store as before."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import random

import pytest
from eth_abi import decode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.pool_state import read_pool_state
from ingest.store import Store


def good_file(build):
    file = build.LogFile()
    for number in range(6):
        file.swap(1000 + number, -990, block=100 + number, tx=number, log=number)
    return file.add("Mint", (build.address(3), -60, 60), (build.address(4), 77, 1, 2), block=107, tx=0, log=9)


def plain_reading(text: str) -> list[tuple]:
    """What a file says, read slowly with other means: csv, eth-abi, Python's own integers.

    For the two events that ``good_file`` has; None for whatever it cannot read.
    """
    found = []
    for row in csv.DictReader(io.StringIO(text)):
        topics = [bytes.fromhex(topic.removeprefix("0x")) for topic in ast.literal_eval(row["topics"])]
        data = bytes.fromhex(row["data"].removeprefix("0x"))
        place = (int(row["block_number"]), int(row["log_index"]), int(row["transaction_index"]))
        if len(topics) == 3:
            parties = tuple(decode(["address"], topic)[0] for topic in topics[1:])
            numbers = decode(["int256", "int256", "uint160", "uint128", "int24"], data)
            found.append((*place, "swap", *parties, *numbers))
        else:
            owner, lower, upper = (
                decode([kind], topic)[0] for kind, topic in zip(("address", "int24", "int24"), topics[1:], strict=True)
            )
            _, liquidity, amount0, amount1 = decode(["address", "uint128", "uint256", "uint256"], data)
            found.append((*place, "mint", owner, lower, upper, liquidity, amount0, amount1))
    return sorted(set(found))


def our_reading(events) -> list[tuple]:
    found = []
    for event in events:
        place = (event.block_number, event.log_index, event.tx_index)
        if getattr(event, "kind", "swap") == "swap":
            numbers = (event.amount0, event.amount1, event.sqrt_price_x96, event.liquidity, event.tick)
            found.append((*place, "swap", event.sender, event.recipient, *numbers))
        else:
            span = (event.tick_lower, event.tick_upper, event.liquidity, event.amount0, event.amount1)
            found.append((*place, event.kind, event.owner, *span))
    return found


def outcome(build, path, **more):
    """The history that a file gives, or None where it was refused in the right way."""
    try:
        return read_history(path, initial_state=build.make_state(), name="x", **more)
    except InputError as error:
        if error.file != str(path):
            pytest.fail(f"names another file: {error}")
        return None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_refused_or_read_as_they_are(build, tmp_path_factory, data):
    content = bytearray(good_file(build).text().encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        change = data.draw(st.sampled_from(("flip", "set", "delete", "insert")))
        byte = data.draw(st.sampled_from(b"0123456789abcdefxX,\"' \n\r.eE-+\x00\xff") | st.integers(0, 255))
        if change == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "set":
            content[at] = byte
        elif change == "delete":
            del content[at]
        else:
            content.insert(at, byte)
    path = tmp_path_factory.mktemp("hostile") / "logs.csv"
    path.write_bytes(content)
    history = outcome(build, path)
    if history is not None:
        try:
            said = plain_reading(content.decode().removeprefix("\ufeff"))
        except (ValueError, KeyError, SyntaxError, DecodingError) as error:
            pytest.fail(f"read a file that says nothing: {error!r}")
        assert our_reading(history.events) == said


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_changed_gzip_bytes_are_refused_or_change_nothing(build, tmp_path_factory, data):
    content = bytearray(gzip.compress(good_file(build).text().encode(), mtime=0))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("hostile") / "logs.csv.gz"
    path.write_bytes(content)
    history = outcome(build, path)
    if history is not None:
        assert our_reading(history.events) == plain_reading(good_file(build).text())


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "stem",
    [
        "v3_usdc_weth_mainnet_20240105/pool_88e6_fee500",
        "v3_usdc_weth_mainnet_20240105/pool_8ad5_fee3000",
        "v3_usdc_weth_polygon/day_20211222",
        "v3_usdc_weth_polygon/day_20220105",
        "v3_velodrome_weth_op_optimism/",
    ],
)
def test_every_sample_cut_off_is_refused_with_its_line(shared_data, tmp_path, stem):
    series = stem.endswith("/")
    source = shared_data / (f"{stem}events_from_creation.csv.gz" if series else f"{stem}_raw_logs.csv.gz")
    state = read_pool_state(shared_data / (f"{stem}initial_state.json" if series else f"{stem}_initial_state.json"))
    content = source.read_bytes()
    places = random.Random(5)
    for keep in [1, 2, 5, 18, *(places.randrange(20, len(content)) for _ in range(4)), len(content) - 1]:
        path = tmp_path / f"cut{keep}.csv.gz"
        path.write_bytes(content[:keep])
        with pytest.raises(InputError) as refusal:
            ingest_files(path, initial_state=state, name="x")
        assert refusal.value.file == str(path)
        assert refusal.value.line is not None


@pytest.mark.shared_data
@pytest.mark.parametrize("series", [False, True])
def test_every_column_removed_or_swapped_is_refused(day_paths, velodrome_paths, tmp_path, series):
    source, state = velodrome_paths if series else day_paths
    with gzip.open(source, "rt") as stream:
        rows = list(csv.reader(stream))[:60]
    whole = ingest(rows, tmp_path / "whole.csv", state)
    optional = {"derived_swap_mode"}
    for at, name in enumerate(rows[0]):
        less = [row[:at] + row[at + 1 :] for row in rows]
        if name in optional:
            assert ingest(less, tmp_path / "less.csv", state).events == whole.events
            continue
        with pytest.raises(InputError, match=name) as refusal:
            ingest(less, tmp_path / "less.csv", state)
        assert (refusal.value.line, refusal.value.field) == (1, name)
    for at in range(len(rows[0]) - 1):
        moved = [[*row[:at], row[at + 1], row[at], *row[at + 2 :]] for row in rows]
        assert ingest(moved, tmp_path / "moved.csv", state).events == whole.events, "columns go by their names"
        renamed = [rows[0], *moved[1:]]
        try:
            read = ingest(renamed, tmp_path / "renamed.csv", state)
        except InputError:
            continue
        # the values of these pairs of columns may stand for each other; then the file says just that
        assert (rows[0][at], rows[0][at + 1]) in {
            ("transaction_index", "log_index"),
            ("tx_index", "order_in_tx"),
            ("derived_fee_pips", "derived_swap_mode"),
        }, f"{rows[0][at]} taken for {rows[0][at + 1]}"
        assert read.events != whole.events


def ingest(rows, path, state):
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)
    return read_history(path, initial_state=state, name="x")


BAD_FIELDS = [
    ("block_number", "100.0"),
    ("block_number", "-100"),
    ("block_number", "1e2"),
    ("block_number", "0100"),
    ("block_number", " 100"),
    ("block_number", ""),
    ("block_number", str(10**80)),
    ("block_number", str(1 << 63)),
    ("block_number", "9999999999999999999"),
    ("block_number", "\u0661\u0660\u0660"),
    ("block_number", "\uff11\uff10\uff10"),
    ("block_number", "NaN"),
    ("block_timestamp", "1700000000"),
    ("block_timestamp", "2023-11-14 22:33:20.5"),
    ("block_timestamp", "2023-11-14 22:33:20+01:00"),
    ("block_timestamp", "2023-13-14 22:33:20"),
    ("block_timestamp", "2023-02-30 22:33:20"),
    ("block_timestamp", "1969-12-31 23:59:59"),
    ("block_timestamp", "14/11/2023 22:33"),
    ("transaction_hash", "0x12"),
    ("transaction_hash", "0x" + "g" * 64),
    ("transaction_hash", "1" * 66),
    ("transaction_index", "-1"),
    ("transaction_index", "99999999999"),
    ("log_index", "1.5"),
    ("topics", "[]"),
    ("topics", "['0x12']"),
    ("topics", "not a list"),
    ("topics", "['0x" + "12" * 32 + "']"),
    ("data", "0x"),
    ("data", "0x" + "00" * 159),
    ("data", "0x" + "00" * 161),
    ("data", "0x" + "zz" * 160),
    ("data", "00" * 161),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_bad_field_is_named_with_its_line(build, tmp_path, field, value):
    file = good_file(build)
    file.rows[3][field] = value
    with pytest.raises(InputError) as refusal:
        read_history(file.write(tmp_path / "bad.csv"), initial_state=build.make_state(), name="x")
    assert refusal.value.line == 5
    assert refusal.value.file.endswith("bad.csv")
    if value.isascii():
        assert refusal.value.field == field


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("ff" + "00" * 31, "no uint160"),
        ("00" * 12 + "ff" * 20, "does not lie in the tick"),
        ("00" * 32, "does not lie in the tick"),
    ],
)
def test_a_price_that_no_pool_can_have_is_refused(build, tmp_path, word, why):
    file = good_file(build)
    data = file.rows[2]["data"]
    file.rows[2]["data"] = data[: 2 + 128] + word + data[2 + 192 :]
    with pytest.raises(InputError, match=why) as refusal:
        read_history(file.write(tmp_path / "bad.csv"), initial_state=build.make_state(), name="x")
    assert (refusal.value.line, refusal.value.field) == (4, "data")


def test_address_padding_and_sign_extension_are_checked(build, tmp_path):
    padded = good_file(build)
    topics = ast.literal_eval(padded.rows[1]["topics"])
    topics[1] = "0x01" + topics[1][4:]
    padded.rows[1]["topics"] = str(topics)
    with pytest.raises(InputError, match="argument 1 of this Swap log is no address") as refusal:
        read_history(padded.write(tmp_path / "bad.csv"), initial_state=build.make_state(), name="x")
    assert (refusal.value.line, refusal.value.field) == (3, "topics")
    extended = good_file(build)
    extended.rows[1]["data"] = extended.rows[1]["data"][: 2 + 256] + "80" + "00" * 31
    with pytest.raises(InputError, match="argument 7 of this Swap log is no int24"):
        read_history(extended.write(tmp_path / "bad.csv"), initial_state=build.make_state(), name="x")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\x1f\x8b\x08\x00", "ends too early"),
        (b"\x00\x01\x02", "of no known kind: no CSV in UTF-8"),
        (b"{}", "JSON of no known kind; known kinds of JSON are etl-json$"),
        (b"PAR1" + b"\x00" * 40, "no whole Parquet file"),
        (b"\xff\xfe" + "block_number,data".encode("utf-16-le"), "of no known kind: no CSV in UTF-8"),
    ],
)
def test_what_is_no_history_at_all_is_refused(build, tmp_path, content, why):
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_history(path, initial_state=build.make_state(), name="x")


def test_a_folder_and_a_missing_file_are_refused(build, tmp_path):
    for path in (tmp_path, tmp_path / "missing.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            read_history(path, initial_state=build.make_state(), name="x")


def lines_of(build):
    return good_file(build).text().rstrip("\n").split("\n")


@pytest.mark.parametrize(
    ("change", "line", "why"),
    [
        (lambda lines: [*lines[:3], "", *lines[3:]], 4, "blank line"),
        (lambda lines: [*lines[:3], lines[3] + ",7", *lines[4:]], 4, "8 fields where the header has 7"),
        (lambda lines: [*lines[:3], lines[3].rsplit(",", 1)[0], *lines[4:]], 4, "6 fields where the header has 7"),
        (lambda lines: [*lines[:3], lines[3].replace('"', "", 1), *lines[4:]], 4, "fields where"),
        (lambda lines: [lines[0] + ",log_index", *(line + ",1" for line in lines[1:])], 1, "twice"),
    ],
)
def test_a_broken_line_is_named(build, tmp_path, change, line, why):
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(change(lines_of(build))) + "\n")
    with pytest.raises(InputError, match=why) as refusal:
        read_history(path, initial_state=build.make_state(), name="x")
    assert refusal.value.line == line


def test_harmless_forms_of_the_same_file_read_the_same(build, tmp_path):
    text = good_file(build).text()
    plain = tmp_path / "plain.csv"
    plain.write_text(text)
    expected = read_history(plain, initial_state=build.make_state(), name="x")
    forms = {
        "crlf": text.replace("\n", "\r\n"),
        "bom": "\ufeff" + text,
        "no-last-newline": text.rstrip("\n"),
        "blank-at-end": text + "\n\n",
        "zone": text.replace(":00,", ":00+00:00,").replace(":12,", ":12Z,"),
        "double-quotes": text.replace('"', "\x00").replace("'", '""').replace("\x00", '"'),
        "upper": text.replace("abcdef", "ABCDEF"),
    }
    for name, form in forms.items():
        path = tmp_path / f"{name}.csv"
        path.write_bytes(form.encode())
        assert read_history(path, initial_state=build.make_state(), name="x") == expected, name
    packed = tmp_path / "packed-without-its-suffix.csv"
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_history(packed, initial_state=build.make_state(), name="x") == expected


def test_the_format_can_be_forced_and_an_unknown_one_is_refused(build, tmp_path):
    path = good_file(build).write(tmp_path / "logs.csv")
    assert read_history(path, initial_state=build.make_state(), name="x", format="raw-logs").events
    with pytest.raises(InputError, match="pool_tx_index"):
        read_history(path, initial_state=build.make_state(), name="x", format="raw-logs-proxy")
    with pytest.raises(InputError, match="known are raw-logs, raw-logs-proxy, event-series"):
        read_history(path, initial_state=build.make_state(), name="x", format="parquet")


def test_a_refused_file_leaves_the_store_as_it_was(build, tmp_path):
    store = Store(tmp_path / "store")
    path = good_file(build).write(tmp_path / "logs.csv")
    store.write_history(read_history(path, initial_state=build.make_state(), name="x"))
    before = store.database.read_bytes()
    path.write_bytes(gzip.compress(path.read_bytes())[:-9])
    with pytest.raises(InputError, match="ends too early") as refusal:
        store.write_history(read_history(path, initial_state=build.make_state(), name="x"), replace=True)
    assert refusal.value.line > 1
    assert store.database.read_bytes() == before


STATE_KEYS = ("chain_id", "pool", "token0", "token1", "fee_pips", "tick_spacing", "sqrt_price_x96", "tick", "liquidity")


@pytest.mark.shared_data
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_pool_state_file_is_refused_or_means_what_it_says(day_paths, tmp_path_factory, data):
    content = bytearray(day_paths[1].read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.sampled_from(b'0123456789abcdef".,:{}[]-+eE \n\x00\xff') | st.integers(0, 255))
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_bytes(content)
    try:
        state = read_pool_state(path)
    except InputError as error:
        if error.file != str(path):
            pytest.fail(f"names another file: {error}")
        return
    document = json.loads(content)
    read = {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick, "liquidity": state.liquidity}
    read |= {"chain_id": state.pool.chain_id, "fee_pips": state.pool.fee_pips, "tick_spacing": state.pool.tick_spacing}
    assert {name: int(document[name]) for name in read} == read
    ticks = [(int(entry["tick"]), int(entry["liquidity_net"])) for entry in document["reconstructed_ticks"]]
    assert [(entry.tick, entry.liquidity_net) for entry in state.ticks] == ticks
