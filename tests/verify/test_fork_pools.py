"""Whole pools out of a chain: nothing that a rule could make them do touches what the fork does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fork_world import node_at, pool_of
from rpc_world.anvil import Anvil
from rpc_world.traffic import played

from ingest.errors import InputError
from ingest.fork.file import read_fork, write_fork
from ingest.fork.reader import StateReader
from ingest.fork.records import ForkCall
from verify.fork.dryrun import Known, dry_run
from verify.fork.machine import ForkedEvm
from verify.fork.pools import _Layout, fetch_pool
from verify.fork.prepare import prepare_fork
from verify.fork.tokens import examine_token
from verify.fork.worker import Changes
from verify.venues import labelled_address

MIN_SQRT, MAX_SQRT = 4295128739, 1461446703485210103287273052203988822378723970342  # TickMath


@pytest.fixture(scope="module")
def world():
    with Anvil() as chain:
        yield played(chain, blocks=60).world


@pytest.fixture(scope="module")
def pools(world):
    return [pool_of(world, world.venues[name]) for name in ("v2 USD/WETH", "v3 USD/WETH 500")]


@pytest.fixture(scope="module")
def prepared(world, pools):
    with node_at(world.chain.url) as node:
        return prepare_fork(StateReader(node, world.head), pools, parties=[world.contracts["v3 router"].address])


@pytest.mark.parametrize("name", ["v3 USD/WETH 500", "v3 USD/WETH 3000"])
def test_a_price_that_is_driven_from_end_to_end_meets_only_what_is_known(world, name):
    pool, bot = pool_of(world, world.venues[name]), world.contracts["bot"]
    with node_at(world.chain.url) as node:
        reader = StateReader(node, world.head)
        fetch_pool(reader, pool)
        known = set(reader.accounts[pool.address].storage)
        calls = []
        for sells0, limit in ((True, MIN_SQRT + 1), (False, MAX_SQRT - 1)):
            data = bytes.fromhex(bot.data("swapV3", pool.address, sells0, 1 << 200, limit)[2:])
            place = reader.block.block_number + 1, reader.block.block_ts + 12
            calls.append(ForkCall(world.bot_owners[0], bot.address, data, *place, 30_000_000))
        outcomes = dry_run(reader, calls)
        assert all(outcome.gas_used > 500_000 for outcome in outcomes), "it walked"
        assert set(reader.accounts[pool.address].storage) == known


@pytest.mark.parametrize("part", [slice(1, None), slice(1, -1)])
def test_a_tick_that_is_left_out_is_noticed(world, monkeypatch, part):
    """Also where two are, which together add nothing: the ends of the widest position."""
    pool = pool_of(world, world.venues["v3 USD/WETH 500"])
    ticks = _Layout.ticks
    monkeypatch.setattr(_Layout, "ticks", lambda layout: ticks(layout)[part])
    with node_at(world.chain.url) as node, pytest.raises(InputError, match="not all of it is known"):
        fetch_pool(StateReader(node, world.head), pool)


@pytest.mark.parametrize("kind", ["v2", "v3"])
def test_what_is_no_such_pool_is_refused(world, pools, kind):
    wrong = replace(pools[0], kind=kind, tick_spacing=10, address=world.tokens["WETH"])
    with node_at(world.chain.url) as node, pytest.raises(InputError, match="as Uniswap's"):
        fetch_pool(StateReader(node, world.head), wrong)


@pytest.mark.parametrize("name", ["v4 USD/WETH 3000", "v4 ETH/USD 500"])
def test_a_v4_pool_is_whole_too(world, name):
    venue = world.venues[name]
    pool = replace(pool_of(world, venue), address=venue.pool_id)
    with node_at(world.chain.url) as node:
        reader = StateReader(node, world.head)
        prepared = prepare_fork(reader, [pool], manager=venue.address)
        known = set(reader.accounts[venue.address].storage)
        calls = []
        for sells0, limit in ((True, MIN_SQRT + 1), (False, MAX_SQRT - 1)):
            data = world.contracts["v4 swap"].data("swap", venue.key, (sells0, -(1 << 90), limit), (False, False), b"")
            place = reader.block.block_number + 1, reader.block.block_ts + 12
            swap = bytes.fromhex(data[2:])
            calls.append(ForkCall(world.users[0], world.contracts["v4 swap"].address, swap, *place, 30_000_000))
        outcomes = dry_run(reader, calls)
        assert all(outcome.gas_used > 150_000 for outcome in outcomes), "it walked"
        beyond = set(reader.accounts[venue.address].storage) - known
    assert len(beyond) <= 2, "nothing of the pool's own; the protocol's fees at most"
    assert len(prepared.tokens) == (1 if "ETH/" in name else 2)


def test_a_v4_pool_without_its_manager_is_refused(world, pools):
    with node_at(world.chain.url) as node, pytest.raises(InputError, match="manager"):
        fetch_pool(StateReader(node, world.head), replace(pools[0], kind="v4"))


def test_tokens_of_the_pools_are_fit_and_their_ledgers_are_known(pools, prepared):
    assert [report.found for report in prepared.tokens] == [(), ()]
    assert [report.decimals for report in prepared.tokens] == [pools[0].token0.decimals, pools[0].token1.decimals]
    evm = ForkedEvm.of(prepared.fork)
    for report in prepared.tokens:
        assert report.ledger is not None
        for pool in pools:
            assert evm.storage(*report.ledger.slot(pool.address)) > 0


def test_a_pool_of_an_odd_token_makes_no_fork(world):
    pool = pool_of(world, world.venues["v2 TAXED/WETH"])
    with node_at(world.chain.url) as node, pytest.raises(InputError, match="fee on transfer"):
        prepare_fork(StateReader(node, world.head), [pool])


def test_the_fork_alone_says_the_same_of_its_tokens(pools, prepared):
    again = [examine_token(Known(prepared.fork), report.token, pools[-1].address) for report in prepared.tokens]
    assert again == list(prepared.tokens)


def test_caveats_are_there_only_where_something_was_told(world, pools, prepared):
    assert prepared.caveats == ()
    with node_at(world.chain.url) as node:
        told = prepare_fork(StateReader(node, world.head, proofs="off"), pools[:1])
    assert len(told.caveats) == 1
    assert "no proofs" in told.caveats[0]


def test_a_trader_of_our_own_trades_on_the_fork_as_the_chain_quotes(world, pools, tmp_path):
    """Somebody who has nothing on the chain is given some, and uses the chain's router; from the file alone."""
    pool, router, trader = pools[1], world.contracts["v3 router"], labelled_address("trader")
    amount, forever = 10**18, 1 << 40
    sold, bought = (one.address for one in (pool.token1, pool.token0))
    path = bytes.fromhex(sold[2:]) + pool.fee_pips.to_bytes(3, "big") + bytes.fromhex(bought[2:])
    ((quoted, *_),) = world.ask([("v3 quoter", "quoteExactInput", path, amount)])
    swap = router.data("exactInputSingle", (sold, bought, pool.fee_pips, trader, forever, amount, quoted, 0))
    approve = world.contracts[world.name_of(sold)].data("approve", router.address, amount)
    ts = world.truth.blocks[-1].ts + 12
    calls = [
        ForkCall(trader, to, bytes.fromhex(data[2:]), world.head + 1, ts, 1_000_000)
        for to, data in ((sold, approve), (router.address, swap))
    ]
    with node_at(world.chain.url) as node:
        reader = StateReader(node, world.head)
        ledger = prepare_fork(reader, [pool]).tokens[1].ledger
        assert ledger is not None
        funds = {ledger.slot(trader): 3 * amount}
        told = dry_run(reader, calls, Changes(slots=funds))
        path_of_file = write_fork(reader.fork(), tmp_path)
    fork = read_fork(path_of_file)
    assert dry_run(Known(fork), calls, Changes(slots=funds)) == told
    evm = ForkedEvm.of(fork)
    evm.rebase(funds)
    approved, swapped = (evm.transact(call) for call in calls)
    assert (approved, swapped) == told
    assert int.from_bytes(swapped.output, "big") == quoted > 0
    assert evm.storage(*ledger.slot(trader)) == 2 * amount
