"""What is v4's alone: one manager for many pools, that anybody may act in while it is unlocked."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from tests.contracts.kernel_scripts import E18, QUOTE, answers, rule_error, run, two_orders
from tests.contracts.kernel_world import DEPTH, NOBODY, OPERATOR, ZERO, World, error_of, reverts
from verify.evm import ExecutionError, Reverted
from verify.slots import V4_FEE_GROWTH0, V4_LIQUIDITY, v4_pool_slot

REVERT_BOMB, CALLS, CALLS_OR_REVERTS = 12, 14, 15
UNSETTLED = keccak(b"CurrencyNotSettled()")[:4]


@pytest.fixture
def world():
    return World(venues=("v4",))


@pytest.fixture
def pair():
    """Two pools of one manager."""
    return World(venues=("v4", "v4"))


def slot(world: World, offset: int, venue: int = 0) -> int:
    """A slot of a venue's pool, counted from its first."""
    token0, token1, fee, spacing, hooks = world.keys[venue]
    key = encode(["address", "address", "uint24", "int24", "address"], [token0, token1, fee, spacing, hooks])
    return world.evm.storage(world.manager.address, v4_pool_slot("0x" + keccak(key).hex()) + offset)


def let_in(world: World, target, name: str, *arguments, must: bool = False) -> None:
    """Token1 makes this call whenever the manager gets or gives it."""
    world.token1.call_only("callOut", target.address, target.data(name, *arguments))
    world.token1.call_only("behave", CALLS_OR_REVERTS if must else CALLS, world.manager.address)


# ---------------------------------------------------------------------- which pool


def test_venues_of_v4_that_cannot_be(world):
    manager, (token0, token1) = world.manager.address, sorted((world.token0.address, world.token1.address))
    own = (manager, 4, token0, token1, 3000, 60)
    v2 = (world.new_pair(token0, token1), 2)
    cases = [
        ([own, own], ("VenueTwice", (1,))),
        ([own, (manager, 4, token0, NOBODY, 3000, 60)], ("VenueTokens", (1,))),
        ([(manager, 4, token1, token0, 3000, 60)], ("VenueTokens", (0,))),
        ([(manager, 4, ZERO, token1, 3000, 60)], ("VenueTokens", (0,))),  # the chain's own coin
        ([v2, (manager, 4, ZERO, token1, 3000, 60)], ("VenueTokens", (1,))),
        ([(manager, 5, token0, token1, 3000, 60)], None),
        ([v2, (manager, 5, token0, token1, 3000, 60)], ("VenueKind", (1, 5))),
        ([(NOBODY, 4, token0, token1, 3000, 60)], None),
        ([(token0, 4, token0, token1, 3000, 60)], None),
    ]
    for venues, error in cases:
        with pytest.raises(ExecutionError) as caught:
            world.new_kernel(signed=True, venues=venues)
        if error is not None:
            assert error_of(caught.value.output) == error
    world.new_kernel(signed=True, venues=[own, (manager, 4, token0, token1, 500, 60), v2])


def test_a_pool_that_has_not_begun_takes_nothing(world):
    world.kernel = world.new_kernel(
        signed=False, venues=[(world.manager.address, 4, world.token0.address, world.token1.address, 100, 1)]
    )
    with world.evm.anchor():
        run(world, world.step("sqrtPriceX96", 0), world.step("quote", 0, world.token1.address, 5, must=False))
        assert answers(world, 0, ["uint160"]) == (0,)
        assert error_of(world.rule_result(1)[1])[0] == "VenueFailed"
    assert rule_error(world, world.step("donate", 0, world.token0.address, 5)) == ("NoLiquidity", (0,))


def test_pools_of_one_manager_are_told_apart(pair):
    """A trade on one is none on the other, though both are paid into the same contract."""
    own = [pair.step("trade", i, pair.token0.address, 1000, 0) for i in (0, 1, 0)]
    with pair.evm.anchor():
        run(pair, *own)
    for touched in (0, 1):
        step = pair.step(*pair.outside(touched, True, 1000), target=pair.outsider)
        with pair.evm.anchor():
            assert rule_error(pair, own[1 - touched], step, own[touched]) == ("VenueTouched", (touched,))
        with pair.evm.anchor(), reverts("VenueTouched", touched):
            run(pair, own[0], own[1], step)


def test_what_lies_in_the_manager_is_nobodys_business(world):
    gift = world.step("give", world.token1.address, world.manager.address, 77, target=world.outsider)
    run(world, gift, world.step("trade", 0, world.token0.address, 1000, 0))


@pytest.mark.parametrize(("of0", "of1"), [(1000, 500), (500, 1000)])
def test_a_change_of_the_protocols_fee_is_noticed_and_told(world, of0, of1):
    world.manager.call_only("setProtocolFeeController", OPERATOR)
    with world.evm.anchor(), reverts("VenueTouched", 0):
        world.manager.call_only("setProtocolFeeController", world.rule.address)
        run(world, world.step("setProtocolFee", world.keys[0], 1000, target=world.manager))
    world.manager.call_only("setProtocolFee", world.keys[0], of0 | of1 << 12)
    run(
        world,
        world.step("venue", 0),
        world.step("quote", 0, world.token0.address, 10**15),
        world.step("trade", 0, world.token0.address, 10**15, 0),
        world.step("quote", 0, world.token1.address, 10**15),
        world.step("trade", 0, world.token1.address, 10**15, 0),
    )
    assert answers(world, 0, ["address", "address", "uint24"])[2] == 1000 + 3000 - 3  # the larger of both directions
    assert answers(world, 1, QUOTE) == answers(world, 2, QUOTE)
    assert answers(world, 3, QUOTE) == answers(world, 4, QUOTE)
    assert (answers(world, 1, QUOTE)[1] < answers(world, 3, QUOTE)[1]) == (of0 > of1)


def test_a_donation_reaches_the_liquidity_providers_in_full(world):
    world.manager.call_only("setProtocolFeeController", OPERATOR)
    world.manager.call_only("setProtocolFee", world.keys[0], 1000 | 1000 << 12)
    settled = run(world, world.step("donate", 0, world.token0.address, 10**15), fills=[(E18, 0), (E18, E18 - 10**15)])
    assert settled.of("Donated") == [{"venue": 0, "token": world.token0.address, "amount": 10**15}]
    assert slot(world, V4_FEE_GROWTH0) == (10**15 << 128) // DEPTH
    assert slot(world, V4_FEE_GROWTH0 + 1) == 0
    assert slot(world, V4_LIQUIDITY) == DEPTH
    assert world.held() == world.residue() == (0, E18)


# ---------------------------------------------------------------------- while it is unlocked

OUTER = pytest.mark.parametrize("outer", ["trade", "donate"])


def own_step(world: World, outer: str):
    """A call of the rule's in which the manager gives or gets token1."""
    if outer == "trade":
        return world.step("trade", 0, world.token0.address, 1000, 0)
    return world.step("donate", 0, world.token1.address, 10**6)


@OUTER
@pytest.mark.parametrize("how", ["tradeUnlocked", "addUnlocked", "donateUnlocked"])
def test_a_token_that_acts_on_the_pool_inside_the_kernels_own_call_is_noticed(world, outer, how):
    rest = {"tradeUnlocked": (True, 1000), "addUnlocked": (-60, 60, 1000), "donateUnlocked": (10**6, 0)}[how]
    # What the outsider pays and gets of token1 calls him again: he acts on the pool until he is out of depth.
    let_in(world, world.outsider, how, *world.place(0), *rest)
    world.token1.call_only("behave", CALLS, world.kernel.address)  # only when it is the kernel's own payment
    if outer == "trade":
        assert rule_error(world, own_step(world, outer)) == ("VenueTouched", (0,))
    else:  # his payment comes between the kernel's and its booking
        assert rule_error(world, own_step(world, outer)) == ("VenueFailed", (0, UNSETTLED))


def test_a_token_that_acts_on_another_pool_of_the_manager_is_noticed(pair):
    let_in(pair, pair.outsider, "tradeUnlocked", *pair.place(1), True, 1000)
    pair.token1.call_only("behave", CALLS, pair.kernel.address)
    with reverts("VenueTouched", 1):
        run(pair, own_step(pair, "trade"))


def test_a_token_that_has_the_kernels_payment_booked_for_itself_undoes_the_trade(world):
    """It is let in when it moves; the manager has the debt of whoever asked for the swap unpaid."""
    for token in (world.token0, world.token1):
        token.call_only("mint", world.kernel.address, E18)
    world.token1.call_only("callOut", world.manager.address, world.manager.data("sync", world.token0.address))
    world.token1.call_only("behave", CALLS, world.kernel.address)
    with world.evm.anchor():
        run(world, world.step("trade", 0, world.token1.address, 1000, 0, must=False))
        name, (venue, reason) = error_of(world.rule_result(0)[1])
        assert (name, venue, reason) == ("VenueFailed", 0, UNSETTLED)
        assert world.held() == (2 * E18, 2 * E18)
    with world.evm.anchor():
        run(world, world.step("donate", 0, world.token1.address, 1000, must=False))
        assert error_of(world.rule_result(0)[1]) == ("VenueFailed", (0, UNSETTLED))


def test_a_batch_does_not_begin_while_somebody_has_the_manager_unlocked(world):
    """He could have the rule's quotes and trades there fail, and a rule might then go elsewhere."""
    orders = two_orders(world)
    world.script([(E18, E18)] * 2)
    settle = world.kernel.data("settle", [order.encoded() for order in orders])
    with pytest.raises(Reverted) as caught:
        world.evm.call(
            world.outsider.address,
            world.outsider.data("callUnlocked", world.manager.address, world.kernel.address, settle),
            sender=OPERATOR,
        )
    assert error_of(caught.value.output)[0] == "NotTheDriver"
    world.kernel = world.new_kernel(signed=True)
    world.signed = True
    orders = two_orders(world)
    settle = world.kernel.data("settle", [order.encoded() for order in orders], [world.sign(order) for order in orders])
    with reverts("VenueBusy", 0):
        world.outsider.call_only("callUnlocked", world.manager.address, world.kernel.address, settle)
    assert world.settle(orders).fills == [(E18, E18)] * 2


def test_the_managers_callback_is_taken_once_and_from_the_manager_only(world):
    arguments = encode(["uint256", "bool", "uint256"], [0, True, 10**6])
    for sender in (NOBODY, ZERO):
        with reverts("NotTheVenue", sender):
            world.kernel.call_only("unlockCallback", arguments, sender=sender)
    let_in(world, world.kernel, "unlockCallback", arguments)
    run(world, world.step("trade", 0, world.token0.address, 1000, 0))
    raw = world.token1.call("callResults", 0)
    assert (raw[0], error_of(raw[1:])) == (0, ("NotTheVenue", (world.token1.address,)))


def test_a_quote_calls_no_token(world):
    for token in (world.token0, world.token1):
        token.call_only("behave", CALLS, ZERO)
    for zero_for_one in (True, False):
        token = world.token0 if zero_for_one else world.token1
        with world.evm.anchor():
            before = world.token0.call("callCount"), world.token1.call("callCount")
            run(world)
            plain = world.token0.call("callCount"), world.token1.call("callCount")
        with world.evm.anchor():
            run(world, world.step("quote", 0, token.address, 10**15))
            assert answers(world, 0, QUOTE)[0] == 10**15
            assert (world.token0.call("callCount"), world.token1.call("callCount")) == plain != before


@OUTER
def test_what_a_token_reverts_with_is_copied_with_a_bound(world, outer):
    world.token1.call_only("behave", REVERT_BOMB, world.manager.address)
    target, data, _ = own_step(world, outer)
    run(world, (target, data, False))
    name, (venue, reason) = error_of(world.rule_result(0)[1])
    assert (name, venue) == ("VenueFailed", 0)
    assert len(reason) <= 256


# ---------------------------------------------------------------------- a manager that is not genuine

ASKS_TWICE, ASKS_FOR_MORE, ASKS_FOR_LESS, NEVER_ASKS, TAKES_THE_OTHER, RETURNS_MUCH = range(6)


@pytest.mark.parametrize(
    ("mode", "name", "error"),
    [
        (ASKS_TWICE, "trade", "VenueFailed"),
        (ASKS_FOR_MORE, "trade", "NotExactInput"),
        (ASKS_FOR_LESS, "trade", "NotExactInput"),
        (NEVER_ASKS, "trade", "NotExactInput"),
        (TAKES_THE_OTHER, "trade", "VenueMismatch"),
        (RETURNS_MUCH, "trade", "NotExactInput"),
        (NEVER_ASKS, "quote", "VenueFailed"),
        (RETURNS_MUCH, "quote", "VenueFailed"),
        (ASKS_TWICE, "donate", "VenueFailed"),
        (NEVER_ASKS, "donate", "NotExactInput"),
        (ASKS_FOR_MORE, "donate", "NotExactInput"),
    ],
)
def test_a_false_manager_cannot_take_what_was_not_offered(mode, name, error):
    """The deployer must not name such a manager. The kernel's own books hold even so, and earlier custody stays."""
    world = World(venues=("v2",))
    fake = world.deploy("FakeManager")
    fake.call_only("behave", mode)
    world.kernel = world.new_kernel(
        signed=False, venues=[(fake.address, 4, world.token0.address, world.token1.address, 3000, 60)]
    )
    for token in (world.token0, world.token1):
        token.call_only("mint", world.kernel.address, E18)
    rest = (0,) if name == "trade" else ()
    run(world, world.step(name, 0, world.token0.address, 1000, *rest, must=False), fills=[(E18, E18)] * 2)
    ok, raw = world.rule_result(0)
    assert (ok, error_of(raw)[0]) == (False, error)
    assert world.held() == (E18, E18)
