"""A chain is forked at several blocks; its node is stopped; what happened there happens again, from the files alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from fork_world import node_at, transactions, views
from rpc_world.anvil import Anvil
from rpc_world.traffic import played

from ingest.fork.file import read_fork, write_fork
from ingest.fork.reader import StateReader
from verify.fork.dryrun import Known, MissingStateError, dry_run
from verify.fork.machine import ForkedEvm

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.truth import Transaction
    from rpc_world.world import World

    from ingest.fork.records import ForkCall
    from verify.fork.machine import Outcome

BLOCKS = 120
FORKS = (5, 30, 90)
"""After so many blocks of traffic."""
SPAN = 10


@dataclass(frozen=True)
class Taken:
    """A fork's file, the transactions after its block, and what the chain then answered to every question."""

    path: Path
    happened: list[tuple[ForkCall, Transaction]]
    questions: list[ForkCall]
    answers: list[str]
    outcomes: tuple[Outcome, ...]


def questions_of(world: World) -> list[tuple[Any, ...]]:
    """Everything that a pool tells of itself, and what it has of its tokens."""
    found: list[tuple[Any, ...]] = []
    for venue in world.venues.values():
        if venue.kind == "v4":
            continue
        if venue.kind == "v2":
            names = ("getReserves", "price0CumulativeLast", "price1CumulativeLast", "kLast", "totalSupply")
            found += [(venue.name, name) for name in names]
        else:
            names = ("slot0", "liquidity", "feeGrowthGlobal0X128", "feeGrowthGlobal1X128", "protocolFees")
            found += [(venue.name, name) for name in names]
            found += [(venue.name, "observe", [0]), (venue.name, "observations", 0)]
            ((_, tick, *_),) = world.ask([(venue.name, "slot0")])
            near = tick // venue.tick_spacing // 256
            found += [(venue.name, "tickBitmap", place) for place in range(near - 2, near + 3)]
            found += [(venue.name, "ticks", one) for one in world.around(venue, world.sqrt_price(venue), -1800, 1800)]
        tokens = (venue.token0, venue.token1)
        found += [(world.name_of(token), "balanceOf", venue.address) for token in tokens]
    return found


@pytest.fixture(scope="module")
def taken(tmp_path_factory) -> list[Taken]:
    """Forks of a chain that is gone."""
    folder, found = tmp_path_factory.mktemp("forks"), []
    with Anvil() as chain:
        world = played(chain, blocks=BLOCKS).world
        begun = world.head - BLOCKS
        for after in FORKS:
            block = begun + after
            happened = transactions(world, block + 1, block + SPAN)
            asked, answers = views(world, block + SPAN, questions_of(world))
            with node_at(chain.url) as node:
                reader = StateReader(node, block)
                outcomes = dry_run(reader, [call for call, _ in happened] + asked)
                found.append(Taken(write_fork(reader.fork(), folder), happened, asked, answers, outcomes))
    assert chain.closed
    return found


@pytest.mark.parametrize("place", range(len(FORKS)))
def test_the_same_transactions_do_what_they_did_on_the_chain(taken, place):
    one = taken[place]
    assert len(one.happened) > 20
    evm = ForkedEvm.of(read_fork(one.path))
    for call, made in one.happened:
        outcome = evm.transact(call)
        logs = [
            (address, tuple("0x" + topic.hex() for topic in topics), data) for address, topics, data in outcome.logs
        ]
        assert outcome.succeeded == made.succeeded, made
        assert logs == [(log.address, log.topics, bytes.fromhex(log.data[2:])) for log in made.logs]
        assert outcome.gas_used == made.gas_used, made


@pytest.mark.parametrize("place", range(len(FORKS)))
def test_after_them_the_world_is_the_chain(taken, place):
    one = taken[place]
    evm = ForkedEvm.of(read_fork(one.path))
    before = [evm.view(question).output for question in one.questions]
    for call, _ in one.happened:
        evm.transact(call)
    told = ["0x" + evm.view(question).output.hex() for question in one.questions]
    assert told == one.answers
    assert sum(now != bytes.fromhex(then[2:]) for now, then in zip(before, told, strict=True)) > 20, "much has changed"


@pytest.mark.parametrize("place", range(len(FORKS)))
def test_the_replay_from_the_file_is_the_run_that_made_it(taken, place):
    one = taken[place]
    calls = [call for call, _ in one.happened] + one.questions
    assert dry_run(Known(read_fork(one.path)), calls) == one.outcomes


def test_every_fork_is_proven_by_its_block_and_has_some_failures_in_it(taken):
    assert not any(read_fork(one.path).told for one in taken)
    assert any(not outcome.succeeded for one in taken for outcome in one.outcomes), "reverts are replayed too"


def test_another_forks_transactions_are_refused_by_name(taken):
    first, last = read_fork(taken[0].path), taken[-1]
    with pytest.raises(MissingStateError, match="does not know 0x"):
        dry_run(Known(first), [call for call, _ in last.happened])


def test_without_one_slot_that_matters_the_fork_is_refused(taken):
    fork, one = read_fork(taken[0].path), taken[0]
    calls = [call for call, _ in one.happened]
    address, slot = next(key for key in sorted(fork.keys.slots) if fork.accounts[key[0]].storage[key[1]])
    account = fork.accounts[address]
    storage = {place: value for place, value in account.storage.items() if place != slot}
    poorer = replace(fork, accounts={**fork.accounts, address: replace(account, storage=storage)})
    with pytest.raises(MissingStateError, match=f"{address} slot {slot:#x}"):
        dry_run(Known(poorer), [*calls, *one.questions])
