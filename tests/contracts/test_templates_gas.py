"""What the reference rules cost, as docs/design/reference-rules.md states it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contracts.templates_world import Ask, market
from verify.templates import load_template, templates

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "design" / "reference-rules.md"
COUNTS = (1, 2, 5, 20)
FLOWS = {"one-sided": lambda _: True, "two-sided": lambda i: i % 3 != 1}


def gas_of(rule: str, name: str, flow: str, count: int) -> int:
    """Gas per order of one batch, orders of about 1e-6 of the pool's depth with 0.5 % slack, on cold state."""
    here = market(name)
    asks = []
    for i in range(count):
        sells0 = FLOWS[flow](i)
        amount = here.depth(of0=sells0) * (100 + i) // 10**8
        asks.append(Ask(sells0, amount, here.quote(sells0, amount).received * 995 // 1000))
    (path,) = [path for path in templates() if path.stem == rule]
    result = here.settle(rule, asks, **load_template(path).defaults())
    assert all(sold for sold, _ in result.fills)
    return result.gas // count


def table() -> dict[tuple[str, str, str], list[int]]:
    return {
        (rule, name, flow): [gas_of(rule, name, flow, count) for count in COUNTS]
        for rule in (path.stem for path in templates())
        for name in ("v3 wide", "v4 wide", "v2 even")
        for flow in FLOWS
    }


def documented() -> dict[tuple[str, str, str], list[int]]:
    row = re.compile(r"^\| (\w+) \| (v[234] \w+) \| ([\w-]+) \|((?: [\d,]+ \|){4})$", re.MULTILINE)
    return {
        (rule, name, flow): [int(cell.replace(",", "")) for cell in cells.strip(" |").split(" | ")]
        for rule, name, flow, cells in row.findall(DOCUMENT.read_text(encoding="utf-8"))
    }


def test_the_document_states_the_gas_that_is_measured():
    measured, stated = table(), documented()
    for (rule, name, flow), row in measured.items():
        print(f"| {rule} | {name} | {flow} | {' | '.join(f'{gas:,}' for gas in row)} |")
    assert stated.keys() == measured.keys()
    for key, row in measured.items():
        assert row == [pytest.approx(gas, rel=0.05) for gas in stated[key]], key


def test_netting_is_cheaper_than_one_by_one():
    for flow in FLOWS:
        for count in COUNTS[2:]:
            assert gas_of("CallAuction", "v3 wide", flow, count) < gas_of("Sequential", "v3 wide", flow, count)
    assert gas_of("CallAuction", "v3 wide", "one-sided", 1) < gas_of("Sequential", "v3 wide", "one-sided", 1) * 1.01
