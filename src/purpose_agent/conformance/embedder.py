"""The suite that every embedder must pass.

Subclass it in a test module of your own; pytest collects it there::

    from purpose_agent.conformance.embedder import EmbedderConformance

    class TestMyEmbedder(EmbedderConformance):
        def make_embedder(self):
            return MyEmbedder()
"""

from __future__ import annotations

from purpose_agent.conformance.store_samples import HOSTILE_TEXTS, at_once
from purpose_agent.embedding import Embedder


class EmbedderConformance:
    """Tests of one embedder. They need no pytest: call the methods whose names begin with ``test_``."""

    def make_embedder(self) -> Embedder:
        """A new embedder."""
        raise NotImplementedError("return the embedder under test")

    def test_it_says_what_it_is(self) -> None:
        """A name and a dimension, the same for every instance."""
        one, two = self.make_embedder(), self.make_embedder()
        assert one.name.strip()
        assert (one.name, one.dimension) == (two.name, two.dimension)

    def test_vectors_have_length_one(self) -> None:
        """Whatever the text; only one that says nothing may have a vector of zeros."""
        import numpy as np

        embedder = self.make_embedder()
        vectors = embedder.embed(["open the red door", *HOSTILE_TEXTS])
        assert vectors.shape == (1 + len(HOSTILE_TEXTS), embedder.dimension)
        assert vectors.dtype == np.float32
        lengths = np.linalg.norm(vectors, axis=1)
        assert abs(lengths[0] - 1) < 1e-5, lengths[0]
        for text, length in zip(HOSTILE_TEXTS, lengths[1:], strict=True):
            assert length == 0 or abs(length - 1) < 1e-5, (text[:40], length)

    def test_nothing_gives_nothing(self) -> None:
        """No texts, no rows."""
        embedder = self.make_embedder()
        assert embedder.embed([]).shape == (0, embedder.dimension)

    def test_a_vector_depends_on_its_text_alone(self) -> None:
        """Neither on its neighbours, nor on the instance, nor on what other threads ask at the same time."""
        embedder = self.make_embedder()
        alone = embedder.embed(["find the coin"])[0]
        beside = embedder.embed(["x", "find the coin", "word " * 500])[1]
        other = self.make_embedder().embed(["find the coin"])[0]
        assert (alone == beside).all()
        assert (alone == other).all()
        assert all((row == alone).all() for row in at_once(lambda: embedder.embed(["find the coin"])[0], 16))
