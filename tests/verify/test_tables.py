"""Outcomes survive their way through Arrow and Parquet without losing a wei."""

from __future__ import annotations

import pyarrow.parquet as pq
from hypothesis import given, settings
from outcome_strategies import consistent

from verify.tables import from_tables, head, to_tables


@given(consistent(), consistent())
@settings(deadline=None, max_examples=30)
def test_a_round_trip_changes_nothing(tmp_path_factory, first, second):
    by_variant = {"headline": first, "other": second}
    folder = tmp_path_factory.mktemp("tables")
    read = {}
    for name, table in to_tables(by_variant).items():
        pq.write_table(table, folder / f"{name}.parquet")
        read[name] = pq.read_table(folder / f"{name}.parquet")
    heads = {name: head(found) for name, found in by_variant.items()}
    assert from_tables(read["orders"], read["batches"], heads) == by_variant
