"""Proofs and headers: what follows from a block is believed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from ingest.fork.errors import UnprovenError
from ingest.fork.headers import block_of_rlp, read_block
from ingest.fork.proofs import ABSENT, EMPTY_ROOT, ProvenAccount, TrieNodes, require_proven
from ingest.fork.records import EMPTY_CODE_HASH, ForkAccount
from ingest.rpc.errors import AnswerError

ADDRESS = "0x" + "5a" * 20
OTHER = "0x" + "a5" * 20
SLOTS = st.dictionaries(
    st.one_of(st.integers(0, 40), st.integers(0, (1 << 256) - 1)), st.integers(1, (1 << 256) - 1), max_size=40
)

# Ethereum's genesis block as every node tells it (go-ethereum, core/genesis.go, and its hash in params/config.go).
GENESIS = {
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}


def chain_of(storage: dict[int, int], account: tuple[int, int] = (3, 10**18)) -> tuple[bytes, dict[bytes, bytes]]:
    """A state root with two accounts under it, and all the nodes."""
    nodes: dict[bytes, bytes] = {}
    slots = HexaryTrie(nodes)
    for slot, value in storage.items():
        slots[keccak(slot.to_bytes(32, "big"))] = rlp.encode(_short(value))
    accounts = HexaryTrie(nodes)
    for address, (nonce, balance), root in ((ADDRESS, account, slots.root_hash), (OTHER, (0, 1), EMPTY_ROOT)):
        told = rlp.encode([_short(nonce), _short(balance), root, EMPTY_CODE_HASH])
        accounts[keccak(bytes.fromhex(address[2:]))] = told
    return accounts.root_hash, nodes


def _short(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def account_with(storage: dict[int, int], **changes: Any) -> ForkAccount:
    values = {"address": ADDRESS, "balance_wei": 10**18, "nonce": 3, "code": b"", "storage": storage, "proven": True}
    return ForkAccount(**(values | changes))


@settings(max_examples=60, deadline=None)
@given(SLOTS, st.integers(0, (1 << 256) - 1))
def test_every_slot_there_and_not_there_follows_from_the_root(storage, absent):
    root, nodes = chain_of(storage)
    require_proven(TrieNodes(nodes.values()), root, account_with({absent: 0} | storage))
    assert TrieNodes(nodes.values()).account(root, "0x" + "77" * 20) == ABSENT


@settings(max_examples=60, deadline=None)
@given(SLOTS.filter(bool), st.data())
def test_any_other_value_is_refused(storage, data):
    root, nodes = chain_of(storage)
    slot = data.draw(st.sampled_from(sorted(storage)))
    wrong = data.draw(st.integers(0, (1 << 256) - 1).filter(lambda value: value != storage[slot]))
    with pytest.raises(UnprovenError, match="is not as the block's state root has it"):
        require_proven(TrieNodes(nodes.values()), root, account_with(storage | {slot: wrong}))


@pytest.mark.parametrize("change", [{"balance_wei": 10**18 + 1}, {"nonce": 2}, {"code": b"\x00"}, {"address": OTHER}])
def test_any_other_account_is_refused(change):
    root, nodes = chain_of({1: 2})
    with pytest.raises(UnprovenError):
        require_proven(TrieNodes(nodes.values()), root, account_with({1: 2}, **change))


@settings(max_examples=60, deadline=None)
@given(SLOTS.filter(bool), st.data())
def test_without_a_node_that_is_needed_nothing_is_believed(storage, data):
    root, nodes = chain_of(storage)
    seen = TrieNodes(nodes.values())
    require_proven(seen, root, account_with(storage))
    lost = data.draw(st.sampled_from(sorted(seen.used)))
    place = data.draw(st.integers(0, len(lost) - 1))
    spoilt = lost[:place] + bytes([lost[place] ^ data.draw(st.integers(1, 255))]) + lost[place + 1 :]
    with pytest.raises(UnprovenError):
        require_proven(TrieNodes((seen.used - {lost}) | {spoilt}), root, account_with(storage))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_a_trie_of_nonsense_is_refused_in_words(node):
    nodes = TrieNodes([node])
    root = keccak(node)
    try:
        found = nodes.account(root, ADDRESS)
    except UnprovenError:
        return
    assert isinstance(found, ProvenAccount)


@pytest.mark.parametrize("content", [b"\xc0", rlp.encode([b"", b"", b""]), rlp.encode([b"", b"", b"", [b""]]), b"\xff"])
def test_an_entry_that_is_no_account_is_refused(content):
    nodes: dict[bytes, bytes] = {}
    trie = HexaryTrie(nodes)
    trie[keccak(bytes.fromhex(ADDRESS[2:]))] = content
    with pytest.raises(UnprovenError):
        TrieNodes(nodes.values()).account(trie.root_hash, ADDRESS)


def test_ethereums_genesis_header_hashes_to_its_hash():
    block = read_block(GENESIS, chain_id=1, asked=0)
    assert keccak(block.rlp) == block.block_hash == bytes.fromhex(GENESIS["hash"][2:])
    assert block_of_rlp(block.rlp, 1) == block


@pytest.mark.parametrize("field", sorted(set(GENESIS) - {"hash", "number"}))
def test_a_header_with_one_other_field_does_not_hash(field):
    told = GENESIS[field]
    other = told[:-1] + ("1" if told[-1] != "1" else "2")
    assert read_block(GENESIS | {field: other}, chain_id=1, asked=0).rlp == b""


@pytest.mark.parametrize("field", ["stateRoot", "parentHash", "miner", "timestamp", "number"])
@pytest.mark.parametrize("value", [None, "", "0x", 7, [], "0x0g"])
def test_a_header_that_is_none_is_refused(field, value):
    with pytest.raises(AnswerError):
        read_block(GENESIS | {field: value}, chain_id=1, asked=0)


@pytest.mark.parametrize(
    "header", [b"", b"\x80", b"\xc0", rlp.encode([b""] * 14), rlp.encode([[b""]] * 15), b"\xff" * 9]
)
def test_what_is_no_header_is_not_read_as_one(header):
    with pytest.raises(ValueError, match="header"):
        block_of_rlp(header, 1)
