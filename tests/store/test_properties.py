"""Whatever is stored in whatever order is read back; whatever is asked for is answered."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from purpose_agent.conformance.store_samples import episode, heuristic
from purpose_agent.errors import StoreError
from purpose_agent.events import ActionRecord, Decided, Event, StepStarted
from purpose_agent.store import open_store
from purpose_agent.store.sqlite import SQLiteStore
from purpose_agent.store.terms import terms_of

RUNS = st.sampled_from(["a", "b", "c"])
FRACTIONS = st.floats(0, 1)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.one_of(
    st.builds(StepStarted, st.integers(0, 10**6)),
    st.builds(
        Decided,
        st.integers(0, 99),
        st.builds(
            ActionRecord, st.text(max_size=9), st.dictionaries(st.text(max_size=5), VALUES, max_size=3)
        ),
        st.just("model"),
    ),
)


class AnyOrder(RuleBasedStateMachine):
    """A store beside plain lists and dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make()
        self.runs: dict[str, list[Event]] = {}
        self.values: dict[str, float] = {}
        self.credits: dict[str, tuple[int, int]] = {}

    def make(self) -> SQLiteStore:
        return SQLiteStore()

    @rule(run=RUNS, events=st.lists(EVENTS, max_size=4))
    def append(self, run: str, events: list[Event]) -> None:
        written = self.runs.setdefault(run, [])
        self.store.append(run, len(written), list(events))
        written.extend(events)

    @rule(run=RUNS, back=st.integers(1, 3))
    def append_at_a_taken_place(self, run: str, back: int) -> None:
        place = len(self.runs.get(run, [])) - back
        if place >= 0:
            assert isinstance(self.store.append(run, place, [StepStarted(0)]).exception(60), StoreError)
            self.store.events(run)

    @rule(id=RUNS, words=st.text(max_size=40))
    def add(self, id: str, words: str) -> None:
        self.store.add_episode(episode(id), words)
        self.values.setdefault(id, 0.5)

    @rule(id=RUNS)
    def remove(self, id: str) -> None:
        self.store.remove_episodes([id])
        self.values.pop(id, None)

    @rule(id=RUNS, reward=FRACTIONS, alpha=FRACTIONS)
    def value(self, id: str, reward: float, alpha: float) -> None:
        self.store.value_episode(id, reward, alpha)
        if id in self.values:
            self.values[id] += alpha * (reward - self.values[id])

    @rule(id=RUNS)
    def learn(self, id: str) -> None:
        new = self.store.add_heuristic(heuristic(id, times_used=0, times_succeeded=0), "")
        assert new == (id not in self.credits)
        self.credits.setdefault(id, (0, 0))

    @rule(id=RUNS, succeeded=st.booleans())
    def credit(self, id: str, succeeded: bool) -> None:
        assert self.store.credit_heuristic(id, succeeded=succeeded, alpha=0.1) == (id in self.credits)
        if id in self.credits:
            used, good = self.credits[id]
            self.credits[id] = (used + 1, good + succeeded)

    @rule(query=st.text(max_size=60))
    def search(self, query: str) -> None:
        for found, relevance in self.store.search_episodes(query, 5):
            assert 0 < relevance <= 1
            assert found.id in self.values

    @rule()
    def reopen(self) -> None:
        if self.store.path is not None:
            self.store.close()
            self.store = SQLiteStore(self.store.path)

    @invariant()
    def everything_is_there(self) -> None:
        for run, written in self.runs.items():
            assert self.store.events(run) == written
        assert {e.id: pytest.approx(e.q_value) for e in self.store.episodes()} == self.values
        assert self.store.episode_count() == len(self.values)
        assert {h.id: (h.times_used, h.times_succeeded) for h in self.store.heuristics()} == self.credits

    def teardown(self) -> None:
        self.store.close()


class InMemory(AnyOrder):
    TestCase: type


class InAFile(AnyOrder):
    TestCase: type

    def make(self) -> SQLiteStore:
        self.folder = tempfile.TemporaryDirectory()
        return SQLiteStore(self.folder.name)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)  # type: ignore[attr-defined]
TestInAFile = InAFile.TestCase
TestInAFile.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(), max_size=80), min_size=1, max_size=4),
    st.text(st.characters(), max_size=80),
)
def test_any_text_can_be_indexed_and_asked_for(texts: list[str], query: str) -> None:
    store = open_store(None)
    try:
        for number, text in enumerate(texts):
            store.add_episode(episode(f"e{number}"), text)
        found = store.search_episodes(query, 10)
        expected = {
            f"e{i}" for i, text in enumerate(texts) if set(terms_of(text)) & set(terms_of(query)[:24])
        }
        assert {e.id for e, _ in found} == expected
        for number, text in enumerate(texts):
            if terms_of(text):
                assert f"e{number}" in {e.id for e, _ in store.search_episodes(text, 10)}
    finally:
        store.close()


@given(st.text(st.characters(), max_size=200))
def test_terms_are_plain_ascii_words(text: str) -> None:
    for term in terms_of(text):
        assert term.isascii()
        assert term.isalnum()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Opening DOORS", "opening door"),
        ("Café", "cafe\u0301"),
        ("boxes, dishes; houses", "box dish house"),
        ("tomatoes potatoes shoes", "tomato potato shoe"),
        ("cookies and keys", "cookie key"),
        ("ﬁle", "file"),
    ],
)
def test_what_means_the_same_is_the_same(one: str, other: str) -> None:
    assert terms_of(one) == terms_of(other)
