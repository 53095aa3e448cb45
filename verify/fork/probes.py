"""Calls that try a token out. They come from whoever has it, be that a contract: a forwarder is put in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.fork.records import ForkCall
from verify.abi import address_word, selector, word
from verify.venues import labelled_address

if TYPE_CHECKING:
    from ingest.fork.records import ForkBlock

PROBER = labelled_address("prober")
PROBE_GAS = 5_000_000
SLOT_SECONDS = 12
FORWARDER = bytes.fromhex(
    "60203603 8060206000 37"  # calldata from byte 32 on,
    "60006000 82 60006000 600035 5a f1"  # to the address in its first word, with all gas:
    "3d600080 3e 6024 57 3d6000fd"  # what it reverts with is reverted with,
    "5b 3d6000f3"  # what it returns is returned
)


@dataclass(frozen=True, slots=True)
class Probes:
    """Calls of one token, in the block after the forked one, or so many seconds and blocks later."""

    block: ForkBlock
    token: str
    later_seconds: int = SLOT_SECONDS

    def balance(self, owner: str) -> ForkCall:
        """`balanceOf`."""
        return self._call(self.token, selector("balanceOf(address)") + address_word(owner))

    def decimals(self) -> ForkCall:
        """`decimals`."""
        return self._call(self.token, selector("decimals()"))

    def transfer(self, sender: str, to: str, amount: int) -> ForkCall:
        """A transfer by whom a forwarder stands for."""
        return self._by(sender, selector("transfer(address,uint256)") + address_word(to) + word(amount))

    def approve(self, owner: str, spender: str, amount: int) -> ForkCall:
        """An approval by whom a forwarder stands for."""
        return self._by(owner, selector("approve(address,uint256)") + address_word(spender) + word(amount))

    def transfer_from(self, spender: str, owner: str, to: str, amount: int) -> ForkCall:
        """A transfer of another's tokens by whom a forwarder stands for."""
        arguments = address_word(owner) + address_word(to) + word(amount)
        return self._by(spender, selector("transferFrom(address,address,uint256)") + arguments)

    def _by(self, sender: str, data: bytes) -> ForkCall:
        return self._call(sender, address_word(self.token) + data)

    def _call(self, to: str, data: bytes) -> ForkCall:
        blocks, ts = self.later_seconds // SLOT_SECONDS, self.block.block_ts + self.later_seconds
        return ForkCall(PROBER, to, data, self.block.block_number + blocks, ts, PROBE_GAS)
