"""A settlement's gas and what it pays out, beside a real node: anvil with the same accounts, code and storage."""

from __future__ import annotations

from contextlib import closing

import pytest
from rpc_world.anvil import CHAIN_ID, Anvil
from rules import bundled
from test_replay import plan_of
from v4_histories import as_v4

from verify.admission import admit
from verify.anchors import Anchors
from verify.baselines import Cut, compute
from verify.beside import world_of
from verify.compile import constructor_data
from verify.reference import Reference
from verify.replay import SETTLE_GAS, Stage
from verify.world import accounts

GWEI = 10**9
RELAYER = accounts(1, "relayer")[0][0]
LATE = 1_800_000_000
"""A time after every block of the node's own."""


class Twin:
    """An anvil that holds what a world's EVM holds, at each of its states in turn."""

    def __init__(self, anvil: Anvil, world, rule: str) -> None:
        self._rpc, self._world = anvil.rpc, world
        self._pushed: dict[tuple[str, int], int] = {}
        evm = world.evm
        addresses = {address for address, _ in evm._database} | {rule}
        codes = {address: evm.code(address) for address in addresses}
        self._rpc.batch([("anvil_setCode", address, "0x" + code.hex()) for address, code in codes.items() if code])

    def settle(self, sender: str, kernel: str, calldata: bytes, timestamp: int):
        """The receipt of one transaction on the world's present state; the node is then as it was."""
        held = self._world.evm._database
        changed = {key: value for key, value in held.items() if self._pushed.get(key, 0) != value}
        self._rpc.batch(
            [("anvil_setStorageAt", a, f"0x{slot:064x}", f"0x{v:064x}") for (a, slot), v in changed.items()]
        )
        self._pushed |= changed
        kept = self._rpc("evm_snapshot")
        transaction = {"from": sender, "to": kernel, "data": "0x" + calldata.hex(), "gas": hex(SETTLE_GAS)}
        self._rpc.batch([("anvil_impersonateAccount", sender), ("anvil_setBalance", sender, hex(10**24))])
        sent = self._rpc("eth_sendTransaction", transaction | {"gasPrice": hex(100 * GWEI)})
        self._rpc("evm_mine", hex(timestamp))
        receipt = self._rpc("eth_getTransactionReceipt", sent)
        assert self._rpc("evm_revert", kept)
        return receipt


class Twinned(Stage):
    """A stage whose every settlement is also a transaction on a node, in the same state."""

    def mirror(self, node: Anvil) -> None:
        self.twin = Twin(node, self._world, self._rule)
        self.compared = 0

    def _settle(self, prepared, address, calldata):
        receipt = self.twin.settle(RELAYER, address, calldata, prepared.timestamp)
        output, gas, trail = super()._settle(prepared, address, calldata)
        assert int(receipt["status"], 16) == 1
        assert int(receipt["gasUsed"], 16) == gas
        assert [as_logged(log) for log in receipt["logs"]] == self._world.evm.logs
        self.compared += 1
        return output, gas, trail


def as_logged(log):
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    return log["address"].lower(), topics, bytes.fromhex(log["data"][2:])


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
