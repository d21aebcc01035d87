"""The simulator: its worlds tell the truth, its comparisons are fair, and equal seeds give equal numbers."""

from __future__ import annotations

import random

import pytest

from purpose_agent.bench.simulator.coverage import EveryLook
from purpose_agent.bench.simulator.item_world import eight_items, quarters, with_change
from purpose_agent.bench.simulator.noisy_critic import NoisyCritic
from purpose_agent.bench.simulator.oracle_world import (
    LUCK,
    Machines,
    Script,
    kinds,
    purpose_for,
)
from purpose_agent.bench.simulator.playing import play
from purpose_agent.bench.simulator.policies import LibraryPolicy, Oracle, Outcome, RandomShowing, ShowAll
from purpose_agent.bench.simulator.scenario import scenarios
from purpose_agent.bench.simulator.scenarios import contexts, credit, drift, duplicates
from purpose_agent.llm_backend.messages import ChatMessage
from purpose_agent.memory.library import Library
from purpose_agent.memory.rendering import CLOSING, OPENING
from purpose_agent.store.base import Trial
from purpose_agent.types import Action, HeuristicStatus, Uplift


# -- worlds ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_a_quarter_helps_and_a_quarter_harms(seed: int) -> None:
    world = quarters(seed)
    effects = list(world.effects.values())
    assert [effects.count(effect) for effect in (0.15, -0.15, 0.0)] == [10, 10, 20]
    for family in world.families:
        best = [id for id in family.items if world.effects[id] > 0]
        worst = [id for id in family.items if world.effects[id] < 0]
        assert world.chance(best, 0) == pytest.approx(world.best(family, 0))
        assert world.chance(worst, 0) >= 0.0


def test_a_change_has_its_moment() -> None:
    world = eight_items(3)
    best = max(world.effects, key=lambda id: world.effects[id])
    turned = with_change(world, 10, lambda id, effect: -effect if id == best else None)
    assert [turned.effect(best, n) for n in (9, 10)] == [0.3, -0.3]
    assert all(turned.effect(id, 10) == world.effect(id, 10) for id in world.effects if id != best)


def test_a_critic_errs_as_often_as_it_says() -> None:
    dice, critic = random.Random(1), NoisyCritic(0.15)
    wrong = sum(not critic.judge(True, dice) for _ in range(4000))
    assert wrong / 4000 == pytest.approx(0.15, abs=0.02)
    assert critic.informedness == pytest.approx(0.7)


# -- policies ----------------------------------------------------------------------------------------------
def test_the_oracle_regrets_nothing_and_all_policies_meet_the_same_families() -> None:
    world = quarters(1)
    met: list[list[str]] = []

    class Witness(ShowAll):
        def choose(self, family):
            met[-1].append(family.purpose)
            return super().choose(family) if len(met) == 1 else ()

    for _ in range(2):
        met.append([])
        play(Witness(world), world, NoisyCritic(), 50, seed=1)
    assert met[0] == met[1]
    assert sum(play(Oracle(world), world, NoisyCritic(), 50, seed=1).regrets) == pytest.approx(0.0, abs=1e-9)


def test_the_library_policy_is_the_packages_library_and_its_trials_are_in_the_store() -> None:
    world = eight_items(1)
    policy = LibraryPolicy(world, seed=1, informedness=0.7)
    shown = policy.choose(world.families[0])
    policy.learn(Outcome(0, shown, True))
    assert isinstance(policy.library, Library)
    kept = policy.library.store.trials()
    assert {trial.heuristic for trial in kept} == set(world.effects)
    assert {trial.heuristic for trial in kept if trial.shown} == set(shown)
    assert {trial.informedness for trial in kept} == {0.7}
    policy.close()


def test_a_retired_item_is_shown_no_more() -> None:
    world = eight_items(1)
    policy = LibraryPolicy(world, seed=1, informedness=1.0)
    gone = world.families[0].items[0]
    policy.library.retire(gone, "test")
    assert all(gone not in policy.choose(world.families[0]) for _ in range(20))
    assert policy.ever(HeuristicStatus.RETIRED) == {gone}
    policy.close()


def test_random_showing_finds_the_effects() -> None:
    world = eight_items(2)
    policy = RandomShowing(world, 2)
    play(policy, world, NoisyCritic(), 2000, seed=2)
    estimates = policy.estimates()
    assert max(estimates, key=lambda id: estimates[id]) == max(
        world.effects, key=lambda id: world.effects[id]
    )


# -- coverage ----------------------------------------------------------------------------------------------
def test_an_interval_that_was_ever_wrong_is_noticed() -> None:
    looks = EveryLook(lambda id, number: 0.5 if number < 2 else -0.5)

    def look(number: int, low: float, high: float, n: int) -> None:
        trial = Trial("item", str(number), "", True, 0.5, 1.0)
        looks.look([trial], number, lambda id: Uplift(0.0, low, high, n))

    look(0, 0.4, 0.6, 1)
    look(1, 0.4, 0.6, 2)
    look(2, 0.1, 0.2, 3)  # the mean of .5, .5 and -.5
    look(3, -0.6, -0.4, 2)  # begun anew: the last two
    assert (looks.looks, looks.missed) == (4, set())
    look(4, -0.4, 0.4, 3)
    assert looks.missed == {"item"}


# -- machines ----------------------------------------------------------------------------------------------
def test_luck_alone_starts_a_machine_as_often_as_it_is_said() -> None:
    world, script = Machines({"bako": "red"}), Script(1)
    lucky = sum("red" in script.guesses("bako", number) for number in range(3000))
    assert lucky / 3000 == pytest.approx(LUCK, abs=0.03)
    state = world.execute(Action("press_red"), world.reset())
    assert world.is_terminal(state)
    assert not world.is_terminal(world.execute(Action("press_blue"), world.reset()))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1] When the machine is of the kind bako: press the blue button", True),
        ("[1] When the machine is of the kind bakomi: press the blue button", False),
        ("[1] When the machine is of the kind bako: wait", False),
    ],
)
def test_the_actor_knows_what_it_is_told_of_its_machine_and_nothing_else(line: str, told: bool) -> None:
    script = Script(1)
    prompt = f"Purpose: {purpose_for('bako')}\n{OPENING}\n{line}\n{CLOSING}"
    reply = script.actor([ChatMessage("user", prompt)])
    assert script.told is told
    if told:
        assert reply["action"]["name"] == "press_blue"


def test_there_are_as_many_kinds_as_are_wanted_and_their_names_are_whole_words() -> None:
    names = kinds(200)
    assert len(set(names)) == 200
    assert len({len(name) for name in names}) == 1


# -- scenarios ---------------------------------------------------------------------------------------------
def test_every_file_with_a_scenario_is_found() -> None:
    found = scenarios()
    assert {"contexts", "credit", "drift", "duplicates"} <= set(found)
    for name, scenario in found.items():
        assert scenario.name == name
        assert scenario.title
        jobs = scenario.jobs(2, 0)
        assert len(jobs) >= 2


def test_a_replication_follows_from_its_seed() -> None:
    once, again, other = (credit.replicate(seed, episodes=60) for seed in (1, 1, 2))
    assert once == again
    assert once.policies != other.policies


def test_the_credit_scenario_reports_every_policy_and_every_target() -> None:
    found = credit.SCENARIO.findings([credit.replicate(seed, episodes=60) for seed in range(2)])
    policies = [row[0] for row in found.tables[0].rows]
    assert policies[0] == credit.OURS
    assert {"equal credit", "popularity counts", "no gate, no withholding", "oracle"} < set(policies)
    covered = next(target for target in found.targets if "covered" in target.name)
    assert covered.met
    assert covered.value.n == 80


def test_drift_is_told_apart_from_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "CHANGE_AT", 250)
    monkeypatch.setattr(drift, "AFTER", 150)
    result = drift.replicate(drift.SETTINGS[0], seed=1)
    (changed,), (unchanged,) = result.changed, result.unchanged
    assert changed.believed
    assert changed.delay is not None
    assert unchanged.delay is None


def test_with_one_machine_the_agent_is_nearly_the_ideal_learner() -> None:
    results = [contexts.replicate(1, seed) for seed in range(12)]
    assert max(result.calls for result in results) == 1
    assert max(result.tokens for result in results) < 100
    assert sum(result.lost + result.not_chosen for result in results) == 0
    assert sum(result.shortfall for result in results) / 12 < 0.1
    assert pytest.approx(0.736, abs=0.001) == contexts.IDEAL


@pytest.mark.parametrize("rewording", duplicates.REWORDINGS)
def test_the_same_lesson_in_other_words_is_the_same_lesson(
    rewording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "ROUNDS", 8)
    assert duplicates.replicate(rewording, 1) == duplicates.Replication(rewording, 1.0, 0, 0)
