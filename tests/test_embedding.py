"""Embedders: the one that comes along passes the suite, offline and without side effects; so does the tests' own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fakes.embedder import SynonymEmbedder
from purpose_agent import embedding
from purpose_agent.conformance.embedder import EmbedderConformance
from purpose_agent.embedding import Embedder, WordLlamaEmbedder, default_embedder
from purpose_agent.errors import MissingDependencyError


class TestWordLlama(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return WordLlamaEmbedder()


class TestSynonyms(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return SynonymEmbedder()


def python(script: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


OFFLINE = """
import logging, socket, sys
def refuse(*_): raise AssertionError("the network was touched")
socket.socket.connect = socket.getaddrinfo = refuse
from purpose_agent.embedding import default_embedder
embedder = default_embedder()
embedder.name
assert "wordllama" not in sys.modules and "numpy" not in sys.modules
print(embedder.embed(["find the coin", "打开厨房的门"]).tobytes().hex())
assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING
"""


def test_it_loads_late_offline_and_leaves_logging_alone_and_is_the_same_everywhere() -> None:
    """Embeddings built on ``hash()`` differed between processes: the same text had cosine 0.1 after a restart."""
    assert python(OFFLINE) == python(OFFLINE)


def test_other_words_are_closer_than_other_things() -> None:
    embedder = default_embedder()
    assert embedder is not None
    plates, dishes, kernel = embedder.embed(
        ["Clean the dirty plates.", "Wash dishes with soap.", "Compile the kernel."]
    )
    assert plates @ dishes > 0.3 > plates @ kernel


def test_without_the_extra_there_is_no_default_and_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    monkeypatch.setattr(embedding.importlib.util, "find_spec", lambda name: None)
    assert default_embedder() is None
    with pytest.raises(MissingDependencyError, match=r"purpose-agent\[embed\]"):
        WordLlamaEmbedder().embed(["x"])
