"""What comes from npm: the Solidity compiler for node, and the genuine Uniswap bytecode."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.errors import PactsmithError

FOLDER_VARIABLE = "PACTSMITH_NODE_MODULES"


class NpmPartMissingError(PactsmithError):
    """An npm part is not installed; `make setup` brings it."""


def node_modules() -> Path:
    """The ``node_modules`` folder in use.

    ``PACTSMITH_NODE_MODULES`` decides when it is set; else the checkout's folder, else the current folder's.

    Raises:
        NpmPartMissingError: None of them exists.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        places = [Path(named)]
    else:
        places = [Path(__file__).resolve().parents[1] / "node_modules", Path.cwd() / "node_modules"]
    for place in places:
        if place.is_dir():
            return place.resolve()
    raise NpmPartMissingError(
        f"no npm parts at {' or '.join(map(str, places))}: run `make setup`, or `npm ci` where package.json lies, "
        f"or set {FOLDER_VARIABLE} to a node_modules folder that has them"
    )


def artifact(package_path: str) -> dict[str, Any]:
    """Reads a compiled contract out of an installed npm package.

    Args:
        package_path: Path below ``node_modules``, with slashes, for example
            ``@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json``.

    Returns:
        The artifact's JSON object, as its package has it.

    Raises:
        NpmPartMissingError: It is not there, or is not a JSON object.
    """
    if PurePosixPath(package_path).is_absolute() or ".." in PurePosixPath(package_path).parts:
        raise ValueError(f"not a path below node_modules: {package_path}")
    path = node_modules() / package_path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NpmPartMissingError(f"cannot read the npm artifact {path} ({error}): run `make setup`") from error
    if not isinstance(content, dict):
        raise NpmPartMissingError(f"the npm artifact {path} is not a JSON object: run `make setup`")
    return content


def creation_code(package_path: str) -> bytes:
    """The creation code in a compiled contract, however its compiler wrote it.

    Raises:
        NpmPartMissingError: It is not there.
    """
    code: Any = artifact(package_path).get("bytecode")
    if isinstance(code, dict):  # Foundry writes an object, Hardhat and Waffle the text
        code = code.get("object")
    try:
        return bytes.fromhex(code.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise NpmPartMissingError(f"the npm artifact {package_path} has no bytecode: run `make setup`") from error
