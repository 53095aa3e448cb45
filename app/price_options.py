"""The options of the commands that take a reference price."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ingest.price_files import PriceFile, TimesAre

if TYPE_CHECKING:
    from collections.abc import Callable

PriceFiles = tuple[PriceFile | None, PriceFile | None]
"""The series, and the one by which it is divided."""

EXISTING_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def with_prices(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options of a reference price, and passes what they amount to as ``price_files``."""

    @click.option(
        "--prices", type=EXISTING_FILE, help="A reference price from elsewhere, such as an exchange's; CSV or Parquet."
    )
    @click.option(
        "--prices-per",
        type=EXISTING_FILE,
        help="Another series, by which that one is divided, as ETH and OP in dollars.",
    )
    @click.option(
        "--price-times",
        type=click.Choice(get_args(TimesAre)),
        help="What the files' times are, where their columns do not say: when candles open or close, or from when a "
        "price is known.",
    )
    @click.option("--candle-seconds", type=click.IntRange(1), help="How long a candle is. Default: the smallest step.")
    @click.option(
        "--invert-prices/--prices-as-they-are",
        default=None,
        help="Whether the prices are token0 per token1. Default: found out from the pool's first price.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        prices: Path | None,
        prices_per: Path | None,
        price_times: TimesAre | None,
        candle_seconds: int | None,
        **options: Any,
    ) -> int:
        if prices is None and (prices_per or price_times or candle_seconds):
            raise click.UsageError("--prices-per, --price-times and --candle-seconds belong to --prices")
        files = tuple(
            None if path is None else PriceFile(path, price_times, candle_seconds) for path in (prices, prices_per)
        )
        return command(*args, price_files=files, **options)

    return wrapped
