"""Rules for tests: the bundled ones, and small ones made to behave in one way."""

from __future__ import annotations

from verify.run import Rule
from verify.templates import load_template, templates

FILE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {{IKernel, IClearingRule, Order, Fill}} from "pactsmith/IKernel.sol";
contract {name} is IClearingRule {{
    {members}
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {{
        fills = new Fill[](orders.length);
        {body}
    }}
}}
"""


def bundled(*names):
    """The hand-written rules with their default parameters; all of them where none is named."""
    found = [load_template(path) for path in templates()]
    return [
        Rule(
            rule.name,
            rule.source,
            {parameter.name: parameter.default for parameter in rule.parameters},
            promises=rule.promises,
        )
        for rule in found
        if not names or rule.name in names
    ]


def written(name, body, members=""):
    """A rule whose `clear` runs this body."""
    return Rule(name, FILE.format(name=name, members=members, body=body))


LAZY = written("Lazy", "")
"""Fills nothing."""

GREEDY = written("Greedy", "for (uint256 i; i < orders.length; ++i) fills[i] = Fill(orders[i].sellAmount, 1);")
"""Takes everything for one unit."""

LOOPING = written("Looping", "for (uint256 i; i == i; ++i) {}")
"""Never ends."""
