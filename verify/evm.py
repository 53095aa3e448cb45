"""The EVM, and the only place that knows pyrevm and its traps.

State lives in two layers. The *database* holds what is permanent: accounts and storage that a call finds cold. The
*journal* holds what calls do to it. A value that a call outside a snapshot has merely read stays in the journal, warm,
and hides later writes to the database. So nothing here ever runs outside a snapshot: calls are made inside `anchor`,
which always reverts, or inside `persist`, which moves what they did into the database and then reverts.
"""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyrevm
from eth_hash.auto import keccak

from ingest.errors import PactsmithError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Slots = dict[tuple[str, int], int]
"""Storage values by (lower-case address, slot)."""

SPEC = "Cancun"
"""Spelled exactly so: pyrevm takes an unknown name for its newest, unreleased rules."""

DEFAULT_GAS = 1_000_000_000
"""For the harness's own calls: far above any of them, and finite, so that even they cannot hang."""

_BLOCK_GAS_LIMIT = 2**63
_REVERT = re.compile(r"Revert \{ gas_used: (\d+), output: 0x([0-9a-f]*) \}")
_HALT = re.compile(r"Halt \{ reason: (.*), gas_used: (\d+) \}", re.DOTALL)
_SLOT = r"(\d+): StorageSlot \{ previous_or_original_value: (\d+), present_value: (\d+) \}"
_ACCOUNT = re.compile(
    rf"(0x[0-9a-f]{{40}}): Account \{{ info: .*?, storage: \{{((?:{_SLOT}(?:, )?)*)\}}, status: AccountStatus\("
)
_SLOT_PATTERN = re.compile(_SLOT)
_CODE_LENGTH = re.compile(r"state: Analysed \{ len: (\d+),")


class ExecutionError(PactsmithError):
    """A call did not succeed. Says nothing about whose fault that is: the caller knows whom it called."""

    gas_used: int


class Reverted(ExecutionError):  # noqa: N818 - the EVM's own word for it
    """The called code reverted.

    Args:
        output: The return data: an ABI-encoded custom error, ``Error(string)``, a panic, or nothing.
        gas_used: Of the whole transaction.
    """

    def __init__(self, output: bytes, gas_used: int) -> None:
        self.output = output
        self.gas_used = gas_used
        super().__init__(f"reverted: {describe_revert(output)}")


class Halted(ExecutionError):  # noqa: N818 - the EVM's own word for it
    """The EVM stopped the call.

    Args:
        reason: The EVM's name for why, for example ``OutOfGas(Basic)``.
        gas_used: Of the whole transaction; all that it was given.
    """

    def __init__(self, reason: str, gas_used: int) -> None:
        self.reason = reason
        self.gas_used = gas_used
        super().__init__(f"halted: {reason}")


class EvmMisuseError(PactsmithError, RuntimeError):
    """The harness used the EVM in a way that would corrupt its state or its gas: a bug in the harness."""


class Evm:
    """One in-process EVM. Not picklable, not shared between threads; a worker builds its own.

    Args:
        chain_id: What the CHAINID opcode answers.
    """

    def __init__(self, chain_id: int) -> None:
        self._evm = pyrevm.EVM(
            pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id)), gas_limit=_BLOCK_GAS_LIMIT, spec_id=SPEC
        )
        self._message_call = self._evm.message_call
        self._reset_transient_storage = self._evm.reset_transient_storage
        self._checkpoints: list[pyrevm.JournalCheckpoint] = []
        self.read = self._evm.storage
        """`storage` without its check, for hot loops inside an anchor."""
        self._database: Slots = {}
        self.chain_id = chain_id
        self.block_number = 1
        self.timestamp = 1
        self._evm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=1))

    # ------------------------------------------------------------------ running code

    def call(self, to: str, data: bytes, *, sender: str, gas: int = DEFAULT_GAS, value: int = 0) -> bytes:
        """Runs one transaction's call and returns its output.

        ``gas_used`` is then the whole transaction's: 21,000, calldata and execution after refunds. It equals what a
        chain would charge only for the first call of an anchor: later ones find warm storage.

        Raises:
            Reverted: The code reverted.
            Halted: The EVM stopped it: out of gas, an invalid opcode, a sender that has code.
            EvmMisuseError: No anchor is open.
        """
        if not self._checkpoints:
            raise EvmMisuseError("a call outside an anchor would leave its slots in the journal for ever")
        self._reset_transient_storage()  # each call is a transaction of its own
        try:
            return self._message_call(sender, to, data, value, gas)
        except RuntimeError as error:
            raise _typed(str(error)) from None

    def deploy(self, code: bytes, *, sender: str, gas: int = DEFAULT_GAS) -> str:
        """Creates a contract from creation code with its constructor's arguments; returns its lower-case address.

        Raises:
            Reverted: The constructor reverted.
            Halted: The EVM stopped it.
            EvmMisuseError: No anchor is open.
        """
        if not self._checkpoints:
            raise EvmMisuseError("a deployment outside an anchor would stay in the journal for ever")
        self._reset_transient_storage()
        try:
            return self._evm.deploy(sender, code, 0, gas).lower()
        except RuntimeError as error:
            raise _typed(str(error)) from None

    @property
    def gas_used(self) -> int:
        """Of the last call that succeeded, the whole transaction's; a failed call's is in its error."""
        return self._last().gas_used

    @property
    def logs(self) -> list[tuple[str, list[bytes], bytes]]:
        """(address, topics, data) of every log of the last call."""
        return [
            (log.address.lower(), [bytes.fromhex(topic[2:]) for topic in log.topics], bytes(log.data[1]))
            for log in self._last().logs
        ]

    def _last(self) -> pyrevm.ExecutionResult:
        result = self._evm.result
        if result is None:
            raise EvmMisuseError("nothing was called yet")
        return result

    def set_block(self, number: int, timestamp: int) -> None:
        """The block that the next calls run in."""
        if number != self.block_number or timestamp != self.timestamp:
            self._evm.set_block_env(pyrevm.BlockEnv(number=number, timestamp=timestamp))
            self.block_number = number
            self.timestamp = timestamp

    # ------------------------------------------------------------------ what-ifs

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Whatever is called inside leaves no trace: state, warmth and transient storage are as before."""
        self.open()
        try:
            yield
        finally:
            self.undo()

    def open(self) -> None:
        """Opens an anchor that `undo` or `keep` closes; anchors nest, and close in the reverse order."""
        self._checkpoints.append(self._evm.snapshot())

    def undo(self) -> None:
        """Closes the innermost anchor; everything since it was opened is as if it had not been."""
        self._evm.revert(self._checkpoints.pop())

    def keep(self) -> None:
        """Closes the innermost anchor and leaves what was done inside to the one around it.

        Raises:
            EvmMisuseError: It is the outermost one; what should stay for good goes through `persist` or `rebase`.
        """
        if len(self._checkpoints) < 2:
            raise EvmMisuseError("the outermost anchor cannot be kept: the journal would never be cold again")
        self._checkpoints.pop()
        self._evm.commit()

    @contextmanager
    def peek(self) -> Iterator[None]:
        """Reading inside leaves storage as cold as it was; outside an anchor nothing is needed for that."""
        if not self._checkpoints:
            yield
            return
        with self.anchor():
            yield

    @property
    def anchored(self) -> bool:
        """Whether an anchor is open."""
        return bool(self._checkpoints)

    # ------------------------------------------------------------------ the database

    def storage(self, address: str, slot: int) -> int:
        """A storage value as the next call would find it; reading inside an anchor makes the slot warm."""
        if not self._checkpoints:
            return self._database.get((address, slot), 0)
        return self._evm.storage(address, slot)

    @property
    def database(self) -> Slots:
        """All storage that is not 0 as a transaction on fresh state would find it; a copy."""
        return {key: value for key, value in self._database.items() if value}

    def balance(self, address: str) -> int:
        """An account's coins, in wei."""
        return int(self._evm.get_balance(address))

    def fund(self, address: str, wei: int) -> None:
        """Gives an account so many coins in all, until the anchor closes.

        Raises:
            EvmMisuseError: No anchor is open.
        """
        if not self._checkpoints:
            raise EvmMisuseError("coins given outside an anchor would stay in the journal for ever")
        self._evm.set_balance(address, wei)

    def code(self, address: str) -> bytes:
        """An account's code as the next call would find it, empty where it has none."""
        with self.anchor():
            code = self._evm.get_code(address)
            if code is None:
                return b""
            # pyrevm gives the code with the padding of its analysis; its own length is in the debugging text alone.
            length = _CODE_LENGTH.search(str(self._evm.basic(address)))
        if length is None:
            raise EvmMisuseError("the account's text is not as expected: another version of pyrevm?")
        return code[: int(length.group(1))]

    def rebase(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Writes storage values into the database, where the next call finds them cold.

        Raises:
            EvmMisuseError: An anchor is open: the journal would hide the new values.
        """
        if self._checkpoints:
            raise EvmMisuseError("rebase inside an anchor: the journal would hide the new values")
        evm, database = self._evm, self._database
        for key, value in slots.items():
            if database.get(key, 0) != value:
                # Only the first write to a cold account reaches the database, so each has its own snapshot.
                checkpoint = evm.snapshot()
                evm.insert_account_storage(key[0], key[1], value)
                evm.revert(checkpoint)
                database[key] = value

    def set_code(self, address: str, code: bytes) -> None:
        """Puts runtime code at an address, in the database; its storage stays.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        if self._checkpoints:
            raise EvmMisuseError("code can only be placed outside an anchor")
        self._evm.insert_account_info(address, _account_with(code))

    @contextmanager
    def persist(self) -> Iterator[None]:
        """What is called inside becomes the database's: code, nonces and every changed slot.

        Takes some milliseconds, as it reads the whole journal. An exception inside leaves everything as it was.
        Balances of ether and destroyed contracts are not carried.

        Raises:
            EvmMisuseError: An anchor is open.
        """
        if self._checkpoints:
            raise EvmMisuseError("persist cannot be nested in an anchor")
        with self.anchor():
            yield
            accounts, slots = self._journal()
        for address, info in accounts.items():
            self._evm.insert_account_info(address, info)
        self.rebase(slots)

    def _journal(self) -> tuple[dict[str, pyrevm.AccountInfo], Slots]:
        """Every account and every changed slot in the journal. pyrevm offers this as debugging text alone."""
        accounts: dict[str, pyrevm.AccountInfo] = {}
        slots: Slots = {}
        text = self._evm.journal_str
        for match in _ACCOUNT.finditer(text):
            address = match.group(1)
            for slot, _, present in _SLOT_PATTERN.findall(match.group(2)):
                slots[address, int(slot)] = int(present)
            accounts[address] = self._evm.basic(address)
        if len(accounts) != text.count(": Account {"):
            raise EvmMisuseError("the journal's text is not as expected: another version of pyrevm?")
        return accounts, slots


@functools.lru_cache(maxsize=256)
def _account_with(code: bytes) -> pyrevm.AccountInfo:
    """An account whose code is analysed once: code that is inserted raw is analysed again at each of its calls.

    (For a v3 pool that is about 9 µs more a call than here.) Deploying is what makes pyrevm analyse it.
    """
    size = len(code).to_bytes(2, "big")
    # PUSH2 size, DUP1, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 0, RETURN: copies what follows these 12 bytes out as code.
    loader = b"\x61" + size + bytes.fromhex("80600c6000396000f3")
    scratch = pyrevm.EVM(gas_limit=_BLOCK_GAS_LIMIT, spec_id=SPEC)
    deployer = "0x" + keccak(b"pactsmith scratch")[12:].hex()
    return scratch.basic(scratch.deploy(deployer, loader + code, 0, DEFAULT_GAS))


def _typed(text: str) -> ExecutionError:
    reverted = _REVERT.search(text)
    if reverted:
        return Reverted(bytes.fromhex(reverted.group(2)), int(reverted.group(1)))
    halted = _HALT.search(text)
    if halted:
        return Halted(halted.group(1), int(halted.group(2)))
    return Halted(text, 0)


def describe_revert(output: bytes) -> str:
    """A revert's data in words: its string, its panic code, or the hex of its custom error."""
    if output[:4] == bytes.fromhex("08c379a0") and len(output) >= 68:
        length = int.from_bytes(output[36:68], "big")
        return repr(output[68 : 68 + min(length, 512)].decode("utf-8", "replace"))
    if output[:4] == bytes.fromhex("4e487b71") and len(output) == 36:
        return f"panic 0x{int.from_bytes(output[4:], 'big'):02x}"
    return f"0x{output[:256].hex()}" if output else "without a reason"
