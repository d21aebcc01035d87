"""The store suite: lessons, artefacts and scores."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from purpose_agent.conformance.store_samples import (
    StoreCase,
    at_once,
    close_to,
    episode,
    heuristic,
    raises,
    same,
    started,
)
from purpose_agent.store.base import ScoredState, Store, Trial
from purpose_agent.types import Evidence, HeuristicStatus, MemoryTier, Trust


class LibraryTests(StoreCase):
    """Tests of what is learned and what is kept beside it."""

    def test_heuristics_are_read_back_whole(self) -> None:
        """Every field but ``uplift``, in order of adding; an id is added once."""
        with self.opened() as store:
            first = heuristic("h1", strategy="näher\ud800\0")
            assert store.add_heuristic(first, "seen to work")
            assert store.add_heuristic(heuristic("h2", tier=MemoryTier.TOOL, steps=[], parents=[]), "")
            assert not store.add_heuristic(heuristic("h1", strategy="other"), "again")

            def check(s: Store) -> None:
                one, two = s.heuristics()
                assert one == heuristic("h1", strategy=one.strategy)
                assert one.strategy.startswith("näher")
                assert two == heuristic("h2", tier=MemoryTier.TOOL, steps=[], parents=[])

            self.on_both(store, check)

    def test_status_changes_are_logged(self) -> None:
        """The history holds each change with its reason; retired items are listed only when asked for."""
        with self.opened() as store:
            store.add_heuristic(heuristic("h"), "new")
            assert store.set_status("h", HeuristicStatus.ACTIVE, "helped")
            assert store.set_status("h", HeuristicStatus.ACTIVE, "helped again")
            assert store.set_status("h", HeuristicStatus.RETIRED, "harmed")
            assert not store.set_status("unknown", HeuristicStatus.RETIRED, "")

            def check(s: Store) -> None:
                history = s.history("h")
                assert [(status, reason) for _, status, reason in history] == [
                    ("candidate", "new"),
                    ("active", "helped"),
                    ("retired", "harmed"),
                ]
                assert [at for at, _, _ in history] == sorted(at for at, _, _ in history)
                assert s.heuristics() == []
                assert [h.status for h in s.heuristics(retired=True)] == [HeuristicStatus.RETIRED]
                assert s.history("unknown") == []

            self.on_both(store, check)

    def test_credit_moves_by_arithmetic(self) -> None:
        """Concurrent credits all count."""
        with self.opened() as store:
            store.add_heuristic(heuristic("h", q_value=0.5, times_used=0, times_succeeded=0), "")
            assert not store.credit_heuristic("unknown", succeeded=True, alpha=0.1)
            raises(lambda: store.credit_heuristic("h", succeeded=True, alpha=float("nan")))
            assert all(at_once(lambda: store.credit_heuristic("h", succeeded=True, alpha=0.1), 30))
            assert store.credit_heuristic("h", succeeded=False, alpha=0.5)

            def check(s: Store) -> None:
                (h,) = s.heuristics()
                assert (h.times_used, h.times_succeeded) == (31, 30)
                close_to(h.q_value, (1 - 0.5 * 0.9**30) / 2)

            self.on_both(store, check)

    def test_a_trial_counts_once_an_episode(self) -> None:
        """It moves the item's counts by arithmetic, and stays as it was written."""
        with self.opened() as store:
            store.add_heuristic(heuristic("h", q_value=0.5, times_used=0, times_succeeded=0, withheld=0), "")
            shown = Trial("h", "e1", "family\ud800", True, 0.75, 1.0, 0.25, 0.5)
            withheld = Trial("h", "e2", "f", False, 0.75, 0.0)
            unknown = Trial("unknown", "e1", "f", True, 0.75, 1.0)
            assert store.add_trials([shown, unknown], 0.1) == ["h"]
            assert store.add_trials([shown], 0.1) == []
            assert store.add_trials([withheld], 0.1) == ["h"]
            for wrong in (
                {"propensity": 0.0},
                {"propensity": 1.0},
                {"outcome": float("nan")},
                {"informedness": 0.0},
            ):
                bad = msgspec.structs.replace(shown, episode="e3", **wrong)
                raises(
                    lambda bad=bad: store.add_trials([msgspec.structs.replace(shown, episode="e4"), bad], 0.1)
                )
            at_once(lambda: store.add_trials([msgspec.structs.replace(shown, episode="e5")], 0.1), 8)

            def check(s: Store) -> None:
                first, second, third = s.trials()
                assert 0 < first.number < second.number < third.number
                assert first == msgspec.structs.replace(shown, family=first.family, number=first.number)
                assert second == msgspec.structs.replace(withheld, number=second.number)
                assert third.episode == "e5"
                assert [t.episode for t in s.trials(after=first.number, limit=1)] == ["e2"]
                (h,) = s.heuristics()
                assert (h.times_used, h.times_succeeded, h.withheld) == (2, 2, 1)
                close_to(h.q_value, 1 - 0.5 * 0.9**2)

            self.on_both(store, check)

    def test_a_test_keeps_its_position(self) -> None:
        """Each has its own, in the order of asking, whoever asks again."""
        with self.opened() as store:
            first = store.test_position("h", "trials 0")
            second = store.test_position("other\ud800", "trials 0")
            third = store.test_position("h", "probe 1")
            assert 1 <= first < second < third
            assert len(set(at_once(lambda: store.test_position("h", "probe 2"), 8))) == 1
            self.on_both(store, lambda s: same(s.test_position("h", "trials 0"), first))
            self.on_both(store, lambda s: same(s.test_position("h", "probe 1"), third))

    def test_whose_words_evidence_is_made_of_is_kept(self) -> None:
        """With the item, with its own evidence, and with what is added."""
        with self.opened() as store:
            own = Evidence("e1", (1, 2), Trust.ENVIRONMENT)
            store.add_heuristic(heuristic("h", evidence=[own], trust=Trust.ENVIRONMENT), "")
            more = [Evidence("e2", (3,), Trust.ACTIONS), Evidence("e3")]
            assert all(store.add_evidence("h", evidence) for evidence in more)

            def check(s: Store) -> None:
                (h,) = s.heuristics()
                assert h.trust == Trust.ENVIRONMENT
                assert h.evidence == [own, *more]

            self.on_both(store, check)

    def test_evidence_is_added_once(self) -> None:
        """To the definition's own evidence, which stays first."""
        with self.opened() as store:
            store.add_heuristic(heuristic("h"), "")
            assert store.add_evidence("h", Evidence("e2", (3,)))
            assert store.add_evidence("h", Evidence("e2", (3,)))
            assert not store.add_evidence("unknown", Evidence("e2"))
            expected = [Evidence("e1", (1, 2)), Evidence("e2", (3,))]
            self.on_both(store, lambda s: same(s.heuristics()[0].evidence, expected))

    def test_what_is_no_number_is_refused(self) -> None:
        """Nothing is stored of an episode or a heuristic whose value is not in [0, 1]."""
        with self.opened() as store:
            for q in (float("nan"), -0.1, 1.5):
                raises(lambda q=q: store.add_heuristic(heuristic("h", q_value=q), ""))
                raises(lambda q=q: store.add_episode(episode("a", q_value=q), ""))
            assert store.heuristics() == []
            assert store.episodes() == []

    def test_a_later_artefact_stays(self) -> None:
        """One computed from fewer episodes does not replace one computed from more."""
        with self.opened() as store:
            assert store.artefact("w") is None
            assert store.save_artefact("w", b"one", upto=1)
            assert store.save_artefact("w", b"\0three", upto=3)
            assert not store.save_artefact("w", b"two", upto=2)
            assert store.save_artefact("v", b"", upto=0)
            self.on_both(store, lambda s: same(s.artefact("w"), (b"\0three", 3)))
            assert store.artefact("v") == (b"", 0)

    def test_the_first_score_stays(self) -> None:
        """One score per purpose, state and critic; only a human may change their mind."""
        with self.opened() as store:
            low, high = ScoredState(1.0, 0.5, "ev\0", "why"), ScoredState(9.0, 1.0, "", "")
            assert store.cached_score("p", "f", "c") is None
            for first, second in ((low, high), (high, low)):
                store.cache_score("p", f"f{first.phi}", "c", first)
                store.cache_score("p", f"f{first.phi}", "c", second)
                assert store.cached_score("p", f"f{first.phi}", "c") == first
            store.cache_score("p", "f", "human", low)
            store.cache_score("p", "f", "human", high)
            assert store.cached_score("p", "f", "human") == high
            known = {(f, c): score for f, c, score in store.known_scores("p", 100)}
            assert known["f", "human"] == high
            assert all(store.cached_score("p", f, c) == score for (f, c), score in known.items())
            assert store.known_scores("another purpose", 100) == []
            assert len(store.known_scores("p", 1)) == 1
            assert store.cached_score("another purpose", "f1.0", "c") is None
            assert store.cached_score("p", "f1.0", "another critic") is None
            store.flush()

            def check(s: Store) -> None:
                assert s.cached_score("p", "f1.0", "c") == low
                assert s.cached_score("p", "f9.0", "c") == high
                assert s.cached_score("p", "f", "human") == high

            self.on_both(store, check)

    def test_the_revision_follows_what_is_learned(self) -> None:
        """It changes with the library, the episodes and the artefacts, in every process, and not with the journal."""
        with self.opened() as store:
            other = self.reopen(store) or store
            try:
                changes: list[Callable[[], object]] = [
                    lambda: store.add_episode(episode("a"), "x"),
                    lambda: store.value_episode("a", 1.0, 0.1),
                    lambda: store.add_heuristic(heuristic("h"), ""),
                    lambda: store.credit_heuristic("h", succeeded=True, alpha=0.1),
                    lambda: store.set_status("h", HeuristicStatus.ACTIVE, ""),
                    lambda: store.add_trials([Trial("h", "e", "f", True, 0.5, 1.0)], 0.1),
                    lambda: store.save_artefact("w", b"", upto=1),
                    lambda: store.remove_episodes(["a"]),
                ]
                for number, change in enumerate(changes):
                    before = (store.revision, other.revision)
                    change()
                    after = (store.revision, other.revision)
                    assert before[0] != after[0], f"change {number} is not seen here"
                    assert before[1] != after[1], f"change {number} is not seen by the other process"
                before = (store.revision, other.revision)
                store.append("r", 0, [started("r")]).result(60)
                store.save_artefact("w", b"older", upto=0)
                assert (store.revision, other.revision) == before
            finally:
                if other is not store:
                    other.close()
