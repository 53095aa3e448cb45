"""Blocks of call traces: real ones read whole, damaged ones refused by field, nothing invented."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.traces import read_block

HASHES = [f"0x{number:064x}" for number in (1, 2)]
ALICE, ROUTER, PAIR, TOKEN = (f"0x{number:040x}" for number in range(1, 5))


def call(tx: int, address: list[int], *, error: str | None = None, to: str = ROUTER, data: str = "0x01") -> dict:
    return {
        "type": "call",
        "action": {"from": ALICE, "to": to, "callType": "call", "input": data, "value": "0x5"},
        "block_number": 7,
        "result": None if error else {"gasUsed": "0x1", "output": "0x02"},
        "trace_address": address,
        "transaction_hash": HASHES[tx],
        "transaction_position": tx,
        "error": error,
    }


def document() -> dict:
    reward = {"type": "reward", "action": {}, "block_number": 7, "transaction_hash": None, "trace_address": []}
    traces = [
        call(1, []),
        call(1, [0], to=PAIR, error="Reverted"),
        call(1, [0, 0], to=TOKEN),
        call(1, [1], to=TOKEN),
        call(0, []),
        reward,
    ]
    receipts = [
        {"block_number": 7, "transaction_hash": HASHES[0], "gas_used": 1, "effective_gas_price": 30},
        {"block_number": 7, "transaction_hash": HASHES[1], "gas_used": 21_000, "effective_gas_price": 31},
    ]
    return {"block_number": 7, "block_timestamp": 1_700_000_000, "traces": traces, "receipts": receipts}


@pytest.fixture
def written(tmp_path):
    def write(content) -> object:
        path = tmp_path / "block.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def test_reads_calls_in_order_with_what_their_transactions_paid(written):
    block = read_block(written(document()))
    first, second = block.transactions
    assert (block.number, block.block_ts) == (7, 1_700_000_000)
    assert (first.tx_index, second.tx_index) == (0, 1)
    assert [one.address for one in second.calls] == [(), (0,), (0, 0), (1,)]
    assert second.own is second.calls[0]
    assert (second.own.sender, second.own.to, second.own.value_wei) == (ALICE, ROUTER, 5)
    assert (second.own.data, second.own.output) == (b"\x01", b"\x02")
    assert (second.gas_used, second.gas_price_wei) == (21_000, 31)


def test_a_call_inside_a_reverted_one_changed_nothing(written):
    second = read_block(written(document())).transactions[1]
    assert [one.failed for one in second.calls] == [False, True, True, False]
    assert second.calls[2].output == b""


def test_a_revert_fails_its_calls_whatever_their_order_in_the_file(written):
    shuffled = document()
    shuffled["traces"].reverse()
    assert read_block(written(shuffled)) == read_block(written(document()))


def test_gas_that_no_transaction_can_have_used_is_unknown(written):
    changed = document()
    assert read_block(written(changed)).transactions[0].gas_used is None
    changed["receipts"][1]["gas_used"] = 2**64 - 1
    assert read_block(written(changed)).transactions[1].gas_used is None


def test_gzip_is_the_same_block(written):
    packed = gzip.compress(json.dumps(document()).encode())
    assert read_block(written(packed)) == read_block(written(document()))
    with pytest.raises(InputError, match=r"block\.json"):
        read_block(written(packed[:-20]))


WRONG = {
    "block_number": ("block_number", 7.0),
    "block_timestamp": ("block_timestamp", -1),
    "traces": ("traces", {}),
    "receipts": ("receipts", [3]),
    "traces[0].block_number": ("traces", 0, "block_number", 8),
    "traces[0].transaction_position": ("traces", 0, "transaction_position", True),
    "traces[0].trace_address": ("traces", 0, "trace_address", ["0"]),
    "traces[0].transaction_hash": ("traces", 0, "transaction_hash", "0x12"),
    "traces[0].action": ("traces", 0, "action", None),
    "traces[0].action.from": ("traces", 0, "action", "from", ALICE + "0"),
    "traces[0].action.to": ("traces", 0, "action", "to", None),
    "traces[0].action.callType": ("traces", 0, "action", "callType", "jump"),
    "traces[0].action.value": ("traces", 0, "action", "value", "0x\u0661"),
    "traces[0].action.input": ("traces", 0, "action", "input", "0x123"),
    "traces[0].result.output": ("traces", 0, "result", "output", "00"),
    "traces[3].trace_address": ("traces", 3, "trace_address", [0]),
    "receipts[0].gas_used": ("receipts", 0, "gas_used", 2**64),
    "receipts[1].transaction_hash": ("receipts", 1, "transaction_hash", HASHES[0]),
}


@pytest.mark.parametrize("field", WRONG)
def test_names_the_field_that_is_wrong(written, field):
    *way, value = WRONG[field]
    broken = document()
    inner = broken
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    with pytest.raises(InputError) as caught:
        read_block(written(broken))
    assert field in str(caught.value) or isinstance(value, float)
    assert "block.json" in str(caught.value)


def test_two_hashes_at_one_index_are_refused(written):
    broken = document()
    broken["traces"][1]["transaction_hash"] = HASHES[0]
    with pytest.raises(InputError, match="2 different hashes"):
        read_block(written(broken))


@given(cut=st.integers(0, 2000), junk=st.binary(max_size=4))
def test_damaged_text_is_refused_or_says_the_same(tmp_path_factory, cut, junk):
    text = json.dumps(document()).encode()
    cut = min(cut, len(text))
    path = tmp_path_factory.mktemp("damaged") / "block.json"
    path.write_bytes(text[:cut] + junk)
    sound = path.parent / "sound.json"
    sound.write_bytes(text)
    try:
        assert read_block(path) == read_block(sound)
    except InputError as error:
        assert "block.json" in str(error)  # noqa: PT017 - either is right


def test_reads_the_real_blocks_whole(shared_data):
    """Every call of the files arrives, and gas is unknown only where the archive holds none."""
    for path in sorted((shared_data / "mev_blocks_mainnet").glob("block_*_traces.json.gz")):
        raw = json.loads(gzip.decompress(path.read_bytes()))
        block = read_block(path)
        calls = [trace for trace in raw["traces"] if trace["type"] == "call"]
        assert sum(len(one.calls) for one in block.transactions) == len(calls), path.name
        own = {one.tx_hash: one.own for one in block.transactions}
        for receipt in raw["receipts"]:
            told = own.get(receipt["transaction_hash"])
            if told is not None and "to" in receipt:
                assert told.to == (receipt["to"] or told.to).lower()
