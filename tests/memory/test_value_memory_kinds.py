"""One value memory for several kinds of tasks: each keeps its own words, its own values and its share of the room."""

import random

import pytest

from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.memory import ValueMemory, ValueSettings
from purpose_agent.memory.values.record import EpisodeRecord, Transition

PLACES = ("crate", "barrel", "sack")
KINDS = {"Put the tool where the joiner wants it.": "sack", "Hide a gift from every curious child!": "crate"}
TOOLS, GIFTS = KINDS


def run(memory: ValueMemory, purpose: str, seed: int, *, explore: bool) -> tuple[EpisodeRecord, bool]:
    """A thing with a name of its own must be put into one of three places, which one depends on the purpose."""
    rng = random.Random(seed)
    thing = "".join(rng.choices("bdfgklmnprstvz", k=6))
    admissible = [f"put {thing} in {place}" for place in PLACES]
    episode = memory.episode(purpose, seed=seed, explore=explore)
    episode.begin(f"You hold a {thing}.", admissible)
    action = admissible[rng.choice(episode.shortlist())]
    right = action.endswith(KINDS[purpose])
    episode.observe(action, f"You {action}.", [], float(right), True, right)
    return episode.record(), right


def practise(memory: ValueMemory, *purposes: str, episodes: int = 24) -> ValueMemory:
    for seed in range(episodes):
        for purpose in purposes:
            memory.learn(run(memory, purpose, seed, explore=True)[0])
    return memory


def solved(memory: ValueMemory, purpose: str) -> int:
    return sum(run(memory, purpose, seed, explore=False)[1] for seed in range(1000, 1020))


def test_what_is_right_in_one_kind_of_task_and_wrong_in_another_is_learned_for_both() -> None:
    memory = practise(ValueMemory(), TOOLS, GIFTS)
    assert [solved(memory, purpose) for purpose in KINDS] == [20, 20]


def test_a_kind_that_comes_late_is_learned_within_a_few_episodes_and_the_first_is_kept() -> None:
    memory = practise(ValueMemory(), TOOLS, episodes=70)
    practise(memory, GIFTS, episodes=12)
    assert [solved(memory, purpose) for purpose in KINDS] == [20, 20]


def test_many_episodes_of_one_kind_do_not_push_out_another() -> None:
    memory = practise(ValueMemory(ValueSettings(capacity=16)), TOOLS, episodes=12)
    practise(memory, GIFTS, episodes=100)
    assert [solved(memory, purpose) for purpose in KINDS] == [20, 20]


@pytest.mark.parametrize("capacity", [256, 16], ids=["with room", "full"])
def test_kinds_that_take_turns_each_explore_every_other_time(capacity: int) -> None:
    memory = practise(ValueMemory(ValueSettings(capacity=capacity, curiosity=10.0)), TOOLS, GIFTS)
    explored: dict[str, list[bool]] = {TOOLS: [], GIFTS: []}
    for seed in range(8):
        for purpose, turns in explored.items():
            learning, frozen = (memory.episode(purpose, explore=explore) for explore in (True, False))
            for episode in (learning, frozen):
                episode.begin("You hold a toy.", [f"put toy in {place}" for place in (*PLACES, "river")])
            turns.append(learning.shortlist() != frozen.shortlist())
            memory.learn(run(memory, purpose, seed, explore=True)[0])
    for turns in explored.values():
        assert turns in ([True, False] * 4, [False, True] * 4)


@pytest.mark.parametrize("purpose", KINDS)
def test_a_memory_of_one_kind_is_not_changed_by_what_it_could_hold_beside(purpose: str) -> None:
    alone = practise(ValueMemory(), purpose)
    family = alone.world.vocabulary.family(purpose)
    assert family is not None
    assert not any(feature[0] == family.name for feature in alone.table.ids)
    assert alone.world.vocabulary.within(purpose) is alone.world.vocabulary


def test_a_word_is_a_kinds_own_by_the_episodes_of_that_kind() -> None:
    def tasks(purpose: str, place: str, n: int) -> list[EpisodeRecord]:
        names = ["".join(random.Random(f"{place}{i}").choices("bdfgklmnprstvz", k=6)) for i in range(n)]
        step = Transition("wait", "Time passes.", (), None, False, None)
        return [
            EpisodeRecord(purpose, "Here.", (f"put {name} in {place}", "wait"), (step,)) for name in names
        ]

    vocabulary = TaskVocabulary.of(tasks(TOOLS, "sack", 20) + tasks(GIFTS, "crate", 4))
    assert vocabulary.within(GIFTS).abstract("put doll in crate") == "put * in crate"
    assert vocabulary.within(TOOLS).abstract("put doll in crate") == "put * in *"
    assert vocabulary.within("Something of another kind altogether") is vocabulary


def test_saving_between_two_counts_changes_nothing() -> None:
    memory = practise(ValueMemory(), TOOLS, GIFTS, episodes=7)
    loaded = ValueMemory.from_bytes(memory.to_bytes())
    for one in (memory, loaded):
        practise(one, GIFTS, episodes=9)
    assert loaded.to_bytes() == memory.to_bytes()
