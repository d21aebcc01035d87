"""The value memory: it learns from episodes, forgets nothing on disk, and is the same in every process."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import purpose_agent
from purpose_agent.errors import UsageError
from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.memory import ValueMemory, ValueSettings
from purpose_agent.memory.values.record import EpisodeRecord, Transition

PURPOSE = "Put the thing where it belongs."
PLACES = ("crate", "barrel", "sack")
TEXT = st.text(max_size=60)
SCORE = st.one_of(st.floats(), st.none(), st.integers(-2, 2))


class Errand:
    """A thing with a new name in every task must be taken, then put in the sack; wrong places waste a step."""

    def __init__(self, seed: int) -> None:
        self.thing = "".join(random.Random(seed).choices("bdfgklmnprstvz", k=6))
        self.holding = False
        self.score = 0.0

    @property
    def admissible(self) -> list[str]:
        put = [f"put {self.thing} in {place}" for place in PLACES]
        return ["wait", "look around", *(put if self.holding else [f"take {self.thing}"])]

    def act(self, action: str) -> str:
        if action == f"take {self.thing}":
            self.holding, self.score = True, 0.5
        elif action.endswith("in sack"):
            self.score = 1.0
        elif action.startswith("put "):
            self.holding = False
        else:
            return "Nothing happens."
        return f"You {action}."


def run(memory: ValueMemory, seed: int, *, explore: bool, limit: int = 4) -> tuple[EpisodeRecord, bool]:
    """One errand; chance picks among the shortlist."""
    task, rng = Errand(seed), random.Random(seed)
    episode = memory.episode(PURPOSE, seed=seed, explore=explore)
    episode.begin(f"There is a {task.thing} here.", task.admissible)
    for _ in range(limit):
        action = task.admissible[rng.choice(episode.shortlist())]
        text = task.act(action)
        done = task.score == 1.0
        episode.observe(action, text, task.admissible, task.score, done, True if done else None)
        if done:
            break
    return episode.record(), task.score == 1.0


def practised(episodes: int = 24) -> ValueMemory:
    """A memory after some errands."""
    memory = ValueMemory()
    for seed in range(episodes):
        memory.learn(run(memory, seed, explore=True)[0])
    return memory


def solved(memory: ValueMemory, seeds: range) -> int:
    return sum(run(memory, seed, explore=False)[1] for seed in seeds)


def digest() -> str:
    """A fingerprint of all that the memory learned and would choose."""
    memory = practised()
    episode = memory.episode(PURPOSE, seed=5)
    episode.begin("There is a teapot here.", ["wait", "take teapot"])
    behaviour = repr((episode.appraise(), episode.shortlist(), memory.advice()))
    return hashlib.sha256(memory.to_bytes() + behaviour.encode()).hexdigest()


def test_it_learns_a_procedure_and_transfers_it_to_things_it_never_saw() -> None:
    unseen = range(1000, 1040)
    assert solved(ValueMemory(), unseen) < 20
    assert solved(practised(), unseen) == 40


def test_what_is_practised_becomes_a_habit() -> None:
    episode = practised().episode(PURPOSE)
    episode.begin("There is a teapot here.", ["wait", "look around", "take teapot"])
    assert episode.shortlist() == [2]


def test_an_unlearned_memory_leaves_everything_open() -> None:
    episode = ValueMemory().episode(PURPOSE, seed=1)
    episode.begin("Here.", ["a", "b", "c"])
    assert sorted(episode.shortlist()) == [0, 1, 2]
    assert [a.value for a in episode.appraise()] == [0.0, 0.0, 0.0]


def test_the_order_of_ties_depends_on_the_seed_alone() -> None:
    def order(seed: int) -> list[int]:
        episode = ValueMemory().episode(PURPOSE, seed=seed)
        episode.begin("Here.", [f"go {i}" for i in range(20)])
        return episode.shortlist()

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_an_action_that_repeats_its_own_output_is_left_out() -> None:
    episode = ValueMemory(ValueSettings(novelty=0.0)).episode(PURPOSE)
    episode.begin("Here.", ["wait", "look"])
    episode.observe("wait", "Time passes.", ["wait", "look"], 0.0, False, None)
    assert sorted(episode.shortlist()) == [0, 1]
    episode.observe("wait", "Time passes.", ["wait", "look"], 0.0, False, None)
    assert episode.shortlist() == [1]
    assert [a.penalty > 0 for a in episode.appraise()] == [True, False]


def test_an_action_that_lost_score_is_left_out_and_an_unknown_score_loses_nothing() -> None:
    episode = ValueMemory(ValueSettings(novelty=0.0)).episode(PURPOSE)
    episode.begin("Here.", ["drop", "keep"], 0.5)
    episode.observe("keep", "Kept.", ["drop", "keep"], None, False, None)
    assert sorted(episode.shortlist()) == [0, 1]
    episode.observe("drop", "It broke.", ["drop", "keep"], 0.2, False, None)
    assert episode.shortlist() == [1]


def test_nothing_to_do_is_an_empty_shortlist() -> None:
    episode = practised(4).episode(PURPOSE)
    assert episode.shortlist() == []
    episode.begin("The end.", [])
    assert episode.shortlist() == episode.appraise() == []


def test_exploring_prefers_what_is_unknown_among_equals() -> None:
    memory = practised()
    appraised = memory.episode(PURPOSE, explore=True)
    appraised.begin("There is a teapot here.", ["wait", "juggle teapot"])
    known, unknown = appraised.appraise()
    assert known.n > unknown.n
    assert known.bonus < unknown.bonus


def test_frozen_means_frozen() -> None:
    memory = practised()
    before = memory.to_bytes()
    assert solved(memory, range(100, 120)) == 20
    memory.advice()
    assert memory.to_bytes() == before


def test_saving_and_loading_is_lossless_and_learning_goes_on_bit_for_bit() -> None:
    one = practised(13)
    two = ValueMemory.from_bytes(one.to_bytes())
    assert two.to_bytes() == one.to_bytes()
    assert two.settings == one.settings
    for seed in range(13, 18):  # a renewal of the vocabulary lies in between
        record = run(one, seed, explore=True)[0]
        assert run(two, seed, explore=True)[0] == record
        one.learn(record)
        two.learn(record)
    assert two.to_bytes() == one.to_bytes()
    assert two.n_episodes == 18


def test_recorded_episodes_rebuild_the_same_memory() -> None:
    memory, stored = ValueMemory(), list[bytes]()
    for seed in range(10):
        record = run(memory, seed, explore=True)[0]
        stored.append(msgspec.msgpack.encode(record))
        memory.learn(record)
    rebuilt = ValueMemory()
    for data in stored:
        rebuilt.learn(msgspec.msgpack.decode(data, type=EpisodeRecord))
    assert rebuilt.to_bytes() == memory.to_bytes()


def test_it_is_the_same_in_every_process() -> None:
    def elsewhere(hash_seed: str) -> str:
        source = str(Path(purpose_agent.__file__).parents[1])
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": source}
        done = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert elsewhere("1") == elsewhere("2") == digest()


def test_a_saved_memory_that_is_no_text_any_more_is_refused() -> None:
    saved = practised(3).to_bytes()
    assert b"take" in saved
    with pytest.raises(UsageError, match="not a saved value memory"):
        ValueMemory.from_bytes(saved.replace(b"take", b"t\xe4ke"))


def test_a_saved_table_with_fewer_features_than_weights_is_refused() -> None:
    memory = practised(3)
    memory.table.ids.popitem()
    with pytest.raises(UsageError, match="its table is damaged"):
        ValueMemory.from_bytes(memory.to_bytes())


def test_old_episodes_leave_when_the_memory_is_full() -> None:
    memory = ValueMemory(ValueSettings(capacity=3))
    for seed in range(9):
        memory.learn(run(memory, seed, explore=True)[0])
    assert memory.n_episodes == 9
    assert ValueMemory.from_bytes(memory.to_bytes()).to_bytes() == memory.to_bytes()
    assert len(memory.to_bytes()) < len(practised(9).to_bytes())


def test_a_memory_with_older_features_learns_anew_from_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = practised(12)
    data = memory.to_bytes()
    monkeypatch.setattr("purpose_agent.memory.values.memory._FEATURES_VERSION", 99)
    renewed = ValueMemory.from_bytes(data)
    assert renewed.n_episodes == 12
    assert solved(renewed, range(100, 120)) == 20


def test_it_says_in_words_what_it_learned() -> None:
    memory = practised()
    for seed in range(100, 112):  # mistakes that were seen too seldom are not told of
        memory.learn(run(ValueMemory(), seed, explore=True)[0])
    advice = memory.advice(12)
    texts = [a.text for a in advice]
    assert any(text.startswith("do: `take *`") for text in texts)
    assert any(text.startswith("do: `put * in sack`") for text in texts)
    assert any(text.startswith("avoid: `") for text in texts)
    assert all((a.value > 0) == a.text.startswith("do") and a.n >= 3 for a in advice)
    assert ValueMemory().advice() == []


def test_a_verified_success_counts_although_the_score_is_hidden() -> None:
    memory = ValueMemory()
    for n in range(8):
        right, wrong = (f"press {colour}" for colour in ("green", "red"))
        for action, success in ((right, True), (wrong, False)):
            step = Transition(action, f"Click {n}.", (), 0.0, True, success)
            memory.learn(EpisodeRecord("Win.", "Two buttons.", (right, wrong), (step,)))
    episode = memory.episode("Win.")
    episode.begin("Two buttons.", ["press red", "press green"])
    assert episode.shortlist() == [1]


def test_a_step_that_fails_the_task_is_worse_than_one_that_changes_nothing() -> None:
    memory = ValueMemory()
    offers = ("bite the bullet", "wait")
    for action, failed in (("bite the bullet", True), ("wait", False)) * 4:
        step = Transition(action, "Hm.", () if failed else offers, 0.0, failed, False if failed else None)
        memory.learn(EpisodeRecord(PURPOSE, "A bullet.", offers, (step,), 0.0))
    episode = memory.episode(PURPOSE)
    episode.begin("A bullet.", offers)
    bite, wait = episode.appraise()
    assert bite.value < wait.value - memory.settings.tolerance


def test_an_action_that_was_not_listed_can_be_learned_from() -> None:
    memory = ValueMemory()
    memory.learn(EpisodeRecord("Win.", "Here.", (), (Transition("shout", "Ho!", (), 1.0, True, True),)))
    assert memory.n_episodes == 1
    memory.learn(EpisodeRecord("Win.", "Here.", (), ()))
    assert memory.n_episodes == 2


@pytest.mark.parametrize("data", [b"", b"junk", msgspec.msgpack.encode([1, 2]), b"\xff" * 50])
def test_junk_is_not_taken_for_a_memory(data: bytes) -> None:
    with pytest.raises(UsageError, match="learn it anew"):
        ValueMemory.from_bytes(data)


def test_an_unlearnable_record_is_refused_and_changes_nothing() -> None:
    memory = practised(3)
    before = memory.to_bytes()
    bad = EpisodeRecord("Win.", "Here.", (), (Transition("go", "", (), "high", True, True),))  # type: ignore
    with pytest.raises(UsageError, match="high"):
        memory.learn(bad)
    assert memory.to_bytes() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueSettings(rate=1.5),
        lambda: ValueSettings(averaging=-0.1),
        lambda: ValueSettings(n_steps=0),
        lambda: ValueSettings(capacity=0),
        lambda: ValueSettings(replays=-1),
        lambda: ValueSettings(sweeps=1.5),  # type: ignore
        lambda: ValueSettings(tolerance=float("nan")),
    ],
)
def test_wrong_settings_are_refused(make: Callable[[], ValueSettings]) -> None:
    with pytest.raises(UsageError, match=r"ValueSettings\.\w+ must"):
        make()


@settings(max_examples=30, deadline=None)
@given(
    TEXT,
    st.lists(TEXT, max_size=6, unique=True),
    st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, max_size=6), SCORE, st.booleans()), max_size=8),
)
def test_any_episode_can_be_lived_saved_and_learned(
    purpose: str,
    admissible: list[str],
    steps: list[tuple[str, str, list[str], float | None, bool]],
) -> None:
    memory = practised(5)
    episode: ValueEpisode = memory.episode(purpose, explore=True)
    episode.begin("", admissible)
    for action, text, following, score, done in steps:
        shortlist = episode.shortlist()
        assert len(set(shortlist)) == len(shortlist)
        episode.observe(action, text, following, score, done, None)
    for _ in range(4):  # one of them renews the vocabulary
        memory.learn(episode.record())
    assert ValueMemory.from_bytes(memory.to_bytes()).to_bytes() == memory.to_bytes()
    assert all(a.value == a.value for a in episode.appraise())


if __name__ == "__main__":
    print(digest())


@pytest.mark.parametrize("gaining", [True, False])
def test_once_anything_was_gained_every_other_learning_episode_does_what_seems_best(gaining: bool) -> None:
    memory = ValueMemory(ValueSettings(curiosity=10.0))
    exploring: list[bool] = []
    for seed in range(12):
        record, _ = run(ValueMemory(), seed, explore=True)
        steps = (
            record.steps
            if gaining
            else tuple(msgspec.structs.replace(s, score=0.0, success=None) for s in record.steps)
        )
        memory.learn(msgspec.structs.replace(record, steps=steps))
        task = Errand(100 + seed)
        episodes = [memory.episode(PURPOSE, explore=explore) for explore in (True, False)]
        for episode in episodes:
            episode.begin(f"There is a {task.thing} here.", [*task.admissible, f"juggle {task.thing}"])
        exploring.append(episodes[0].shortlist() != episodes[1].shortlist())
    odd, even = exploring[0::2], exploring[1::2]  # after 1, 3, 5, … and after 2, 4, 6, … episodes
    assert any(even)
    assert any(odd) is not gaining
