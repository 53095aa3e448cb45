"""Fork files: the same fork is the same file; a damaged, changed or hostile one is refused in words."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from dataclasses import replace

import pytest
from eth_hash.auto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fork_proofs import ADDRESS, GENESIS, account_with, chain_of

from ingest.errors import InputError
from ingest.fork import file as fork_file
from ingest.fork.document import canonical, content_id, document_of, parse
from ingest.fork.file import read_fork, write_fork
from ingest.fork.headers import read_block
from ingest.fork.proofs import TrieNodes, require_proven
from ingest.fork.records import Fork, Keys

TOLD = "0x" + "11" * 20


def make_fork(storage: dict[int, int] | None = None) -> Fork:
    """One proven account and one that was only told, under a header that hashes."""
    import rlp

    storage = {0: 5, 7: 0, 9: 1 << 255} if storage is None else storage
    root, nodes = chain_of({slot: value for slot, value in storage.items() if value})
    whole = rlp.decode(read_block(GENESIS, chain_id=1, asked=0).rlp)
    whole[3] = root
    header = rlp.encode(whole)
    told = GENESIS | {"stateRoot": "0x" + root.hex(), "hash": "0x" + keccak(header).hex()}
    block = read_block(told, chain_id=1, asked=0)
    account = account_with(storage)
    seen = TrieNodes(nodes.values())
    require_proven(seen, root, account)
    other = account_with({3: 4}, address=TOLD, code=b"\x60\x00", proven=False)
    return Fork(block, {ADDRESS: account, TOLD: other}, frozenset(seen.used))


def packed(document: object, path) -> None:
    path.write_bytes(gzip.compress(json.dumps(document).encode()))


def with_id(content: dict) -> dict:
    """A changed content under an identity that fits, as somebody would write it who knows how."""
    import hashlib

    digest = hashlib.sha256(canonical(content)).hexdigest()
    return {"format": "pactsmith fork 1", "content_id": digest, "content": content}


def test_what_is_written_is_read_again(tmp_path):
    fork = make_fork()
    path = write_fork(fork, tmp_path / "deep" / "forks")
    assert path.name == f"{content_id(fork)}.fork.json.gz"
    assert read_fork(path) == fork
    assert fork.told == Keys(frozenset({TOLD}), frozenset({(TOLD, 3)}))
    assert os.listdir(path.parent) == [path.name]


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, (1 << 256) - 1), st.integers(0, (1 << 256) - 1), max_size=20))
def test_every_fork_survives_its_document(storage):
    fork = make_fork(storage)
    assert parse(json.loads(json.dumps(document_of(fork)))) == fork


def test_equal_forks_are_equal_files_in_whatever_order_they_were_learned(tmp_path):
    fork = make_fork()
    turned = replace(
        fork,
        accounts={
            address: replace(one, storage=dict(reversed(one.storage.items())))
            for address, one in reversed(fork.accounts.items())
        },
    )
    first, second = (write_fork(one, tmp_path / name) for name, one in (("a", fork), ("b", turned)))
    assert first.read_bytes() == second.read_bytes()
    assert first.name == second.name


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fork_file.os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_fork(make_fork(), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_fork_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(fork_file, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(InputError, match="larger than"):
        write_fork(make_fork(), tmp_path / "no")
    assert not (tmp_path / "no").exists()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_is_the_same_fork(tmp_path, data):
    fork = make_fork()
    path = write_fork(fork, tmp_path)
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    else:
        content = content[:place]
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    with contextlib.suppress(InputError):
        assert read_fork(damaged) == fork, "only gzip's own header, such as its time, may differ"


CHANGES = {
    "a slot's value": lambda content: content["accounts"][ADDRESS]["storage"].update({"0x0": "0x6"}),
    "a slot that is not there": lambda content: content["accounts"][ADDRESS]["storage"].update({"0x1": "0x6"}),
    "a balance": lambda content: content["accounts"][ADDRESS].update(balance_wei="0x1"),
    "code": lambda content: content["accounts"][ADDRESS].update(code=1),
    "a claim": lambda content: content["accounts"][TOLD].update(proven=True),
    "the state root": lambda content: content["block"].update(state_root="0x" + "00" * 32),
    "the block's hash": lambda content: content["block"].update(block_hash="0x" + "00" * 32),
    "the time": lambda content: content["block"].update(block_ts="0x1"),
    "the base fee": lambda content: content["block"].update(base_fee_wei="0x1"),
    "the header": lambda content: content["block"].update(rlp="0x"),
    "a node": lambda content: content["nodes"].pop(),
    "a node too many": lambda content: content["nodes"].append("0x01"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_refused_even_under_an_identity_that_fits(tmp_path, change):
    content = document_of(make_fork())["content"]
    CHANGES[change](content)
    path = tmp_path / "changed"
    packed(with_id(content), path)
    with pytest.raises(InputError):
        read_fork(path)
    packed(with_id(document_of(make_fork())["content"]), path)
    assert read_fork(path) == make_fork(), "it is the change that was refused"


def test_a_changed_file_is_refused_by_its_identity(tmp_path):
    document = document_of(make_fork())
    document["content"]["accounts"][TOLD]["storage"]["0x3"] = "0x5"
    path = tmp_path / "changed"
    packed(document, path)
    with pytest.raises(InputError, match="damaged or was changed"):
        read_fork(path)


HOSTILE = {
    "accounts": [None, [], 7, {"0x12": {}}, {ADDRESS: []}, {ADDRESS.upper(): {}}, {"x" * 10_000: {}}],
    "codes": [None, {}, ["0x0"], [7], ["0x" + "00" * 140_000], ["0xGG"]],
    "nodes": [None, ["0x" + "00" * 5000], [[]], "0x"],
    "block": [None, {}, [], {"chain_id": "0x1"}],
}


@pytest.mark.parametrize(("field", "place"), [(field, n) for field in HOSTILE for n in range(len(HOSTILE[field]))])
def test_a_hostile_field_is_refused_by_name(field, place):
    content = document_of(make_fork())["content"] | {field: HOSTILE[field][place]}
    with pytest.raises(InputError) as refused:
        parse(with_id(content))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("value", ["0x00", "0x", "5", 5, None, "0x" + "f" * 65, "0xF", 1.5, True, float("nan"), "٣"])
def test_a_number_is_written_in_one_way_only(value):
    content = document_of(make_fork())["content"]
    content["accounts"][TOLD]["balance_wei"] = value
    with pytest.raises(InputError, match="balance_wei"):
        parse(with_id(content))


NO_FORK_FILES = {
    "empty": b"",
    "cut off": b"\x1f\x8b",
    "parquet": b"PAR1",
    "nothing packed": gzip.compress(b""),
    "deep": gzip.compress(b"[" * 100_000),
    "no format": gzip.compress(b"{}"),
    "null": gzip.compress(b"null"),
    "later format": gzip.compress(b'{"format": "pactsmith fork 2"}'),
    "no text": gzip.compress(b"\xff\xfe"),
    "wrong types": gzip.compress(b'{"format": "pactsmith fork 1", "content_id": 5, "content": []}'),
}


@pytest.mark.parametrize("kind", NO_FORK_FILES)
def test_what_is_no_fork_file_is_refused(tmp_path, kind):
    path = tmp_path / "other"
    path.write_bytes(NO_FORK_FILES[kind])
    with pytest.raises(InputError):
        read_fork(path)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(fork_file, "MAX_DOCUMENT_BYTES", 1 << 20)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(bytes(64 << 20)))
    with pytest.raises(InputError, match="larger than 1 MiB unpacked"):
        read_fork(path)


@pytest.mark.parametrize("place", ["", "not/there"])
def test_what_cannot_be_read_is_said(tmp_path, place):
    with pytest.raises(InputError, match="cannot be read"):
        read_fork(tmp_path / place)
