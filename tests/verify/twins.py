"""A real node beside the EVM that replays: every settlement is also a transaction there, in the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.replay import SETTLE_GAS, Stage
from verify.world import accounts

if TYPE_CHECKING:
    from rpc_world.anvil import Anvil

    from verify.fork.base import ForkBase

GWEI = 10**9
RELAYER = accounts(1, "relayer")[0][0]


class Twin:
    """A node that holds what a world's EVM holds, at each of its states in turn.

    It may be the very chain that the world was forked from, at the forked block: then it has all that the fork has, and
    what the fork lacks.
    """

    def __init__(self, node: Anvil, world, rule: str, base: ForkBase | None = None) -> None:
        self._rpc, self._world = node.rpc, world
        own = {} if base is None else base.fork.accounts
        self._pushed = {(one.address, slot): value for one in own.values() for slot, value in one.storage.items()}
        evm = world.evm
        addresses = {address for address, _ in evm._database} | {rule}
        codes = {address: evm.code(address) for address in addresses - own.keys()}
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

    def mirror(self, node: Anvil, base: ForkBase | None = None) -> None:
        self.twin = Twin(node, self._world, self._rule, base)
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
