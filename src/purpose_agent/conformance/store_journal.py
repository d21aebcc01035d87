"""The store suite: the journal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from purpose_agent.conformance.store_samples import (
    StoreCase,
    finished,
    same,
    started,
    step,
)
from purpose_agent.errors import StoreError
from purpose_agent.events import (
    ActionRecord,
    Decided,
    RunResumed,
    StepStarted,
)
from purpose_agent.store.base import Store


class JournalTests(StoreCase):
    """Tests of appending, reading and listing runs."""

    def test_events_are_read_back_in_order(self) -> None:
        """Whether or not they were flushed, and whatever was appended in one call."""
        with self.opened() as store:
            written = [started("r"), *step(1), *step(2), finished(2)]
            store.append("r", 0, written[:1])
            store.append("r", 1, written[1:6])
            last = store.append("r", 6, written[6:])
            assert store.events("r") == written
            assert store.event_count("r") == len(written)
            last.result(60)
            self.on_both(store, lambda s: same(s.events("r"), written))

    def test_an_unknown_run_is_empty(self) -> None:
        """Not an error."""
        with self.opened() as store:
            assert store.events("nobody") == []
            assert store.event_count("nobody") == 0
            assert store.runs() == []

    def test_runs_do_not_mix(self) -> None:
        """Interleaved appends of several runs."""
        with self.opened() as store:
            for position in range(5):
                for run in ("a", "b", "ü\0"):
                    store.append(run, position, [StepStarted(position)] if position else [started(run)])
            for run in ("a", "b", "ü\0"):
                assert store.events(run) == [started(run), *map(StepStarted, range(1, 5))]

    def test_a_taken_position_fails_and_changes_nothing(self) -> None:
        """The error names the run and the position, and nothing follows until the run is read again."""
        with self.opened() as store:
            store.append("run-7", 0, [started("run-7"), StepStarted(1)]).result(60)
            error = store.append("run-7", 1, [StepStarted(9), StepStarted(10)]).exception(60)
            assert isinstance(error, StoreError), f"got {error!r}"
            assert "run-7" in str(error), str(error)
            assert "1" in str(error), str(error)
            queued = store.append("run-7", 2, [StepStarted(11)])
            assert isinstance(queued.exception(60), StoreError), "a writer that lost the run must not go on"
            assert store.events("run-7") == [started("run-7"), StepStarted(1)]
            store.append("run-7", 2, [StepStarted(2)]).result(60)
            store.append("other", 0, [started("other")]).result(60)
            assert store.event_count("run-7") == 3

    def test_two_openings_cannot_write_one_position(self) -> None:
        """One of two processes that continue a run gets an error; the journal holds one story."""
        with self.opened() as store:
            store.append("r", 0, [started("r")]).result(60)
            other = self.reopen(store)
            if other is None:
                return
            try:
                assert len(other.events("r")) == 1
                store.append("r", 1, [StepStarted(1)]).result(60)
                lost = [other.append("r", 1 + i, [StepStarted(100 + i)]) for i in range(3)]
                assert all(isinstance(f.exception(60), StoreError) for f in lost)
                store.append("r", 2, [StepStarted(2)]).result(60)
                assert other.events("r") == [started("r"), StepStarted(1), StepStarted(2)]
                other.append("r", 3, [StepStarted(3)]).result(60)
            finally:
                other.close()

    def test_a_gap_is_refused(self) -> None:
        """What comes after a failed append must not be stored as if nothing was missing."""
        with self.opened() as store:
            assert isinstance(store.append("r", 3, [StepStarted(1)]).exception(60), StoreError)
            assert store.events("r") == []
            store.append("r", 0, [started("r")]).result(60)
            assert isinstance(store.append("r", 2, [StepStarted(1)]).exception(60), StoreError)
            assert store.event_count("r") == 1

    def test_a_bad_append_spares_its_neighbours(self) -> None:
        """Appends that are written together do not fail together."""
        with self.opened() as store:
            futures = [store.append(f"r{i}", i % 2, [started(f"r{i}")]) for i in range(20)]
            outcomes = [f.exception(60) for f in futures]
            assert [isinstance(e, StoreError) for e in outcomes] == [i % 2 == 1 for i in range(20)]
            assert [store.event_count(f"r{i}") for i in range(20)] == [1, 0] * 10

    def test_odd_contents_survive(self) -> None:
        """Lone surrogates, NULs and large numbers in an event do not stop a run."""
        with self.opened() as store:
            action = ActionRecord("say", {"text": "a\0b\ud800", "n": 2**70}, thought="\udfff")
            store.append("r", 0, [Decided(1, action, "model")]).result(60)
            (event,) = store.events("r")
            assert isinstance(event, Decided)
            assert event.action.name == "say"
            assert event.action.params["text"].startswith("a\0b")

    def test_runs_are_listed_newest_first(self) -> None:
        """A line tells a running, a finished, an interrupted and a resumed run apart."""
        with self.opened() as store:
            store.append("running", 0, [started("running"), *step(1), *step(2), StepStarted(3)])
            store.append("done", 0, [started("done"), *step(1), finished(1)])
            store.append("left", 0, [started("left"), *step(1), finished(1, "interrupted")])
            store.append("resumed", 0, [started("resumed"), *step(1), finished(1, "interrupted")])
            store.append("resumed", 6, [RunResumed(1, 2.0)])

            def check(s: Store) -> None:
                lines = s.runs()
                assert [r.run_id for r in lines] == ["resumed", "left", "done", "running"]
                resumed, left, done, running = lines
                assert (running.steps, running.final_phi, running.stop_reason, running.success) == (
                    2,
                    2.0,
                    "",
                    None,
                )
                assert (done.steps, done.final_phi, done.stop_reason, done.success) == (1, 1.0, "done", True)
                assert left.stop_reason == "interrupted"
                assert (resumed.stop_reason, resumed.success, resumed.steps) == ("", None, 1)
                assert (done.purpose, done.task) == ("find the coin", "search the house")
                assert (done.environment, done.model, done.created_at) == ("house", "scripted", 12.5)
                assert [r.run_id for r in s.runs(limit=2)] == ["resumed", "left"]

            store.flush()
            self.on_both(store, check)

    def test_threads_append_at_once(self) -> None:
        """Eight threads, one run each, nothing lost."""
        with self.opened() as store:

            def write(name: str) -> None:
                store.append(name, 0, [started(name)])
                futures = [store.append(name, i, [StepStarted(i)]) for i in range(1, 40)]
                futures[-1].result(60)

            names = [f"t{i}" for i in range(8)]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(write, names))
            for name in names:
                assert store.events(name) == [started(name), *map(StepStarted, range(1, 40))]
