"""The simulated market: agents trade on genuine Uniswap bytecode, and what they did becomes an ordinary event file."""

from verify.market.config import MarketConfig
from verify.market.files import MarketFiles, MarketSummary, simulate
from verify.market.load import load_config

__all__ = ["MarketConfig", "MarketFiles", "MarketSummary", "load_config", "simulate"]
