"""Asking for logs in a range, and looking for the first of a kind in a long one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.rpc import answers
from ingest.rpc.errors import AnswerError, TooMuchError, UnavailableError
from ingest.rpc.node import Ask
from ingest.rpc.ranges import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.rpc.answers import Header, Log
    from ingest.rpc.node import Node
    from ingest.rpc.queries import Query

TIMED_OUT_ATTEMPTS = 2  # then a smaller range is worth more than another try
MOST_SEARCHED_BLOCKS = 10_000_000  # in one question
MOST_SEARCHES = 50_000
SAY_ITS_BLOCK = "say its block (--created-block)"


def place(log: Log) -> tuple[int, int]:
    """Where a log stands in the chain."""
    return log.block_number, log.log_index


def logs_between(node: Node, query: Query, first: int, last: int) -> list[Log]:
    """What the node gives for a range of blocks, in the chain's order.

    Raises:
        TooMuchError: The range is too large for it.
        UnavailableError: It takes too long (``timed_out``), or is not to be reached.
        AnswerError: It holds logs that were not asked for.
    """
    question = _question(query, first, last, fromBlock=hex(first), toBlock=hex(last))
    return node.ask(question, timed_out_attempts=TIMED_OUT_ATTEMPTS if last > first else None)


def of_blocks(asked: Iterable[Query], headers: Sequence[Header]) -> list[Ask[list[Log]]]:
    """The questions for the logs of single blocks, by their hashes."""
    return [
        _question(query, header.block_number, header.block_number, blockHash="0x" + header.block_hash.hex())
        for header in headers
        for query in asked
    ]


def smaller(span: Span, asked: int, error: TooMuchError | UnavailableError) -> int:
    """How many blocks to ask for after a refusal.

    Raises:
        NodeError: The refusal, where it is not about the range, or the range is one block.
    """
    if isinstance(error, TooMuchError):
        return span.refused(asked, error.span_blocks, lasting=error.lasting)
    if error.timed_out and asked > 1:
        return span.refused(asked)
    raise error


def first_log(node: Node, query: Query, first: int, last: int) -> Log | None:
    """The first log of a query in a range that may be the whole chain.

    Raises:
        InputError: The node takes such small ranges that the search is not worth it.
        NodeError: The node cannot give it.
    """
    span = Span(MOST_SEARCHED_BLOCKS, 1, start_blocks=MOST_SEARCHED_BLOCKS)
    for _ in range(MOST_SEARCHES):
        if first > last:
            return None
        end = min(last, first + span.size - 1)
        try:
            found = logs_between(node, query, first, end)
        except (TooMuchError, UnavailableError) as error:
            if isinstance(error, TooMuchError) and end == first:
                raise
            smaller(span, end - first + 1, error)
            continue
        if found:
            return min(found, key=place)
        span.answered(end - first + 1, 0)
        first = end + 1
    raise InputError(
        f"{node.name} takes so few blocks at a time that the creation cannot be searched for; {SAY_ITS_BLOCK}",
        field="created block",
    )


def _question(query: Query, first: int, last: int, **blocks: str) -> Ask[list[Log]]:
    return Ask("eth_getLogs", query.params(**blocks), partial(_asked, query=query, first=first, last=last))


def _asked(value: Any, query: Query, first: int, last: int) -> list[Log]:
    """Logs, all of which were asked for."""
    found = answers.logs(value)
    for log in found:
        if not first <= log.block_number <= last:
            raise AnswerError(f"holds a log of block {log.block_number}, asked for were {first} to {last}")
        if not query.wants(log):
            raise AnswerError(f"holds log {log.log_index} of block {log.block_number}, which nobody asked for")
    return sorted(found, key=place)
