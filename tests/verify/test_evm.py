"""The EVM seam, and every trap of pyrevm that it steps around: each is pinned here by what would go wrong."""

from __future__ import annotations

import random

import pytest

from verify.abi import word
from verify.evm import Evm, EvmMisuseError, Halted, Reverted

SENDER = "0x" + "51" * 20
TARGET = "0x" + "7a" * 20
OTHER = "0x" + "7b" * 20

# Runtime code, by hand. What each costs follows from the yellow paper's schedule as of Cancun.
LOAD = bytes.fromhex("5f545f5260205ff3")  # returns slot 0
ADD = bytes.fromhex("5f356001540160015560015460005260206000f3")  # slot 1 += word 0 of calldata, returns it
STOP = bytes.fromhex("00")
LOOP = bytes.fromhex("5b5f56")
REVERT_DATA = bytes.fromhex("365f5f37365ffd")  # reverts with its calldata
TRANSIENT = bytes.fromhex("5f5c5f5260075f5d60205ff3")  # returns transient slot 0, then sets it to 7
LOG = bytes.fromhex("602a5f5260ff60205fa100")  # one topic (255), data word 42


def evm_with(code: bytes = LOAD) -> Evm:
    evm = Evm(chain_id=1)
    evm.set_code(TARGET, code)
    return evm


def call(evm: Evm, data: bytes = b"", **options) -> bytes:
    return evm.call(TARGET, data, sender=SENDER, **options)


def creation_of(runtime: bytes, before: bytes = b"") -> bytes:
    """Creation code that runs ``before`` and then returns the runtime code."""
    start = len(before) + 11
    return before + bytes([0x60, len(runtime), 0x60, start, 0x5F, 0x39, 0x60, len(runtime), 0x5F, 0xF3, 0]) + runtime


# ---------------------------------------------------------------- gas and state on a used world


def test_gas_is_that_of_a_cold_transaction_however_often_the_world_was_used():
    evm = evm_with(ADD)
    generator = random.Random(1)
    for i in range(1, 400):
        evm.rebase({(TARGET, 1): i})
        with evm.anchor():
            added = generator.randrange(1, 10**30)
            assert int.from_bytes(call(evm, word(added)), "big") == i + added
            cold = evm.gas_used
            call(evm, word(added))
            warm = evm.gas_used
        # 21,000; calldata; 2,100 + 2,900 for the cold slot of non-zero to non-zero
        assert cold - data_gas(word(added)) == 21_000 + 2_100 + 2_900 + OPCODES_OF_ADD
        assert warm < cold  # the second call of an anchor is not what a chain would charge


OPCODES_OF_ADD = 2 + 3 + 3 + 3 + 3 + 3 + 100 + 3 + 3 + 3 + 3 + 3  # less than the two counted above; 100 is a warm SLOAD


def data_gas(data: bytes) -> int:
    return sum(4 if byte == 0 else 16 for byte in data)


def test_a_rebased_value_is_served_after_a_call_that_changed_the_slot():
    evm = evm_with(ADD)
    for value in (5, 2**255, 0, 9):
        evm.rebase({(TARGET, 1): value})
        with evm.anchor():
            assert evm.storage(TARGET, 1) == value
            assert int.from_bytes(call(evm, word(1)), "big") == value + 1
            assert evm.storage(TARGET, 1) == value + 1
        assert evm.storage(TARGET, 1) == value


def test_trap_a_slot_read_outside_a_snapshot_hides_later_writes():
    evm = evm_with()
    raw = evm._evm
    raw.storage(TARGET, 0)
    evm.rebase({(TARGET, 0): 7})
    assert raw.storage(TARGET, 0) == 0  # which is why every read and call is inside an anchor


def test_trap_only_the_first_write_in_a_snapshot_reaches_the_database():
    evm = evm_with()
    raw = evm._evm
    checkpoint = raw.snapshot()
    raw.insert_account_storage(TARGET, 0, 7)
    raw.insert_account_storage(TARGET, 1, 8)
    raw.revert(checkpoint)
    with evm.anchor():
        assert (raw.storage(TARGET, 0), raw.storage(TARGET, 1)) == (7, 0)
    evm.rebase({(TARGET, 2): 7, (TARGET, 3): 8})  # rebase takes a snapshot a slot
    with evm.anchor():
        assert (evm.storage(TARGET, 2), evm.storage(TARGET, 3)) == (7, 8)


def test_trap_raw_code_is_analysed_at_every_call_and_ours_once():
    evm = evm_with(ADD)
    with evm.anchor():
        assert "Analysed" in str(evm._evm.basic(TARGET))


def test_peek_leaves_storage_cold():
    evm = evm_with()
    evm.rebase({(TARGET, 0): 3})

    def gas(look) -> int:
        with evm.anchor():
            look()
            call(evm)
            return evm.gas_used

    def peek() -> None:
        with evm.peek():
            assert evm.storage(TARGET, 0) == 3

    untouched = gas(lambda: None)
    assert gas(peek) == untouched
    assert gas(lambda: evm.storage(TARGET, 0)) == untouched - 2_000  # a plain read warms it


def test_transient_storage_does_not_outlive_its_transaction():
    evm = evm_with(TRANSIENT)
    with evm.anchor():
        assert [int.from_bytes(call(evm), "big") for _ in range(3)] == [0, 0, 0]


def test_anchors_nest_and_undo_in_order():
    evm = evm_with(ADD)
    with evm.anchor():
        call(evm, word(1))
        with evm.anchor():
            call(evm, word(10))
            evm.open()
            call(evm, word(100))
            evm.keep()
            assert evm.storage(TARGET, 1) == 111
        assert evm.storage(TARGET, 1) == 1
        evm.open()
        call(evm, word(5))
        evm.keep()
        assert evm.storage(TARGET, 1) == 6
    assert evm.storage(TARGET, 1) == 0
    assert not evm.anchored


def test_depth_does_not_leak_over_many_kept_and_undone_anchors():
    evm = evm_with(ADD)
    for _ in range(3):
        with evm.anchor():
            for i in range(1500):  # the EVM's depth ends at 1024
                evm.open()
                call(evm, word(1))
                evm.keep() if i % 2 else evm.undo()
            assert evm.storage(TARGET, 1) == 750
    assert evm._evm.journal_depth == 0


def test_an_exception_inside_an_anchor_undoes_too():
    evm = evm_with(ADD)

    def fail() -> None:
        with evm.anchor():
            call(evm, word(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not evm.anchored
    assert evm.storage(TARGET, 1) == 0


# ---------------------------------------------------------------- misuse is refused


def test_what_would_corrupt_state_or_gas_is_refused():
    evm = evm_with()
    with pytest.raises(EvmMisuseError, match="outside an anchor"):
        call(evm)
    with pytest.raises(EvmMisuseError, match="outside an anchor"):
        evm.deploy(creation_of(STOP), sender=SENDER)
    with evm.anchor():
        for act in (
            lambda: evm.rebase({(TARGET, 0): 1}),
            lambda: evm.set_code(OTHER, STOP),
            lambda: evm.persist().__enter__(),
            evm.keep,
        ):
            with pytest.raises(EvmMisuseError):
                act()
    with pytest.raises(EvmMisuseError, match="nothing was called"):
        _ = Evm(1).gas_used


# ---------------------------------------------------------------- what becomes permanent


def test_persist_moves_code_and_storage_into_the_database():
    evm = Evm(1)
    huge = 2**256 - 3
    store = bytes([0x7F]) + word(huge) + bytes.fromhex("60015560096002556000600255")  # slot 1 huge; slot 2 set, cleared
    with evm.persist():
        first = evm.deploy(creation_of(ADD, store), sender=SENDER)
    assert evm.storage(first, 1) == huge
    assert evm.storage(first, 2) == 0
    assert evm.code(first) == ADD
    evm.rebase({(first, 1): 5})
    with evm.anchor():
        assert int.from_bytes(evm.call(first, word(2), sender=SENDER), "big") == 7
        assert evm.gas_used - data_gas(word(2)) == 21_000 + 2_100 + 2_900 + OPCODES_OF_ADD
    with evm.persist():
        second = evm.deploy(creation_of(ADD), sender=SENDER)
    assert second != first  # the deployer's nonce was kept


def test_persist_keeps_nothing_of_what_failed():
    evm = evm_with(ADD)

    def fail() -> None:
        with evm.persist():
            call(evm, word(1))
            evm.deploy(bytes.fromhex("5f5ffd"), sender=SENDER)

    with pytest.raises(Reverted):
        fail()
    assert evm.storage(TARGET, 1) == 0
    with evm.anchor():
        assert evm.storage(TARGET, 1) == 0


def test_code_can_be_replaced_on_a_used_world_and_storage_stays():
    evm = evm_with(LOAD)
    evm.rebase({(TARGET, 0): 4, (TARGET, 1): 6})
    with evm.anchor():
        assert call(evm) == word(4)
    evm.set_code(TARGET, ADD)
    with evm.anchor():
        assert call(evm, word(1)) == word(7)
    assert evm.code(TARGET) == ADD
    assert evm.code(OTHER) == b""


# ---------------------------------------------------------------- results and errors


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "without a reason"),
        (bytes.fromhex("08c379a0") + word(32) + word(4) + b"oops".ljust(32, b"\0"), "'oops'"),
        (bytes.fromhex("4e487b71") + word(0x11), "panic 0x11"),
        (bytes.fromhex("deadbeef") + word(1), "0xdeadbeef" + "00" * 31 + "01"),
        (bytes.fromhex("08c379a0") + word(32) + word(2**255), "''"),
    ],
)
def test_a_revert_carries_its_data_and_gas(data, text):
    evm = evm_with(REVERT_DATA)
    with evm.anchor(), pytest.raises(Reverted) as caught:
        call(evm, data)
    assert caught.value.output == data
    assert str(caught.value) == f"reverted: {text}"
    assert 21_000 < caught.value.gas_used < 25_000


def test_a_halt_names_its_reason():
    evm = evm_with(LOOP)
    with evm.anchor(), pytest.raises(Halted, match="OutOfGas") as caught:
        call(evm, gas=100_000)
    assert caught.value.gas_used == 100_000
    evm.set_code(TARGET, bytes.fromhex("fe"))
    with evm.anchor(), pytest.raises(Halted, match="InvalidFEOpcode"):
        call(evm)
    evm.set_code(SENDER, STOP)
    with evm.anchor(), pytest.raises(Halted, match="RejectCallerWithCode"):
        call(evm)


def test_the_world_can_be_used_after_a_failed_call():
    evm = evm_with(LOOP)
    with evm.anchor(), pytest.raises(Halted):
        call(evm, gas=50_000)
    evm.set_code(TARGET, LOAD)
    evm.rebase({(TARGET, 0): 8})
    with evm.anchor():
        assert call(evm) == word(8)


def test_logs_of_the_last_call():
    evm = evm_with(LOG)
    with evm.anchor():
        call(evm)
        assert evm.logs == [(TARGET, [word(255)], word(42))]


def test_block_and_chain_are_what_was_set():
    evm = Evm(chain_id=10)
    evm.set_code(TARGET, bytes.fromhex("435f52426020524660405260605ff3"))
    evm.set_block(123, 456)
    with evm.anchor():
        assert call(evm) == word(123) + word(456) + word(10)
        evm.set_block(124, 468)
        assert call(evm) == word(124) + word(468) + word(10)


def test_the_rules_are_cancuns():
    evm = evm_with(bytes.fromhex("4a5f5260205ff3"))  # BLOBBASEFEE came with Cancun
    with evm.anchor():
        call(evm)
    evm.set_code(TARGET, bytes.fromhex("5f5c5f5d00"))  # TLOAD, TSTORE too
    with evm.anchor():
        call(evm)
