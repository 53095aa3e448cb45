"""Every bad rule is turned down for its stated reason, every good one passes, and no gate can be left out."""

from __future__ import annotations

import pytest
from zoo import BAD, GOOD, HERE, read, why_turned_down

from verify.properties import check as gates
from verify.properties import checks, metamorphic


def test_the_zoo_is_full():
    assert len(BAD) >= 40
    assert len(GOOD) >= 10


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_rule_is_turned_down_for_its_reason(path):
    animal = read(path)
    assert "/" in animal.reason, "no comment line says why it is turned down"
    assert animal.reason in why_turned_down(animal)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_rule_passes(path):
    animal = read(path)
    assert animal.reason == ""
    assert why_turned_down(animal) == ()


ONLY_BY = {
    "properties/settles": "NeedsBothSides",
    "properties/limits": "OneWeiBelow",
    "properties/conservation": "RoundsToThousands",
    "properties/fair-value": "TaxesOneSide",
    "properties/order-independence": "FirstComeFirstServed",
    "properties/gas-growth": "HashesEveryPair",
    "properties/second-batch": "LocksAfterALargeMove",
    "properties/goes-on": "StopsAfterAHundred",
    "metamorphic/block-number": "FeeAboveABlock",
    "metamorphic/block-time": "FeeAfterADate",
    "metamorphic/traders": "FavoursEvenAddresses",
    "metamorphic/gas": "StarvesOnLittleGas",
    "metamorphic/batch-size": "FeeInLargerBatches",
    "metamorphic/tokens": "DislikesAToken",
}
"""For each gate a rule that no other one turns down."""


def test_each_gate_has_its_rule():
    of_batches = {*gates.GATES, "order_independence", *gates.ROW_GATES}
    relations = {*gates.RELATIONS, "tokens"}
    named = {f"properties/{name}" for name in of_batches} | {f"metamorphic/{name}" for name in relations}
    assert {name.replace("_", "-") for name in named} == set(ONLY_BY)


@pytest.mark.parametrize("gate", ONLY_BY)
def test_without_a_gate_its_rule_goes_free(gate, monkeypatch):
    name = gate.split("/")[1].replace("-", "_")
    animal = read(HERE / "bad" / f"{ONLY_BY[gate]}.sol")
    assert animal.reason == gate
    for table in (gates.GATES, gates.ROW_GATES, gates.RELATIONS):
        if name in table:
            monkeypatch.setitem(table, name, lambda *_: None)
    for module in (checks, metamorphic):
        monkeypatch.setattr(module, name, lambda *_: None, raising=False)
    assert why_turned_down(animal) == ()
