"""Finding what calls touch: frames that revert, chains of pointers, contracts that are made; and what is refused."""

from __future__ import annotations

import time

import pytest
from fork_world import node_at, put, send
from rpc_world.anvil import Anvil
from rpc_world.deploy import deploy

from ingest.errors import InputError
from ingest.fork.reader import StateReader
from ingest.fork.records import ForkAccount, ForkCall, Keys
from verify.confine import Limits
from verify.fork import dryrun
from verify.fork.dryrun import Known, MissingStateError, dry_run
from verify.fork.machine import ForkedEvm, unlike_the_chain
from verify.fork.prepare import caveats
from verify.fork.worker import Changes, RunError, Worker

ETHER = 10**18


class Blind(StateReader):
    """A reader whose node guesses nothing."""

    def guess(self, calls):  # noqa: ARG002 - the reader's
        return Keys()


@pytest.fixture(scope="module")
def world():
    with Anvil() as chain:
        yield deploy(chain)


@pytest.fixture(scope="module")
def traps(world):
    contract = put(world, "Traps")
    send(world, contract, "make")
    world.mine([_value(world, contract.address, 5 * ETHER)])
    return contract


def _value(world, to, amount):
    from rpc_world.world import Call

    return Call(world.deployer, to, "0x", amount)


@pytest.fixture
def reader(world, traps):
    with node_at(world.chain.url) as node:
        yield Blind(node, world.head)


def call_of(world, contract, function, *arguments, gas=3_000_000, **more) -> ForkCall:
    block = world.truth.blocks[-1]
    data = bytes.fromhex(contract.data(function, *arguments)[2:])
    return ForkCall(world.users[0], contract.address, data, block.number + 1, block.ts + 12, gas, **more)


def number(outcome) -> int:
    assert outcome.succeeded, outcome
    return int.from_bytes(outcome.output, "big")


def test_what_a_frame_read_that_reverted_is_found(world, traps, reader):
    (outcome,) = dry_run(reader, [call_of(world, traps, "inReverted")])
    assert number(outcome) == 11
    storage = reader.accounts[traps.address].storage
    assert (storage[0], storage[1]) == (7, 11)
    assert ForkedEvm.of(reader.fork()).transact(call_of(world, traps, "inReverted")) == outcome


def test_values_that_point_to_values_are_followed_to_the_end(world, traps, reader):
    (outcome,) = dry_run(reader, [call_of(world, traps, "follow")])
    assert number(outcome) == 120
    storage = reader.accounts[traps.address].storage
    assert set(storage.values()) == {0, *range(100, 121)}


def test_more_rounds_than_allowed_are_an_error(world, traps, reader, monkeypatch):
    monkeypatch.setattr(dryrun, "MAX_ROUNDS", 5)
    with pytest.raises(InputError, match="after 5 rounds"):
        dry_run(reader, [call_of(world, traps, "follow")])


def test_a_guess_saves_rounds_and_changes_nothing(world, traps, reader, monkeypatch):
    calls = [call_of(world, traps, "follow")]
    told = dry_run(reader, calls)
    monkeypatch.setattr(dryrun, "MAX_ROUNDS", 3)
    with node_at(world.chain.url) as node:
        assert dry_run(StateReader(node, world.head), calls) == told


def test_whether_a_contract_can_be_made_depends_on_what_is_there(world, traps, reader):
    """It was made on the chain, so that making it again fails, though nothing in the calls names it."""
    (outcome,) = dry_run(reader, [call_of(world, traps, "make")])
    assert number(outcome) == 0
    child = "0x" + world.chain.rpc("eth_getStorageAt", traps.address, "0x4", "latest")[-40:]
    assert reader.accounts[child].code


def test_a_contract_that_is_made_lives_on(world, reader):
    other = put(world, "Traps")
    with node_at(world.chain.url) as node:
        late = Blind(node, world.head)
        calls = [call_of(world, other, name) for name in ("make", "poke", "poke")]
        outcomes = dry_run(late, calls)
        assert [number(outcome) for outcome in outcomes] == [1, 41, 42]
        fork = late.fork()
    assert dry_run(Known(fork), calls) == outcomes


def test_ether_moves_and_stays_moved(world, traps, reader):
    nobody = "0x" + "12" * 20
    calls = [
        call_of(world, traps, "balances", nobody),
        call_of(world, traps, "pay", nobody, ETHER),
        call_of(world, traps, "balances", nobody),
    ]
    before, paid, after = dry_run(reader, calls)
    assert paid.succeeded
    halves = [
        (int.from_bytes(one.output[:32], "big"), int.from_bytes(one.output[32:], "big")) for one in (before, after)
    ]
    assert halves == [(5 * ETHER, 0), (4 * ETHER, ETHER)]
    evm = ForkedEvm.of(reader.fork())
    assert [evm.transact(call) for call in calls] == [before, paid, after]


def test_what_a_call_clears_is_clear_for_the_next(world, traps, reader):
    calls = [call_of(world, traps, name) for name in ("inReverted", "clear", "inReverted")]
    before, _, after = dry_run(reader, calls)
    assert (number(before), number(after)) == (11, 0)
    evm = ForkedEvm.of(reader.fork())
    assert [evm.transact(call) for call in calls][2] == after


def test_a_call_sees_its_block(world, traps, reader):
    base = call_of(world, traps, "environment")
    own = ForkCall(
        base.sender, base.to, base.data, 999, 2_000_000_000, base.gas, 0, "0x" + "0c" * 20, (7).to_bytes(32, "big")
    )
    told, other = dry_run(reader, [base, own])
    words = [int.from_bytes(told.output[place : place + 32], "big") for place in range(0, 160, 32)]
    block = reader.block
    assert words == [
        base.block_number,
        base.block_ts,
        int(block.coinbase, 16),
        int.from_bytes(block.prevrandao, "big"),
        1,
    ]
    words = [int.from_bytes(other.output[place : place + 32], "big") for place in range(0, 160, 32)]
    assert words == [999, 2_000_000_000, int("0c" * 20, 16), 7, 1]


def test_a_call_that_asks_for_a_blocks_hash_is_refused(world, traps, reader):
    with pytest.raises(InputError, match="block's hash"):
        dry_run(reader, [call_of(world, traps, "blockHash")])


def test_code_that_may_ask_what_is_answered_otherwise_is_named(world, traps, reader):
    dry_run(reader, [call_of(world, traps, "baseFee")])
    (said,) = caveats(reader.fork())
    assert said.startswith(f"{traps.address} may use BASEFEE, BLOCKHASH")
    assert not unlike_the_chain(bytes.fromhex("6048 00 48 40"))  # pushed, and behind the end


def test_a_call_without_end_stops_at_its_gas_or_is_killed(world, traps, reader):
    (outcome,) = dry_run(reader, [call_of(world, traps, "spin", gas=1_000_000)])
    assert "OutOfGas" in outcome.halt
    endless = call_of(world, traps, "spin", gas=1 << 62)
    started = time.monotonic()
    with pytest.raises(RunError, match="longer than 1 s"):
        dry_run(reader, [endless], limits=Limits(wall_seconds=1.0, memory_bytes=4 << 30, cpu_seconds=30))
    assert time.monotonic() - started < 5


def test_a_process_that_dies_is_an_error(world, traps, reader):
    endless = call_of(world, traps, "spin", gas=1 << 62)
    with pytest.raises(RunError, match="bad end"):
        dry_run(reader, [endless], limits=Limits(wall_seconds=30.0, memory_bytes=4 << 30, cpu_seconds=1))


def test_a_fork_says_what_it_does_not_know(world, traps, reader):
    dry_run(reader, [call_of(world, traps, "inReverted")])
    fork = reader.fork()
    with pytest.raises(MissingStateError, match=f"{traps.address} slot 0x2"):
        dry_run(Known(fork), [call_of(world, traps, "follow")])


def test_changes_are_for_their_calls_alone(world, traps, reader):
    call = call_of(world, traps, "inReverted")
    (changed,) = dry_run(reader, [call], Changes(slots={(traps.address, 1): 12}))
    (true,) = dry_run(reader, [call])
    assert (number(changed), number(true)) == (12, 11)
    assert reader.accounts[traps.address].storage[1] == 11


def test_all_that_is_touched_is_told_and_nothing_else(world, traps, reader):
    call = call_of(world, traps, "inReverted")
    dry_run(reader, [call])
    with Worker() as worker:
        touched = worker.run(reader.block, reader.accounts, [call]).touched
    assert touched.slots == {(traps.address, 0), (traps.address, 1)}
    assert touched.accounts == {call.sender, call.to, reader.block.coinbase}


def test_an_account_that_runs_anothers_code_is_refused(reader):
    delegated = ForkAccount("0x" + "de" * 20, 0, 1, bytes.fromhex("ef0100" + "aa" * 20), {}, proven=False)
    with pytest.raises(InputError, match="EIP-7702"):
        ForkedEvm(reader.block, [delegated])
    with Worker() as worker, pytest.raises(InputError, match="EIP-7702"):
        worker.run(reader.block, {delegated.address: delegated}, [])


@pytest.mark.parametrize("nonce", [0, 1, 7])
@pytest.mark.parametrize("code", [b"", bytes.fromhex("60aa60005260206000f3"), bytes(30_000), b"\xef\x01"])
def test_an_account_is_loaded_as_it_was(reader, nonce, code):
    account = ForkAccount("0x" + "ac" * 20, 12345, nonce, code, {1: 2}, proven=False)
    evm = ForkedEvm(reader.block, [account])
    info = evm._evm.basic(account.address)
    assert (info.nonce, info.balance, bytes(info.code_hash)) == (nonce, 12345, account.code_hash)
    assert evm.storage(account.address, 1) == 2
