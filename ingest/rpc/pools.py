"""What a pool is: asked of the contract itself, or for v4 of the log with which its manager began it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.chain_store import LogFilter
from ingest.errors import InputError
from ingest.pool_state import V2_FEE_PIPS
from ingest.records import Pool, Token
from ingest.rpc.contracts import address, call_data, signed, unsigned, words
from ingest.rpc.errors import NoStateError
from ingest.rpc.logs import SAY_ITS_BLOCK, first_log
from ingest.rpc.queries import pool_filter, queries, topic, v4_filter
from ingest.rpc.tokens import read_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.chain_store import ChainStore
    from ingest.rpc.answers import Log
    from ingest.rpc.node import Node

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
POOL_ID = re.compile(r"0x[0-9a-fA-F]{64}")
DYNAMIC_FEE = 0x800000  # v4's LPFeeLibrary: the pool's hooks set the fee
V4_INITIALIZE = topic("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")
V3_INITIALIZE = topic("Initialize(uint160,int24)")
V2_SYNC = topic("Sync(uint112,uint112)")
V2_CREATED = topic("PairCreated(address,address,address,uint256)")
V3_CREATED = topic("PoolCreated(address,address,uint24,int24,address)")
POOL_MANAGERS = {  # docs.uniswap.org, "Uniswap v4 Deployments"
    1: "0x000000000004444c5dc75cb358380d2e3de08a90",
    10: "0x9a13f98cb987694c9f086b1f5eb990eea8264ec3",
    130: "0x1f98400000000000000000000000000000000004",
    137: "0x67366782805870060151383f4bbff9dab53e5cd6",
    480: "0xb1860d529182ac3bc1f51fa2abd56662b7d13f33",
    8453: "0x498581ff718922c3f8e6a244956af099b2652b2b",
    42161: "0x360e68faccca8ca495c1b759fd9eee466db9fb32",
    42220: "0x288dc841a52fca2707c6947b3a777c5e56cd87bc",
    57073: "0x360e68faccca8ca495c1b759fd9eee466db9fb32",
    81457: "0x1631559198a9e474033433b2958dabc135ab6446",
    7777777: "0x0575338e4c17006ae181b47900a84404247ca30f",
}


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool, and what a node told of it beside. A v4 pool's ``pool.address`` is its id.

    ``emitter`` is the contract that emits its events: the pool itself, or v4's PoolManager. ``created_block`` is the
    block of its creation (v4: its initialisation), None as long as nobody looked for it. ``hooks`` is the contract
    that a v4 pool calls, None where there is none. With ``dynamic_fee`` the pool's fee is what it was when asked.
    """

    pool: Pool
    emitter: str
    created_block: int | None = None
    factory: str | None = None
    hooks: str | None = None
    dynamic_fee: bool = False

    @property
    def filter(self) -> LogFilter:
        """The filter of its logs."""
        return v4_filter(self.emitter, self.pool.address) if self.pool.kind == "v4" else pool_filter(self.emitter)

    def text(self) -> str:
        """All of it as JSON text, which ``from_text`` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> FoundPool:
        """The pool that ``text`` wrote."""
        document: dict[str, Any] = json.loads(text)
        pool: dict[str, Any] = document.pop("pool")
        tokens = {name: Token(**pool[name]) for name in ("token0", "token1")}
        return cls(pool=Pool(**(pool | tokens)), **document)


def require_pool(text: str) -> None:
    """A pool's address or id.

    Raises:
        InputError: It is neither.
    """
    if not (ADDRESS.fullmatch(text) or POOL_ID.fullmatch(text)):
        message = f"must be an address (v2, v3) or a pool's id of 32 bytes (v4), in hex; found {text!r:.80}"
        raise InputError(message, field="pool")


def find_pool(
    node: Node,
    store: ChainStore,
    pool: str,
    *,
    manager: str | None = None,
    decimals: Mapping[str, int] | None = None,
    v2_fee_pips: int | None = None,
    created_block: int | None = None,
) -> FoundPool:
    """A pool, from the store where it was found before, else from the node.

    What is told here and contradicts what was kept makes the node be asked anew.

    Args:
        node: Whom to ask.
        store: What was found is kept there.
        pool: A v2 pair's or v3 pool's address, or a v4 pool's id.
        manager: v4's PoolManager, where it is not one of Uniswap's.
        decimals: Of tokens that do not tell, by address.
        v2_fee_pips: A pair does not tell its fee; forks of Uniswap have others than 0.3 %. None: as kept, else that.
        created_block: Where it is known (for v4: a block that is not after it), so that nobody must look for it.

    Raises:
        InputError: There is no such pool, or something must be said that the chain does not tell.
        NodeError: The node cannot tell.
    """
    require_pool(pool)
    chain_id = node.chain_id()
    if (text := store.kept_pool(chain_id, pool.lower())) is not None:
        kept = FoundPool.from_text(text)
        if _agree(kept, manager, decimals or {}, v2_fee_pips, created_block):
            return kept
    found = describe_pool(
        node,
        pool,
        manager=manager,
        decimals=decimals,
        v2_fee_pips=V2_FEE_PIPS if v2_fee_pips is None else v2_fee_pips,
        first_block=created_block or 0,
    )
    if found.created_block is None:
        found = replace(found, created_block=created_block)
    store.keep_pool(chain_id, found.pool.address, found.created_block, found.text())
    return found


def _agree(
    kept: FoundPool,
    manager: str | None,
    decimals: Mapping[str, int],
    v2_fee_pips: int | None,
    created_block: int | None,
) -> bool:
    """Whether a pool that was kept is as the user tells it."""
    pool, told = kept.pool, {token.lower(): count for token, count in decimals.items()}
    if any(told.get(token.address, token.decimals) != token.decimals for token in (pool.token0, pool.token1)):
        return False
    if pool.kind == "v4":
        return manager is None or manager.lower() == kept.emitter
    fee_fits = pool.kind != "v2" or v2_fee_pips in {None, pool.fee_pips}
    return fee_fits and created_block in {None, kept.created_block}


def with_creation(node: Node, store: ChainStore, found: FoundPool) -> FoundPool:
    """The pool with the block of its creation, which is looked for where nobody knows it yet, and kept.

    Raises:
        InputError: It cannot be found out.
        NodeError: The node cannot tell.
    """
    if found.created_block is not None:
        return found
    found = replace(found, created_block=creation_block(node, found))
    store.keep_pool(found.pool.chain_id, found.pool.address, found.created_block, found.text())
    return found


def describe_pool(
    node: Node,
    pool: str,
    *,
    manager: str | None = None,
    decimals: Mapping[str, int] | None = None,
    v2_fee_pips: int = V2_FEE_PIPS,
    first_block: int = 0,
) -> FoundPool:
    """What a pool is; see ``find_pool``. For v4 the manager's logs are searched from ``first_block`` on."""
    require_pool(pool)
    chain_id = node.chain_id()
    known = {one.lower(): count for one, count in (decimals or {}).items()}
    if POOL_ID.fullmatch(pool):
        emitter = manager or POOL_MANAGERS.get(chain_id)
        if emitter is None:
            raise InputError(f"no PoolManager of chain {chain_id} is known; say which", field="manager")
        return _v4(node, chain_id, pool.lower(), emitter.lower(), known, first_block)
    return _v2_or_v3(node, chain_id, pool.lower(), known, v2_fee_pips)


def creation_block(node: Node, found: FoundPool) -> int:
    """The block in which a v2 pair or a v3 pool was created.

    From the contract's code where the node keeps old state, else from the factory's log, else from the pool's first.

    Raises:
        InputError: It cannot be found out.
        NodeError: The node cannot tell.
    """
    head = node.head()
    try:
        return _first_with_code(node, found.emitter, head)
    except NoStateError:
        pass
    pool = found.pool
    tokens = int(pool.token0.address, 16), int(pool.token1.address, 16)
    created, own = (V2_CREATED, V2_SYNC) if pool.kind == "v2" else (V3_CREATED, V3_INITIALIZE)
    if found.factory is not None:
        wanted = LogFilter(found.factory, topic0=(created,), topic1=f"0x{tokens[0]:064x}")
        log = _first_about(node, wanted, found.emitter, head)
    else:
        log = first_log(node, queries([LogFilter(found.emitter, topic0=(own,))])[0], 0, head)
    if log is None:
        raise InputError(f"its creation is not in the node's logs; {SAY_ITS_BLOCK}", field="created block")
    return log.block_number


def _first_about(node: Node, wanted: LogFilter, pool: str, head: int) -> Log | None:
    """The first of a factory's logs whose data name a pool."""
    name, start = bytes.fromhex(pool[2:]), 0
    while (log := first_log(node, queries([wanted])[0], start, head)) is not None and name not in log.data:
        start = log.block_number + 1
    return log


def _first_with_code(node: Node, contract: str, head: int) -> int:
    """The first block after which a contract has code, by bisection."""

    def has_code(block: int) -> bool:
        return bool(node.code(contract, block))

    if has_code(0):
        return 0
    low, high = 0, head  # without code, with code
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if has_code(middle) else (middle, high)
    return high


def _v2_or_v3(node: Node, chain_id: int, pool: str, decimals: Mapping[str, int], v2_fee_pips: int) -> FoundPool:
    names = ("token0()", "token1()", "factory()", "getReserves()", "slot0()", "fee()", "tickSpacing()")
    told = node.call_contracts([(pool, call_data(name)) for name in names])
    firsts = [found[0] if (found := words(answer, 1)) else None for answer in told]
    token0, token1, factory = (None if word is None else address(word) for word in firsts[:3])
    reserves, slot0 = words(told[3], 3), words(told[4], 2)
    if token0 is None or token1 is None or (reserves is None) == (slot0 is None):
        what = "has no code" if not node.code(pool) else "answers as neither"
        raise InputError(f"{pool} is no Uniswap v2 pair and no v3 pool on chain {chain_id}: it {what}", field="pool")
    tokens = tuple(read_token(node, chain_id, one, decimals) for one in (token0, token1))
    if reserves is not None:
        return FoundPool(Pool("v2", chain_id, pool, tokens[0], tokens[1], v2_fee_pips), pool, factory=factory)
    fee = None if firsts[5] is None else unsigned(firsts[5], 24)
    spacing = None if firsts[6] is None else signed(firsts[6], 24)
    if fee is None or spacing is None or spacing <= 0:
        raise InputError(f"{pool} tells no fee or tick spacing; it is no v3 pool as Uniswap's are", field="pool")
    return FoundPool(Pool("v3", chain_id, pool, tokens[0], tokens[1], fee, spacing), pool, factory=factory)


def _v4(
    node: Node, chain_id: int, pool_id: str, manager: str, decimals: Mapping[str, int], first_block: int
) -> FoundPool:
    wanted = LogFilter(manager, topic0=(V4_INITIALIZE,), topic1=pool_id)
    log = first_log(node, queries([wanted])[0], first_block, node.head())
    told = None if log is None or len(log.topics) != 4 else words(log.data, 5)
    if log is None or told is None:
        raise InputError(f"the PoolManager {manager} began no pool {pool_id} from block {first_block} on", field="pool")
    currencies = [address(int.from_bytes(word, "big")) for word in log.topics[2:]]
    fee, spacing, hooks = unsigned(told[0], 24), signed(told[1], 24), address(told[2])
    if None in currencies or fee is None or spacing is None or hooks is None:
        raise InputError(f"{manager} is no PoolManager of Uniswap v4: its log cannot be read", field="manager")
    tokens = tuple(read_token(node, chain_id, str(one), decimals) for one in currencies)
    return FoundPool(
        pool=Pool("v4", chain_id, pool_id, tokens[0], tokens[1], 0 if fee == DYNAMIC_FEE else fee, spacing),
        emitter=manager,
        created_block=log.block_number,
        hooks=hooks if int(hooks, 16) else None,
        dynamic_fee=fee == DYNAMIC_FEE,
    )
