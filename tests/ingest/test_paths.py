"""Files, folders and patterns become a list of files, in a fixed order and never without a bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import InputError
from ingest.files import read_history
from ingest.sources import paths
from ingest.sources.paths import expand

NAMES = ["b.csv", "a.csv", "old/c.csv", "old/2022/d.csv", ".hidden.csv", ".cryo/report.json", "old/.e.csv"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def names_of(files, folder) -> list[str]:
    return [str(file.relative_to(folder)) for file in files]


def test_a_folder_is_all_files_in_it_sorted_without_the_hidden_ones(folder):
    expected = ["a.csv", "b.csv", "old/2022/d.csv", "old/c.csv"]
    assert names_of(expand(folder), folder) == expected
    assert names_of(expand(str(folder)), folder) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("[b-z].csv", ["b.csv"]),
        ("old/*", ["old/c.csv"]),
        ("**/*.csv", ["a.csv", "b.csv", "old/2022/d.csv", "old/c.csv"]),
    ],
)
def test_a_pattern_is_the_files_that_match(folder, pattern, expected):
    assert names_of(expand(folder / pattern), folder) == expected


def test_what_is_named_itself_is_taken_in_the_order_given(folder):
    given = [folder / "b.csv", str(folder / ".hidden.csv"), folder / "old", folder / "b.csv"]
    assert names_of(expand(given), folder) == ["b.csv", ".hidden.csv", "old/2022/d.csv", "old/c.csv", "b.csv"]
    odd = folder / "what[1]*.csv"
    odd.write_text("its name is no pattern")
    assert expand(odd) == [odd]
    missing = folder / "missing.csv"
    assert expand(missing) == [missing], "whoever opens it says that it is not there"


def test_nothing_and_too_much_are_refused(folder, monkeypatch):
    (folder / "empty").mkdir()
    for given, why in (
        (folder / "empty", "no file in this folder"),
        (folder / "*.zip", "no file matches this pattern"),
    ):
        with pytest.raises(InputError, match=why) as refusal:
            expand(given)
        assert refusal.value.file == str(given)
    with pytest.raises(InputError, match="no file was given"):
        expand([])
    monkeypatch.setattr(paths, "MAX_FILES", 3)
    with pytest.raises(InputError, match="holds more than 3 files"):
        expand(folder)


def test_links_that_lead_in_a_circle_end(folder):
    os.symlink(folder, folder / "old" / "round")
    assert names_of(expand(folder), folder) == ["a.csv", "b.csv", "old/2022/d.csv", "old/c.csv"]


def test_a_history_may_lie_in_a_folder_of_parts(build, tmp_path):
    whole, parts = build.LogFile(), tmp_path / "parts"
    parts.mkdir()
    for number in range(4):
        part = build.LogFile()
        for file in (whole, part):
            file.swap(1000 + number, -990, block=100 + number, tx=0, log=number)
        part.write(parts / f"part{number}.csv")
    expected = read_history(whole.write(tmp_path / "whole.csv"), initial_state=build.make_state(), name="x")
    for given in (parts, str(parts / "*.csv"), sorted(Path(parts).iterdir(), reverse=True)):
        assert read_history(given, initial_state=build.make_state(), name="x") == expected
