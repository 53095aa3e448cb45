"""One chunk of blocks, fetched and checked against itself: logs, headers, receipts and transactions must agree.

A node that leaves logs out without saying so is found out by how much is looked at:

- ``events``: the receipts of the transactions that are known show all their logs; and since answers are mostly cut at
  their end, the last block with logs is asked for once more by itself. Of the newest blocks, whose headers are fetched
  in any case, the bloom filters are looked at.
- ``headers``: of every block, the header's bloom filter tells whether it may hold a log that was not given.
- ``receipts``: of the blocks with logs, of those whose bloom filter allows one, and of those whose bloom filter cannot
  be used, all receipts are read. Then nothing can be missing, unless headers and receipts are forged as well.

Where the bloom filters of a chunk contradict its logs, or are empty throughout, ``headers`` shows nothing, and the
chunk is not marked as looked at; ``receipts`` then reads all receipts of its blocks.

Whatever is found, the range is asked for again in halves, down to single blocks, which are read from their receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ingest.rpc import answers
from ingest.rpc.checks import Checked
from ingest.rpc.errors import (
    AnswerError,
    IncompleteError,
    RefusedError,
    TooMuchError,
    UnavailableError,
    UnknownBlockError,
)
from ingest.rpc.logs import logs_between, of_blocks, place, smaller
from ingest.rpc.node import Ask
from ingest.rpc.queries import queries
from ingest.rpc.tables import Mined, chunk_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.chain_store import Chunk, LogFilter
    from ingest.rpc.answers import Header, Log, Receipt, Transaction
    from ingest.rpc.checks import Blooms, Checks
    from ingest.rpc.node import Node
    from ingest.rpc.queries import Query
    from ingest.rpc.ranges import Span

T = TypeVar("T")

MOST_READS = 80  # of one chunk; each but a few of them is for a smaller range
MOST_MOVES = 6
MOVED_PAUSE_S = 0.5
PATIENCE = 3  # attempts for what a reorg may have taken away
FEW = 4  # so few blocks are looked through whole when only their bloom filters speak


class _MovedError(Exception):
    """The chain changed between two answers."""


class _TruncatedError(Exception):
    """The node left logs out; in these blocks at least."""

    def __init__(self, blocks: Iterable[int]) -> None:
        self.blocks = frozenset(blocks)


@dataclass(frozen=True, slots=True)
class Truncation:
    """Blocks in a range whose logs the node had left out; they were fetched after all."""

    first_block: int
    last_block: int
    blocks: tuple[int, ...]


class ChunkReader:
    """Reads chunks from a node, from several threads.

    Args:
        node: Whom to ask.
        chain_id: The node's chain.
        span: Learns how many blocks at a time the node takes.
        checks: How much is looked at to find what the node leaves out.
        settled_block: Of the blocks above it every header is fetched, since they may still be replaced.
    """

    def __init__(self, node: Node, chain_id: int, span: Span, *, checks: Checks, settled_block: int) -> None:
        self.truncations: list[Truncation] = []
        self.blooms: Blooms = "not checked" if checks == "events" else "checked"
        self._node = node
        self._chain_id = chain_id
        self.span = span
        self._every_header = checks != "events"
        self._every_receipt = checks == "receipts"
        self._settled_block = settled_block

    def read(self, filters: Sequence[LogFilter], first: int, last: int) -> Chunk:
        """All that is wanted from ``first`` on; the chunk may end before ``last``, never before ``first``.

        Raises:
            NodeError: The node cannot give it; which one tells what helps.
        """
        asked = queries(filters)
        last = min(last, first + self.span.size - 1)
        asked_last, whole = last, False
        moves, left_out, distrusted = 0, set[int](), 0
        for _ in range(MOST_READS):
            try:
                mined = self._read(asked, first, last, whole=whole)
            except _MovedError as moved:
                moves += 1
                if moves == MOST_MOVES:
                    raise UnavailableError(f"{self._node.name}: {moved}; its answers do not fit together") from None
                self._node.pause(MOVED_PAUSE_S)
            except _TruncatedError as truncated:
                left_out |= truncated.blocks
                distrusted += 1
                if distrusted == 1:  # the same again may do; the next ranges are smaller in any case
                    self.span.refused(last - first + 1)
                else:
                    whole = first == last
                    last = first + (last - first) // 2
            except (TooMuchError, UnavailableError) as error:
                if whole:
                    raise
                whole = isinstance(error, TooMuchError) and first == last
                last = first + smaller(self.span, last - first + 1, error) - 1
            else:
                if left_out:
                    self.truncations.append(Truncation(first, asked_last, tuple(sorted(left_out))))
                marked = (one for one in filters if mined.looked_at or not isinstance(one, Checked))
                return chunk_of(self._chain_id, tuple(marked), first, mined)
        raise IncompleteError(f"{self._node.name}: gives the logs of block {first} neither whole nor in parts")

    def _read(self, asked: Sequence[Query], first: int, last: int, *, whole: bool) -> Mined:
        logs = self._whole_block(asked, self._node.headers([first])[0]) if whole else self._logs(asked, first, last)
        if not whole:
            self.span.answered(last - first + 1, len(logs))
            last, logs = _cut(last, logs, self.span.most_logs)
        numbers = {first, last} | {log.block_number for log in logs}
        numbers |= set(range(first if self._every_header else max(first, self._settled_block + 1), last + 1))
        headers = {header.block_number: header for header in self._node.headers(sorted(numbers))}
        _require_one_chain(headers)
        _require_their_blocks(headers, logs)
        looked_at = whole or self._check_blooms(asked, headers, logs)
        if not whole:
            self._check_last(asked, headers, logs)
        receipts = self._receipts(headers, logs)
        _require_their_blocks(headers, receipts)
        _require_all_logs(asked, logs, receipts)
        concerned = {log.tx_hash for log in logs}
        receipts = [one for one in receipts if one.tx_hash in concerned]
        transactions = self._transactions(receipts)
        _require_their_blocks(headers, transactions.values())
        return Mined(last, list(headers.values()), receipts, transactions, looked_at)

    def _logs(self, asked: Sequence[Query], first: int, last: int) -> list[Log]:
        """What the node gives for a range, in the chain's order."""
        return sorted((log for query in asked for log in logs_between(self._node, query, first, last)), key=place)

    def _whole_block(self, asked: Sequence[Query], header: Header) -> list[Log]:
        """A block's logs, read from all of its receipts."""
        logs = [log for receipt in self._receipts_of_block(header) for log in receipt.logs]
        return sorted((log for log in logs if any(query.wants(log) for query in asked)), key=place)

    def _receipts_of_block(self, header: Header) -> list[Receipt]:
        """All receipts of a block; one by one where the node does not have, or not give, them all at once."""
        number = hex(header.block_number)
        try:
            found = self._ask_patiently([Ask("eth_getBlockReceipts", [number], answers.receipts)])[0]
            if header.tx_count is None or len({receipt.tx_hash for receipt in found}) >= header.tx_count:
                return found
        except RefusedError:
            pass
        hashes = self._ask_patiently([Ask("eth_getBlockByNumber", [number, False], answers.transaction_hashes)])[0]
        return self._ask_patiently([_receipt_of(tx_hash) for tx_hash in hashes])

    def _check_blooms(self, asked: Sequence[Query], headers: dict[int, Header], logs: list[Log]) -> bool:
        """Looks into the blocks that may hold a log, by their headers, where none was given.

        Returns:
            Whether all such blocks were looked into; not where the headers do not tell which these are.

        Raises:
            _TruncatedError: One holds such a log.
        """
        if not self._every_header:
            headers = {number: header for number, header in headers.items() if number > self._settled_block}
        silent = {number for number, header in headers.items() if not header.tells}
        allowing, denied = set[int](), False
        for query in asked:
            given = {log.block_number for log in logs if query.wants(log)}
            for number, header in headers.items():
                allowed = header.bloom is not None and query.may_be_in(header.bloom)
                denied |= number in given and not allowed
                if allowed and number not in given:
                    allowing.add(number)
        spoken = any(header.bloom is not None and any(header.bloom) for header in headers.values())
        unusable = denied or (len(silent) > FEW and not spoken)
        if unusable and self._every_header:
            self.blooms = "unusable"  # some chains leave them empty, or once did
        if unusable and not self._every_receipt:
            return False
        within = headers.keys() - {log.block_number for log in logs} if denied else allowing | silent
        few = self._every_receipt or (self._every_header and len(within) <= FEW)
        self._require_nothing_else(asked, logs, [headers[number] for number in sorted(within)], whole=few)
        return True

    def _check_last(self, asked: Sequence[Query], headers: dict[int, Header], logs: list[Log]) -> None:
        """Looks into the last block that has logs, which an answer that was cut short holds in part.

        Raises:
            _TruncatedError: It holds more.
        """
        if logs and not self._every_receipt:
            self._require_nothing_else(asked, logs, [headers[logs[-1].block_number]], whole=False)

    def _require_nothing_else(
        self, asked: Sequence[Query], logs: list[Log], headers: Sequence[Header], *, whole: bool
    ) -> None:
        """Looks into blocks for logs that were not given: into all their receipts, or by asking for them by hash."""
        if whole:
            parts = [self._whole_block(asked, header) for header in headers]
        else:
            parts = self._ask_patiently(of_blocks(asked, headers))
        found = [log for part in parts for log in part]
        _require_their_blocks({header.block_number: header for header in headers}, found)
        known = {place(log) for log in logs}
        if left_out := {log.block_number for log in found if place(log) not in known}:
            raise _TruncatedError(left_out)

    def _receipts(self, headers: dict[int, Header], logs: list[Log]) -> list[Receipt]:
        """The receipts of the logs' transactions, or of all transactions of their blocks."""
        if self._every_receipt:
            blocks = sorted({log.block_number for log in logs})
            return [receipt for number in blocks for receipt in self._receipts_of_block(headers[number])]
        hashes = dict.fromkeys(log.tx_hash for log in logs)
        return self._ask_patiently([_receipt_of(one) for one in hashes])

    def _transactions(self, receipts: list[Receipt]) -> dict[bytes, Transaction]:
        """The transactions by hash, which must stand where their receipts do."""
        found = {one.tx_hash: one for one in self._ask_patiently([_transaction_of(one.tx_hash) for one in receipts])}
        for receipt in receipts:
            one = found[receipt.tx_hash]
            if (one.block_number, one.tx_index) != (receipt.block_number, receipt.tx_index):
                raise _MovedError(f"transaction 0x{one.tx_hash.hex()} and its receipt have different places")
        return found

    def _ask_patiently(self, questions: Sequence[Ask[T]]) -> list[T]:
        """Asks for what a reorg may have taken away: then not for long, since the chunk must be read anew."""
        try:
            return self._node.ask_all(questions, PATIENCE)
        except (AnswerError, UnknownBlockError) as error:
            raise _MovedError(str(error)) from None


def _receipt_of(tx_hash: bytes) -> Ask[Receipt]:
    return Ask("eth_getTransactionReceipt", ["0x" + tx_hash.hex()], partial(answers.receipt, tx_hash=tx_hash))


def _transaction_of(tx_hash: bytes) -> Ask[Transaction]:
    return Ask("eth_getTransactionByHash", ["0x" + tx_hash.hex()], partial(answers.transaction, tx_hash=tx_hash))


def _cut(last: int, logs: list[Log], most: int) -> tuple[int, list[Log]]:
    """A chunk's end, and its logs, such that there are about as many as are wanted at a time; a block stays whole."""
    if len(logs) <= 2 * most or logs[most].block_number == logs[0].block_number:
        return last, logs
    end = logs[most].block_number
    return end - 1, [log for log in logs if log.block_number < end]


def _require_one_chain(headers: dict[int, Header]) -> None:
    for number, header in headers.items():
        if number + 1 in headers and headers[number + 1].parent_hash != header.block_hash:
            raise _MovedError(f"block {number + 1} does not follow block {number}")


def _require_their_blocks(headers: dict[int, Header], rows: Iterable[Log | Receipt | Transaction]) -> None:
    for row in rows:
        if row.block_number not in headers or headers[row.block_number].block_hash != row.block_hash:
            raise _MovedError(f"block {row.block_number} was replaced between two answers")


def _require_all_logs(asked: Sequence[Query], logs: list[Log], receipts: list[Receipt]) -> None:
    """The logs given and those that the receipts show are the same.

    Raises:
        _TruncatedError: Receipts show more.
        _MovedError: They contradict each other.
    """
    given = {place(log): log for log in logs}
    shown = {
        place(log): log for receipt in receipts for log in receipt.logs if any(query.wants(log) for query in asked)
    }
    if left_out := shown.keys() - given.keys():
        raise _TruncatedError(block for block, _ in left_out)
    if shown != given:
        raise _MovedError("logs and receipts contradict each other")
