"""Episodes are found by their words or by their meaning, and not at all when neither fits."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.embedder import BrokenEmbedder, SynonymEmbedder
from purpose_agent.conformance.store_samples import HOSTILE_TEXTS
from purpose_agent.embedding import Embedder, WordLlamaEmbedder
from purpose_agent.errors import UsageError
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.memory import episode_vectors
from purpose_agent.memory.semantic_relevance import COSINE_FLOOR, semantic_relevance, usual_cosine
from purpose_agent.store import Store, open_store
from purpose_agent.types import MemoryRecord, StopReason, Trajectory

WORDLLAMA = WordLlamaEmbedder()  # loaded once
TASKS = {
    "dishes": "Wash the dirty dishes in the sink.",
    "coin": "Find the coin.",
    "garden": "Water the flowers in the garden.",
    "maze": "Reach the exit of the maze.",
}


def filled(embedder: Embedder | None, **fields: Any) -> ExperienceReplay:
    replay = ExperienceReplay(embedder=embedder, **fields)
    for id, task in TASKS.items():
        replay.add(Trajectory(task, task, [], id=id))
    return replay


def ids(records: list[MemoryRecord]) -> list[str]:
    return [r.id for r in records]


def test_other_words_are_found_by_their_meaning_only() -> None:
    with filled(None) as replay:
        assert replay.retrieve("Clean a plate") == []
        assert replay.get("dishes").task_embedding is None  # type: ignore[union-attr]
    for embedder in (SynonymEmbedder(), WORDLLAMA):
        with filled(embedder) as replay:
            assert ids(replay.retrieve("Clean a plate"))[0] == "dishes"


def test_nothing_is_found_when_nothing_fits() -> None:
    with filled(WORDLLAMA) as replay:
        for query in ("Compose a melody for the violin.", "Vote on the new constitution.", "", "\0"):
            assert replay.retrieve(query) == []


def test_the_words_still_count() -> None:
    """A name that no embedder knows."""
    with filled(SynonymEmbedder()) as replay:
        replay.add(Trajectory("Wash plate xq17.", "", [], id="named"))
        replay.add(Trajectory("Wash plate xq71.", "", [], id="other"))  # the same to the embedder
        assert ids(replay.retrieve("Clean plate xq17", top_k=1)) == ["named"]


def test_value_decides_between_equal_meanings_and_not_more() -> None:
    """Ranks say which is closer, not by how much: fused ranks let a small value overrule any relevance."""
    with filled(SynonymEmbedder()) as replay:
        for n in range(8):
            replay.add(Trajectory("Rinse the crockery.", "", [], id=f"same {n}"))
        replay.update_q_value("same 2", 1.0, 0.1)
        replay.update_q_value("coin", 1.0, 0.5)
        found = ids(replay.retrieve("Clean a plate", top_k=9))
        assert found[0] == "same 2"
        assert "coin" not in found


def test_a_failure_for_a_transient_cause_and_a_low_value_are_left_out() -> None:
    with filled(SynonymEmbedder()) as replay:
        replay.add(Trajectory("Rinse dish.", "", [], id="outage", stop_reason=StopReason.MODEL_ERROR))
        assert ids(replay.retrieve("Clean a plate")) == ["dishes"]
        assert replay.retrieve("Clean a plate", min_q_value=0.6) == []


def test_low_values_do_not_hide_what_qualifies() -> None:
    with ExperienceReplay(embedder=SynonymEmbedder()) as replay:
        for n in range(120):
            replay.add(Trajectory(f"Wash dish {n}", "", [], id=f"e{n}"))
        replay.update_q_value("e3", 1.0, 0.5)
        assert ids(replay.retrieve("Clean a plate", top_k=2, min_q_value=0.7)) == ["e3"]


def test_a_record_carries_its_vector() -> None:
    embedder = SynonymEmbedder()
    with filled(embedder) as replay:
        record = replay.retrieve("Find the coin.")[0]
        expected = embedder.embed(["Find the coin."])[0].tolist()
        assert record.task_embedding == expected
        assert replay.get("coin").task_embedding == expected  # type: ignore[union-attr]
        assert pickle.loads(pickle.dumps(record)).task_embedding == expected


def test_vectors_of_another_embedder_are_made_anew_and_kept_apart(tmp_path: Path) -> None:
    first, second = SynonymEmbedder("synonyms 1"), SynonymEmbedder("synonyms 2", dimension=32)
    store = open_store(tmp_path)
    with filled(first, store=store) as replay:
        assert ids(replay.retrieve("Clean a plate")) == ["dishes"]
    replay = ExperienceReplay(store=store, embedder=second)
    assert ids(replay.retrieve("Clean a plate")) == ["dishes"]
    assert len(second.asked) == 5
    assert ids(replay.retrieve("Clean a plate")) == ["dishes"]
    assert len(second.asked) == 6, "the vectors are kept"
    first.asked.clear()
    assert ids(ExperienceReplay(store=store, embedder=first).retrieve("Clean a plate")) == ["dishes"]
    assert first.asked == ["Clean a plate"], "those of the first are still there"
    store.close()


def test_missing_vectors_are_made_up_for_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episode_vectors, "CAUGHT_UP", 3)
    store = open_store(None)
    filled(None, store=store)
    embedder = SynonymEmbedder()
    replay = ExperienceReplay(store=store, embedder=embedder)
    assert replay.retrieve("Clean a plate") == [], "the oldest is not made up for yet"
    assert len(embedder.asked) == 4
    assert ids(replay.retrieve("Clean a plate")) == ["dishes"]
    store.close()


class Recorder:
    """A store that notes what is called."""

    def __init__(self, store: Store) -> None:
        self.store, self.called = store, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self.store, name)


def test_without_an_embedder_the_store_is_asked_as_before() -> None:
    recorder = Recorder(open_store(None))
    with filled(None, store=recorder) as replay:
        replay.retrieve("Find the coin.")
    assert not {name for name in recorder.called if "vector" in name}


def test_retrieving_writes_nothing_once_all_have_vectors() -> None:
    """Frozen means frozen."""
    recorder = Recorder(open_store(None))
    with filled(SynonymEmbedder(), store=recorder) as replay:
        recorder.called.clear()
        replay.retrieve("Find the coin.")
    assert recorder.called <= {"search_episodes", "search_vectors", "episodes_without_vector", "vectors"}


@pytest.mark.parametrize(
    "result", [OSError("no weights"), np.ones((1, 3), np.float32), np.full((1, 64), np.nan), None]
)
def test_a_failing_embedder_costs_neither_the_episode_nor_the_run(result: Any) -> None:
    embedder = BrokenEmbedder(result)
    with ExperienceReplay(embedder=embedder) as replay:
        with pytest.warns(RuntimeWarning, match="'synonyms 1' failed"):
            replay.add(Trajectory("Find the coin.", "", [], id="a"))
        assert ids(replay.retrieve("the coin")) == ["a"]
        assert len(embedder.asked) == 1


def test_an_embedder_without_name_or_dimension_is_refused() -> None:
    for name, dimension in (("", 2), ("x", 0), ("x", 1.5)):
        with pytest.raises(UsageError, match="dimension"):
            ExperienceReplay(embedder=SynonymEmbedder(name, dimension))  # type: ignore[arg-type]


def test_hostile_texts_are_kept_and_asked_for() -> None:
    with ExperienceReplay(embedder=WORDLLAMA) as replay:
        for n, text in enumerate(HOSTILE_TEXTS):
            replay.add(Trajectory(text, text, [], id=f"e{n}"))
        for n, text in enumerate(HOSTILE_TEXTS):
            found = ids(replay.retrieve(text))
            if text.strip() and text not in ('"', "\ud800 lone surrogate"):
                assert f"e{n}" in found, text[:40]


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
def test_any_text_can_be_kept_and_asked_for(task: str, query: str) -> None:
    with ExperienceReplay(embedder=WORDLLAMA) as replay:
        replay.add(Trajectory(task, query, [], id="a"))
        assert len(replay.retrieve(query)) <= 1


ORDER = """
import sys
from purpose_agent.embedding import WordLlamaEmbedder
from purpose_agent.experience_replay import ExperienceReplay
with ExperienceReplay(persistence_path=sys.argv[1], embedder=WordLlamaEmbedder()) as replay:
    print([r.id for q in ("Clean a dirty plate", "a lost ring", "plants") for r in replay.retrieve(q, top_k=9)])
"""


def test_every_process_gives_the_same_order(tmp_path: Path) -> None:
    with filled(WORDLLAMA, persistence_path=tmp_path) as replay:
        for n in range(20):
            replay.add(Trajectory(f"Wash the dishes in sink {n % 3}.", "", [], id=f"again {n}"))
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", ORDER, str(tmp_path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert runs[0].count("again") == 8


def test_what_a_query_shares_with_everything_is_taken_off() -> None:
    assert usual_cosine(0.0, 0) == 0.0
    assert usual_cosine(-5.0, 10) == 0.0
    alone, crowd = usual_cosine(0.9, 1), usual_cosine(180.0, 200)
    assert semantic_relevance(0.9, alone, 0.1) > 0.7
    assert semantic_relevance(0.9, crowd, 0.1) < 0.5
    assert semantic_relevance(1.0, crowd, 0.1) == pytest.approx(1.0)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_relevance_rises_with_the_cosine_and_stays_in_its_range(
    one: float, two: float, usual: float, floor: float
) -> None:
    low, high = (semantic_relevance(cosine, usual, floor) for cosine in sorted((one, two)))
    assert 0 <= low <= high + 1e-9
    assert high <= 1 + 1e-9
    assert (high == 0) if max(one, two) < COSINE_FLOOR else high >= floor
