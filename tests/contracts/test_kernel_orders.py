"""Orders: which drop out, alone and with which reason, and what a settled order gives and takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.kernel_world import NOBODY, NOW, ZERO, Order, World, reverts, selector
from verify.evm import ExecutionError

E18 = 10**18


@pytest.fixture
def world():
    return World()


def settle_both(world: World, faulty: Order, reason: str) -> None:
    """The faulty order drops out for this reason, the sound one beside it fills, and no money is missing."""
    sound = world.order(2, E18, sells0=False)
    before = [world.balance(token, faulty.trader) for token in (world.token0, world.token1)]
    world.script([(E18, 0)])
    settled = world.settle([faulty, sound])
    assert settled.dropped() == {0: reason}
    assert settled.of("OrderDropped")[0]["trader"] == faulty.trader
    assert settled.of("OrderDropped")[0]["reason"] == selector(reason)
    assert settled.fills == [(0, 0), (E18, 0)]
    assert world.residue()[1] >= E18
    if faulty.trader != world.kernel.address:
        assert [world.balance(token, faulty.trader) for token in (world.token0, world.token1)] == before


def test_two_opposite_orders_swap(world):
    orders = [world.order(1, 3 * E18, min_buy_amount=2 * E18), world.order(2, 2 * E18, sells0=False)]
    world.script([(3 * E18, 2 * E18), (2 * E18, 3 * E18)])
    settled = world.settle(orders)
    assert settled.fills == [(3 * E18, 2 * E18), (2 * E18, 3 * E18)]
    assert settled.of("OrderFilled") == [
        {"index": 0, "trader": orders[0].trader, "sold": 3 * E18, "bought": 2 * E18},
        {"index": 1, "trader": orders[1].trader, "sold": 2 * E18, "bought": 3 * E18},
    ]
    assert world.balance(world.token1, orders[0].trader) == 2 * E18
    assert world.balance(world.token0, orders[1].trader) == 3 * E18
    assert world.held() == (0, 0)
    assert world.residue() == (0, 0)


def test_the_rule_sees_the_live_orders_as_they_are(world):
    world = World(rule=("EchoRule", b""))
    orders = [
        world.order(1, 5, min_buy_amount=7, nonce=2**255 + 3, partially_fillable=True, valid_to=2**64 - 1, placed_at=9),
        world.order(2, 5, valid_to=NOW - 1),
        world.order(3, 2**90, sells0=False),
    ]
    settled = world.settle(orders)
    ((_, seen),) = world.rule.events()
    assert list(seen["orders"]) == [orders[0].encoded(), orders[2].encoded()]
    assert settled.fills == [(0, 0)] * 3


def test_an_empty_batch_settles_and_a_batch_of_faulty_orders_does_not_ask_the_rule():
    world = World(rule=("EndlessRule", b""))
    assert world.settle([]).fills == []
    settled = world.settle([world.order(1, 5, valid_to=NOW - 1)])
    assert settled.dropped() == {0: "OrderExpired"}


def test_expired(world):
    settle_both(world, world.order(1, E18, valid_to=NOW - 1), "OrderExpired")


def test_the_last_second_counts(world):
    order = world.order(1, E18, valid_to=NOW)
    world.script([(E18, 0)])
    assert world.settle([order]).fills == [(E18, 0)]


@pytest.mark.parametrize("sells0", [True, False])
@pytest.mark.parametrize("fields", [{"sell_token": NOBODY}, {"buy_token": NOBODY}])
def test_foreign_token(world, fields, sells0):
    settle_both(world, replace(world.order(1, E18, sells0=sells0), **fields), "WrongTokens")


@pytest.mark.parametrize("sells0", [True, False])
def test_same_token_on_both_sides(world, sells0):
    order = world.order(1, E18, sells0=sells0)
    settle_both(world, replace(order, buy_token=order.sell_token), "WrongTokens")


def test_nobody_as_trader(world):
    settle_both(world, replace(world.order(1, E18), trader=ZERO), "BadTrader")


def test_the_kernel_as_trader(world):
    settle_both(world, replace(world.order(1, E18), trader=world.kernel.address), "BadTrader")


def test_nothing_to_sell(world):
    settle_both(world, world.order(1, 0), "ZeroSellAmount")


def test_no_money(world):
    order = world.order(1, E18)
    settle_both(world, replace(order, sell_amount=E18 + 1), "PullFailed")


def test_no_approval(world):
    order = world.order(1, E18)
    world.token0.call("approve", world.kernel.address, E18 - 1, sender=order.trader)
    settle_both(world, order, "PullFailed")


def test_a_fill_uses_the_nonce_up(world):
    order = world.order(1, E18)
    world.script([(E18, 0)])
    world.settle([order])
    assert world.kernel.call("nonceBits", order.trader, 0) == 1 << order.nonce
    settle_both(world, world.order(1, E18), "NonceUsed")


def test_a_partial_fill_uses_the_nonce_up_and_the_rest_goes_back(world):
    order = world.order(1, E18, partially_fillable=True, min_buy_amount=0)
    world.script([(E18 // 4, 0)])
    settled = world.settle([order])
    assert settled.fills == [(E18 // 4, 0)]
    assert world.balance(world.token0, order.trader) == E18 - E18 // 4
    settle_both(world, order, "NonceUsed")


def test_an_unfilled_order_gets_all_back_and_keeps_its_nonce(world):
    order = world.order(1, E18)
    world.script([(0, 0)])
    settled = world.settle([order])
    assert settled.fills == [(0, 0)]
    assert settled.events == []
    assert world.balance(world.token0, order.trader) == E18
    assert world.kernel.call("nonceBits", order.trader, 0) == 0
    world.script([(E18, 0)])
    assert world.settle([order]).fills == [(E18, 0)]


def test_a_dropped_order_keeps_its_nonce(world):
    order = world.order(1, E18)
    world.token0.call("approve", world.kernel.address, 0, sender=order.trader)
    settle_both(world, order, "PullFailed")
    assert world.kernel.call("nonceBits", order.trader, 0) == 0


def test_the_same_order_twice_in_a_batch_counts_once(world):
    order = world.order(1, E18, funds=2 * E18)
    world.script([(E18, 0)])
    settled = world.settle([order, order])
    assert settled.fills == [(E18, 0), (0, 0)]
    assert settled.dropped() == {1: "NonceUsed"}
    assert world.balance(world.token0, order.trader) == E18


def test_nonces_of_one_word_are_independent_and_words_do_not_overlap(world):
    nonces = [0, 1, 255, 256, 2**256 - 1]
    for nonce in nonces:
        order = world.order(1, E18, nonce=nonce)
        world.script([(E18, 0)])
        assert world.settle([order]).fills == [(E18, 0)]
    assert world.kernel.call("nonceBits", order.trader, 0) == 1 | 2 | 1 << 255
    assert world.kernel.call("nonceBits", order.trader, 1) == 1
    assert world.kernel.call("nonceBits", order.trader, 2**248 - 1) == 1 << 255


def test_a_cancelled_nonce_drops_out(world):
    order = world.order(1, E18)
    world.kernel.call_only("cancel", order.nonce, sender=order.trader)
    assert world.kernel.events() == [("OrderCancelled", {"trader": order.trader, "nonce": order.nonce})]
    settle_both(world, order, "NonceUsed")


def test_nobody_cancels_for_others(world):
    order = world.order(1, E18)
    world.kernel.call_only("cancel", order.nonce, sender=NOBODY)
    world.script([(E18, 0)])
    assert world.settle([order]).fills == [(E18, 0)]


def test_only_the_driver_settles_through_the_harness_entry(world):
    with reverts("NotTheDriver"):
        world.settle([], sender=NOBODY)


@pytest.mark.parametrize("name", ["pullExactly", "payExactly"])
def test_the_kernels_own_entries_are_for_itself(world, name):
    with reverts("OnlySelf"):
        world.kernel.call_only(name, world.token0.address, NOBODY, 1, sender=NOBODY)


def test_too_little_gas_fails_as_a_whole_and_never_for_one_order():
    """Whatever gas the caller gives, a batch settles completely or not at all."""
    world = World(rule=("MirrorRule", b"\0" * 32), erc20="Token")
    orders = [world.order(number, E18, sells0=number % 2 == 0) for number in range(1, 5)]
    with world.evm.anchor():
        whole = world.settle(orders)
    failed = settled = 0
    for gas in range(100_000, whole.gas + 500_000, 12_345):
        with world.evm.anchor():
            try:
                outcome = world.settle(orders, gas=gas)
            except ExecutionError:
                failed += 1
                continue
            settled += 1
            assert outcome.fills == whole.fills
            assert outcome.events == whole.events
    assert failed > 10
    assert settled > 3


def test_gas_short_of_what_a_payout_needs_has_its_own_error():
    world = World()
    order = world.order(1, E18)
    world.script([(E18, 0)])
    with reverts("NotEnoughGas"):
        world.settle([order], gas=330_000)
