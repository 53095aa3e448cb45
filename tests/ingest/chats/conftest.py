"""Fixtures of the tests of chat readers."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def written(tmp_path):
    """A function that writes an export: bytes, a text in UTF-8, or an object as JSON; → its path."""

    def write(content, name="export"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
            path.write_bytes(text.encode())
        return path

    return write
