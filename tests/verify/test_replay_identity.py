"""The control changes nothing, on a real day and on fifty simulated markets."""

from __future__ import annotations

import pytest
from rules import LAZY, bundled
from test_replay import replayed

from ingest.labels import jit_events, label_swaps
from ingest.store import Store
from verify.admission import admit
from verify.anchors import Anchors
from verify.assemble import assemble, know
from verify.audit import audit
from verify.baselines import Cut, compute
from verify.evaluate import HEADLINE_NAME
from verify.plan import read
from verify.reference import Reference
from verify.replay import Stage
from verify.run import Options, verify
from verify.score.ratios import net_mechanism
from verify.world import World


def assert_the_control_is_the_amm(orders):
    assert orders
    for order in orders:
        assert order.bought == order.amm_out
        assert net_mechanism(0)(order)[0] == 0


@pytest.fixture(scope="module")
def codes():
    """Creation code of the control and of a rule that fills nothing."""
    return {rule.name: admit(rule.source, file=rule.file).creation_code for rule in (*bundled("Sequential"), LAZY)}


@pytest.mark.parametrize("seed", range(50))
def test_on_simulated_markets(simulated, codes, seed):
    history = simulated(("demo-v3", "demo-v2")[seed % 2], blocks=30, seed=1000 + seed)
    _, trace = audit(history)
    reading = read(history, label_swaps(history, "rules"), jit_events(history))
    reference = Reference(history)

    def anchors():
        return Anchors(World.build(history.initial_state), trace)

    baseline = compute(history, reading, reference, anchors(), slack_bps=50, cuts=[Cut("settlement", 1)])
    prepared = baseline.batches["settlement", 1]
    known = [know(history, reference, baseline, batch) for batch in prepared]
    for name, code in codes.items():
        stage = Stage(history, anchors(), code, max((len(batch.batch.orders) for batch in prepared), default=0), {})
        outcomes = assemble(history, reference, 1, known, [stage.run(batch) for batch in prepared])
        if name == "Sequential":
            assert_the_control_is_the_amm(outcomes.orders)
        else:
            assert all(net_mechanism(scale)(order)[0] <= 0 for order in outcomes.orders for scale in (0, 1, 2))


@pytest.mark.shared_data
def test_on_the_first_events_of_a_real_day(mainnet_hour):
    found = replayed(mainnet_hour, bundled("Sequential"))
    for outcomes in found["Sequential", 1].values():
        assert_the_control_is_the_amm(outcomes.orders)


@pytest.mark.long
@pytest.mark.shared_data
@pytest.mark.timeout(1200)
def test_on_the_whole_real_day(mainnet_day, tmp_path):
    found = replayed(mainnet_day, bundled("Sequential"), workers=2)
    assert len(found["Sequential", 1][HEADLINE_NAME].orders) > 4000
    for outcomes in found["Sequential", 1].values():
        assert_the_control_is_the_amm(outcomes.orders)
    document = verify(mainnet_day, [*bundled(), LAZY], Store(tmp_path), Options(windows=(1, 5)))
    for card in document["candidates"]:
        assert card["status"] == "scored"
        assert card["verdict"] in {"no improvement", "worse", "transfer"}
        if card["name"] == "Lazy":
            assert card["metrics"]["heldout"]["net_mechanism_bps"]["mean"] <= 0
    assert document["audit"]["exact"] >= 6042
