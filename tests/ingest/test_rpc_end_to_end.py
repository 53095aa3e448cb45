"""Pools of a real chain through the real commands: what is stored is what happened, and proven to be all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from rpc_commands import NAME, SECRETIVE, V2, V3, V4, contents, history_in, ingested, pactsmith, rpc
from rpc_world.anvil import CHAIN_ID
from rpc_world.histories import history_of
from rules import bundled
from test_replay import replayed

from ingest.records import Swap

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.world import Venue, World

    from ingest.records import Pool

FEWEST_MOVES = 2_000
PLAIN_V4 = "v4 USD/WETH 3000"
"""Without hooks, of two ERC-20 tokens."""
ONE_OF_EACH = ("v2 USD/WETH", "v3 USD/WETH 3000", PLAIN_V4)


@dataclass(frozen=True, slots=True)
class Everything:
    """A store with every pool of the world, ingested by one command, and what that told of each, by venue's name."""

    store: Path
    told: dict[str, dict]

    def history(self, venue: str):
        return history_in(self.store, self.told[venue]["history"])


@pytest.fixture(scope="module")
def everything(world: World, tmp_path_factory) -> Everything:
    store = tmp_path_factory.mktemp("everything")
    done = pactsmith(store, *rpc(world, *world.venues.values())).done()["histories"]
    return Everything(store, dict(zip(world.venues, done, strict=True)))


def nameless(pool: Pool) -> Pool:
    """A pool without its tokens' symbols, of which some are none."""
    token0, token1 = (replace(token, symbol="") for token in (pool.token0, pool.token1))
    return replace(pool, token0=token0, token1=token1)


def address_of(venue: Venue) -> str:
    """What a pool's record is called by."""
    return venue.pool_id or venue.address


# ---------------------------------------------------------------- what arrives


@pytest.mark.parametrize("venue", [*V2, *V3, *V4])
def test_every_event_of_a_pool_arrives_and_none_is_missing_is_proven(world, everything, venue):
    history, truth = everything.history(venue), history_of(world, world.venues[venue])
    assert history.events == truth.events
    assert nameless(history.pool) == nameless(replace(truth.pool, address=address_of(world.venues[venue])))
    assert history.coverage is not None
    assert history.coverage.proof == "state", history.coverage.why
    assert history.coverage.last_block == world.head
    assert everything.told[venue]["gaps"] == []
    (caveat,) = history.caveats
    assert "that none are missing which together leave it as it was is not proven" in caveat


def test_the_pools_had_thousands_of_swaps_and_liquidity_changes(everything):
    events = [event for venue in everything.told for event in everything.history(venue).events]
    assert sum(isinstance(event, Swap) or event.kind in ("mint", "burn") for event in events) >= FEWEST_MOVES


@pytest.mark.parametrize("venue", [*V2, *V3, PLAIN_V4])
def test_every_event_replays_exactly_through_the_pools_bytecode(everything, venue):
    report = pactsmith(everything.store, "history", "audit", everything.told[venue]["history"], "--strict").done()
    assert report["exact"] == report["swaps"] >= 20
    assert report["audited_share_by_value"] == 1
    assert report["liquidity_exact"] == report["liquidity_events"] > 0
    assert (report["mismatched"], report["unexplained"], report["gaps"]) == (0, [], [])


@pytest.mark.parametrize("venue", ONE_OF_EACH)
def test_orders_settled_one_by_one_in_their_own_block_get_what_the_pool_gives_them(everything, venue):
    """The whole way from a node's logs to settlements by the kernel, on each kind of pool."""
    found = replayed(everything.history(venue), bundled("Sequential"))["Sequential", 1]
    orders = [order for outcomes in found.values() for order in outcomes.orders]
    assert len(orders) > 50
    assert sum(order.filled for order in orders) > len(orders) // 2
    assert all(order.bought == order.amm_out for order in orders)


@pytest.mark.parametrize("venue", [name for name in V4 if name != PLAIN_V4])
def test_a_v4_pool_of_the_chains_own_coin_says_that_it_cannot_be_replayed(everything, venue):
    ran = pactsmith(everything.store, "history", "audit", everything.told[venue]["history"])
    assert "a v4 pool of the chain's own coin" in ran.error["message"]


@pytest.mark.parametrize("venue", [*V2, *V3, *V4])
def test_each_swap_has_the_gas_that_its_transactions_receipt_tells(world, everything, venue):
    swaps = everything.history(venue).swaps
    hashes = list(dict.fromkeys(swap.tx_hash for swap in swaps))
    receipts = world.chain.rpc.batch([("eth_getTransactionReceipt", tx_hash) for tx_hash in hashes])
    paid = {one["transactionHash"]: (int(one["gasUsed"], 16), int(one["effectiveGasPrice"], 16)) for one in receipts}
    assert [(swap.gas_used, swap.gas_price_wei) for swap in swaps] == [paid[swap.tx_hash] for swap in swaps]


# ---------------------------------------------------------------- what traders wanted


def limits_of(world: World, venue: Venue) -> dict[str, int]:
    """The least that a trader's call over this pool alone had to bring, by transaction.

    A limit on what is paid, of a call for an exact amount, is the same price for what was paid, rounded up. Where a
    token takes its part of what is transferred, the pool's swap is not the trader's, and has no limit.
    """
    swaps: dict[str, list[Swap]] = {}
    for swap in history_of(world, venue).swaps:
        swaps.setdefault(swap.tx_hash, []).append(swap)
    found = {}
    for made, asked in world.router_calls():
        over = venue.kind, {venue.token0, venue.token1}, () if venue.kind == "v2" else (venue.fee_pips,)
        if not made.succeeded or (asked.venue, set(asked.path), asked.fees_pips) != over:
            continue
        paid = made.moved(asked.path[0], sender=asked.payer)
        got = made.moved(asked.path[-1], recipient=asked.receiver)
        (swap,) = swaps[made.hash]
        if (swap.amount_in, swap.amount_out) != (paid, got):
            assert "TAXED" in venue.name
        elif asked.kind == "sell":
            found[made.hash] = asked.amount_out
        else:
            found[made.hash] = -(-paid * asked.amount_out // asked.amount_in)
    return found


@pytest.mark.parametrize("venue", [*V2, *V3, *V4])
def test_the_limit_of_each_call_over_one_pool_is_known_and_no_other(world, everything, venue):
    history, truth = everything.history(venue), limits_of(world, world.venues[venue])
    known = {history.events[seq].tx_hash: limit for seq, limit in history.known_limits.items()}
    assert known == truth
    assert len(history.known_limits) == len(truth)
    assert (len(truth) >= 10) == (venue not in ("v2 TAXED/WETH", *V4))


# ---------------------------------------------------------------- tokens


def test_a_symbol_of_32_bytes_is_read(everything):
    pool = everything.history("v2 MKR/WETH").pool
    assert {pool.token0.symbol, pool.token1.symbol} == {"MKR", "WETH"}


@pytest.mark.parametrize("token", SECRETIVE)
def test_a_token_without_a_sound_symbol_goes_by_its_address(world, everything, token):
    venue, address = f"v2 {token}/WETH", world.tokens[token]
    pool = everything.history(venue).pool
    (own,) = {pool.token0, pool.token1} - {one for one in (pool.token0, pool.token1) if one.symbol == "WETH"}
    assert (own.address, own.symbol, own.decimals) == (address, f"{address[:6]}…{address[-4:]}", 18)
    shown = pactsmith(everything.store, "history", "show", everything.told[venue]["history"])
    assert own.symbol in shown.done()["pool"]
    assert not any(sign in shown.out for sign in ("\x1b", "\\u001b", "RED", "\u202e", "\\u202e"))


@pytest.mark.parametrize("token", SECRETIVE)
def test_a_token_that_does_not_tell_its_decimals_is_asked_about(world, tmp_path, token):
    arguments = ["--name", NAME, "--pool", world.venues[f"v2 {token}/WETH"].address, "--follow", "0"]
    ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", world.chain.url, *arguments)
    assert (ran.code, ran.error["field"]) == (2, "decimals")
    assert world.tokens[token] in ran.error["message"]
    unfit = ("USD=six", "nonsense=6", f"{world.tokens['USD']}=256")
    given_and_said = [(f"{world.tokens['USD']}=18", "does not tell"), *((one, "must be TOKEN=N") for one in unfit)]
    for given, said in given_and_said:
        ran = pactsmith(tmp_path, "ingest", "rpc", "--rpc-url", world.chain.url, *arguments, "--decimals", given)
        assert said in ran.error["message"]
    assert not (tmp_path / "history.duckdb").exists()


# ---------------------------------------------------------------- again, later, and from the middle


def test_the_same_command_twice_changes_nothing(world, everything):
    before = contents(everything.store)
    done = pactsmith(everything.store, *rpc(world, *world.venues.values())).done()["histories"]
    assert {one["written"] for one in done} == {"already stored"}
    assert {one["logs_fetched"] for one in done} == {0}
    assert contents(everything.store) == before


@pytest.mark.parametrize("venue", ONE_OF_EACH)
def test_one_pool_alone_gives_what_it_gives_among_others(world, everything, tmp_path, venue):
    ingested(tmp_path, world, world.venues[venue])
    alone = history_in(tmp_path)
    assert replace(alone, name=everything.told[venue]["history"]) == everything.history(venue)


@pytest.mark.parametrize("venue", ONE_OF_EACH)
def test_what_came_since_the_last_time_makes_the_same_as_one_ingest_of_all(traffic, world, tmp_path, venue):
    """First up to an older block, then after more was mined; the pool and the routers are named only at first."""
    grown, at_once, pool = tmp_path / "grown", tmp_path / "at once", world.venues[venue]
    with traffic.unchanged():
        ingested(grown, world, pool, "--to-block", world.head - 100)
        before = history_in(grown).events
        traffic.play(20)
        pactsmith(grown, *rpc(world)).done()
        after, truth = history_in(grown).events, history_of(world, pool).events
        assert after == truth
        assert before == truth[: len(before)]
        assert len(before) < sum(event.block_number <= world.head - 20 for event in truth) < len(truth)
        ingested(at_once, world, pool)
        assert contents(grown, anchors=False) == contents(at_once, anchors=False)


def test_it_stays_behind_the_head_as_far_as_it_is_told(world, tmp_path):
    told = ingested(tmp_path, world, world.venues["v2 MKR/WETH"], "--follow", "7")
    assert told["coverage"]["last_block"] == world.head - 7


@pytest.mark.parametrize("venue", ONE_OF_EACH)
def test_from_a_block_in_the_middle_it_begins_with_the_state_that_the_node_tells(world, tmp_path, venue):
    start, pool = world.head // 2, world.venues[venue]
    ingested(tmp_path, world, pool, "--from-block", start)
    history, whole = history_in(tmp_path), history_of(world, pool)
    tail = [event for event in whole.events if event.block_number >= start]
    assert history.events == tuple(replace(event, seq=seq) for seq, event in enumerate(tail))
    assert history.initial_state.after.block_number == start - 1
    assert (history.coverage.first_block, history.coverage.proof) == (start, "state")
    report = pactsmith(tmp_path, "history", "audit", NAME, "--strict").done()
    assert report["exact"] == report["swaps"] == len(history.swaps) > 50
    assert report["liquidity_exact"] == report["liquidity_events"] > 10


def test_a_history_is_not_gone_on_with_from_another_block_or_as_another_pools(world, tmp_path):
    first, other = world.venues["v2 MKR/WETH"], world.venues["v3 USD/WETH 3000"]
    ingested(tmp_path, world, first, "--to-block", 300)
    before = contents(tmp_path)["history"]
    assert pactsmith(tmp_path, *rpc(world, first), "--from-block", 100).error["field"] == "first block"
    assert pactsmith(tmp_path, *rpc(world, other)).error["field"] == "name"
    assert pactsmith(tmp_path, *rpc(world, first), "--to-block", world.head + 1).error["field"] == "last block"
    assert contents(tmp_path)["history"] == before


def test_what_is_no_pool_is_said_to_be_none(world, tmp_path):
    for pool in (world.tokens["USD"], world.users[0], "0x" + "12" * 32, "v2"):
        ran = pactsmith(tmp_path, *rpc(world), "--pool", pool)
        assert (ran.code, ran.error["field"]) == (2, "pool"), pool


def test_the_chain_is_part_of_what_is_told(everything):
    shown = pactsmith(everything.store, "history", "list").done()
    assert {one["chain_id"] for one in shown["histories"]} == {CHAIN_ID}
    assert {one["history"] for one in shown["histories"]} == {one["history"] for one in everything.told.values()}
    assert json.dumps(shown).isascii()
