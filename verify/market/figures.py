"""What a history's flow looks like in figures, so that a simulated one can be held against a measured one.

Statistics over doubles, for display and for tolerances; no amount depends on them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ingest.labels import label_swaps
from ingest.prices import pool_price
from ingest.records import FLOW_CLASSES

if TYPE_CHECKING:
    from ingest.records import History

BPS = 10_000
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}


UNPLAYED = ("jit", "liquidation")
"""Classes that nobody in the simulated market plays."""


def figures(history: History, *, quote_is_token0: bool) -> dict[str, float]:
    """The figures of a history's swaps by name; sizes in whole quote tokens, moves in basis points.

    Args:
        history: With at least two swaps; its own labels count, else the rules'.
        quote_is_token0: Which token sizes are counted in.
    """
    swaps, pool = history.swaps, history.pool
    unit = 10.0 ** (pool.token0 if quote_is_token0 else pool.token1).decimals
    sizes = np.array([abs(swap.amount0 if quote_is_token0 else swap.amount1) / unit for swap in swaps])
    labels = label_swaps(history, "rules")
    classes = np.array([labels[swap.seq].flow_class for swap in swaps])
    logs = np.log(np.array([float(pool_price(pool, swap)) for swap in swaps]))
    moves = np.abs(np.diff(logs)) * BPS
    ways = np.array([swap.zero_for_one for swap in swaps])
    in_block = np.array(sorted(Counter(swap.block_number for swap in swaps).values()))
    blocks = swaps[-1].block_number - swaps[0].block_number + 1
    found = {f"size {name}": np.quantile(sizes, at) for name, at in _QUANTILES.items()}
    found |= {"size log mean": np.log(sizes[sizes > 0]).mean(), "size log sd": np.log(sizes[sizes > 0]).std()}
    found |= {"blocks with a swap": len(in_block) / blocks}
    found |= {f"swaps per active block {name}": np.quantile(in_block, _QUANTILES[name]) for name in ("p50", "p90")}
    found |= {"swaps per active block mean": in_block.mean(), "swaps per active block max": in_block.max()}
    found |= {f"price move {name}": np.quantile(moves, _QUANTILES[name]) for name in ("p50", "p90", "p99")}
    found |= {"same direction as before": (ways[1:] == ways[:-1]).mean()}
    for flow_class in FLOW_CLASSES:
        if flow_class not in UNPLAYED:
            found[f"{flow_class}: share of swaps"] = (classes == flow_class).mean()
            found[f"{flow_class}: share of volume"] = sizes[classes == flow_class].sum() / sizes.sum()
    return {name: float(value) for name, value in found.items()}
