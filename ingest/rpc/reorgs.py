"""Keeps the stored blocks on the chain's side: finds where the two part, and drops what the chain has replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.rpc.errors import ReorgError

if TYPE_CHECKING:
    from ingest.chain_store import ChainStore
    from ingest.rpc.node import Node


@dataclass(frozen=True, slots=True)
class Reorg:
    """Stored blocks above ``last_common_block`` were replaced by the chain, and dropped from the store."""

    last_common_block: int
    dropped_blocks: int


def settle(node: Node, store: ChainStore, chain_id: int, head: int, depth_blocks: int) -> Reorg | None:
    """Compares the newest stored blocks with the chain, and drops those that it has replaced.

    A block's hash commits to all blocks before it: where the newest stored block is still on the chain, so are the
    others, whose links were checked when they were written.

    Raises:
        ReorgError: More than ``depth_blocks`` blocks were replaced, or the store holds another chain's blocks.
    """
    newest = store.newest(chain_id, head)
    if newest is None or node.headers([newest.block_number])[0].block_hash == newest.block_hash:
        return None
    stored = store.hashes(chain_id, newest.block_number - depth_blocks, newest.block_number)
    told = node.headers([block.block_number for block in stored])
    common = [old.block_number for old, new in zip(stored, told, strict=True) if old.block_hash == new.block_hash]
    lowest = store.newest(chain_id, newest.block_number - depth_blocks - 1)
    if not common and lowest is not None:
        raise ReorgError(
            f"{node.name}: of the stored blocks {stored[0].block_number} to {newest.block_number} of chain {chain_id} "
            f"none is on the node's chain. Either more than {depth_blocks} blocks were replaced (give a larger reorg "
            "depth), or this node follows another chain than the one the store was filled from (use another store)"
        )
    last_common = max(common) if common else stored[0].block_number - 1
    return Reorg(last_common, store.drop_above(chain_id, last_common))
