"""What the tests of the venues share: two opposite orders, and a rule that makes the calls it is told."""

from __future__ import annotations

import pytest
from eth_abi import decode

from tests.contracts.kernel_world import World, error_of
from verify.evm import Reverted

E18 = 10**18
QUOTE = ["uint256", "uint256", "uint160"]
"""What `quote` and `trade` answer."""


def two_orders(world: World):
    return [world.order(1, E18), world.order(2, E18, sells0=False)]


def run(world: World, *steps, fills=None):
    """Settles two opposite orders while the rule makes these calls; they are filled as they are, or not at all."""
    orders = two_orders(world)
    world.script(fills or [(E18, 0), (E18, 0)], *steps)
    return world.settle(orders)


def rule_error(world: World, *steps) -> tuple[str, tuple]:
    """The kernel's own error, with its arguments, that stopped the rule."""
    with pytest.raises(Reverted) as caught:
        run(world, *steps)
    name, (reason,) = error_of(caught.value.output)
    assert name == "RuleFailed"
    return error_of(reason)


def answers(world: World, index: int, types: list[str]):
    """What the script's call number `index` was answered; it must have succeeded."""
    ok, raw = world.rule_result(index)
    assert ok, raw
    return decode(types, raw)
