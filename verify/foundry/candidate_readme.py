"""The README of a candidate's project: the verdict, and what the tests show of it."""

from __future__ import annotations


def readme(document, card, candidate, sampling, *, batches, orders):
    return "TODO"
