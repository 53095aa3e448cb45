"""The kernel over venues of several pairs: orders of any of their tokens in one batch, custody by token."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.kernel_scripts import E18, QUOTE, answers
from tests.contracts.kernel_world import ZERO, World, error_of, reverts
from verify.evm import Reverted

KINDS = [("v3", "v2", "v4"), ("v2", "v4", "v3"), ("v4", "v3", "v2")]


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def ring(request):
    """Three tokens a, b, c with a pool of each two of them: a/b, b/c, c/a."""
    own, *others = request.param
    return World(venues=(own,), ring=tuple(others))


@pytest.fixture
def world(ring):
    with ring.evm.anchor():
        yield ring


def around(world):
    """a → b, b → c, c → a."""
    a, b, c = world.tokens
    return [world.order(1 + i, E18, pair=pair) for i, pair in enumerate(((a, b), (b, c), (c, a)))]


def anew(world, orders):
    """The same orders under other nonces, with the money for them."""
    tokens = {token.address: token for token in world.tokens}
    for order in orders:
        tokens[order.sell_token].call_only("mint", order.trader, order.sell_amount)
    return [replace(order, nonce=order.nonce + 100) for order in orders]


def rule_error(world, orders, *steps):
    world.script([(E18, 0)] * len(orders), *steps)
    with pytest.raises(Reverted) as caught:
        world.settle(orders)
    name, (reason,) = error_of(caught.value.output)
    assert name == "RuleFailed"
    return error_of(reason)


def held_by_pools(world):
    return [
        sum(world.balance(token, pool) for pool in {pool.address for pool in world.pools}) for token in world.tokens
    ]


def test_a_ring_nets_without_any_pool(world):
    orders, before = around(world), held_by_pools(world)
    world.script([(E18, E18)] * 3)
    settled = world.settle(orders)
    assert settled.fills == [(E18, E18)] * 3
    for order, bought in zip(orders, (world.tokens[1], world.tokens[2], world.tokens[0]), strict=True):
        assert world.balance(bought, order.trader) == E18
    assert held_by_pools(world) == before
    assert [world.balance(token, world.kernel.address) for token in world.tokens] == [0, 0, 0]
    assert settled.of("Residue") == []


def test_every_venue_tells_its_own_pair_and_takes_its_own_tokens_only(world):
    orders = around(world)
    sold = a, b, c = tuple(token.address for token in world.tokens)
    amounts = [E18 // 3, E18 // 5, E18 // 7]
    steps = [world.step("venue", i) for i in range(3)]
    steps += [world.step("quote", i, sold[i], amounts[i]) for i in range(3)]
    steps += [world.step("trade", i, sold[i], amounts[i], 0) for i in range(3)]
    world.script([(E18, 0)] * 3, *steps)
    settled = world.settle(orders)
    pairs = [answers(world, i, ["address", "address", "uint24"])[:2] for i in range(3)]
    assert pairs == [tuple(sorted(pair)) for pair in ((a, b), (b, c), (a, c))]
    quoted, traded = ([answers(world, first + i, QUOTE) for i in range(3)] for first in (3, 6))
    assert quoted == traded
    left = {event["token"]: event["amount"] for event in settled.of("Residue")}
    for i in range(3):
        assert left[sold[i]] == E18 - amounts[i] + traded[i - 1][1]
    orders = anew(world, orders)
    for i, stranger in enumerate((c, a, b)):
        for name, arguments in (("quote", (1,)), ("trade", (1, 0)), ("donate", (1,))):
            assert rule_error(world, orders, world.step(name, i, stranger, *arguments)) == ("NotTraded", (stranger,))


def test_custody_is_by_token(world):
    orders = around(world)[:2]  # nobody brings c
    _, b, c = (token.address for token in world.tokens)
    assert rule_error(world, orders, world.step("trade", 2, c, 1, 0)) == ("CustodyExceeded", (c, 1, 0))
    assert rule_error(world, orders, world.step("donate", 1, c, 1)) == ("CustodyExceeded", (c, 1, 0))
    for fills, token in (([(E18, E18 + 1), (E18, 0)], b), ([(E18, E18), (E18, 1)], c)):
        world.script(fills)
        with reverts("CustodySpent", token):
            world.settle(orders)
    world.script([(E18, 0)] * 2, world.step("trade", 1, b, E18, 0), world.step("trade", 1, b, 1, 0, must=False))
    world.settle(orders)
    assert error_of(world.rule_result(1)[1]) == ("CustodyExceeded", (b, 1, 0))
    assert decode(QUOTE, world.rule_result(0)[1])[1] == world.kernel.call("residue", c)


@pytest.mark.parametrize("place", range(3))
def test_what_an_earlier_batch_left_is_out_of_reach_in_every_token(world, place):
    orders = around(world)
    world.script([(E18, 0)] * 3)
    world.settle(orders)
    assert [world.kernel.call("residue", token.address) for token in world.tokens] == [E18] * 3
    again = anew(world, orders)
    token = world.tokens[place].address
    step = world.step("trade", place, token, E18 + 1, 0)
    assert rule_error(world, again, step) == ("CustodyExceeded", (token, E18 + 1, E18))
    fills = [(E18, E18)] * 3
    fills[place] = (E18, E18 + 1)
    world.script(fills)
    with reverts("CustodySpent", world.tokens[(place + 1) % 3].address):
        world.settle(again)


def test_an_order_of_two_traded_tokens_needs_no_venue_of_both():
    world = World(venues=("v3",), ring=("v2", "v2"))
    world.kernel = world.new_kernel(signed=False, venues=[world.named(0), world.named(1)])  # none of c and a
    a, b, c = world.tokens
    orders = [world.order(1, E18, pair=(a, c)), world.order(2, E18, pair=(c, a)), world.order(3, E18, pair=(a, a))]
    orders.append(world.order(4, E18, pair=(a, world.deploy("HostileToken"))))
    world.script([(E18, E18), (E18, E18)])
    settled = world.settle(orders)
    assert settled.dropped() == {2: "WrongTokens", 3: "WrongTokens"}
    assert settled.fills == [(E18, E18), (E18, E18), (0, 0), (0, 0)]
    told = [world.kernel.call("token", k) for k in range(world.kernel.call("tokenCount") + 1)]
    assert (set(told[:3]), told[3]) == ({a.address, b.address, c.address}, ZERO)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_nothing_is_made_or_lost_in_any_token(ring, data):
    """Random orders between any two tokens, random trades: what is brought, given to pools and left over adds up."""
    with ring.evm.anchor():
        orders = []
        for i in range(data.draw(st.integers(1, 6))):
            pair = tuple(data.draw(st.permutations(ring.tokens))[:2])
            orders.append(ring.order(1 + i, data.draw(st.integers(1, 10**20)), pair=pair))
        steps = []
        for _ in range(data.draw(st.integers(0, 4))):
            venue = data.draw(st.integers(0, 2))
            token = ring.tokens[data.draw(st.sampled_from([(0, 1), (1, 2), (2, 0)][venue]))]
            steps.append(ring.step("trade", venue, token.address, data.draw(st.integers(0, 10**20)), 0, must=False))
        before = held_by_pools(ring)
        ring.script([(order.sell_amount, 0) for order in orders], *steps)
        settled = ring.settle(orders)
        assert settled.fills == [(order.sell_amount, 0) for order in orders]
        left = {event["token"]: event["amount"] for event in settled.of("Residue")}
        for token, was, held in zip(ring.tokens, before, held_by_pools(ring), strict=True):
            brought = sum(order.sell_amount for order in orders if order.sell_token == token.address)
            assert left.get(token.address, 0) == brought - (held - was)
            assert ring.balance(token, ring.kernel.address) == left.get(token.address, 0)
