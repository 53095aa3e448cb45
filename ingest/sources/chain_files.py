"""Files that hold whole tables of the chain, whoever wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.sources import cryo, etl
from ingest.sources.opening import head_of
from ingest.sources.parquet import MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.chain_rows import ChainRows


def chain_rows(path: Path) -> Iterator[ChainRows]:
    """The rows of a file of cryo or ethereum-etl, found by its content, some ten thousand at a time.

    Raises:
        InputError: The file is neither's, is damaged, or a value in it is not exactly what it must be.
    """
    head = head_of(path)
    if head.startswith(MAGIC):
        return cryo.chain_rows(path)
    lacking = min(etl.missing_in_json(head), etl.missing_in_csv(head), key=len)
    if lacking:
        message = f"is no table of the chain; to be one of ethereum-etl it lacks {', '.join(lacking)}"
        raise InputError(message, file=path, line=1, field=lacking[0])
    return etl.chain_rows(path)
