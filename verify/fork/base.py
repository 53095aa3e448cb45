"""A fork that worlds are built on: the chain's own pools and tokens, checked to be whole before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.fork.document import content_id
from verify.fork.dryrun import Known
from verify.fork.machine import ForkedEvm
from verify.fork.prepare import caveats, examine
from verify.ledger import Ledger  # noqa: TC001 - a dataclass's annotation
from verify.slots import v4_pool_slot
from verify.venues.v4_deploy import require_plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from ingest.fork.records import Fork
    from ingest.records import History, Pool, Token


@dataclass(frozen=True, slots=True)
class ForkBase:
    """A fork with what a harness must know of its tokens. Picklable; `verify.world.World.build` builds on it.

    Args:
        fork: Without the nodes that prove it: it was proven when it was read.
        content_id: Its identity.
        ledgers: Where its tokens keep balances, by token.
        managers: The contracts that v4 pools are in, by their ids.
        caveats: What a reader of results on it must know.
    """

    fork: Fork
    content_id: str
    ledgers: Mapping[str, Ledger]
    managers: Mapping[str, str]
    caveats: tuple[str, ...]

    @classmethod
    def of(cls, fork: Fork, histories: Sequence[History]) -> Self:
        """A fork on which these histories go on.

        Raises:
            InputError: It is of another chain or of a block that is not right before the histories, it lacks some of
                their pools' or tokens' state, a token cannot be settled in, or a v4 pool cannot be replayed.
            RunError: Trying the tokens out takes too long.
        """
        for history in histories:
            _require_before(fork, history)
        pools = [history.pool for history in histories]
        managers = _managers(fork, pools)
        reports = examine(Known(fork), pools, manager=next(iter(managers.values()), None))
        ledgers = {}
        for report in reports:
            report.require_fit()
            if report.ledger is None:
                raise InputError(
                    f"where token {report.token} keeps balances is not known, so that no trader can be given any",
                    field="token",
                )
            ledgers[report.token] = report.ledger
        for pool in pools:
            for token in (pool.token0, pool.token1):
                _require_bare(fork, ledgers[token.address], managers.get(pool.address, pool.address))
        return cls(replace(fork, nodes=frozenset()), content_id(fork), ledgers, managers, caveats(fork))

    def ledger(self, token: Token) -> Ledger:
        """Where one of the histories' tokens keeps balances."""
        return self.ledgers[token.address]

    def evm(self) -> ForkedEvm:
        """A new EVM at the fork."""
        return ForkedEvm.of(self.fork)


def _require_bare(fork: Fork, ledger: Ledger, owner: str) -> None:
    contract, slot = ledger.slot(owner)
    if fork.accounts[contract].storage[slot] >> ledger.bits:
        raise InputError(
            f"token {contract} keeps more than the balance of {owner} in one word, so that it cannot be set by itself",
            field="token",
        )


def _managers(fork: Fork, pools: Sequence[Pool]) -> dict[str, str]:
    """The account that each v4 pool's state lies in."""
    found = {}
    for pool in pools:
        if pool.kind == "v4":
            first = v4_pool_slot(pool.address)
            holders = [one.address for one in fork.accounts.values() if one.storage.get(first)]
            if len(holders) != 1:
                raise InputError(f"the fork does not have the v4 pool {pool.address}: fork again for it", field="fork")
            found[pool.address] = holders[0]
    if len(found) > 1:
        raise InputError("on a fork there can be one v4 pool: two share their manager's tokens", field="fork")
    return found


def _require_before(fork: Fork, history: History) -> None:
    block, pool = fork.block, history.pool
    if pool.kind == "v4":
        require_plain(pool)
    if block.chain_id != pool.chain_id:
        raise InputError(f"the fork is of chain {block.chain_id}, {history.name} of {pool.chain_id}", field="fork")
    if history.events and history.events[0].block_number <= block.block_number:
        raise InputError(
            f"the fork is of block {block.block_number}, but {history.name} has events from block "
            f"{history.events[0].block_number} on: fork at the block before the first",
            field="fork",
        )
