"""State at a block, asked of a node piece by piece, each piece proven before it is believed."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from eth_hash.auto import keccak

from ingest.errors import InputError
from ingest.fork import answers
from ingest.fork.errors import ProofError, UnprovenError
from ingest.fork.headers import read_block
from ingest.fork.limits import MAX_ACCOUNTS, MAX_PROOF_BYTES, MAX_SLOTS
from ingest.fork.proofs import TrieNodes, require_proven, require_same
from ingest.fork.records import EMPTY_CODE_HASH, Fork, ForkAccount, ForkBlock, Keys, keys_of, only
from ingest.rpc import answers as plain
from ingest.rpc.errors import AnswerError, NoStateError, RefusedError, UnknownBlockError, UnknownMethodError
from ingest.rpc.node import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.fork.records import ForkCall
    from ingest.rpc.node import Node

SLOTS_PER_PROOF = 64
UNFIT_ATTEMPTS = 3
Proofs = Literal["auto", "required", "off"]


class StateReader:
    """The state after all transactions of one block, as far as it was asked for.

    Args:
        node: Whom to ask; its time-outs, attempts and time budget bound everything here.
        block_number: Which block's.
        block_hash: What the user knows the block's hash to be.
        proofs: ``auto`` believes a node that offers no proofs, and marks what it told; ``required`` does not; ``off``
            asks for none, and takes headers that are not hashed as Ethereum's are.

    Raises:
        ProofError: The block's header does not hash to its hash, or it is not the block that the user knows.
        NodeError: The node cannot tell.
    """

    def __init__(
        self, node: Node, block_number: int, *, block_hash: bytes | None = None, proofs: Proofs = "auto"
    ) -> None:
        self._node = node
        self._proofs = proofs
        self._at = hex(block_number)
        self._accounts: dict[str, ForkAccount] = {}
        self._kept = Keys()
        self._codes: dict[bytes, bytes] = {EMPTY_CODE_HASH: b""}
        self._nodes = TrieNodes()
        self._chain_id = node.chain_id()
        self.block = self._header(block_number)
        if block_hash is not None and self.block.block_hash != block_hash:
            raise ProofError(f"{node.name}: block {block_number} is 0x{self.block.block_hash.hex()}, not the one given")
        if proofs != "off" and not self.block.rlp:
            raise ProofError(
                f"{node.name}: the header of block {block_number} does not hash to the block's hash. Ask another node; "
                "or, on a chain whose headers are not made as Ethereum's, do without proofs"
            )

    @property
    def known(self) -> Keys:
        """What was asked for so far."""
        return keys_of(self._accounts.values())

    @property
    def accounts(self) -> Mapping[str, ForkAccount]:
        """What is known so far, by address."""
        return self._accounts

    def guess(self, calls: Sequence[ForkCall]) -> Keys:
        """What the node thinks that these calls touch: a first guess, empty where it does not tell.

        Raises:
            NodeError: The node does not answer, or answers with what is no access list.
        """
        asks = [Ask("eth_createAccessList", [_request(call), self._at], answers.access_list) for call in calls]
        with contextlib.suppress(UnknownMethodError):
            try:
                found = self._node.ask_all(asks, UNFIT_ATTEMPTS)
            except UnknownMethodError:
                raise
            except RefusedError:  # one call of them reverts, on which some nodes tell nothing
                found = list(self._each(asks))
            return functools.reduce(operator.or_, found, Keys())
        return Keys()

    def fetch(self, keys: Keys) -> Mapping[str, ForkAccount]:
        """Learns these accounts and slots; gives all that are known.

        Raises:
            ProofError: A value does not follow from the block's state root.
            InputError: That would be more than a fork file may hold.
            NodeError: The node cannot tell.
        """
        wanted = self._lacking(keys)
        if not wanted:
            return self._accounts
        proven = self._prove(wanted) if self._proofs != "off" else None
        found = self._told(wanted) if proven is None else proven
        for account in found:
            before = self._accounts.get(account.address)
            if before is not None:
                account = replace(  # noqa: PLW2901 - the same account with more slots
                    account, storage={**before.storage, **account.storage}, proven=account.proven and before.proven
                )
            self._accounts[account.address] = account
        return self._accounts

    def keep(self, keys: Keys) -> None:
        """Marks what is needed, and not only was asked for on the way: a fork has that, and is the same by any way."""
        self._kept |= keys

    def fork(self) -> Fork:
        """All that was kept, once the node has confirmed that the block still stands.

        Raises:
            AnswerError: The block was replaced meanwhile.
            NodeError: The node cannot tell.
        """
        if self._header(self.block.block_number).block_hash != self.block.block_hash:
            raise AnswerError(
                f"{self._node.name}: block {self.block.block_number} was replaced while its state was read; try again"
            )
        accounts = only(self._accounts, self._kept)
        self._nodes.used.clear()
        for account in accounts.values():
            if account.proven:
                require_proven(self._nodes, self.block.state_root, account)
        return Fork(self.block, accounts, frozenset(self._nodes.used))

    # ------------------------------------------------------------------ asking

    def _header(self, number: int) -> ForkBlock:
        read = partial(read_block, chain_id=self._chain_id, asked=number)
        return self._node.ask(Ask("eth_getBlockByNumber", [hex(number), False], read))

    def _each(self, asks: Sequence[Ask[Keys]]) -> Iterator[Keys]:
        """The answers to those of the questions that have one."""
        for ask in asks:
            with contextlib.suppress(RefusedError):
                yield self._node.ask(ask)

    def _lacking(self, keys: Keys) -> dict[str, list[int]]:
        """What is not known of these, by account, in a fixed order."""
        known = self.known
        slots = keys.slots - known.slots
        wanted: dict[str, list[int]] = defaultdict(list)
        for address in sorted(keys.accounts - known.accounts):
            wanted[address] = []
        for address, slot in sorted(slots):
            wanted[address].append(slot)
        if len(known.slots) + len(slots) > MAX_SLOTS or len({*self._accounts, *wanted}) > MAX_ACCOUNTS:
            raise InputError(
                f"the calls touch more than {MAX_SLOTS} slots or {MAX_ACCOUNTS} accounts; take a shorter window"
            )
        return wanted

    @contextlib.contextmanager
    def _needing_state(self) -> Iterator[None]:
        try:
            yield
        except (NoStateError, UnknownBlockError) as error:
            raise NoStateError(
                f"{error}. The state of block {self.block.block_number} is needed: use a node that keeps old state "
                "(an archive node)"
            ) from None

    def _prove(self, wanted: Mapping[str, Sequence[int]]) -> list[ForkAccount] | None:
        """The accounts with their proofs checked; None where the node has none and need not have any."""
        parts = [(address, part) for address, slots in wanted.items() for part in _parts(slots)]
        asks = [
            Ask(
                "eth_getProof",
                [address, [f"0x{slot:064x}" for slot in part], self._at],
                partial(answers.proof, address=address, slots=part),
            )
            for address, part in parts
        ]
        try:
            told = self._node.ask_all(asks, UNFIT_ATTEMPTS)
        except (RefusedError, UnknownBlockError):
            if self._proofs == "required":
                raise
            self._proofs = "off"
            return None
        found: dict[str, ForkAccount] = {}
        codes = self._codes_of({one.code_hash: address for (address, _), one in zip(parts, told, strict=True)})
        for (address, _), one in zip(parts, told, strict=True):
            self._check(address, one)
            before = found[address].storage if address in found else {}
            found[address] = ForkAccount(
                address, one.balance_wei, one.nonce, codes[one.code_hash], {**before, **one.storage}, proven=True
            )
        return list(found.values())

    def _check(self, address: str, told: answers.ToldProof) -> None:
        self._nodes.add(told.nodes)
        if self._nodes.size_bytes > MAX_PROOF_BYTES:
            raise InputError(f"the proofs need more than {MAX_PROOF_BYTES >> 20} MiB; take a shorter window")
        try:
            require_same(self._nodes, self.block.state_root, address, told.account, told.storage)
        except UnprovenError as error:
            raise ProofError(f"{self._node.name}: eth_getProof: {error}") from None

    def _codes_of(self, wanted: Mapping[bytes, str]) -> Mapping[bytes, bytes]:
        """Codes by their hash, each asked of an account that has it."""
        lacking = {code_hash: address for code_hash, address in wanted.items() if code_hash not in self._codes}
        asks = [Ask("eth_getCode", [address, self._at], answers.code) for address in lacking.values()]
        with self._needing_state():
            found = self._node.ask_all(asks, UNFIT_ATTEMPTS)
        for (code_hash, address), code in zip(lacking.items(), found, strict=True):
            if keccak(code) != code_hash:
                raise ProofError(f"{self._node.name}: eth_getCode: the code of {address} is not the one it has")
            self._codes[code_hash] = code
        return self._codes

    def _told(self, wanted: Mapping[str, Sequence[int]]) -> list[ForkAccount]:
        """The accounts as the node tells them, without proof."""
        asks: list[Ask[Any]] = []
        for address, slots in wanted.items():
            asks.append(Ask("eth_getBalance", [address, self._at], plain.quantity))
            asks.append(Ask("eth_getTransactionCount", [address, self._at], plain.number))
            asks.append(Ask("eth_getCode", [address, self._at], answers.code))
            asks += [Ask("eth_getStorageAt", [address, f"0x{slot:064x}", self._at], plain.quantity) for slot in slots]
        with self._needing_state():
            found = iter(self._node.ask_all(asks, UNFIT_ATTEMPTS))
        return [
            ForkAccount(address, next(found), next(found), next(found), {slot: next(found) for slot in slots}, False)
            for address, slots in wanted.items()
        ]


def _parts(slots: Sequence[int]) -> list[tuple[int, ...]]:
    """The slots, so many at a time; an account without any has one part."""
    return [tuple(slots[start : start + SLOTS_PER_PROOF]) for start in range(0, max(1, len(slots)), SLOTS_PER_PROOF)]


def _request(call: ForkCall) -> dict[str, str]:
    return {
        "from": call.sender,
        "to": call.to,
        "data": "0x" + call.data.hex(),
        "value": hex(call.value_wei),
        "gas": hex(call.gas),
    }
