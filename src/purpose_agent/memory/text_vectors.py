"""An embedder that cannot stop a run: what it makes is checked, and when it fails the words alone must do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from purpose_agent.embedding import Embedder
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole
from purpose_agent.store.base import VectorSpace

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector


class TextVectors:
    """Vectors of texts, or none. When the embedder raises there is one warning, and it is not asked again.

    Args:
        embedder: what makes them.

    Raises:
        UsageError: the embedder has no name or no dimension.
        MissingDependencyError: it needs an extra that is not installed.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.space = VectorSpace(embedder.name, embedder.dimension)
        if not self.space.embedder or not is_whole(self.space.dimension) or self.space.dimension < 1:
            raise UsageError(
                f"an embedder must have a name and a dimension of at least 1, got {self.space!r}"
            )
        self.failed = False
        self._embedder = embedder

    def of(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text; an empty list when the embedder has failed."""
        if self.failed:
            return []
        import numpy as np

        try:
            vectors = np.asarray(self._embedder.embed(texts), np.float32)
            if vectors.shape != (len(texts), self.space.dimension) or not np.isfinite(vectors).all():
                raise ValueError(
                    f"{len(texts)} finite vectors of {self.space.dimension} numbers were expected, "
                    f"got the shape {vectors.shape!r}"
                )
        except Exception as e:
            self.failed = True
            warnings.warn(
                f"the embedder {self.space.embedder!r} failed, what is alike is found by its words only: "
                f"{type(e).__name__}: {e}",
                RuntimeWarning,
                stacklevel=2,
            )
            return []
        return list(vectors)
