"""What can go wrong with a node, typed by what helps: another try, a smaller question, another node, or nothing."""

from __future__ import annotations

from ingest.errors import PactsmithError


class NodeError(PactsmithError, RuntimeError):
    """A node did not give what was asked. What was stored before stays; running again goes on from there."""


class UnavailableError(NodeError):
    """It cannot be reached, or stays overloaded; trying later may succeed.

    ``timed_out``: its last answer took too long, so that a smaller question may be answered.
    """

    def __init__(self, message: str, *, timed_out: bool = False, retry_after_s: float | None = None) -> None:
        self.timed_out = timed_out
        self.retry_after_s = retry_after_s
        super().__init__(message)


class UnknownBlockError(UnavailableError):
    """It does not know the block that is asked about: not yet, no more, or not its state."""


class AnswerError(NodeError):
    """Its answer is not what the protocol allows, or not what was asked for."""


class RefusedError(NodeError):
    """It understood the question and will not answer it."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        self.code = code
        super().__init__(message)


class TooMuchError(RefusedError):
    """The question or its answer is too large; a smaller one may do.

    ``span_blocks`` is the range that the node says it takes, where it says so; ``lasting`` if that is a rule of the
    node's rather than a consequence of this range's contents.
    """

    def __init__(
        self, message: str, *, code: int | None = None, span_blocks: int | None = None, lasting: bool = False
    ) -> None:
        self.span_blocks = span_blocks
        self.lasting = lasting
        super().__init__(message, code=code)


class RevertedError(RefusedError):
    """The contract that was called reverted."""


class NoStateError(RefusedError):
    """The node keeps no state of the block asked for."""


class UnknownMethodError(RefusedError):
    """The node does not have the method."""


class BudgetError(NodeError):
    """The time budget is used up; what was fetched is stored, and running again goes on from there."""


class ReorgError(NodeError):
    """The chain disagrees with stored blocks more deeply than reorgs are followed, or does not come to rest."""


class IncompleteError(NodeError):
    """The node leaves logs out that its own headers or receipts show, and there is no other way to get them."""
