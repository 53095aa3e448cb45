"""Worlds on a fork: the chain's own pools and tokens, on which history and candidates are replayed without a node."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fork_world import send
from rpc_commands import history_in, pactsmith, rpc
from rpc_world.anvil import Anvil
from rpc_world.traffic import played
from rules import bundled
from test_replay import plan_of
from twins import Twinned

from ingest.errors import InputError
from ingest.fork.file import read_fork, write_fork
from ingest.records import LiquidityEvent
from verify import slots as at
from verify.admission import admit
from verify.anchors import Anchors
from verify.audit import audit
from verify.baselines import Cut, compute
from verify.beside import audit_beside, world_of
from verify.compile import constructor_data
from verify.contracts import contracts_dir
from verify.fork.base import ForkBase
from verify.fork.dryrun import MissingStateError
from verify.reference import Reference
from verify.world import World

if TYPE_CHECKING:
    from ingest.records import History

OBSERVATIONS = 7
VENUES = ("v2 USD/WETH", "v3 USD/WETH 500", "v3 USD/WETH 3000", "v4 USD/WETH 3000")
RULES = [contracts_dir() / "templates" / f"{name}.sol" for name in ("Sequential", "CallAuction")]


@dataclass(frozen=True)
class Forked:
    """A chain's pools from a block on: their histories, a fork of that block, and what the pools then held at times."""

    store: Path
    file: Path
    histories: dict[str, History]
    made: dict
    chain: Anvil
    held: dict

    def base(self, *venues: str) -> ForkBase:
        return ForkBase.of(read_fork(self.file), [self.histories[venue] for venue in venues])


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    store = tmp_path_factory.mktemp("forked")
    with Anvil() as chain:
        traffic = played(chain, blocks=100)
        world = traffic.world
        send(world, world.contracts["v3 USD/WETH 500"], "increaseObservationCardinalityNext", OBSERVATIONS)
        first = world.head + 1
        traffic.play(60)
        told = pactsmith(store, *rpc(world, *(world.venues[name] for name in VENUES)), "--from-block", first).done()
        names = [one["history"] for one in told["histories"]]
        manager = world.contracts["v4 manager"].address
        made = pactsmith(
            store, "fork", "make", *names, "--rpc-url", chain.url, "--manager", manager, "--block", first - 1
        ).done()
        histories = {venue: history_in(store, name) for venue, name in zip(VENUES, names, strict=True)}
        held = {block: held_at(world, chain, block) for block in range(first + 9, world.head + 1, 10)}
        chain.rollback(world.head - first + 1)
        yield Forked(store, store / "forks" / made["file"].rsplit("/", 1)[1], histories, made, chain, held)


def held_at(world, chain: Anvil, block: int) -> dict:
    """Every slot of the v2 and v3 pools that tells prices, liquidity and time-weighted prices."""
    keys = [(world.venues["v2 USD/WETH"].address, slot) for slot in (*range(at.V2_RESERVES, at.V2_K_LAST + 1), 0)]
    for venue in VENUES[1:3]:
        pool = world.venues[venue].address
        observations = range(at.V3_OBSERVATIONS, at.V3_OBSERVATIONS + OBSERVATIONS)
        keys += [(pool, slot) for slot in (at.V3_SLOT0, at.V3_LIQUIDITY, *observations)]
    answers = chain.rpc.batch([("eth_getStorageAt", pool, hex(slot), hex(block)) for pool, slot in keys])
    return dict(zip(keys, (int(answer, 16) for answer in answers), strict=True))


# ---------------------------------------------------------------- history


@pytest.mark.parametrize("venue", VENUES)
def test_history_goes_on_from_the_fork_event_by_event(forked, venue):
    history = forked.histories[venue]
    report, _ = audit(history, forked.base(venue))
    assert report.exact == report.swaps > 10
    assert report.liquidity_exact == report.liquidity_events > 3


@pytest.mark.parametrize("venue", VENUES[:3])
def test_a_pool_of_a_fork_then_holds_what_the_chain_s_does(forked, venue):
    """At the end of many blocks: price, tick, liquidity or reserves and shares, cumulative prices."""
    history, base = forked.histories[venue], forked.base(venue)
    world, compared = world_of(history, base=base), 0
    events = iter(history.events)
    event = next(events, None)
    for block, held in forked.held.items():
        while event is not None and event.block_number <= block:
            world.apply(event)
            event = next(events, None)
        own = {key: value for key, value in held.items() if key[0] == world.pool}
        assert {key: world.evm.storage(*key) for key in own} == own
        compared += len(own)
    assert compared >= 12


def test_a_position_that_history_will_burn_has_earned_nothing_before_the_fork(forked):
    """A v4 manager pays a position's fees out when it is burnt: the driver that stands for its owner is owed none."""
    history, base = forked.histories[VENUES[3]], forked.base(VENUES[3])
    state = history.initial_state
    lower, upper = state.ticks[0].tick, state.ticks[-1].tick
    liquidity = abs(state.ticks[0].liquidity_net) // 2
    world = World.build(state, separate_positions=[(lower, upper, liquidity)], base=base)
    block = base.fork.block
    place = (block.block_number + 1, block.block_ts + 12, "", 0, 0)
    burn = LiquidityEvent(0, "burn", *place, tick_lower=lower, tick_upper=upper, liquidity=liquidity)
    keys = [world.balance_key(token, world.driver) for token in (world.token0, world.token1)]
    with world.anchor():
        before = [world.evm.storage(*key) for key in keys]
        world.apply(burn)
        assert all(world.evm.storage(*key) > held for key, held in zip(keys, before, strict=True))
        world.apply(replace(burn, kind="mint"))
        assert all(0 <= held - world.evm.storage(*key) <= 1 for key, held in zip(keys, before, strict=True))


# ---------------------------------------------------------------- candidates


@pytest.mark.parametrize("venues", [VENUES[:3], VENUES[1:3], VENUES[3:]], ids=lambda venues: venues[0])
def test_a_settlement_on_the_fork_is_one_on_the_chain(forked, venues):
    """The chain itself, back at the forked block and with history's changes: gas and logs to the unit."""
    own, *others = (forked.histories[venue] for venue in venues)
    base = forked.base(*venues)
    beside, plan = audit_beside(own, others, base)[1], plan_of(own)
    trace = audit(own, base)[1]

    def anchors():
        return Anchors(world_of(own, *others, base=base), trace, beside)

    reading, reference = plan.readings["rules"], Reference(own)
    cut = Cut("settlement", 1)
    batches = compute(own, reading, reference, anchors(), slack_bps=50, cuts=[cut]).batches["settlement", 1]
    kept = forked.chain.rpc("evm_snapshot")
    for rule in bundled():
        creation_code = constructor_data(admit(rule.source, file=rule.file), rule.parameters)
        stage = Twinned(own, anchors(), creation_code, max(len(batch.intents) for batch in batches), {})
        stage.mirror(forked.chain, base)
        for batch in batches:
            stage.run(batch)
        assert stage.compared == len(batches) > 5
        assert forked.chain.rpc("evm_revert", kept)
        kept = forked.chain.rpc("evm_snapshot")


def test_the_same_verdict_comes_from_the_file_alone(forked, tmp_path):
    """Made through the node, then again in another store from the file, by another number of workers."""
    name, other = (forked.histories[venue].name for venue in VENUES[1:3])
    scoring = ["verify", *RULES, "--history", name, "--beside", other, "--window", 1, "--window", 3]
    elsewhere = tmp_path / "store"
    shutil.copytree(forked.store, elsewhere)
    first = pactsmith(forked.store, *scoring, "--rpc-url", forked.chain.url, "--workers", 2).done()
    (file,) = (path for path in (forked.store / "forks").iterdir() if path != forked.file)
    again = pactsmith(elsewhere, *scoring, "--fork", file, "--workers", 1).done()
    assert again["from_store"] == 0
    page = Path(first["report"]["html"]).read_text(encoding="utf-8")
    assert f"forked after block {first['market']['fork']['block_number']:,} ({forked.made['block_hash']})" in page
    for key in ("report", "seconds", "from_store"):
        del first[key], again[key]
    assert again == first
    assert first["market"]["fork"]["proven"] is True
    assert first["audit"]["mismatched"] == 0
    assert not any("stood in for" in caveat for caveat in first["caveats"])


def test_gas_is_that_of_the_chain_s_own_tokens(forked, tmp_path):
    """The same rule on the same orders costs other gas than with the harness's tokens, and fills the same."""
    name = forked.histories[VENUES[0]].name
    own = pactsmith(forked.store, "verify", RULES[0], "--history", name, "--fork", forked.file).done()
    plain = pactsmith(forked.store, "verify", RULES[0], "--history", name).done()
    (one,), (other,) = own["candidates"], plain["candidates"]
    assert own["run_id"] != plain["run_id"]
    assert one["gas_per_order"] != other["gas_per_order"]
    assert one["metrics"]["train"]["improvement_bps"] == other["metrics"]["train"]["improvement_bps"]


# ---------------------------------------------------------------- what is refused


def test_a_fork_of_another_moment_is_refused(forked):
    history = forked.histories[VENUES[1]]
    fork = read_fork(forked.file)
    later = replace(fork, block=replace(fork.block, block_number=history.events[0].block_number))
    with pytest.raises(InputError, match="before the first"):
        ForkBase.of(later, [history])
    with pytest.raises(InputError, match="chain"):
        ForkBase.of(replace(fork, block=replace(fork.block, chain_id=10)), [history])
    moved = replace(history, initial_state=replace(history.initial_state, liquidity=1))
    with pytest.raises(InputError, match=r"has liquidity \d+ at the fork's block, and 1"):
        world_of(moved, base=forked.base(VENUES[1]))


def test_a_v4_pool_that_cannot_be_replayed_is_refused_by_name(forked):
    history = forked.histories[VENUES[3]]
    pool = replace(history.pool, token0=replace(history.pool.token0, address="0x" + "00" * 20))
    native = replace(history, initial_state=replace(history.initial_state, pool=pool))
    with pytest.raises(InputError, match="chain's own coin"):
        ForkBase.of(read_fork(forked.file), [native])


@pytest.mark.parametrize("venue", VENUES)
def test_a_fork_that_lacks_a_slot_of_a_pool_is_refused(forked, venue):
    history, fork = forked.histories[venue], read_fork(forked.file)
    base = forked.base(venue)
    pool, token = world_of(history, base=base).pool, history.pool.token1.address
    slot = at.V2_RESERVES if history.pool.kind == "v2" else max(fork.accounts[pool].storage)
    for contract, gone in ((pool, slot), (token, base.ledgers[token].slot(pool)[1])):
        poorer = {key: value for key, value in fork.accounts[contract].storage.items() if key != gone}
        accounts = dict(fork.accounts) | {contract: replace(fork.accounts[contract], storage=poorer)}
        with pytest.raises((MissingStateError, InputError)):
            ForkBase.of(replace(fork, accounts=accounts), [history])


def test_a_file_and_a_node_together_are_refused(forked):
    name = forked.histories[VENUES[0]].name
    ran = pactsmith(
        forked.store, "verify", RULES[0], "--history", name, "--fork", forked.file, "--rpc-url", forked.chain.url
    )
    assert ran.code == 2
    assert "either --fork or --rpc-url" in ran.document["error"]["message"]


def test_a_dead_node_leaves_no_verdict_and_no_file(forked, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(forked.store, store)
    shutil.rmtree(store / "forks")
    name = forked.histories[VENUES[0]].name
    ran = pactsmith(store, "verify", RULES[0], "--history", name, "--rpc-url", "http://127.0.0.1:9")
    assert ran.code == 1
    assert not (store / "forks").exists()
    assert write_fork(read_fork(forked.file), tmp_path / "again").name == forked.file.name
