"""How large a fork may be: what is asked of a node, and what is read from a file."""

from __future__ import annotations

MAX_ACCOUNTS = 20_000
MAX_SLOTS = 100_000
MAX_PROOF_BYTES = 48 << 20
MAX_DOCUMENT_BYTES = 160 << 20
MAX_FILE_BYTES = 96 << 20
