"""ethereum-etl's files: two real blocks as JSON lines and as the tool's CSV, compared with what json itself reads."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zlib
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_blocks import ETL, csv_rows, etl_lines, unhex

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.records import Position
from ingest.sources import text
from ingest.sources.chain_files import chain_rows
from ingest.store import Store

TABLES = ("blocks", "transactions", "logs", "token_transfers")
V2_SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
V2_SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
V3_SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"

# the headers of the tool's own CSV (blockchain-etl/ethereum-etl, ethereumetl/jobs/exporters)
HEADERS = {
    "logs": "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics",
    "blocks": (
        "number,hash,parent_hash,nonce,sha3_uncles,logs_bloom,transactions_root,state_root,receipts_root,miner,"
        "difficulty,total_difficulty,size,extra_data,gas_limit,gas_used,timestamp,transaction_count,base_fee_per_gas,"
        "withdrawals_root,withdrawals"
    ),
    "transactions": (
        "hash,nonce,block_hash,block_number,transaction_index,from_address,to_address,value,gas,gas_price,input,"
        "block_timestamp,max_fee_per_gas,max_priority_fee_per_gas,transaction_type"
    ),
    "token_transfers": "token_address,from_address,to_address,value,transaction_hash,log_index,block_number",
    "receipts": (
        "transaction_hash,transaction_index,block_hash,block_number,cumulative_gas_used,gas_used,contract_address,"
        "root,status,effective_gas_price"
    ),
}
CSV_COLUMNS = {name: header.split(",") for name, header in HEADERS.items()}
OLD_COLUMNS = {
    "transactions": CSV_COLUMNS["transactions"][:11],
    "receipts": CSV_COLUMNS["receipts"][:-1],
}


def maybe(value: str | None) -> bytes | None:
    return None if value is None else unhex(value)


def expected_rows(name: str, lines: list[dict]) -> list[dict]:
    """A table as json reads it."""
    if name == "blocks":
        return [
            {"block_number": line["number"], "block_hash": unhex(line["hash"]), "block_ts": line["timestamp"]}
            | {"parent_hash": unhex(line["parent_hash"]), "base_fee_wei": str(line["base_fee_per_gas"])}
            for line in lines
        ]
    if name == "transactions":
        return [
            {
                "tx_hash": unhex(line["hash"]),
                "block_number": line["block_number"],
                "tx_index": line["transaction_index"],
                "sender": unhex(line["from_address"]),
                "to_address": maybe(line["to_address"]),
                "value_wei": str(line["value"]),
                "input": unhex(line["input"]),
                "succeeded": bool(line["receipt_status"]),
                "gas_used": line["receipt_gas_used"],
                "gas_price_wei": str(line["receipt_effective_gas_price"]),
            }
            for line in lines
        ]
    places = [
        {"block_number": line["block_number"], "block_ts": line["block_timestamp"], "log_index": line["log_index"]}
        | {"tx_hash": unhex(line["transaction_hash"])}
        for line in lines
    ]
    if name == "token_transfers":
        return [
            place
            | {"token": unhex(line["token_address"]), "sender": unhex(line["from_address"])}
            | {"recipient": unhex(line["to_address"]), "value": str(line["value"])}
            for place, line in zip(places, lines, strict=True)
        ]
    topics = [[*map(unhex, line["topics"]), *[None] * 4] for line in lines]
    return [
        place
        | {"tx_index": line["transaction_index"], "address": unhex(line["address"]), "data": unhex(line["data"])}
        | {f"topic{at}": own[at] for at in range(4)}
        for place, line, own in zip(places, lines, topics, strict=True)
    ]


def rows_of(path) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for rows in chain_rows(path):
        assert len(rows.lines) == rows.table.num_rows
        found.setdefault(rows.kind, []).extend(rows.table.to_pylist())
    return found


def csv_text(lines: list[dict], columns: list[str], empty: str = "") -> str:
    """What the tool's exporter writes: csv's own dialect, lists joined by commas."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)

    def cell(value):
        if isinstance(value, list):
            parts = (json.dumps(part, separators=(",", ":")) if isinstance(part, dict) else str(part) for part in value)
            return ",".join(parts)
        return empty if value is None else str(value)

    writer.writerows([cell(line.get(name)) for name in columns] for line in lines)
    return stream.getvalue()


def receipts_of(transactions: list[dict]) -> list[dict]:
    """What a batch export has in receipts.csv."""
    return [
        {"transaction_hash": line["hash"]}
        | {name: line[name] for name in ("transaction_index", "block_hash", "block_number")}
        | {name.removeprefix("receipt_"): value for name, value in line.items() if name.startswith("receipt_")}
        for line in transactions
    ]


@pytest.fixture(scope="module")
def blocks(shared_data):
    """The two blocks' tables as json reads them."""
    return {name: etl_lines(shared_data, name) for name in TABLES}


@pytest.fixture
def exported(blocks, tmp_path):
    """The same as a batch export: no times with the logs, receipts apart."""
    folder = tmp_path / "export"
    folder.mkdir()
    tables = blocks | {"receipts": receipts_of(blocks["transactions"])}
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text(csv_text(lines, CSV_COLUMNS[name]), newline="")
    return folder


# --- the chain's own tables ------------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "count"), [("blocks", 2), ("transactions", 298), ("logs", 681), ("token_transfers", 291)]
)
def test_every_row_of_the_real_blocks_is_read_as_it_is(shared_data, blocks, name, count):
    (kind, rows), *others = rows_of(shared_data / ETL / f"{name}.jsonl.gz").items()
    assert (kind, len(rows), others) == (name, count, [])
    assert rows == expected_rows(name, blocks[name])


@pytest.mark.shared_data
def test_transactions_tell_their_blocks_time(shared_data, blocks):
    (rows,) = chain_rows(shared_data / ETL / "transactions.jsonl.gz")
    assert rows.block_ts.to_pylist() == [line["block_timestamp"] for line in blocks["transactions"]]
    assert rows.lines.tolist() == list(range(1, 299))


@pytest.mark.shared_data
@pytest.mark.parametrize("empty", ["", "None"])
def test_csv_gives_the_same_rows(blocks, tmp_path, empty):
    told_with_a_receipt = {"block_ts", "succeeded", "gas_used"}
    for name, lines in blocks.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(csv_text(lines, CSV_COLUMNS[name], empty), newline="")
        lost = {
            "transactions": {"succeeded": None, "gas_used": None},
            "logs": {"block_ts": None},
            "token_transfers": {"block_ts": None},
        }.get(name, {})
        assert lost.keys() <= told_with_a_receipt
        assert rows_of(path) == {name: [row | lost for row in expected_rows(name, lines)]}
    path = tmp_path / "receipts.csv"
    path.write_text(csv_text(receipts_of(blocks["transactions"]), CSV_COLUMNS["receipts"], empty), newline="")
    names = ("tx_hash", "block_number", "tx_index", "succeeded", "gas_used", "gas_price_wei")
    expected = [{name: row[name] for name in names} for row in expected_rows("transactions", blocks["transactions"])]
    assert rows_of(path) == {"receipts": expected}


@pytest.mark.shared_data
def test_csv_of_older_versions_lacks_only_what_it_lacks(blocks, tmp_path):
    path = tmp_path / "old.csv"
    path.write_text(csv_text(blocks["blocks"], CSV_COLUMNS["blocks"][:-2]), newline="")
    assert [row["base_fee_wei"] for row in rows_of(path)["blocks"]] == ["80869370967", "77334732501"]
    path.write_text(csv_text(blocks["blocks"], CSV_COLUMNS["blocks"][:-3]), newline="")
    assert [row["base_fee_wei"] for row in rows_of(path)["blocks"]] == [None, None]
    path.write_text(csv_text(blocks["transactions"], OLD_COLUMNS["transactions"]), newline="")
    assert len(rows_of(path)["transactions"]) == 298
    path.write_text(csv_text(receipts_of(blocks["transactions"]), OLD_COLUMNS["receipts"]), newline="")
    assert {row["gas_price_wei"] for row in rows_of(path)["receipts"]} == {None}


@pytest.mark.shared_data
def test_a_stream_with_all_kinds_mixed_is_taken_apart(blocks, tmp_path):
    lines = [(name, line) for name in TABLES for line in blocks[name]]
    random.Random(7).shuffle(lines)
    others = ['{"type": "trace", "value": 1.5, "trace_address": []}', '{"type": "contract", "bytecode": "0x"}']
    text_lines = [json.dumps(line) for _, line in lines] + others
    path = tmp_path / "stream.json"
    path.write_bytes(gzip.compress("\n".join(text_lines).encode()))
    found = rows_of(path)
    for name in TABLES:
        assert found[name] == expected_rows(name, [line for kind, line in lines if kind == name])
    kinds = {number: name for number, (name, _) in enumerate(lines, 1)}
    for rows in chain_rows(path):
        assert {kinds[line] for line in rows.lines.tolist()} == {rows.kind}
    with pa.output_stream(str(tmp_path / "packed"), compression="zstd") as stream:
        stream.write("\n".join(text_lines).encode())
    assert rows_of(tmp_path / "packed") == found


@pytest.mark.shared_data
def test_lines_without_a_type_and_with_numbers_as_text_read_the_same(blocks, tmp_path):
    """BigQuery's export of these tables; it leaves out what is null."""

    def as_exported(line):
        told = {name: value for name, value in line.items() if name not in {"type", "item_id"} and value is not None}
        told = {name: str(value) if isinstance(value, int) else value for name, value in told.items()}
        for name in ("block_timestamp", "timestamp"):
            if name in told:
                told[name] = {"1683029999": "2023-05-02 12:19:59 UTC", "1683030011": "2023-05-02 12:20:11 UTC"}[
                    told[name]
                ]
        return told

    for name in TABLES:
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(as_exported(line)) for line in blocks[name]))
        assert rows_of(path) == {name: expected_rows(name, blocks[name])}


# --- a pool's history ------------------------------------------------------------------------------------------------


def pools_with(blocks, topic0: str) -> list[str]:
    return sorted({log["address"] for log in blocks["logs"] if log["topics"][:1] == [topic0]})


def numbers_of(data: str) -> list[int]:
    return [int.from_bytes(unhex(data)[at : at + 32], "big") for at in range(0, len(unhex(data)), 32)]


@pytest.mark.shared_data
def test_the_listed_v2_swaps_and_every_chain_of_syncs(shared_data, blocks, build):
    """Each pair from its first Sync on: the reserves before a swap and what it moved give the reserves after it."""
    files = [shared_data / ETL / f"{name}.jsonl.gz" for name in ("logs", "transactions")]
    costs = {
        line["hash"]: (line["receipt_gas_used"], line["receipt_effective_gas_price"]) for line in blocks["transactions"]
    }
    found, chained, single = set(), 0, 0
    for pair in pools_with(blocks, V2_SWAP):
        first = next(log for log in blocks["logs"] if log["address"] == pair and log["topics"][0] == V2_SYNC)
        reserves = dict(zip(("reserve0", "reserve1"), numbers_of(first["data"]), strict=True))
        pool = replace(build.make_pool("v2"), address=pair)
        whole = replace(build.make_state("v2"), pool=pool, reserve0=1, reserve1=1)
        read = read_history(files, initial_state=whole, name="x")
        assert not [caveat for caveat in read.caveats if "gas" in caveat]
        for swap in read.swaps:
            found.add((swap.block_number, swap.log_index, pair, swap.amount_in, swap.amount_out, swap.sender))
            assert (swap.gas_used, swap.gas_price_wei) == costs[swap.tx_hash]
            assert swap.block_ts == {17173049: 1683029999, 17173050: 1683030011}[swap.block_number]
        if len(read.events) == 1:
            single += 1
            continue
        after = Position(first["block_number"], log_index=first["log_index"] + 1)
        history = read_history(files, initial_state=replace(whole, after=after, **reserves), name="x")
        before = (history.initial_state.reserve0, history.initial_state.reserve1)
        for event in history.events:
            assert (before[0] + event.amount0, before[1] + event.amount1) == (event.reserve0, event.reserve1)
            before = (event.reserve0, event.reserve1)
            chained += 1
    listed = {
        (int(row["b"]), int(row["li"]), row["pool"].lower(), int(row["ain"]), int(row["aout"]), row["sender"].lower())
        for row in csv_rows(shared_data / ETL / "derived_swaps.csv.gz")
        if row["pool"].lower() in pools_with(blocks, V2_SWAP)
    }
    assert found == listed
    assert (len(found), chained, single) == (69, 31, 24)


@pytest.mark.shared_data
def test_the_listed_v3_swaps(shared_data, blocks, build):
    found = set()
    pools = pools_with(blocks, V3_SWAP)
    for address in pools:
        state = replace(build.make_state(), pool=replace(build.make_pool(), address=address, tick_spacing=1))
        history = read_history(
            [shared_data / ETL / "logs.jsonl.gz", shared_data / ETL / "transactions.jsonl.gz"],
            initial_state=state,
            name="x",
        )
        found |= {(swap.log_index, address, swap.amount_in, swap.amount_out) for swap in history.swaps}
    listed = {
        (int(row["li"]), row["pool"].lower(), int(row["ain"]), int(row["aout"]))
        for row in csv_rows(shared_data / ETL / "derived_swaps.csv.gz")
        if row["pool"].lower() in pools
    }
    assert found == listed
    assert len(found) == 10


@pytest.fixture
def busy(blocks, build):
    """The state of the pair with most logs, before them."""
    addresses = [log["address"] for log in blocks["logs"] if log["topics"][:1] == [V2_SWAP]]
    pair = max(sorted(set(addresses)), key=addresses.count)
    return replace(build.make_state("v2"), pool=replace(build.make_pool("v2"), address=pair), reserve0=1, reserve1=1)


@pytest.mark.shared_data
def test_a_batch_export_gives_the_history_of_the_stream(shared_data, blocks, exported, busy):
    streamed = ingest_files(shared_data / ETL / "*.jsonl.gz", initial_state=busy, name="x")
    batch = ingest_files(exported, initial_state=busy, name="x")
    assert batch.content_id == streamed.content_id
    assert batch.history == streamed.history
    assert len(streamed.history.swaps) == 5
    assert batch.counts.ignored["token transfers"] == 291
    assert batch.counts.ignored["logs of other contracts"] > 600
    assert batch.formats == ("etl-csv",) * 5
    assert streamed.formats == ("etl-json",) * 4


@pytest.mark.shared_data
def test_files_that_are_of_no_use_are_passed_over_and_counted(blocks, exported, busy):
    expected = ingest_files(exported, initial_state=busy, name="x")
    (exported / "contracts.csv").write_text("address,bytecode,function_sighashes,is_erc20\n0x1,0x,,True\n")
    (exported / "tokens.csv").write_text("address,symbol,name,decimals\n0x1,caf\u00e9,\u2615,18\n", encoding="utf-8")
    (exported / "traces.csv").write_text(
        "block_number,transaction_hash,trace_type,trace_address,gas_used\n1,,call,,5\n"
    )
    read = ingest_files(exported, initial_state=busy, name="x")
    assert read.content_id == expected.content_id
    assert {name for name in read.counts.ignored if name.startswith("files")} == {
        "files of contracts",
        "files of tokens",
        "files of traces",
    }


@pytest.mark.shared_data
def test_the_block_without_a_time_is_named_with_what_to_add(exported, busy):
    for name in ("blocks", "transactions"):
        (exported / f"{name}.csv").unlink()
    with pytest.raises(
        InputError, match=r"no file tells when block 17173049 was; .* ethereum-etl: blocks.csv"
    ) as refusal:
        ingest_files(exported, initial_state=busy, name="x")
    assert refusal.value.file == str(exported / "logs.csv")
    assert refusal.value.line > 1


@pytest.mark.shared_data
def test_the_receipts_price_counts_more_than_the_transactions(blocks, exported, busy):
    """An old node gives what a transaction offered at most."""
    lines = [line | {"gas_price": line["gas_price"] + 7} for line in blocks["transactions"]]
    (exported / "transactions.csv").write_text(csv_text(lines, CSV_COLUMNS["transactions"]), newline="")
    paid = {line["hash"]: line["receipt_effective_gas_price"] for line in blocks["transactions"]}
    swaps = read_history(exported, initial_state=busy, name="x").swaps
    assert [swap.gas_price_wei for swap in swaps] == [paid[swap.tx_hash] for swap in swaps]
    (exported / "receipts.csv").write_text(
        csv_text(receipts_of(blocks["transactions"]), OLD_COLUMNS["receipts"]), newline=""
    )
    swaps = read_history(exported, initial_state=busy, name="x").swaps
    assert [swap.gas_price_wei for swap in swaps] == [paid[swap.tx_hash] + 7 for swap in swaps]
    assert all(swap.gas_used for swap in swaps)


@pytest.mark.shared_data
def test_logs_of_etl_are_not_taken_for_one_pools_raw_logs(shared_data, blocks, busy, tmp_path):
    """A stream's lines turned into CSV have all columns of raw logs of a single pool."""
    path = tmp_path / "flat.csv"
    path.write_text(csv_text(blocks["logs"], [*CSV_COLUMNS["logs"], "block_timestamp", "type"]), newline="")
    read = ingest_files(path, initial_state=busy, name="x")
    logs = ingest_files(shared_data / ETL / "logs.jsonl.gz", initial_state=busy, name="x")
    assert read.formats == ("etl-csv",)
    assert read.content_id == logs.content_id


# --- damaged and hostile ---------------------------------------------------------------------------------------------


def swap_line(build, number: int = 0, **changes) -> dict:
    """A v3 swap's log as a stream writes it."""
    file = build.LogFile().swap(1000 + number, -990, block=100 + number, tx=number, log=number)
    row = file.rows[0]
    line = {"type": "log", "log_index": number, "transaction_hash": row["transaction_hash"]}
    line |= {"transaction_index": number, "address": "0x" + "77" * 20, "data": row["data"]}
    line |= {"topics": json.loads(row["topics"].replace("'", '"')), "block_number": 100 + number}
    return line | {"block_timestamp": build.START_TS + 12 * number, "block_hash": "0x" + "11" * 32} | changes


def transaction_line(build, number: int = 0, **changes) -> dict:
    line = {"type": "transaction", "hash": swap_line(build, number)["transaction_hash"], "nonce": 1}
    line |= {"transaction_index": number, "from_address": "0x" + "01" * 20, "to_address": None, "value": 10**18 + 1}
    line |= {"gas": 21000, "gas_price": 5, "input": "0x", "block_number": 100 + number, "receipt_gas_used": 21000}
    return line | {"receipt_status": 1, "receipt_effective_gas_price": 5} | changes


def write_lines(path, lines) -> None:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")


def refused(build, path, lines) -> InputError:
    write_lines(path, lines)
    with pytest.raises(InputError) as refusal:
        read_history(path, initial_state=build.make_state(), name="x")
    assert refusal.value.file == str(path)
    return refusal.value


BAD_VALUES = [
    ("block_number", 100.0),
    ("block_number", 1e2),
    ("block_number", -1),
    ("block_number", 10**80),
    ("block_number", 1 << 63),
    ("block_number", None),
    ("block_number", True),
    ("block_number", [100]),
    ("block_number", {"number": 100}),
    ("block_number", "100.0"),
    ("block_number", "0100"),
    ("block_number", " 100"),
    ("block_number", "0x64"),
    ("block_number", "\u0661\u0660\u0660"),
    ("block_number", "\ud800"),
    ("log_index", 1 << 33),
    ("transaction_index", 1 << 25),
    ("block_timestamp", 1_700_000_000_000),
    ("block_timestamp", "yesterday"),
    ("block_timestamp", float("nan")),
    ("block_timestamp", float("inf")),
    ("transaction_hash", "0x12"),
    ("transaction_hash", "0x" + "g" * 64),
    ("transaction_hash", None),
    ("transaction_hash", 5),
    ("address", "0x" + "77" * 21),
    ("address", "77" * 20),
    ("topics", ["0x12"]),
    ("topics", "0x"),
    ("topics", ["0x" + "12" * 32] * 5),
    ("topics", ["0x" + "12" * 32 + ",0x" + "12" * 32]),
    ("topics", [["0x" + "12" * 32]]),
    ("topics", {}),
    ("topics", []),
    ("topics", ["0x" + "12" * 32]),
    ("data", "0x1"),
    ("data", "0x" + "zz" * 160),
    ("data", "0x" + "00" * 159),
    ("data", ""),
    ("data", None),
    ("data", [1]),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_named_with_its_line(build, tmp_path, name, value):
    lines = [swap_line(build, number) for number in range(4)]
    error = refused(build, tmp_path / "logs.jsonl", [*lines[:2], lines[2] | {name: value}, lines[3]])
    assert (error.line, error.field) == (3, name)


@pytest.mark.parametrize("value", ["1.0", "1e18", "-1", str(1 << 256), str(10**80), "9" * 5000, '"1.5"', "true", "{}"])
def test_an_amount_that_is_no_whole_number_is_refused(build, tmp_path, value):
    lines = [json.dumps(transaction_line(build, number)) for number in range(3)]
    lines[1] = lines[1].replace("1000000000000000001", value)
    write_lines(tmp_path / "t", lines)
    with pytest.raises(InputError) as refusal:
        rows_of(tmp_path / "t")
    assert (refusal.value.line, refusal.value.field) == (2, "value")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "blank line"),
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ("7", "must be a JSON object"),
        ('{"type": "log", "block_number": 0100}', "is not JSON"),
        ('{"type": "log"} {}', "is not JSON"),
        ('{"type": "log", "type": "log"}', "'type' stands twice"),
        ('{"type": "log", "data": {"a": 1, "a": 2}}', "'a' stands twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"type": "sonnet"}', "'sonnet' is no type of ethereum-etl; known are log"),
        ('{"type": []}', "is no type of ethereum-etl"),
        ('{"type": 5}', "is no type of ethereum-etl"),
        ('{"data": "0x"}', "lacks block_number, transaction_hash"),
        ('{"type": "log"}', "must not be empty"),
    ],
)
def test_a_line_that_is_no_record_is_named(build, tmp_path, line, why):
    error = refused(build, tmp_path / "l", [swap_line(build), line, swap_line(build, 1)])
    assert why in str(error)
    assert error.line == 2


def test_a_line_that_is_not_utf8_is_named(build, tmp_path):
    path = tmp_path / "l"
    lines = [json.dumps(swap_line(build, number)).encode() for number in range(3)]
    path.write_bytes(b"\n".join([lines[0], lines[1].replace(b"log", b"\xfflog", 1), lines[2]]))
    with pytest.raises(InputError, match=r"not UTF-8 \(byte \d+\)") as refusal:
        read_history(path, initial_state=build.make_state(), name="x")
    assert refusal.value.line == 2


def test_a_line_without_an_end_is_refused(build, tmp_path):
    path = tmp_path / "l"
    with path.open("w") as stream:
        stream.write(json.dumps(swap_line(build)) + '\n{"type": "log", "data": "')
        for _ in range(100):
            stream.write("0" * (1 << 20))
    with pytest.raises(InputError, match=f"a line of more than {text.MAX_LINE_BYTES} bytes") as refusal:
        read_history(path, initial_state=build.make_state(), name="x")
    assert refusal.value.line == 2


def test_every_field_missing_is_refused_and_other_fields_do_not_matter(build, tmp_path):
    needed = set(swap_line(build)) - {"type", "block_hash", "block_timestamp"}
    path = tmp_path / "l"
    for name in needed:
        lines = [swap_line(build, number) for number in range(3)]
        del lines[1][name]
        error = refused(build, path, lines)
        assert (error.line, error.field) == (2, name)
    write_lines(path, [swap_line(build, number) for number in range(3)])
    plain = read_history(path, initial_state=build.make_state(), name="x")
    write_lines(path, [swap_line(build, number, more={"a": [1.5, None]}, other=1e99) for number in range(3)])
    assert read_history(path, initial_state=build.make_state(), name="x") == plain


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["logs", "transactions", "blocks", "token_transfers"])
def test_every_column_of_csv_missing_or_exchanged_is_refused_or_without_use(blocks, tmp_path, name):
    path = tmp_path / "t.csv"
    columns = CSV_COLUMNS[name]
    path.write_text(csv_text(blocks[name], columns), newline="")
    whole = rows_of(path)
    optional = {"base_fee_per_gas", "block_timestamp"}  # of old versions
    used = {
        "logs": set(columns) - {"block_hash"},
        "blocks": {"number", "hash", "parent_hash", "timestamp", "base_fee_per_gas"},
        "transactions": set(columns)
        - {"nonce", "block_hash", "gas", "max_fee_per_gas", "max_priority_fee_per_gas", "transaction_type"},
        "token_transfers": set(columns),
    }[name]
    for column in columns:
        less = [one for one in columns if one != column]
        path.write_text(csv_text(blocks[name], less), newline="")
        if column not in used:
            assert rows_of(path) == whole
        elif column not in optional | {"gas_price", "to_address"}:
            with pytest.raises(InputError, match=f"lacks {column}"):
                rows_of(path)
    for at in range(len(columns) - 1):
        exchanged = [*columns[:at], columns[at + 1], columns[at], *columns[at + 2 :]]
        path.write_text(csv_text(blocks[name], exchanged), newline="")
        assert rows_of(path) == whole, "columns go by their names"


def test_columns_of_csv_under_each_others_names_are_refused(build, tmp_path):
    path = tmp_path / "logs.csv"
    columns = [*CSV_COLUMNS["logs"], "block_timestamp"]
    lines = [swap_line(build, number) for number in range(5)]
    for at in range(len(columns) - 1):
        renamed = [*columns[:at], columns[at + 1], columns[at], *columns[at + 2 :]]
        header = csv_text([], renamed)
        path.write_text(header + csv_text(lines, columns).partition("\n")[2], newline="")
        with pytest.raises(InputError):
            read_history(path, initial_state=build.make_state(), name="x")


@pytest.mark.shared_data
def test_a_real_file_cut_off_anywhere_is_refused_with_its_line(shared_data, blocks, busy, tmp_path):
    packed = (shared_data / ETL / "logs.jsonl.gz").read_bytes()
    plain = gzip.decompress(packed)
    places = random.Random(11)
    path = tmp_path / "cut"
    for content, cuts in ((packed, 12), (plain, 12)):
        for keep in [1, *(places.randrange(2, len(content)) for _ in range(cuts)), len(content) - 1]:
            if content is plain and plain[keep - 1 : keep + 1].strip() in {b"}", b""}:
                continue  # whole lines: nothing shows that more followed
            path.write_bytes(content[:keep])
            with pytest.raises(InputError) as refusal:
                ingest_files(path, initial_state=busy, name="x")
            assert refusal.value.file == str(path)
            assert refusal.value.line is not None


def said(content: bytes) -> list[tuple] | None:
    """What lines of swaps say, read with json alone; None where they are not all sound."""
    found = []
    for raw in content.decode().rstrip("\r\n").split("\n"):
        line = json.loads(raw, parse_float=Decimal)
        if line["address"].lower() != "0x" + "77" * 20:
            continue
        words = numbers_of(line["data"])
        signed = [word - (word >> 255 << 256) for word in words]
        place = [int(line[name]) for name in ("block_number", "log_index", "transaction_index")]
        parties = ["0x" + topic[26:].lower() for topic in line["topics"][1:]]
        found.append((*place, line["transaction_hash"].lower(), *parties, *signed[:2], *words[2:4], signed[4]))
    return sorted(set(found))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_refused_or_read_as_they_are(build, tmp_path_factory, data):
    content = bytearray("\n".join(json.dumps(swap_line(build, number)) for number in range(4)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        change = data.draw(st.sampled_from(("flip", "set", "delete", "insert")))
        byte = data.draw(st.sampled_from(b"0123456789abcdefxX,\"' \n\r.eE-+[]{}\x00\xff") | st.integers(0, 255))
        if change == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "set":
            content[at] = byte
        elif change == "delete":
            del content[at]
        else:
            content.insert(at, byte)
    path = tmp_path_factory.mktemp("hostile") / "logs.jsonl"
    path.write_bytes(content)
    try:
        read = read_history(path, initial_state=build.make_state(), name="x")
    except InputError as error:
        if error.file != str(path):
            pytest.fail(f"names another file: {error}")
        return
    names = ("block_number", "log_index", "tx_index", "tx_hash", "sender", "recipient", "amount0", "amount1")
    names += ("sqrt_price_x96", "liquidity", "tick")
    ours = [tuple(getattr(swap, name) for name in names) for swap in read.swaps]
    assert ours == said(bytes(content))


def as_python_rounds(value: int) -> int:
    return int(float(value))


def as_javascript_prints(value: int) -> int:
    return int(Decimal(repr(float(value))))


@pytest.mark.shared_data
@pytest.mark.parametrize("rounded", [as_python_rounds, as_javascript_prints])
@pytest.mark.parametrize("name", ["transactions", "token_transfers"])
@pytest.mark.parametrize("exact", [0, 1])
def test_amounts_that_went_through_doubles_are_refused(blocks, tmp_path, name, rounded, exact):
    lines = [line | {"value": rounded(line["value"])} for line in blocks[name]]
    longest = max(range(len(lines)), key=lambda place: len(str(lines[place]["value"]).rstrip("0")))
    if exact:
        lines[longest] |= {"value": lines[longest]["value"] + 1}
    for form in (json.dumps, None):
        content = "\n".join(map(json.dumps, lines)) if form else csv_text(lines, CSV_COLUMNS[name])
        (tmp_path / "t").write_text(content, newline="")
        with pytest.raises(InputError, match="export it again with whole numbers") as refusal:
            rows_of(tmp_path / "t")
        assert refusal.value.field == "value"


def test_a_bomb_of_zeros_is_refused(build, tmp_path):
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(wbits=31)
    content = packer.compress(json.dumps(swap_line(build)).encode() + b"\n")
    for _ in range(64):
        content += packer.compress(bytes(1 << 20))
    path.write_bytes(content + packer.flush())
    assert path.stat().st_size < 1 << 17
    with pytest.raises(InputError, match="a line of more than") as refusal:
        read_history(path, initial_state=build.make_state(), name="x")
    assert refusal.value.line == 2


def test_a_refused_file_leaves_the_store_as_it_was(build, tmp_path):
    store = Store(tmp_path / "store")
    path = tmp_path / "l"
    lines = [swap_line(build, number) for number in range(3)]
    write_lines(path, lines)
    store.write_history(read_history(path, initial_state=build.make_state(), name="x"))
    before = store.database.read_bytes()
    write_lines(path, [*lines, swap_line(build, 3, data="0x")])
    with pytest.raises(InputError):
        store.write_history(read_history(path, initial_state=build.make_state(), name="x"), replace=True)
    assert store.database.read_bytes() == before


def test_a_transaction_whose_line_is_longer_than_the_head_is_known_by_its_type(build, tmp_path):
    path = tmp_path / "t"
    write_lines(path, [transaction_line(build, input="0x" + "ab" * 100_000)])
    (row,) = rows_of(path)["transactions"]
    assert (row["input"], row["to_address"], row["value_wei"]) == (b"\xab" * 100_000, None, str(10**18 + 1))


def test_what_is_no_table_of_the_chain_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is no table of the chain; to be one of ethereum-etl it lacks block_number"):
        list(chain_rows(path))
