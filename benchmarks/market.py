"""How long the embedded history takes to simulate, and how near it comes to what was measured.

    python benchmarks/market.py [--rounds 5] [--measured EVENTS.csv.gz --measured-state STATE.json] [--json]

The measured history is a v3 pool's raw logs with the dollar token as token0, for example the mainnet day.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from ingest.files import read_history
from verify.market import MarketConfig, load_config, simulate
from verify.market.figures import figures

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "embedded.toml"
SMALL_BLOCKS = 50


def main() -> None:
    """Prints the times of each market, of a small one, and the figures beside each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--measured-state", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if (options.measured is None) != (options.measured_state is None):
        parser.error("--measured and --measured-state belong together")
    configs = load_config(EMBEDDED)
    with tempfile.TemporaryDirectory() as folder:
        seconds = {name: _median_seconds(config, Path(folder), options.rounds) for name, config in configs.items()}
        for name, config in configs.items():
            small = replace(config, blocks=SMALL_BLOCKS)
            seconds[f"{name}, {SMALL_BLOCKS} blocks"] = _median_seconds(small, Path(folder), options.rounds)
        columns = {name: _figures(config, Path(folder)) for name, config in configs.items()}
    if options.measured:
        day = read_history(options.measured, initial_state=options.measured_state, name="measured")
        columns = {"measured": figures(day, quote_is_token0=True)} | columns
    _print(seconds, columns, as_json=options.json)


def _median_seconds(config: MarketConfig, folder: Path, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        simulate(config, folder)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _figures(config: MarketConfig, folder: Path) -> dict[str, float]:
    files = simulate(config, folder)
    history = read_history(
        files.events, initial_state=files.initial_state, name=config.name, labels=files.labels, source="simulated"
    )
    return figures(history, quote_is_token0=history.pool.token0.symbol == config.quote.symbol)


def _print(seconds: dict[str, float], columns: dict[str, dict[str, float]], *, as_json: bool) -> None:
    document: dict[str, Any] = {"median_seconds": seconds, "figures": columns}
    if as_json:
        print(json.dumps(document, indent=1))
        return
    for name, value in seconds.items():
        print(f"{name:24} {value:8.3f} s to simulate and write (median)")
    print(f"{'':34}" + "".join(f"{name:>12}" for name in columns))
    for row in next(iter(columns.values())):
        print(f"{row:34}" + "".join(f"{column[row]:12.4g}" for column in columns.values()))


if __name__ == "__main__":
    main()
