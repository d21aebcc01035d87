"""Who does not explore goes by averaged weights, which one odd episode moves less than it moves the newest."""

import pytest

from purpose_agent.memory.values.memory import ValueMemory, ValueSettings
from purpose_agent.memory.values.record import EpisodeRecord, Transition
from purpose_agent.memory.values.table import ValueTable

ACTIONS = ("pull lever", "wait")


def ending(gained: bool) -> EpisodeRecord:
    """Pulling the lever solves the task or fails it."""
    step = Transition("pull lever", "Click.", (), 1.0 if gained else 0.0, True, gained)
    return EpisodeRecord("Open the gate.", "There is a lever.", ACTIONS, (step,), 0.0)


def worth(memory: ValueMemory, *, explore: bool) -> float:
    episode = memory.episode("Open the gate.", explore=explore)
    episode.begin("There is a lever.", ACTIONS)
    return episode.appraise()[0].value


def after_an_odd_one(averaging: float) -> ValueMemory:
    memory = ValueMemory(ValueSettings(averaging=averaging, explore_every=1, replays=0))
    for _ in range(13):
        memory.learn(ending(gained=True))
    memory.learn(ending(gained=False))
    return memory


def test_one_odd_episode_moves_what_decides_less_than_what_is_newest() -> None:
    memory = after_an_odd_one(averaging=0.25)
    settled, newest = worth(memory, explore=False), worth(memory, explore=True)
    before = 0.99
    assert newest < settled < before
    assert settled == pytest.approx(before - (before - newest) / 4, abs=0.02)


def test_without_averaging_the_newest_decide() -> None:
    memory = after_an_odd_one(averaging=1.0)
    assert worth(memory, explore=False) == worth(memory, explore=True)


def test_an_average_moves_by_its_share_and_a_new_feature_starts_at_its_weight() -> None:
    table = ValueTable([("old",)], [1.0], [0.5], [3])
    settled = table.settled
    old, new = table.intern([("old",), ("new",)])
    assert settled.value([new]) == 0.0  # known to both at once
    table.weights[new] = 4.0
    table.average(0.25)
    assert (settled.value([old]), settled.value([new])) == (0.625, 4.0)
    table.weights[new] = 0.0
    table.average(0.25)
    assert settled.value([new]) == 3.0
    assert table.value([new]) == 0.0


def test_a_cursor_outlives_what_is_learned_meanwhile() -> None:
    memory = after_an_odd_one(averaging=0.25)
    episode = memory.episode("Open the gate.")
    episode.begin("There is a lever.", ACTIONS)
    for n in range(20):
        other = Transition(f"turn wheel {n}", "Creak.", (), 0.0, True, False)
        memory.learn(EpisodeRecord("Sail home.", "At sea.", (other.action,), (other,), 0.0))
        assert len(episode.appraise()) == len(ACTIONS)
