"""A settlement's gas and what it pays out, beside a real node: anvil with the same accounts, code and storage."""

from __future__ import annotations

from contextlib import closing

import pytest
from rpc_world.anvil import CHAIN_ID, Anvil
from rules import bundled
from test_replay import plan_of
from twins import Twinned
from v4_histories import as_v4

from verify.admission import admit
from verify.anchors import Anchors
from verify.baselines import Cut, compute
from verify.beside import world_of
from verify.compile import constructor_data
from verify.reference import Reference

LATE = 1_800_000_000
"""A time after every block of the node's own."""


@pytest.mark.parametrize("kind", ["v3", "v2", "v4"])
def test_a_settlement_costs_on_a_real_node_what_the_replay_says(simulated, kind):
    market = "demo-v2" if kind == "v2" else "demo-v3"
    history = simulated(market, blocks=80, seed=11, chain_id=CHAIN_ID, first_timestamp=LATE)
    history = as_v4(history) if kind == "v4" else history
    plan, compared = plan_of(history), 0
    cuts = [Cut("settlement", window) for window in (1, 6)]
    anchors = Anchors(world_of(history), plan.trace)
    found = compute(history, plan.readings["rules"], Reference(history), anchors, slack_bps=50, cuts=cuts)
    batches = [batch for prepared in found.batches.values() for batch in prepared]
    for rule in bundled():
        artifact = admit(rule.source, file=rule.file)
        creation_code = constructor_data(artifact, rule.parameters)
        most_orders = max(len(batch.intents) for batch in batches)
        stage = Twinned(history, Anchors(world_of(history), plan.trace), creation_code, most_orders, {})
        with closing(Anvil()) as node:
            stage.mirror(node)
            filled = sum(bool(sold) for batch in batches for sold, _ in stage.run(batch).fills)
        assert filled > len(batches) // 2
        compared += stage.compared
    assert compared >= 200
