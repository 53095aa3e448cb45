"""Proposers of mechanisms: they will write candidates and learn from what `verify` says of them."""
