"""How alike phrases are: symmetric, bounded, by words where there is no meaning to be had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.embedder import BrokenEmbedder, SynonymEmbedder
from purpose_agent.memory.phrase_likeness import PhraseLikeness

PHRASE = st.text(max_size=40)


@pytest.mark.parametrize("embedder", [None, SynonymEmbedder()])
@given(PHRASE, PHRASE)
def test_it_is_symmetric_and_bounded(embedder: SynonymEmbedder | None, one: str, other: str) -> None:
    likeness = PhraseLikeness(embedder)
    assert likeness.of(one, other) == likeness.of(other, one)
    assert -1.0 <= likeness.of(one, other) <= 1.0


def test_without_an_embedder_shared_words_count() -> None:
    likeness = PhraseLikeness()
    assert likeness.name == ""
    assert likeness.of("red sock", "red sock") == 1.0
    assert likeness.of("red sock", "blue sock") == 0.5
    assert likeness.of("cap", "hat") == likeness.of("", "hat") == 0.0


def test_with_an_embedder_meaning_counts() -> None:
    likeness = PhraseLikeness(SynonymEmbedder())
    assert likeness.of("dish", "plate") == 1.0
    assert likeness.of("dish", "garden") == 0.0


def test_each_phrase_is_embedded_once() -> None:
    embedder = SynonymEmbedder()
    likeness = PhraseLikeness(embedder)
    for other in ("plate", "garden", "plate"):
        likeness.of("dish", other)
    assert sorted(embedder.asked) == ["dish", "garden", "plate"]


def test_an_embedder_that_fails_is_asked_once_and_words_must_do() -> None:
    embedder = BrokenEmbedder(RuntimeError("no memory left"))
    likeness = PhraseLikeness(embedder)
    with pytest.warns(RuntimeWarning, match="by its words only"):
        assert likeness.of("red sock", "blue sock") == 0.5
    assert likeness.of("red cap", "blue cap") == 0.5
    assert embedder.asked == ["blue sock", "red sock"]
