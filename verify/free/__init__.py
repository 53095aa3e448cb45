"""Free-running replay: the pool's state evolves under the mechanism, and arbitrage answers a price from outside."""
