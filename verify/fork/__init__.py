"""Worlds out of a chain's own state and code: loaded from a fork, and never a value taken for zero that is not known.

``machine`` is the EVM of a fork; ``worker`` and its ``desk`` find what calls touch, ``dryrun`` asks for it until
nothing is missing; ``pools`` adds what other calls of a pool may touch, ``tokens`` tries tokens out (with ``probes``
and ``ledger``); ``prepare`` does all of it for a history's pools.
"""
