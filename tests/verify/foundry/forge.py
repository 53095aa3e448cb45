"""forge from npm, with solc-js as its compiler: nothing is fetched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from verify.npm import node_modules

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 240
# Speaks as much of solc's command line as forge does: the version, and standard JSON on standard input.
_SOLC = """#!{node}
const solc = require({package});
if (process.argv.includes("--version")) console.log("solc\\nVersion: " + solc.version());
else process.stdout.write(solc.compile(require("node:fs").readFileSync(0, "utf8")));
"""


class Forge:
    """forge, for projects below a folder.

    Args:
        folder: Where the compiler's wrapper and forge's own files go.
    """

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._home.mkdir(parents=True)
        self._solc = folder / "solc"
        package = json.dumps(str(node_modules() / "solc"))
        self._solc.write_text(_SOLC.format(node=shutil.which("node"), package=package))
        self._solc.chmod(0o755)

    def run(self, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs forge in a project, without network."""
        command = [str(_binary()), *arguments, "--use", str(self._solc), "--offline"]
        environment = os.environ | {"HOME": str(self._home), "NO_COLOR": "1"}
        return subprocess.run(
            command, cwd=project, capture_output=True, text=True, timeout=_SECONDS, env=environment, check=False
        )

    def tests(self, project: Path) -> dict[str, str | None]:
        """Why each test of a project fails, by its name without brackets; None where it passes."""
        ran = self.run(project, "test", "--json")
        if not ran.stdout.startswith("{"):
            raise AssertionError(f"forge ran no test: {ran.stdout}{ran.stderr}")
        suites: dict[str, Any] = json.loads(ran.stdout)
        return {
            f"{suite.rpartition(':')[2]}.{name.partition('(')[0]}": _why(result)
            for suite, results in suites.items()
            for name, result in results["test_results"].items()
        }


def write(project: dict[str, str], folder: Path) -> Path:
    """Writes a project's files."""
    for path, text in project.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _why(result: dict[str, Any]) -> str | None:
    return None if result["status"] == "Success" else str(result["reason"])


def _binary() -> Path:
    """The platform's own program: npm's wrapper is a node process."""
    found = sorted((node_modules() / "@foundry-rs").glob("forge-*/bin/forge*"))
    if len(found) != 1:
        raise RuntimeError(f"npm has {len(found)} forge programs for this platform, not one: run `make setup`")
    return found[0]
