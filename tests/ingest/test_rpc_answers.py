"""A node's answers are read strictly: as they are, or not at all."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rpc import answers
from ingest.rpc.answers import Header, Log, Receipt, Transaction
from ingest.rpc.errors import AnswerError

HASH, OTHER, ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 32, "0x" + "12" * 20
RAW = bytes.fromhex("ab" * 32)

LOG = {
    "address": ADDRESS, "topics": [HASH, OTHER], "data": "0x00ff", "blockNumber": "0x10", "transactionHash": HASH,
    "transactionIndex": "0x1", "blockHash": OTHER, "logIndex": "0x2", "removed": False,
}  # fmt: skip
HEADER = {
    "number": "0x10", "hash": OTHER, "parentHash": HASH, "timestamp": "0x65a", "baseFeePerGas": "0x7",
    "logsBloom": "0x" + "00" * 256, "transactions": [HASH, OTHER],
}  # fmt: skip
RECEIPT = {
    "transactionHash": HASH, "blockHash": OTHER, "blockNumber": "0x10", "transactionIndex": "0x1", "status": "0x1",
    "gasUsed": "0x5208", "effectiveGasPrice": "0x77", "logs": [LOG],
}  # fmt: skip
TRANSACTION = {
    "hash": HASH, "blockHash": OTHER, "blockNumber": "0x10", "transactionIndex": "0x1", "from": ADDRESS, "to": ADDRESS,
    "value": "0x0", "input": "0xabcd", "gasPrice": "0x77",
}  # fmt: skip

READERS = {
    "log": (LOG, answers.log),
    "header": (HEADER, lambda value: answers.header(value, 16)),
    "receipt": (RECEIPT, lambda value: answers.receipt(value, RAW)),
    "transaction": (TRANSACTION, lambda value: answers.transaction(value, RAW)),
}
OPTIONAL = {
    "log": {"removed"},
    "header": {"baseFeePerGas", "logsBloom", "transactions"},
    "receipt": {"status", "effectiveGasPrice"},
    "transaction": {"to", "gasPrice"},
}


def test_good_answers_are_read_as_they_are():
    log = Log(
        16, bytes.fromhex("cd" * 32), RAW, 1, 2, bytes.fromhex("12" * 20), (RAW, bytes.fromhex("cd" * 32)), b"\0\xff"
    )
    assert answers.log(LOG) == log
    assert answers.header(HEADER, 16) == Header(16, bytes.fromhex("cd" * 32), RAW, 0x65A, 7, bytes(256), 2)
    assert answers.transaction_hashes(HEADER) == [RAW, bytes.fromhex("cd" * 32)]
    assert answers.receipt(RECEIPT, RAW) == Receipt(RAW, bytes.fromhex("cd" * 32), 16, 1, True, 21000, 0x77, (log,))
    twelve = bytes.fromhex("12" * 20)
    assert answers.transaction(TRANSACTION, RAW) == Transaction(
        RAW, bytes.fromhex("cd" * 32), 16, 1, twelve, twelve, 0, b"\xab\xcd", 0x77
    )


@pytest.mark.parametrize("kind", READERS)
def test_every_field_is_needed_but_those_that_old_nodes_lack(kind):
    good, read = READERS[kind]
    for name in good:
        lacking = {key: value for key, value in good.items() if key != name}
        if name in OPTIONAL[kind]:
            read(lacking)
            read(good | {name: None})
        else:
            with pytest.raises(AnswerError):
                read(lacking)
            with pytest.raises(AnswerError):
                read(good | {name: None})


NO_HEX = [
    "", "0x", "0xg", "10", "0x1 ", " 0x1", "0x1_0", "0X1", "-0x1", "0x-1", "0x+1", "0x١", "0x" + "f" * 65, "0x1.0", 1,
    1.5, True, [], {}, "0x " + "ab" * 32, "0x" + "ab" * 15 + " " * 34,
]  # fmt: skip
NO_SIZE = ["0x" + "ab" * 31, "0x" + "ab" * 33, "0x" + "ab" * 31 + "a", "0x" + "ab" * 19, "0x" + "ab" * 21]
SIZED = {"address", "transactionHash", "blockHash", "hash", "parentHash", "logsBloom", "from", "to"}


@pytest.mark.parametrize("value", [*NO_HEX, *NO_SIZE])
@pytest.mark.parametrize("kind", READERS)
def test_what_is_no_quantity_hash_or_address_is_never_taken_for_one(kind, value):
    good, read = READERS[kind]
    asked = set(good) - {"transactions", "topics", "logs", "removed", "data", "input"}
    for name in asked if value in NO_HEX else asked & SIZED:
        with pytest.raises(AnswerError):
            read(good | {name: value})


@pytest.mark.parametrize("value", ["0x1", "ff", "0x f0", "0xgg", 5, None, "0x" + "ff" * 3 + " ", "0xf f0"])
def test_what_is_no_data_is_never_taken_for_some(value):
    for read in (answers.data, lambda bad: answers.log(LOG | {"data": bad})):
        with pytest.raises(AnswerError):
            read(value)


@pytest.mark.parametrize(
    "change",
    [
        {"removed": True}, {"removed": "false"}, {"topics": [HASH] * 5}, {"topics": None}, {"topics": "0x"},
        {"topics": [HASH, None]}, {"blockNumber": None}, {"blockNumber": hex(1 << 63)}, {"logIndex": "0x" + "f" * 64},
    ],
)  # fmt: skip
def test_logs_that_are_pending_removed_or_impossible_are_refused(change):
    with pytest.raises(AnswerError):
        answers.log(LOG | change)


def test_a_log_twice_counts_once_and_two_at_one_place_are_refused():
    assert answers.logs([LOG, copy.deepcopy(LOG)]) == [answers.log(LOG)]
    with pytest.raises(AnswerError, match="two different logs 2 in block 16"):
        answers.logs([LOG, LOG | {"data": "0x"}])


def test_answers_about_something_else_are_refused():
    with pytest.raises(AnswerError, match="asked for was block 17"):
        answers.header(HEADER, 17)
    with pytest.raises(AnswerError, match="another transaction"):
        answers.receipt(RECEIPT, bytes(32))
    with pytest.raises(AnswerError, match="another transaction"):
        answers.transaction(TRANSACTION, bytes(32))
    for change in (
        {"transactionHash": OTHER},
        {"blockHash": HASH},
        {"blockNumber": "0x11"},
        {"transactionIndex": "0x0"},
    ):
        with pytest.raises(AnswerError, match="a log of another transaction"):
            answers.receipt(RECEIPT | {"logs": [LOG | change]}, RAW)


def test_uint256_extremes_are_exact():
    most = (1 << 256) - 1
    assert answers.transaction(TRANSACTION | {"value": hex(most)}, RAW).value_wei == most
    assert answers.header(HEADER | {"baseFeePerGas": hex(most)}, 16).base_fee_wei == most


def test_a_status_is_one_of_two():
    for status in ("0x2", "0x" + "ab" * 8):
        with pytest.raises(AnswerError, match="should be 0 or 1"):
            answers.receipt(RECEIPT | {"status": status}, RAW)
    assert answers.receipt(RECEIPT | {"status": "0x0"}, RAW).succeeded is False


HEX = st.from_regex(r"0x[0-9a-f]{0,66}", fullmatch=True)
NAMES = st.sampled_from([*LOG, *HEADER, *RECEIPT])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70) | HEX,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(ANY, st.sampled_from(sorted(READERS)), st.data())
def test_whatever_a_node_says_is_read_or_refused_in_few_words(value, kind, data):
    good, read = READERS[kind]
    name = data.draw(st.sampled_from(sorted(good)))
    lists = (answers.logs, answers.receipts, answers.transaction_hashes, answers.quantity, answers.data)
    for reader, bad in [(read, value), (read, good | {name: value}), *((one, value) for one in lists)]:
        said = ""
        try:
            reader(bad)
        except AnswerError as error:
            said = str(error)
        assert len(said) < 300
        assert said.isprintable()
