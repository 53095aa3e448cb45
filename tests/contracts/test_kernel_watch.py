"""Nobody else's hand on the venues, nothing inside anything else, and the pools' callbacks for the pools alone."""

from __future__ import annotations

import pytest
from eth_abi import encode

from tests.contracts.kernel_scripts import E18, rule_error, run
from tests.contracts.kernel_world import NOBODY, ZERO, World, error_of, reverts, selector
from verify.evm import ExecutionError, Reverted

CALLS = 14
CALLS_OR_REVERTS = 15


@pytest.fixture(params=["v3", "v2", "v4"])
def world(request):
    return World(venues=(request.param,))


# ---------------------------------------------------------------------- behind the kernel's back


def touch(world: World, how: str, venue: int = 0):
    """A step in which the rule has somebody else act on a venue."""
    place, outsider = world.place(venue), world.outsider
    if how == "trade":
        return world.step(*world.outside(venue, True, 1000), target=outsider)
    if how == "gift":  # to a v4 pool: what lies in its manager is nobody's
        if world.kinds[venue] == 4:
            return world.step("donateV4", *place, 0, 10**6, target=outsider)
        return world.step("give", world.token1.address, *place, 1, target=outsider)
    if world.kinds[venue] == 2:
        return world.step("addV2", *place, 1000, 1000, target=outsider)
    return world.step(f"addV{world.kinds[venue]}", *place, -60, 60, 1000, target=outsider)


@pytest.mark.parametrize("how", ["trade", "gift", "liquidity"])
@pytest.mark.parametrize("then", [None, "sqrtPriceX96", "quote", "trade", "donate"])
def test_a_venue_that_somebody_else_touched(world, how, then):
    rest = {"sqrtPriceX96": (), "quote": (world.token0.address, 5), "trade": (world.token0.address, 5, 0)}
    rest["donate"] = rest["quote"]
    if then is None:  # noticed at the end
        with reverts("VenueTouched", 0):
            run(world, touch(world, how))
    else:  # noticed before it is used
        assert rule_error(world, touch(world, how), world.step(then, 0, *rest[then])) == ("VenueTouched", (0,))


def test_a_venue_touched_between_the_kernels_own_trades(world):
    trade = world.step("trade", 0, world.token0.address, 1000, 0)
    assert rule_error(world, trade, touch(world, "trade"), trade) == ("VenueTouched", (0,))


@pytest.mark.parametrize("venue", range(4))
def test_each_of_four_venues_is_watched(venue):
    world = World(venues=("v3", "v2", "v4", "v4"))
    own = [world.step("trade", i, world.token0.address, 1000, 0) for i in range(4)]
    with world.evm.anchor():
        run(world, *own)
    with reverts("VenueTouched", venue):
        run(world, *own, touch(world, "trade", venue))


def test_a_venue_that_is_touched_and_restored_is_still_noticed(world):
    """The way there and back pays fees, and these show in the pool's balances, or in what its liquidity has earned."""
    back = world.step(*world.outside(0, False, 994), target=world.outsider)
    with reverts("VenueTouched", 0):
        run(world, touch(world, "trade"), back)


def test_what_happened_before_the_batch_is_nobodys_business(world):
    for _ in range(2):
        step = touch(world, "trade")
        world.evm.call(step[0], step[1], sender=NOBODY)
    run(world, world.step("trade", 0, world.token0.address, 1000, 0))


# ---------------------------------------------------------------------- nesting


def nested(world: World, outer, name: str, *rest, error: str = "Nested"):
    """During the kernel's own call to a pool, the token drags the rule in, and the rule calls the kernel again."""
    token = world.token1
    world.rule.call_only(
        "setHookScript",
        [
            (world.kernel.address, world.kernel.data(name, *rest), False),
            world.step("requireHookResult", 0, False, selector(error), target=world.rule),
        ],
    )
    token.call_only("callOut", world.rule.address, world.rule.data("hook"))
    token.call_only("behave", CALLS_OR_REVERTS, world.pools[0].address)
    return run(world, outer)


NESTED = [
    ("quote", (0, "token0", 5)),
    ("trade", (0, "token0", 5, 0)),
    ("donate", (0, "token0", 5)),
    ("sqrtPriceX96", (0,)),
    ("store", (0, 5)),
    ("load", (0,)),
    ("venueCount", ()),
]


@pytest.mark.parametrize("outer", ["trade", "quote", "donate"])
@pytest.mark.parametrize(("name", "rest"), NESTED)
def test_nothing_nests(world, outer, name, rest):
    rest = tuple(world.token0.address if part == "token0" else part for part in rest)
    # Of each outer call some transfer of token1 touches the pool: what a trade pays out, what a donation pays in.
    step = {
        "trade": world.step("trade", 0, world.token0.address, 1000, 0),
        "quote": world.step("quote", 0, world.token0.address, 1000),
        "donate": world.step("donate", 0, world.token1.address, 1000),
    }[outer]
    with world.evm.anchor():
        nested(world, step, name, *rest)  # fails unless the inner call met exactly this error
    if outer == "quote" and world.kinds != [3]:
        return  # no token is called
    with pytest.raises(Reverted):
        nested(world, step, name, *rest, error="NotClearing")


def test_the_pools_callbacks_are_taken_once_and_from_the_called_pool_only():
    """A token that is let in during the kernel's own trade cannot pretend to be the pool, nor can another pool."""
    world = World(venues=("v3", "v3"))
    for name, arguments in (
        ("uniswapV3SwapCallback", (10**6, 0, b"")),
        ("uniswapV3FlashCallback", (0, 0, encode(["bool", "uint256"], [True, 10**6]))),
    ):
        for sender in (NOBODY, world.pools[0].address):
            with pytest.raises(ExecutionError):
                world.kernel.call_only(name, *arguments, sender=sender)
        with world.evm.anchor():
            world.token1.call_only("callOut", world.kernel.address, world.kernel.data(name, *arguments))
            world.token1.call_only("behave", CALLS, world.pools[0].address)
            run(world, world.step("trade", 0, world.token0.address, 1000, 0))
            raw = world.token1.call("callResults", 0)
            assert (raw[0], error_of(raw[1:])) == (0, ("NotTheVenue", (world.token1.address,)))


def test_a_trade_behind_the_back_from_inside_the_kernels_own_trade():
    """The token trades on the other venue while the kernel trades on the first: the second is still watched."""
    world = World(venues=("v3", "v3"))
    step = touch(world, "trade", 1)
    world.token1.call_only("callOut", step[0], step[1])
    world.token1.call_only("behave", CALLS, world.pools[0].address)
    with reverts("VenueTouched", 1):
        run(world, world.step("trade", 0, world.token0.address, 1000, 0))


def test_a_call_from_address_zero_is_no_pool(world):
    """Only a simulation can make one; it finds no pool expected, and the kernel's tokens stay."""
    world.token0.call_only("mint", world.kernel.address, 5)
    with reverts("NotTheVenue", ZERO):
        world.kernel.call_only("uniswapV3SwapCallback", 5, 0, b"", sender=ZERO)
    with reverts("NotTheVenue", ZERO):
        world.kernel.call_only("uniswapV3FlashCallback", 0, 0, encode(["bool", "uint256"], [True, 5]), sender=ZERO)


# ---------------------------------------------------------------------- a venue that is not genuine

ASKS_TWICE, ASKS_FOR_MORE, ASKS_FOR_LESS, NEVER_ASKS, TAKES_THE_OTHER = range(5)


@pytest.mark.parametrize(
    ("mode", "name", "error"),
    [
        (ASKS_TWICE, "trade", "NotTheVenue"),
        (ASKS_FOR_MORE, "trade", "NotExactInput"),
        (ASKS_FOR_LESS, "trade", "NotExactInput"),
        (NEVER_ASKS, "trade", "NotExactInput"),
        (TAKES_THE_OTHER, "trade", "VenueMismatch"),
        (NEVER_ASKS, "quote", "VenueFailed"),
        (ASKS_TWICE, "donate", "NotTheVenue"),
        (NEVER_ASKS, "donate", "NotExactInput"),
    ],
)
def test_a_false_pool_cannot_take_what_was_not_offered(mode, name, error):
    """The deployer must not name such a pool. The kernel's own books hold even so, and earlier custody stays."""
    world = World()
    fake = world.deploy("FakePool", encode(["address", "address"], [world.token0.address, world.token1.address]))
    fake.call_only("behave", mode)
    world.pools, world.kinds = [fake], [3]
    world.kernel = world.new_kernel(signed=False)
    for token in (world.token0, world.token1):
        token.call_only("mint", world.kernel.address, E18)
    rest = (0,) if name == "trade" else ()
    found, _ = rule_error(world, world.step(name, 0, world.token0.address, 1000, *rest))
    assert found == error
    assert world.held() == (E18, E18)
