"""What the traffic has to know to go on: prices and who provides what, folded from the blocks and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from rpc_world.truth import TRANSFER, signed, topic
from rpc_world.world import Q96

if TYPE_CHECKING:
    from rpc_world.truth import Block, Log
    from rpc_world.world import Venue, World

SYNC = topic("Sync(uint112,uint112)")
V3_INITIALIZE = topic("Initialize(uint160,int24)")
V3_SWAP = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
V3_MINT = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
V3_BURN = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
INCREASE = topic("IncreaseLiquidity(uint256,uint128,uint256,uint256)")
DECREASE = topic("DecreaseLiquidity(uint256,uint128,uint256,uint256)")
V4_INITIALIZE = topic("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")
V4_SWAP = topic("Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)")
V4_MODIFY = topic("ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)")


@dataclass
class Book:
    """State of the pools after some block.

    Args:
        price: Token1 per token0 in smallest units, by venue name.
        sqrt_price: The same as v3 and v4 keep it, by venue name.
        bot: The bot's v3 positions: liquidity by (venue name, lower, upper).
        nfts: The position manager's: liquidity by token id.
        owners: Each such id's owner.
        pools: The venue that each such id's liquidity is in.
        v4: Liquidity by (venue name, lower, upper, salt), all of one owner, the test router.
        shares: v2 liquidity tokens by (venue name, owner).
    """

    price: dict[str, float] = field(default_factory=dict)
    sqrt_price: dict[str, int] = field(default_factory=dict)
    bot: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    nfts: Counter[int] = field(default_factory=Counter)
    owners: dict[int, str] = field(default_factory=dict)
    pools: dict[int, str] = field(default_factory=dict)
    v4: Counter[tuple[str, int, int, bytes]] = field(default_factory=Counter)
    shares: Counter[tuple[str, str]] = field(default_factory=Counter)

    def rebuild(self, world: World) -> None:
        """Becomes the book after the world's last block."""
        for entry in fields(self):
            getattr(self, entry.name).clear()
        for block in world.truth.blocks:
            self.add(world, block)

    def add(self, world: World, block: Block) -> None:
        """Takes in one more block."""
        venues = {venue.pool_id or venue.address: venue for venue in world.venues.values()}
        bot, positions = world.contracts["bot"].address, world.contracts["v3 positions"].address
        minted_in = ""
        for log in block.logs:
            venue = venues.get(log.address) or venues.get(log.topics[1] if len(log.topics) > 1 else "")
            if log.address == positions:
                self._add_nft(log, minted_in)
            elif venue is None:
                continue
            elif venue.kind == "v2":
                self._add_v2(venue, log)
            elif venue.kind == "v3":
                self._add_v3(venue, log, bot)
                minted_in = venue.name  # the manager tells of a mint right after the pool does
            else:
                self._add_v4(venue, log)

    def _add_v2(self, venue: Venue, log: Log) -> None:
        if log.topics[0] == SYNC:
            reserve0, reserve1 = log.words()
            self.price[venue.name] = reserve1 / max(reserve0, 1)
        elif log.topics[0] == TRANSFER:
            sender, recipient = ("0x" + one[26:] for one in log.topics[1:])
            self.shares[venue.name, sender] -= log.words()[0]
            self.shares[venue.name, recipient] += log.words()[0]

    def _add_v3(self, venue: Venue, log: Log, bot: str) -> None:
        words = log.words()
        if log.topics[0] in (V3_INITIALIZE, V3_SWAP):
            self._set_price(venue, words[0 if log.topics[0] == V3_INITIALIZE else 2])
        elif log.topics[0] in (V3_MINT, V3_BURN) and log.topics[1][26:] == bot[2:]:
            ticks = tuple(signed(int(one, 16)) for one in log.topics[2:])
            self.bot[venue.name, *ticks] += words[1] if log.topics[0] == V3_MINT else -words[0]

    def _add_v4(self, venue: Venue, log: Log) -> None:
        words = log.words()
        if log.topics[0] in (V4_INITIALIZE, V4_SWAP):
            self._set_price(venue, words[3 if log.topics[0] == V4_INITIALIZE else 2])
        elif log.topics[0] == V4_MODIFY:
            lower, upper, change, _ = log.signed_words()
            self.v4[venue.name, lower, upper, words[3].to_bytes(32, "big")] += change

    def _add_nft(self, log: Log, minted_in: str) -> None:
        if log.topics[0] == INCREASE:
            self.nfts[int(log.topics[1], 16)] += log.words()[0]
            self.pools[int(log.topics[1], 16)] = minted_in
        elif log.topics[0] == DECREASE:
            self.nfts[int(log.topics[1], 16)] -= log.words()[0]
        elif log.topics[0] == TRANSFER:
            self.owners[int(log.topics[3], 16)] = "0x" + log.topics[2][26:]

    def _set_price(self, venue: Venue, sqrt_price: int) -> None:
        self.sqrt_price[venue.name] = sqrt_price
        self.price[venue.name] = (sqrt_price / Q96) ** 2
