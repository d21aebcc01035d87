"""The store suite: episodes, their values, and finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purpose_agent.conformance.store_samples import (
    HOSTILE_TEXTS,
    StoreCase,
    at_once,
    close_to,
    distilled_by,
    episode,
    q_value,
    raises,
    same,
)
from purpose_agent.store.base import Store, VectorSpace

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector

PLANE = VectorSpace("plane 1", 2)


class ReplayTests(StoreCase):
    """Tests of the experience replay's part of a store."""

    def test_episodes_are_numbered_and_added_once(self) -> None:
        """Numbers count up and are never used again."""
        with self.opened() as store:
            first = store.add_episode(episode("a"), "x")
            second = store.add_episode(episode("b", success=False, transient=True), "y")
            assert (first.number, second.number) == (1, 2)
            assert store.add_episode(episode("a", score=0.1), "x") == first
            assert second == episode("b", number=2, success=False, transient=True)
            store.remove_episodes(["b", "unknown"])
            assert store.add_episode(episode("c"), "z").number == 3

            def check(s: Store) -> None:
                assert [e.id for e in s.episodes()] == ["a", "c"]
                assert [e.id for e in s.episodes(after=1)] == ["c"]
                assert [e.id for e in s.episodes(limit=1)] == ["a"]
                assert s.episode("b") is None
                assert s.episode("c") == episode("c", number=3)
                assert s.episode_count() == 2

            self.on_both(store, check)

    def test_search_finds_by_words(self) -> None:
        """What shares no word is not found; what shares more and rarer words comes first."""
        with self.opened() as store:
            store.add_episode(episode("key"), "unlock the red door with the key")
            store.add_episode(episode("door"), "open the door")
            store.add_episode(episode("soup"), "cook a soup of tomatoes")
            found = store.search_episodes("Open a red DOOR with keys", 10)
            assert [e.id for e, _ in found] == ["key", "door"], found
            assert all(0 < relevance <= 1 for _, relevance in found)
            assert store.search_episodes("open the red door", 1)[0][0].id in {"key", "door"}
            assert len(store.search_episodes("open the red door", 1)) == 1
            assert store.search_episodes("quantum chromodynamics", 10) == []
            assert store.search_episodes("door", 0) == []
            store.remove_episodes(["key"])
            assert [e.id for e, _ in store.search_episodes("red door", 10)] == ["door"]
            self.on_both(store, lambda s: same([e.id for e, _ in s.search_episodes("tomato", 9)], ["soup"]))

    def test_search_never_raises(self) -> None:
        """Whatever the text of the query and of the episodes."""
        with self.opened() as store:
            for number, text in enumerate(HOSTILE_TEXTS):
                store.add_episode(episode(f"e{number}", task=text, purpose=text), text)
            for text in HOSTILE_TEXTS:
                for _, relevance in store.search_episodes(text, 5):
                    assert 0 < relevance <= 1
            assert store.search_episodes("打开门", 5)[0][0].task == "打开厨房的门"
            assert store.search_episodes("strasse", 5)[0][0].id == "e9"

    def test_a_word_that_all_share_weighs_little(self) -> None:
        """The episode with the rare word wins over newer ones with the common words."""
        with self.opened() as store:
            store.add_episode(episode("rare"), "find the coin in the zeppelin")
            for i in range(30):
                store.add_episode(episode(f"e{i}"), f"find the coin in the house number {i}")
            assert store.search_episodes("find the coin in the zeppelin", 3)[0][0].id == "rare"

    def test_values_move_by_arithmetic(self) -> None:
        """Concurrent updates all count; what is no number in [0, 1] is refused."""
        with self.opened() as store:
            store.add_episode(episode("a"), "x")
            store.value_episode("a", 1.0, 0.1)
            close_to(q_value(store, "a"), 0.55)
            store.value_episode("unknown", 1.0, 0.1)
            for reward, alpha in ((float("nan"), 0.1), (2.0, 0.1), (1.0, -0.1), (1.0, float("inf"))):
                raises(lambda r=reward, a=alpha: store.value_episode("a", r, a))
            at_once(lambda: store.value_episode("a", 1.0, 0.1), 40)
            expected = 1 - 0.45 * 0.9**40
            self.on_both(store, lambda s: close_to(q_value(s, "a"), expected))

    def test_a_distiller_claims_an_episode_once(self) -> None:
        """Of many that ask at once, one gets it; another distiller is another matter."""
        with self.opened() as store:
            store.add_episode(episode("a"), "x")
            claims = at_once(lambda: store.mark_distilled("a", "insight"), 8)
            assert sorted(claims) == [False] * 7 + [True]
            assert store.mark_distilled("a", "failure")
            self.on_both(store, lambda s: same(distilled_by(s, "a"), ("failure", "insight")))

    def test_the_least_valuable_are_trimmed(self) -> None:
        """Lowest value first, of equal ones the oldest, and never the newest of all."""
        with self.opened() as store:
            for id, q in (("a", 0.5), ("b", 0.9), ("c", 0.5), ("d", 0.2), ("e", 0.1)):
                store.add_episode(episode(id, q_value=q), f"word{id}")
            assert store.trim_episodes(9) == []
            assert store.trim_episodes(3) == ["d", "a"]
            assert [e.id for e in store.episodes()] == ["b", "c", "e"]
            assert store.search_episodes("worda", 5) == []
            assert store.episode_count() == 3

    def test_vectors_are_kept_beside_episodes(self) -> None:
        """The first one stays; another embedder or dimension is another matter; they leave with the episode."""
        with self.opened() as store:
            for id in ("a", "b", "c"):
                store.add_episode(episode(id), id)
            assert [e.id for e in store.episodes_without_vector(PLANE, 2)] == ["c", "b"]
            store.save_vectors(PLANE, {"a": _vector(1, 0), "b": _vector(0, 1), "unknown": _vector(1, 0)})
            store.save_vectors(PLANE, {"a": _vector(0, 1)})
            other = VectorSpace("plane 2", 2)
            store.save_vectors(other, {"c": _vector(1, 0)})

            def check(s: Store) -> None:
                found = {id: v.tolist() for id, v in s.vectors(PLANE, ["a", "b", "c", "unknown"]).items()}
                assert found == {"a": [1, 0], "b": [0, 1]}, found
                same([e.id for e in s.episodes_without_vector(PLANE, 9)], ["c"])
                same([e.id for e in s.episodes_without_vector(other, 9)], ["b", "a"])
                same([e.id for e in s.episodes_without_vector(VectorSpace("plane 1", 3), 9)], ["c", "b", "a"])

            self.on_both(store, check)
            store.remove_episodes(["a"])
            assert store.vectors(PLANE, ["a"]) == {}
            assert store.episodes_without_vector(PLANE, 0) == []
            store.add_episode(episode("a"), "a")
            same([e.id for e in store.episodes_without_vector(PLANE, 9)], ["a", "c"])

    def test_vectors_that_do_not_fit_are_refused(self) -> None:
        """Another dimension, or what is no number."""
        with self.opened() as store:
            store.add_episode(episode("a"), "a")
            for wrong in (_vector(1, 0, 0), _vector(float("nan"), 1)):
                raises(lambda v=wrong: store.save_vectors(PLANE, {"a": v}))
                raises(lambda v=wrong: store.search_vectors(PLANE, v, 5))
            assert store.vectors(PLANE, ["a"]) == {}

    def test_search_finds_by_vector(self) -> None:
        """The closest first, of equal ones the newer; what is added, embedded late or removed is seen by everybody."""
        with self.opened() as store:
            assert store.search_vectors(PLANE, _vector(1, 0), 5).episodes == []
            for id in ("a", "b", "c", "d", "e"):
                store.add_episode(episode(id), id)
            store.save_vectors(PLANE, {"b": _vector(1, 0), "c": _vector(0.6, 0.8), "d": _vector(-1, 0)})

            def near(s: Store, limit: int = 9) -> list[str]:
                return [e.id for e, _ in s.search_vectors(PLANE, _vector(1, 0), limit).episodes]

            found = store.search_vectors(PLANE, _vector(1, 0), 9)
            same([(e.id, round(cosine, 6)) for e, cosine in found.episodes], [("b", 1.0), ("c", 0.6)])
            same((found.count, round(found.total, 6)), (3, 0.6))
            store.save_vectors(PLANE, {"a": _vector(1, 0), "e": _vector(1, 0)})
            same(
                (near(store), near(store, 2), near(store, 0)),
                (["e", "b", "a", "c"], ["e", "b"], near(store, -1)),
            )
            store.remove_episodes(["e", "a"])
            same((near(store), near(store, 1)), (["b", "c"], ["b"]))
            store.add_episode(episode("f"), "f")
            store.save_vectors(PLANE, {"f": _vector(0.8, 0.6)})
            self.on_both(store, lambda s: same(near(s), ["b", "f", "c"]))


def _vector(*numbers: float) -> Vector:
    import numpy as np

    return np.array(numbers, np.float32)
