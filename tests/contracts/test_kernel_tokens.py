"""Tokens written to break the kernel: what each of them can do, and to whom."""

from __future__ import annotations

from enum import IntEnum

import pytest

from tests.contracts.kernel_world import NOBODY, UINT_MAX, ZERO, Instance, World, error_of, reverts

E18 = 10**18


class Mode(IntEnum):
    """As in HostileToken.sol."""

    PLAIN = 0
    NO_RETURN = 1
    FALSE_UNMOVED = 2
    FALSE_MOVED = 3
    TRUE_UNMOVED = 4
    THREE = 5
    SHORT_RETURN = 6
    REVERTS = 7
    RECIPIENT_FEE = 8
    SENDER_FEE = 9
    GIFT = 10
    RETURN_BOMB = 11
    REVERT_BOMB = 12
    BURN_GAS = 13
    CALLS = 14
    CALLS_OR_REVERTS = 15


HARMLESS = [Mode.NO_RETURN, Mode.RETURN_BOMB]
PULL_FAULTS = {
    Mode.FALSE_UNMOVED: "PullFailed",
    Mode.FALSE_MOVED: "PullFailed",
    Mode.TRUE_UNMOVED: "ReceivedMismatch",
    Mode.THREE: "PullFailed",
    Mode.SHORT_RETURN: "PullFailed",
    Mode.REVERTS: "PullFailed",
    Mode.RECIPIENT_FEE: "ReceivedMismatch",
    Mode.GIFT: "ReceivedMismatch",
    Mode.REVERT_BOMB: "PullFailed",
    Mode.BURN_GAS: "PullFailed",
}
PAYOUT_FAULTS = [
    Mode.FALSE_UNMOVED,
    Mode.FALSE_MOVED,
    Mode.TRUE_UNMOVED,
    Mode.THREE,
    Mode.SHORT_RETURN,
    Mode.REVERTS,
    Mode.RECIPIENT_FEE,
    Mode.SENDER_FEE,
    Mode.REVERT_BOMB,
    Mode.BURN_GAS,
]


@pytest.fixture(params=["v3", "v2", "v4"])
def world(request):
    return World(venues=(request.param,))


def behave(token: Instance, mode: Mode, subject: str = ZERO) -> None:
    token.call_only("behave", mode, subject)


def batch(world: World):
    """Trader 1 (the token's victim) sells token0 to trader 2; trader 3 sells too, to show that nobody else notices."""
    orders = [world.order(1, E18), world.order(2, 2 * E18, sells0=False), world.order(3, E18)]
    return orders, [(E18, E18), (2 * E18, 2 * E18), (E18, E18)]


# ---------------------------------------------------------------------- in


@pytest.mark.parametrize("mode", PULL_FAULTS, ids=lambda mode: mode.name)
def test_a_faulty_pull_drops_that_order_alone_and_takes_nothing(world, mode):
    orders, _ = batch(world)
    behave(world.token0, mode, orders[0].trader)
    world.script([(2 * E18, E18), (E18, 2 * E18)])
    settled = world.settle(orders)
    assert settled.dropped() == {0: PULL_FAULTS[mode]}
    assert settled.fills == [(0, 0), (2 * E18, E18), (E18, 2 * E18)]
    assert world.balance(world.token0, orders[0].trader) == E18
    assert world.held() == (0, 0)
    assert settled.gas < 1_500_000


def test_a_short_answer_is_not_completed_by_what_lay_in_memory(world):
    """31 zero bytes; the kernel's balance that was read just before ends in the byte that is missing, 1."""
    order = world.order(1, E18)
    world.token0.call_only("mint", world.kernel.address, 1)
    behave(world.token0, Mode.SHORT_RETURN, order.trader)
    assert world.settle([order]).dropped() == {0: "PullFailed"}


def test_a_fee_taken_from_the_seller_besides_is_his_own_loss(world):
    """Exactly sellAmount arrives; what the token takes from its holder besides is between the two of them."""
    order = world.order(1, E18, funds=2 * E18)
    behave(world.token0, Mode.SENDER_FEE, order.trader)
    world.script([(E18, 0)])
    assert world.settle([order]).fills == [(E18, 0)]
    assert world.balance(world.token0, order.trader) == E18 - E18 // 10
    assert world.residue() == (E18, 0)


@pytest.mark.parametrize("mode", HARMLESS, ids=lambda mode: mode.name)
def test_tokens_that_answer_oddly_but_truly_work_throughout(world, mode):
    """No return value (as USDT), or 300 kB of it: in pulls, in both kinds of pools, and in payouts."""
    for token in (world.token0, world.token1):
        behave(token, mode, world.kernel.address)
    orders, _ = batch(world)
    fills = [(E18, E18), (2 * E18, 2 * E18 - 1000), (E18, E18 + 996)]
    world.script(fills, world.step("trade", 0, world.token0.address, 1000, 990))
    settled = world.settle(orders)
    assert settled.fills == fills
    assert settled.of("Claimable") == []
    assert world.held() == (0, 0)


def test_a_fee_on_every_transfer_drops_every_seller_of_that_token(world):
    behave(world.token0, Mode.RECIPIENT_FEE)
    orders, _ = batch(world)
    world.script([(0, 0)])
    settled = world.settle(orders)
    assert settled.dropped() == {0: "ReceivedMismatch", 2: "ReceivedMismatch"}
    assert world.balance(world.token1, orders[1].trader) == 2 * E18


def test_a_token_that_takes_from_the_kernel_during_a_pull_undoes_that_pull(world):
    orders, _ = batch(world)
    world.token0.call_only("callOut", world.token0.address, world.token0.data("burn", world.kernel.address, 1))
    behave(world.token0, Mode.CALLS, orders[2].trader)
    world.script([(E18, E18), (2 * E18, E18)])
    settled = world.settle(orders)
    assert settled.dropped() == {2: "ReceivedMismatch"}
    assert world.balance(world.token0, orders[2].trader) == E18
    assert world.held() == world.residue() == (0, E18)


def test_a_token_that_takes_from_the_kernel_at_any_other_time_reverts_the_batch(world):
    """Here the token itself is broken: nobody's money in it can be accounted for."""
    orders, fills = batch(world)
    world.token0.call_only("mint", world.kernel.address, 5)
    theft = world.token0.data("burn", world.kernel.address, 6)
    with world.evm.anchor():  # while the other token is pulled
        world.token1.call_only("callOut", world.token0.address, theft)
        behave(world.token1, Mode.CALLS, orders[1].trader)
        world.script(fills)
        with reverts("CustodySpent", world.token0.address):
            world.settle(orders)
    world.script(fills, (world.token0.address, theft, True))  # while the rule clears
    with reverts("CustodySpent", world.token0.address):
        world.settle(orders)


def test_custody_is_checked_also_in_a_token_that_the_batch_owes_nobody(world):
    order = world.order(1, E18)
    world.token1.call_only("mint", world.kernel.address, 5)
    world.script([(0, 0)], world.step("burn", world.kernel.address, 1, target=world.token1))
    with reverts("CustodySpent", world.token1.address):
        world.settle([order])


def test_a_token_without_code_stops_the_batch_with_its_name():
    """A pair over it is all that such a kernel could trade, so there is no other order to save."""
    world = World(venues=("v2",))
    pair = world.new_pair(NOBODY, world.token0.address)
    world.kernel = world.new_kernel(signed=False, venues=[(pair, 2)])
    with reverts("BalanceUnreadable", NOBODY):
        world.settle([])


# ---------------------------------------------------------------------- out


@pytest.mark.parametrize("mode", PAYOUT_FAULTS, ids=lambda mode: mode.name)
def test_a_faulty_payout_becomes_claimable_and_nobody_else_notices(world, mode):
    orders, fills = batch(world)
    behave(world.token1, mode, orders[0].trader)
    world.script(fills)
    settled = world.settle(orders)
    trader, token = orders[0].trader, world.token1.address
    assert settled.fills == fills
    assert settled.gas < 1_500_000
    assert settled.of("Claimable") == [{"token": token, "trader": trader, "amount": E18}]
    assert world.kernel.call("claimable", token, trader) == E18
    assert world.balance(world.token1, trader) == 0
    assert world.held() == (0, E18)
    assert [world.balance(world.token0, orders[1].trader), world.balance(world.token1, orders[2].trader)] == [
        2 * E18,
        E18,
    ]
    # At another time the token lets it through.
    behave(world.token1, Mode.PLAIN)
    with reverts("NothingToClaim"):
        world.kernel.call("claim", token, sender=NOBODY)
    assert world.kernel.call("claim", token, sender=trader) == E18
    assert world.kernel.events() == [("Claimed", {"token": token, "trader": trader, "to": trader, "amount": E18})]
    assert world.balance(world.token1, trader) == E18
    assert world.held() == (0, 0)
    with reverts("NothingToClaim"):
        world.kernel.call("claim", token, sender=trader)


@pytest.fixture
def owed(world):
    """Trader 1 can claim E18 of token1, and the kernel holds as much again that is residue."""
    order, other = world.order(1, E18), world.order(2, 2 * E18, sells0=False)
    behave(world.token1, Mode.REVERTS, order.trader)
    world.script([(E18, E18), (2 * E18, E18)])
    world.settle([order, other])
    assert world.held() == (0, 2 * E18)
    return world


@pytest.mark.parametrize(
    "mode",
    [m for m in PAYOUT_FAULTS if m not in (Mode.RECIPIENT_FEE, Mode.BURN_GAS)],
    ids=lambda mode: mode.name,
)
def test_a_claim_that_does_not_pay_exactly_reverts_and_can_be_repeated(owed, mode):
    trader, token = owed.trader(1), owed.token1.address
    behave(owed.token1, mode, trader)
    with reverts("ClaimFailed"):
        owed.kernel.call("claim", token, sender=trader)
    assert owed.kernel.call("claimable", token, trader) == E18
    assert owed.held() == (0, 2 * E18)
    # A token that refuses its owner does not lock his money.
    assert owed.kernel.call("claimTo", token, NOBODY, sender=trader) == E18
    assert owed.balance(owed.token1, NOBODY) == E18


def test_a_claim_cannot_be_sent_back_into_the_kernel(owed):
    with reverts("ClaimFailed"):
        owed.kernel.call("claimTo", owed.token1.address, owed.kernel.address, sender=owed.trader(1))


def test_a_claim_pays_in_full_out_of_the_kernel_even_if_the_token_takes_a_fee(owed):
    trader, token = owed.trader(1), owed.token1.address
    behave(owed.token1, Mode.RECIPIENT_FEE, trader)
    assert owed.kernel.call("claim", token, sender=trader) == E18
    assert owed.balance(owed.token1, trader) == E18 - E18 // 10
    assert owed.held() == (0, E18)


def test_claims_add_up_over_batches(owed):
    order, other = owed.order(1, 5, nonce=7), owed.order(2, 5, sells0=False, nonce=7)
    owed.script([(5, 5), (5, 5)])
    owed.settle([order, other])
    assert owed.kernel.call("claimable", owed.token1.address, order.trader) == E18 + 5


def test_unsold_tokens_that_cannot_go_back_become_claimable(world):
    """The seller is let out of the token, but not in again."""
    order = world.order(1, E18, partially_fillable=True)
    refuse_in(world, order.trader)
    world.script([(E18 // 4, 0)], world.step("hook", target=world.rule))
    settled = world.settle([order])
    unsold = E18 - E18 // 4
    assert settled.of("Claimable") == [{"token": world.token0.address, "trader": order.trader, "amount": unsold}]
    assert world.residue() == (E18 // 4, 0)
    behave(world.token0, Mode.PLAIN)
    assert world.kernel.call("claim", world.token0.address, sender=order.trader) == unsold


def refuse_in(world: World, trader: str) -> None:
    """The rule itself turns the token against the trader, after the pulls."""
    data = world.token0.data("behave", Mode.REVERTS, trader)
    world.rule.call_only("setHookScript", [(world.token0.address, data, True)])


def test_a_payment_that_a_pool_does_not_get_in_full_fails_the_trade(world):
    """The kernel's own payment to a venue: a fee on the way, or more taken than was asked."""
    orders, fills = batch(world)
    for mode in (Mode.RECIPIENT_FEE, Mode.SENDER_FEE, Mode.FALSE_MOVED, Mode.REVERTS):
        with world.evm.anchor():
            behave(world.token0, mode, world.pools[0].address)
            world.script(fills, world.step("trade", 0, world.token0.address, 1000, 0, must=False))
            world.settle(orders)
            ok, reason = world.rule_result(0)
            assert not ok
            name, arguments = error_of(reason)
            if name == "VenueFailed":  # a v4 manager passes on what happened inside
                name = error_of(arguments[1])[0]
            if mode is Mode.SENDER_FEE:
                assert name == "NotExactInput"
            elif mode is not Mode.RECIPIENT_FEE:  # there the pool itself notices
                assert name == "TransferFailed"


# ---------------------------------------------------------------------- reentering


@pytest.mark.parametrize("where", ["pull", "payout"])
def test_a_token_cannot_reenter(where):
    world = World(signed=True)
    token = world.token0 if where == "pull" else world.token1
    attempts = {
        world.kernel.data("settle", [], []): "Locked",
        world.kernel.data("claim", token.address): "Locked",
        world.kernel.data("claimTo", token.address, NOBODY): "Locked",
        world.kernel.data("cancel", 1): "Locked",
        world.kernel.data("pullExactly", token.address, world.trader(2), 1): "OnlySelf",
        world.kernel.data("payExactly", token.address, NOBODY, 1): "OnlySelf",
        world.kernel.data("trade", 0, token.address, 1, 0): "NotTheRule",
        world.kernel.data("store", 0, 1): "NotTheRule",
        world.kernel.data("uniswapV3SwapCallback", 1, 0, b""): "NotTheVenue",
        world.kernel.data("uniswapV3FlashCallback", 0, 0, b"\0" * 64): "NotTheVenue",
        world.kernel.data("unlockCallback", b"\0" * 96): "NotTheVenue",
    }
    for data, error in attempts.items():
        with world.evm.anchor():
            orders, fills = batch(world)
            token.call_only("callOut", world.kernel.address, data)
            behave(token, Mode.CALLS, orders[0].trader)
            world.script(fills)
            assert world.settle(orders).fills == fills
            raw = token.call("callResults", 0)
            assert (raw[0], error_of(raw[1:])[0]) == (0, error)
            assert world.held() == (0, 0)


def test_a_token_cannot_reenter_a_claim(owed):
    trader, token = owed.trader(1), owed.token1
    token.call_only("callOut", owed.kernel.address, owed.kernel.data("claim", token.address))
    behave(token, Mode.CALLS, trader)
    assert owed.kernel.call("claim", token.address, sender=trader) == E18
    raw = token.call("callResults", 0)
    assert error_of(raw[1:])[0] == "Locked"
    assert owed.held() == (0, E18)


@pytest.mark.parametrize("where", ["pull", "payout"])
def test_a_token_that_drags_the_rule_in_outside_of_clear_gets_nowhere(where):
    world = World()
    orders, fills = batch(world)
    token = world.token0 if where == "pull" else world.token1
    # In this pull, nobody has called the rule yet, so it must be told where the kernel is.
    calls = [world.kernel.data("trade", 0, token.address, 1, 0), world.kernel.data("store", 1, 1)]
    world.rule.call_only("setHookScript", [(world.kernel.address, data, False) for data in calls])
    token.call_only("callOut", world.rule.address, world.rule.data("hook"))
    behave(token, Mode.CALLS, orders[0].trader)
    world.script(fills)
    assert world.settle(orders).fills == fills
    assert [error_of(world.rule_result(index, hook=True)[1])[0] for index in (0, 1)] == ["NotClearing"] * 2


def test_a_gift_in_the_middle_of_the_pulls_hurts_nobody(world):
    """A seller's token sends the kernel some of the other token: the others' pulls are measured one by one."""
    orders, fills = batch(world)
    world.token0.call_only("callOut", world.token1.address, world.token1.data("mint", world.kernel.address, 77))
    behave(world.token0, Mode.CALLS, orders[0].trader)
    world.script(fills)
    settled = world.settle(orders)
    assert settled.dropped() == {}
    assert settled.fills == fills
    assert settled.of("Residue") == []  # it is no batch's, and lies below the floor of this one
    assert world.held() == (0, 77)


def test_amounts_up_to_uint256_do_not_overflow(world):
    order = world.order(1, UINT_MAX - 2**201, partially_fillable=True)
    world.script([(0, 0)])
    assert world.settle([order]).fills == [(0, 0)]
    assert world.balance(world.token0, order.trader) == order.sell_amount
