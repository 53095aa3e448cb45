"""What every exported project has: its settings, and text that is safe to stand in Solidity and Markdown."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from verify.contracts import contracts_dir
from verify.solc import VERSION
from verify.standard_json import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = f"// SPDX-License-Identifier: MIT\npragma solidity {VERSION};\n"

_NAME_CHARACTERS = 40
_NAME_PUNCTUATION = "-'’,"
_MARKUP = frozenset("<>[]`|*_\\#")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LINK = re.compile(r"www\.|://", re.IGNORECASE)


def settings(readable: Sequence[str]) -> str:
    """``foundry.toml``: the compiler and its settings are those that the checks used.

    Args:
        readable: What scripts and tests may read, as paths in the project.
    """
    paths = ", ".join(f'{{ access = "read", path = "./{path}" }}' for path in readable)
    optimizer = SETTINGS["optimizer"]
    return f"""\
[profile.default]
src = "src"
test = "test"
script = "script"
libs = []
remappings = ["pactsmith/=lib/pactsmith/"]
auto_detect_remappings = false
fs_permissions = [{paths}]

# As in the checks: another compiler or other settings make another contract.
solc = "{VERSION}"
evm_version = "{SETTINGS["evmVersion"]}"
optimizer = {str(optimizer["enabled"]).lower()}
optimizer_runs = {optimizer["runs"]}
via_ir = {str(SETTINGS["viaIR"]).lower()}
bytecode_hash = "{SETTINGS["metadata"]["bytecodeHash"]}"
cbor_metadata = {str(SETTINGS["metadata"]["appendCBOR"]).lower()}
"""


def own(path: str) -> str:
    """The text of one of the project's own contracts, by its path below ``contracts/``."""
    return (contracts_dir() / path).read_text(encoding="utf-8")


def plain(name: str) -> str:
    """A name from anywhere as words: letters, digits and a little punctuation, on one line, at most 40 characters.

    Nothing that is left ends a comment or a line, turns the direction of the text, or is markup.
    """
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in _NAME_PUNCTUATION else " " for c in name)
    words = " ".join(unicodedata.normalize("NFC", "".join(kept)).split())
    return words[:_NAME_CHARACTERS].strip() or "somebody"


def sentence(text: str) -> str:
    """A sentence from anywhere, on one line and without markup or links."""
    kept = (" " if c in _MARKUP or unicodedata.category(c) in _UNSEEN else c for c in text)
    return " ".join(_LINK.sub(" ", "".join(kept)).split())


def camel(title: str) -> str:
    """A title of our own as a part of an identifier."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title).split()
    return "".join(word[0].upper() + word[1:] for word in words)
