"""Every bundled rule keeps exactly the promises that its description makes."""

from __future__ import annotations

from itertools import permutations

import pytest
from templates_world import Ask, artifact_of, market

from verify.run import keeps_state
from verify.templates import load_template, templates

TEMPLATES = [load_template(path) for path in templates()]


@pytest.fixture(params=TEMPLATES, ids=lambda template: template.name)
def template(request):
    return request.param


@pytest.fixture(params=["v3 wide", "v2 even"])
def here(request):
    return market(request.param)


def batch(here):
    """Two orders a side, of different sizes."""
    deep0, deep1 = here.depth(of0=True), here.depth(of0=False)
    return [Ask(True, deep0 // 90), Ask(False, deep1 // 150), Ask(True, deep0 // 400), Ask(False, deep1 // 700)]


def defaults(template):
    return {parameter.name: parameter.default for parameter in template.parameters}


def test_order_independence(template, here):
    asks = batch(here)
    outcomes = {
        here.settle(template.name, asks, list(order), **defaults(template)).fills for order in permutations(range(4))
    }
    assert (len(outcomes) == 1) == template.promises.order_independent


def test_a_uniform_price(template, here):
    asks = batch(here)
    fills = here.settle(template.name, asks, **defaults(template)).fills
    spreads = []
    for side in (True, False):
        prices = [bought / sold for ask, (sold, bought) in zip(asks, fills, strict=True) if ask.sells0 is side and sold]
        assert len(prices) == 2
        spreads.append(max(prices) / min(prices) - 1)
    assert (max(spreads) < 1e-9) == template.promises.uniform_price


def test_time_independence(template, here):
    asks = batch(here)
    evm = here.world.evm
    number, timestamp = evm.block_number, evm.timestamp
    outcomes = set()
    try:
        for later in (0, 1, 10**6):
            evm.set_block(number + later, timestamp + 12 * later)
            outcomes.add(here.settle(template.name, asks, **defaults(template)).fills)
    finally:
        evm.set_block(number, timestamp)
    assert (len(outcomes) == 1) == (not template.promises.time_dependent)


def test_state(template):
    assert keeps_state(artifact_of(template.name)) == template.promises.keeps_state
