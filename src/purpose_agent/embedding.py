"""Text as vectors: what an embedder is, and the one that comes with the extra ``embed``.

`purpose_agent.conformance.embedder` checks an implementation.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from purpose_agent.errors import MissingDependencyError
from purpose_agent.freeze import encodable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

EMBEDDED_CHARS = 4000
"""How much of a text the embedder that comes along reads; its vector is a mean over words, so more adds little."""


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how alike two texts are. May be called from any thread."""

    @property
    def name(self) -> str:
        """Model and version: vectors of different names are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of any texts, shape (texts, `dimension`), float32.

        Each row has length 1, or is all zero where a text says nothing. A row depends on its own text alone and is
        the same in every process.
        """
        ...


class WordLlamaEmbedder:
    """Static word vectors, averaged over a text: 256 numbers, offline, about 0.1 ms a text, no torch.

    The weights travel in the package ``wordllama`` (MIT) and are read at first use (0.4 s).
    """

    dimension = 256

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        """Model and version.

        Raises:
            MissingDependencyError: the extra ``embed`` is not installed.
        """
        return f"wordllama {_version()} l2_supercat {self.dimension}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`.

        Raises:
            MissingDependencyError: the extra ``embed`` is not installed.
        """
        import numpy as np

        model = self._loaded()
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            # Its own ``embed`` starts threads for each call and pads a batch to its longest text.
            plain = encodable(text[:EMBEDDED_CHARS])
            row[:] = model.embedding[model.tokenizer.encode(plain, add_special_tokens=False).ids].sum(axis=0)
            row /= float(np.linalg.norm(row)) or 1.0
        return vectors

    def __repr__(self) -> str:
        return "WordLlamaEmbedder()"

    def _loaded(self) -> Any:
        with self._loading:
            if self._model is None:
                with _logging_left_alone():
                    try:
                        import wordllama
                    except ImportError as e:
                        raise MissingDependencyError("wordllama", "embed") from e
                folder = Path(wordllama.__file__).parent  # else it would look for the weights online
                self._model = wordllama.WordLlama.load(
                    cache_dir=folder, dim=self.dimension, disable_download=True
                )
            return self._model


def default_embedder() -> Embedder | None:
    """The embedder of the extra ``embed``, None where that is not installed; nothing is loaded yet.

    It is the same one for all that ask, so that its weights are in memory once.
    """
    return _shared_embedder() if importlib.util.find_spec("wordllama") is not None else None


@cache
def _shared_embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


@cache
def _version() -> str:
    from importlib import metadata  # loads 40 modules

    try:
        return metadata.version("wordllama")
    except metadata.PackageNotFoundError as e:
        raise MissingDependencyError("wordllama", "embed") from e


@contextmanager
def _logging_left_alone() -> Generator[None]:
    """Keep an import from setting up logging for the whole program: ``basicConfig`` does nothing where a handler is."""
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    try:
        yield
    finally:
        root.removeHandler(silent)
