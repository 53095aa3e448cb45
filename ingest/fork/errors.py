"""What can go wrong beside what can go wrong with any node."""

from __future__ import annotations

from ingest.errors import PactsmithError
from ingest.rpc.errors import NodeError


class ProofError(NodeError):
    """What the node says does not follow from the block that it says it of: it errs, or it lies. Ask another one."""


class UnprovenError(PactsmithError):
    """Nodes of a trie do not show what they should. Whoever holds them says who is to blame."""
