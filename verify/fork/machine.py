"""The EVM with a fork's accounts in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pyrevm

from ingest.errors import InputError
from verify.bytecode import MAX_RUNTIME_BYTES, reachable
from verify.evm import SPEC, Evm, Halted, Reverted, _account_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.fork.records import Fork, ForkAccount, ForkBlock, ForkCall

Log = tuple[str, tuple[bytes, ...], bytes]
"""(Address, topics, data)."""

INVALID_FIRST_BYTE = 0xEF  # EIP-3541: no code that is deployed begins so
DELEGATION = bytes.fromhex("ef0100")  # EIP-7702
DELEGATION_BYTES = 23
UNLIKE_THE_CHAIN = {"GASPRICE", "BLOCKHASH", "GASLIMIT", "BASEFEE", "BLOBHASH", "BLOBBASEFEE", "SELFDESTRUCT"}
_GAS_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. ``output`` is what it returned, or reverted with; ``halt`` is why the EVM stopped it."""

    succeeded: bool
    output: bytes
    gas_used: int
    logs: tuple[Log, ...] = ()
    halt: str = ""


class ForkedEvm(Evm):
    """An EVM at a fork's state. What the fork does not know is zero here: `verify.fork.dryrun` tells whether it counts.

    Rules are those of the Cancun upgrade, whichever were in force. `unlike_the_chain` names what is answered otherwise.

    Args:
        block: The block after which the state stood.
        accounts: What is known of it.
        desk_url: Where pyrevm asks for what is not known, instead of taking it for zero; a worker's own desk, never a
            node: pyrevm waits for an answer without end.

    Raises:
        InputError: An account is of a kind that this EVM does not run.
    """

    def __init__(self, block: ForkBlock, accounts: Iterable[ForkAccount], *, desk_url: str | None = None) -> None:
        super().__init__(block.chain_id)
        if desk_url is not None:
            self._replace(
                pyrevm.EVM(
                    pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=block.chain_id)),
                    fork_url=desk_url,
                    fork_block="0x" + block.block_hash.hex(),
                    gas_limit=_GAS_LIMIT,
                    spec_id=SPEC,
                )
            )
        self._forked = block
        for account in accounts:
            require_runnable(account)
            self._evm.insert_account_info(account.address, _info(account))
            self.rebase({(account.address, slot): value for slot, value in account.storage.items()})
        self.enter(block.block_number, block.block_ts)

    def _replace(self, evm: pyrevm.EVM) -> None:
        self._evm = evm
        self._message_call = evm.message_call
        self._reset_transient_storage = evm.reset_transient_storage
        self.read = evm.storage

    def rebase(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Writes storage values into the database, also zeros: what it has beneath may come from a desk.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        if not self.anchored:
            for key in slots.keys() - self._database.keys():
                self._database[key] = ~slots[key]  # another value, so that this one is written
        super().rebase(slots)

    @classmethod
    def of(cls, fork: Fork) -> Self:
        """The EVM of a fork."""
        return cls(fork.block, fork.accounts.values())

    def enter(
        self, block_number: int, block_ts: int, coinbase: str | None = None, prevrandao: bytes | None = None
    ) -> None:
        """The block that the next calls run in; what is not told is as in the forked block."""
        self._evm.set_block_env(
            pyrevm.BlockEnv(
                number=block_number,
                timestamp=block_ts,
                coinbase=self._forked.coinbase if coinbase is None else coinbase,
                prevrandao=self._forked.prevrandao if prevrandao is None else prevrandao,
            )
        )
        self.block_number, self.timestamp = block_number, block_ts

    def set_block(self, number: int, timestamp: int) -> None:
        """The block that the next calls run in."""
        if number != self.block_number or timestamp != self.timestamp:
            self.enter(number, timestamp)

    def transact(self, call: ForkCall) -> Outcome:
        """Runs a call for good: what it did is there, cold, for the next one, and its gas is the chain's own.

        Takes some milliseconds; a contract that destroys itself stays.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        self._enter(call)
        try:
            with self.persist():
                return self._called(call)
        except Reverted as error:
            return Outcome(False, error.output, error.gas_used)
        except Halted as error:
            return Outcome(False, b"", error.gas_used, halt=error.reason)

    def view(self, call: ForkCall) -> Outcome:
        """Runs a call and undoes it."""
        self._enter(call)
        try:
            with self.anchor():
                return self._called(call)
        except Reverted as error:
            return Outcome(False, error.output, error.gas_used)
        except Halted as error:
            return Outcome(False, b"", error.gas_used, halt=error.reason)

    def _enter(self, call: ForkCall) -> None:
        self.enter(call.block_number, call.block_ts, call.coinbase, call.prevrandao)

    def _called(self, call: ForkCall) -> Outcome:
        output = self.call(call.to, call.data, sender=call.sender, gas=call.gas, value=call.value_wei)
        logs = tuple((address, tuple(topics), data) for address, topics, data in self.logs)
        return Outcome(True, output, self.gas_used, logs)


def require_runnable(account: ForkAccount) -> None:
    """Refuses accounts whose code means something that this EVM's rules do not have.

    Raises:
        InputError: Which one, and why.
    """
    if account.code.startswith(DELEGATION) and len(account.code) == DELEGATION_BYTES:
        raise InputError(
            f"{account.address} runs another account's code (EIP-7702), which this version's EVM cannot: choose calls "
            "that it takes no part in"
        )


def unlike_the_chain(code: bytes) -> frozenset[str]:
    """What code may ask that this EVM answers otherwise than the chain, or do that it does not carry on.

    It is what could ever be reached in the code; whether a call gets there is not known.
    """
    return frozenset(one.name for one in reachable(code) if one.name in UNLIKE_THE_CHAIN)


def _info(account: ForkAccount) -> pyrevm.AccountInfo:
    """The account as the database takes it. pyrevm lets a balance be set only in an EVM: here, one for the purpose."""
    scratch = pyrevm.EVM(spec_id=SPEC)
    scratch.insert_account_info(account.address, _with_nonce(account))
    scratch.set_balance(account.address, account.balance_wei)
    return scratch.basic(account.address)


def _with_nonce(account: ForkAccount) -> pyrevm.AccountInfo:
    code, deployable = account.code, len(account.code) <= MAX_RUNTIME_BYTES
    if code and account.nonce == 1 and deployable and code[0] != INVALID_FIRST_BYTE:
        return _account_with(code)  # analysed once, and not anew at each call; such accounts have nonce 1
    return pyrevm.AccountInfo(nonce=account.nonce, code=code) if code else pyrevm.AccountInfo(nonce=account.nonce)
