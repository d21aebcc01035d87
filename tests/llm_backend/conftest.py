"""The model is loaded once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from purpose_agent.llm_backend import LocalBackend, embedded_model


@pytest.fixture(scope="session")
def gguf() -> Path:
    return embedded_model.fetch(lambda what, done, total: None)


@pytest.fixture(scope="session")
def local(gguf: Path) -> Iterator[LocalBackend]:
    backend = LocalBackend(gguf, n_ctx=2048)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def llama_url(gguf: Path) -> Iterator[str]:
    """The base URL of a real llama.cpp server with the embedded model."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel = 2 * 2048, 2
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.verbosity, params.warmup, params.fit_params = -1, False, False
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server
