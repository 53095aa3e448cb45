"""Whole blocks, from call traces or from logs: every trade in them, and what tells who is behind it."""

from ingest.blocks.activity import Activity, Caller, activity_of_block, activity_of_logs
from ingest.blocks.liquidations import Liquidation, liquidations_of_block, liquidations_of_logs
from ingest.blocks.liquidity import LiquidityMove, liquidity_of_block, liquidity_of_logs
from ingest.blocks.log_trades import trades_of_logs
from ingest.blocks.trace_trades import trades_of_block

__all__ = [
    "Activity",
    "Caller",
    "Liquidation",
    "LiquidityMove",
    "activity_of_block",
    "activity_of_logs",
    "liquidations_of_block",
    "liquidations_of_logs",
    "liquidity_of_block",
    "liquidity_of_logs",
    "trades_of_block",
    "trades_of_logs",
]
