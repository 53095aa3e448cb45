"""Rules written to break the kernel, and the named error that each of them meets."""

from __future__ import annotations

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.kernel_world import UINT_MAX, World, error_of, reverts
from verify.evm import Reverted

E18 = 10**18
LIMIT = 3 * 10**17


@pytest.fixture(params=["v3", "v2", "v4"])
def world(request):
    return World(venues=(request.param,))


def two_orders(world: World, **fields):
    return [world.order(1, E18, **fields), world.order(2, E18, sells0=False, **fields)]


def rule_error(world: World, orders, **arguments) -> tuple[str, tuple]:
    """The kernel's own error that the rule met and passed on."""
    with pytest.raises(Reverted) as caught:
        world.settle(orders, **arguments)
    name, (reason,) = error_of(caught.value.output)
    assert name == "RuleFailed"
    return error_of(reason)


# ---------------------------------------------------------------------- fills


def test_sells_more_than_the_order_has(world):
    orders = two_orders(world, partially_fillable=True)
    world.script([(E18, 0), (E18 + 1, 0)])
    with reverts("SoldTooMuch", 1):
        world.settle(orders)


def test_pays_more_than_the_batch_has(world):
    orders = two_orders(world)
    world.script([(E18, E18 + 1), (E18, E18)])
    with reverts("CustodySpent", world.token1.address):
        world.settle(orders)


def test_fills_that_overflow_when_added(world):
    orders = [world.order(number, E18) for number in (1, 2, 3)]
    world.script([(E18, UINT_MAX), (E18, UINT_MAX), (E18, 2)])
    with reverts("CustodySpent", world.token1.address):
        world.settle(orders)


@pytest.mark.parametrize(("count", "fills"), [(1, [(E18, E18)]), (3, [(E18, E18)] * 3), (0, [])])
def test_wrong_number_of_fills(world, count, fills):
    world.script(fills)
    with reverts("FillCount", count, 2):
        world.settle(two_orders(world))


def test_one_wei_below_the_limit(world):
    orders = two_orders(world, min_buy_amount=LIMIT)
    world.script([(E18, LIMIT), (E18, LIMIT - 1)])
    with reverts("BelowLimit", 1):
        world.settle(orders)


def test_exactly_at_the_limit(world):
    orders = two_orders(world, min_buy_amount=LIMIT)
    world.script([(E18, LIMIT), (E18, LIMIT)])
    assert world.settle(orders).fills == [(E18, LIMIT)] * 2


def test_the_limit_of_a_partial_fill_is_rounded_against_the_mechanism(world):
    """3 of 10 sold at a limit of 7: 2.1 are due, so 2 are too few and 3 are enough."""
    orders = [world.order(1, 10, min_buy_amount=7, partially_fillable=True), world.order(2, 10, sells0=False)]
    world.script([(3, 2), (0, 0)])
    with reverts("BelowLimit", 0):
        world.settle(orders)
    world.script([(3, 3), (10, 0)])
    assert world.settle(orders).fills == [(3, 3), (10, 0)]


def test_nothing_for_something_only_where_the_trader_allows_it(world):
    orders = [world.order(1, E18, min_buy_amount=1, partially_fillable=True)]
    world.script([(1, 0)])
    with reverts("BelowLimit", 0):
        world.settle(orders)


def test_something_for_nothing(world):
    world.script([(0, 1), (E18, 0)])
    with reverts("BoughtWithoutSelling", 0):
        world.settle(two_orders(world))


def test_a_part_of_all_or_nothing(world):
    world.script([(E18 - 1, E18 - 1), (E18, 0)])
    with reverts("NotPartiallyFillable", 0):
        world.settle(two_orders(world))


def test_errors_name_the_order_by_its_place_in_the_call(world):
    orders = [world.order(3, E18, valid_to=0), *two_orders(world)]
    world.script([(E18, E18), (E18 - 1, 0)])
    with reverts("NotPartiallyFillable", 2):
        world.settle(orders)


_AMOUNTS = st.one_of(
    st.integers(0, UINT_MAX), st.integers(0, 2**60), st.integers(0, 40).map(lambda less: UINT_MAX - less)
)


@settings(max_examples=150, deadline=None)
@given(sell=_AMOUNTS.filter(bool), limit=_AMOUNTS, sold=_AMOUNTS, bought=_AMOUNTS, nudge=st.integers(-1, 1))
def test_the_limit_is_exact_for_every_uint256(limit_world, sell, limit, sold, bought, nudge):
    """Against Python's integers, over the whole range, and right at the boundary."""
    sold = sold % sell + 1
    least = -(-limit * sold // sell)
    bought = least + nudge if abs(nudge) and 0 <= least + nudge <= UINT_MAX else bought
    world = limit_world
    with world.evm.anchor():
        orders = [world.order(1, sell, min_buy_amount=limit, partially_fillable=True)]
        orders.append(world.order(2, max(bought, 1), sells0=False, partially_fillable=True))
        world.script([(sold, bought), (0, 0)] if bought == 0 else [(sold, bought), (bought, 0)])
        if bought * sell >= limit * sold:
            assert world.settle(orders).fills[0] == (sold, bought)
        else:
            with reverts("BelowLimit", 0):
                world.settle(orders)


@pytest.fixture(scope="module")
def limit_world():
    return World(liquidity=0)


# ---------------------------------------------------------------------- return data


def encoded(world: World) -> bytes:
    return world.answer([(E18, E18), (E18, E18)])


@pytest.mark.parametrize(
    ("mangle", "error"),
    [
        (lambda good: good[:0], "BadReturnData"),
        (lambda good: good[:31], "BadReturnData"),
        (lambda good: good[:63], "BadReturnData"),
        (lambda good: good[:-1], "BadReturnData"),
        (lambda good: good[:-32], "BadReturnData"),
        (lambda good: good + b"\0", "BadReturnData"),
        (lambda good: good + good, "BadReturnData"),
        (lambda good: encode(["uint256"], [0]) + good[32:], "BadReturnData"),
        (lambda good: encode(["uint256"], [33]) + good[32:], "BadReturnData"),
        (lambda good: encode(["uint256"], [64]) + good[32:], "BadReturnData"),
        (lambda good: encode(["uint256"], [UINT_MAX]) + good[32:], "BadReturnData"),
        (lambda good: encode(["uint256"], [2**255 + 32]) + good[32:], "BadReturnData"),
        (lambda good: good[:32] + encode(["uint256"], [UINT_MAX]) + good[64:], "FillCount"),
        (lambda good: good[:32] + encode(["uint256"], [2**251 + 2]) + good[64:], "FillCount"),
        (lambda good: good[:32] + encode(["uint256"], [0]) + good[64:], "FillCount"),
        (lambda good: good[:32] + encode(["uint256"], [1]) + good[64:], "FillCount"),
        (lambda good: good[:32] + encode(["uint256"], [3]) + good[64:], "FillCount"),
    ],
)
def test_garbage_in_the_return_data(world, mangle, error):
    orders = two_orders(world)
    with world.evm.anchor():
        world.script(encoded(world))
        assert world.settle(orders).fills == [(E18, E18)] * 2
    world.script(mangle(encoded(world)))
    with reverts(error):
        world.settle(orders)


@pytest.mark.parametrize("does_revert", [False, True])
def test_a_return_bomb_is_not_copied(does_revert):
    """2.4 MB cost the rule 11.5 million gas; copying them would cost the kernel as much again."""
    size = 2_400_000
    world = World(rule=("BombRule", encode(["uint256", "bool"], [size, does_revert])))
    orders = two_orders(world)
    with pytest.raises(Reverted) as caught:
        world.settle(orders, gas=14_000_000)
    assert 11_000_000 < caught.value.gas_used < 13_500_000
    name, (found,) = error_of(caught.value.output)
    if does_revert:
        assert name == "RuleFailed"
        assert len(found) == 256
        assert found[:64] == encode(["uint256", "uint256"], [32, 2])
    else:
        assert (name, found) == ("BadReturnData", size)


def test_an_endless_loop_ends_at_the_gas_cap():
    world = World(rule=("EndlessRule", b""))
    orders = two_orders(world)
    with pytest.raises(Reverted) as caught:
        world.settle(orders, gas=60_000_000)
    assert error_of(caught.value.output) == ("RuleFailed", (b"",))
    assert 25_000_000 < caught.value.gas_used < 25_600_000
    assert world.balance(world.token0, orders[0].trader) == E18


def test_a_rule_that_reverts_reverts_the_batch_with_its_reason(world):
    orders = two_orders(world)
    world.script([(0, 0)] * 2, world.step("store", 64, 1))
    assert rule_error(world, orders) == ("KeyOutOfRange", (64,))
    assert [world.balance(world.token0, orders[0].trader), world.balance(world.token1, orders[1].trader)] == [E18] * 2


# ---------------------------------------------------------------------- where a rule may not go


def test_a_rule_cannot_reenter():
    world = World(signed=True)
    orders = two_orders(world)
    world.script(
        [(E18, E18)] * 2,
        world.step("settle", [], [], must=False),
        world.step("claim", world.token0.address, must=False),
        world.step("claimTo", world.token0.address, world.rule.address, must=False),
        world.step("cancel", 1, must=False),
        world.step("pullExactly", world.token0.address, orders[0].trader, 1, must=False),
        world.step("payExactly", world.token0.address, world.rule.address, E18, must=False),
        world.step("uniswapV3SwapCallback", 5, 5, b"", must=False),
        world.step("uniswapV3FlashCallback", 0, 0, encode(["bool", "uint256"], [True, 5]), must=False),
        world.step("unlockCallback", encode(["uint256", "bool", "uint256"], [0, True, 5]), must=False),
    )
    assert world.settle(orders).fills == [(E18, E18)] * 2
    names = [error_of(world.rule_result(index)[1])[0] for index in range(9)]
    assert [world.rule_result(index)[0] for index in range(9)] == [False] * 9
    assert names == ["Locked"] * 4 + ["OnlySelf"] * 2 + ["NotTheVenue"] * 3


CALLBACKS = [
    ("venueCount", ()),
    ("venue", (0,)),
    ("sqrtPriceX96", (0,)),
    ("quote", (0, "token0", 1000)),
    ("trade", (0, "token0", 1000, 0)),
    ("donate", (0, "token0", 1000)),
    ("load", (0,)),
    ("store", (0, 1)),
]


def callback(world: World, name: str, arguments: tuple, *, must: bool):
    return world.step(name, *(world.token0.address if a == "token0" else a for a in arguments), must=must)


@pytest.mark.parametrize(("name", "arguments"), CALLBACKS)
def test_callbacks_are_for_the_rule_while_it_clears(world, name, arguments):
    orders = two_orders(world)
    _, data, _ = callback(world, name, arguments, must=False)
    with reverts("NotTheRule"):
        world.evm.call(world.kernel.address, data, sender=orders[0].trader)
    with reverts("NotClearing"):  # the rule outside of clear
        world.rule.call_only("setHookScript", [(world.kernel.address, data, True)])
        world.rule.call_only("hook")
    # Somebody else inside of clear, and then the rule itself, which may.
    accomplice = world.deploy("ScriptedRule")
    accomplice.call_only("setHookScript", [(world.kernel.address, data, False)])
    world.script(
        [(0, 0)] * 2 if name in ("trade", "donate") else [(E18, E18)] * 2,
        world.step("hook", target=accomplice),
        *([] if name in ("trade", "donate") else [callback(world, name, arguments, must=True)]),
    )
    world.settle(orders)
    assert error_of(accomplice.call("hookResults", 0)[1:]) == ("NotTheRule", ())


@pytest.mark.parametrize("name", ["load", "store"])
def test_state_ends_at_key_63(world, name):
    orders = two_orders(world)
    rest = () if name == "load" else (1,)
    world.script([(E18, E18)] * 2, world.step(name, 63, *rest))
    with world.evm.anchor():
        world.settle(orders)
    for key in (64, UINT_MAX):
        world.script([(E18, E18)] * 2, world.step(name, key, *rest))
        assert rule_error(world, orders) == ("KeyOutOfRange", (key,))


def test_state_is_storage_slots_0_to_63(world):
    orders = two_orders(world)
    values = [1 + key * 7**50 for key in range(64)]
    world.script(
        [(0, 0)] * 2,
        *(world.step("store", key, value) for key, value in enumerate(values)),
        world.step("store", 5, 55),
        world.step("load", 5),
    )
    settled = world.settle(orders)
    assert settled.of("Stored") == [{"key": k, "value": v} for k, v in [*enumerate(values), (5, 55)]]
    values[5] = 55
    assert [world.evm.storage(world.kernel.address, slot) for slot in range(64)] == values
    assert int.from_bytes(world.rule_result(64)[1]) == 1 + 5 * 7**50  # store answers the value before
    assert int.from_bytes(world.rule_result(65)[1]) == 55


def test_state_of_a_failed_batch_is_not_kept(world):
    world.script([(0, 0)], world.step("store", 0, 9))
    with reverts("FillCount"):
        world.settle(two_orders(world))
    assert world.evm.storage(world.kernel.address, 0) == 0


# ---------------------------------------------------------------------- custody


@pytest.fixture
def rich(world):
    """The kernel holds residue, a claimable payout and a stray donation of both tokens from earlier."""
    orders = [world.order(1, E18), world.order(2, E18, sells0=False)]
    world.script([(E18, E18 // 2), (E18, E18 // 2)])
    world.token0.call_only("behave", 7, orders[1].trader)  # Reverts
    world.token1.call_only("behave", 7, orders[0].trader)
    # The pulls are of the other token, so both orders come in, and neither payout goes out.
    settled = world.settle(orders)
    assert len(settled.of("Claimable")) == 2
    for token in (world.token0, world.token1):
        token.call_only("behave", 0, orders[0].trader)
        token.call_only("mint", world.kernel.address, E18)
    assert world.residue() == (E18 // 2, E18 // 2)
    assert world.held() == (2 * E18, 2 * E18)
    return world


def test_leftovers_are_booked_as_residue_and_add_up(world):
    for batch in (1, 2):
        orders = [world.order(1, E18, nonce=batch), world.order(2, E18, sells0=False, nonce=batch)]
        world.script([(E18, E18 - 3), (E18, E18 - 5)])
        settled = world.settle(orders)
        assert settled.of("Residue") == [
            {"token": world.token0.address, "amount": 5},
            {"token": world.token1.address, "amount": 3},
        ]
        assert world.residue() == (5 * batch, 3 * batch)
        assert world.held() == world.residue()


def test_earlier_custody_cannot_be_paid_out(rich):
    orders = [rich.order(3, 1000)]
    rich.script([(1000, 1)])
    with reverts("CustodySpent", rich.token1.address):
        rich.settle(orders)


def test_earlier_custody_can_be_neither_traded_nor_donated(rich):
    orders = [rich.order(3, 1000)]
    for token, available in ((rich.token0, 1000), (rich.token1, 0)):
        arguments = (token.address, available + 1, available)
        rich.script([(0, 0)], rich.step("trade", 0, token.address, available + 1, 0))
        assert rule_error(rich, orders) == ("CustodyExceeded", arguments)
        rich.script([(0, 0)], rich.step("donate", 0, token.address, available + 1))
        assert rule_error(rich, orders) == ("CustodyExceeded", arguments)


def test_a_batch_beside_earlier_custody_settles_and_leaves_it_alone(rich):
    orders = [rich.order(3, 1000), rich.order(4, 1000, sells0=False)]
    rich.script([(1000, 1000), (1000, 1000)])
    settled = rich.settle(orders)
    assert settled.of("Residue") == []
    assert rich.held() == (2 * E18, 2 * E18)
    assert rich.residue() == (E18 // 2, E18 // 2)


def test_what_was_traded_away_is_gone(world):
    """An order that the rule traded for, but reports as unfilled, cannot get its tokens back from elsewhere."""
    orders = two_orders(world)
    world.script([(0, 0), (0, 0)], world.step("trade", 0, world.token0.address, 1000, 0))
    with reverts("CustodySpent", world.token0.address):
        world.settle(orders)
    # Paying the bill from the other's order is no way out either: each token is counted for itself.
    world.script([(E18, E18 + 1), (E18, E18 - 1000)], world.step("trade", 0, world.token0.address, 1000, 0))
    orders = [orders[0], world.order(2, E18, sells0=False, funds=0)]
    assert world.settle(orders).of("Residue") == [{"token": world.token1.address, "amount": 996 - 1}]


def test_two_batches_in_one_transaction_do_not_see_each_other():
    """Transient storage outlives a call within its transaction; the kernel clears its own."""
    world = World(signed=True)
    caller = world.deploy("ScriptedRule")
    batches = [[world.order(1, E18, nonce=n), world.order(2, E18, sells0=False, nonce=n)] for n in (1, 2)]
    # `order` mints for each, so the traders have enough for both batches.
    world.script([(E18, E18 - 5)] * 2, world.step("trade", 0, world.token0.address, 1, 0))
    steps = [
        world.step(
            "settle", [order.encoded() for order in batch], [world.sign(order) for order in batch], target=world.kernel
        )
        for batch in batches
    ]
    caller.call_only("setHookScript", steps)
    caller.call_only("hook")
    assert caller.call("resultCount") == (0, 2)
    assert world.residue() == (8, 10)
    assert world.held() == (8, 10)
