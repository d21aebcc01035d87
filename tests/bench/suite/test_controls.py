"""The controls: experience that is kept and not learned from, a placebo, and an expert."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.episodes import episode
from purpose_agent.bench.controls.expert import ExpertBackend
from purpose_agent.bench.controls.placebo import UNRELATED, Placebo, dealt
from purpose_agent.bench.controls.raw_episodes import RawEpisodes, as_happened
from purpose_agent.bench.controls.raw_steps import RawSteps
from purpose_agent.bench.controls.stored_texts import NearestTexts, overlap
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import ChatMessage
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory.rendering import strategic_line
from purpose_agent.memory.values.record import EpisodeRecord, Transition
from purpose_agent.memory_system import MemorySystem
from purpose_agent.types import Action, Heuristic, MemoryTier, State, Trajectory

HALL = State({"at": "hall"}).snapshot()
ACTIONS = [Action("go north"), Action("go south"), Action("take coin")]


def solved(id: str = "good", purpose: str = "Take the coin.") -> Trajectory:
    return episode(
        ("go north", "garden"), ("take coin", "garden with coin"), start="hall", purpose=purpose, id=id
    )


def failed(id: str = "bad") -> Trajectory:
    return episode(("go south", "cellar", 1.0), start="hall", success=False, id=id)


def learn(memory: MemorySystem, *episodes: Trajectory, offered: Sequence[Action] = ()) -> None:
    for trajectory in episodes:
        asyncio.run(memory.learn(trajectory, [list(offered)] * (len(trajectory.steps) + 1)))


# -- nearest raw steps -----------------------------------------------------------------------------------------
def test_raw_steps_do_what_was_done_in_the_episode_that_was_solved() -> None:
    memory = RawSteps()
    learn(memory, failed(), solved())
    guide = memory.guide("Take the coin.", 0, explore=False)
    assert guide is not None
    guide.begin(HALL, ACTIONS, None)
    first = guide.shortlist(ACTIONS)
    assert [option.command for option in first.options] == ["go north"]
    assert first.practised
    guide.observe(ACTIONS[0], State({"at": "garden"}).snapshot(), ACTIONS, None)
    assert guide.shortlist(ACTIONS).options[0].command == "take coin"


def test_raw_steps_do_not_repeat_themselves_where_nothing_came_of_it() -> None:
    memory = RawSteps()
    learn(memory, solved())
    guide = memory.guide("Take the coin.", 0, explore=False)
    assert guide is not None
    guide.begin(HALL, ACTIONS, None)
    done = []
    for _ in range(3):
        action = guide.shortlist(ACTIONS).options[0]
        done.append(action.command)
        guide.observe(action, HALL, ACTIONS, None)
    assert sorted(done) == sorted(action.command for action in ACTIONS)
    assert len(guide.shortlist(ACTIONS).options) >= 1


def test_raw_steps_know_nothing_before_anything_went_well() -> None:
    memory = RawSteps()
    learn(memory, failed())
    assert memory.guide("Take the coin.", 0, explore=False) is None
    assert memory.recall("", "Take the coin.", HALL).items == ()


def test_raw_steps_keep_an_episode_that_came_far() -> None:
    memory = RawSteps()
    learn(memory, episode(("go north", "garden", 6.0), success=None, stop_reason="max_steps"))
    assert memory.guide("Take the coin.", 0, explore=False) is not None


# -- raw episodes ----------------------------------------------------------------------------------------------
def test_raw_episodes_show_the_nearest_success_as_it_happened() -> None:
    memory = RawEpisodes()
    assert memory.recall("", "Take the coin.", HALL).example == ""
    learn(memory, failed(), solved("coin"), solved("lamp", "Light the lamp."))
    shown = memory.recall("", "Light the lamp.", HALL)
    assert shown.example_id == "lamp"
    assert memory.recall("", "Take the coin.", HALL).example_id == "coin"
    assert shown.example.index("> go north") < shown.example.index("> take coin")
    assert not shown.items


def test_a_long_episode_is_shown_from_its_end() -> None:
    long = episode(*((f"step {n}", f"place {n} " + "far " * 20) for n in range(200)))
    text = as_happened(long, tokens=100)
    assert estimate_tokens(text) < 130
    assert "> step 199" in text
    assert "> step 3\n" not in text


# -- the placebo -----------------------------------------------------------------------------------------------
@given(st.integers(0, 160))
def test_a_placebo_shows_about_as_many_tokens_and_always_the_same_for_a_task(room: int) -> None:
    memory = Placebo(lambda task, purpose, state: room)
    shown = memory.recall("", "Take the coin.", HALL)
    tokens = sum(estimate_tokens(strategic_line(item)) for item in shown.items)
    longest = max(estimate_tokens(f"{a}: {b}") for a, b in UNRELATED) + 10
    assert abs(tokens - room) <= longest
    assert shown == memory.recall("", "Take the coin.", HALL)


def test_another_task_is_shown_other_words() -> None:
    memory = Placebo(lambda task, purpose, state: 60)
    shown = {tuple(h.id for h in memory.recall("", f"Task {n}", HALL).items) for n in range(20)}
    assert len(shown) > 5


def test_a_placebo_shows_items_of_another_world_as_words_without_evidence() -> None:
    ours = Heuristic("a door", "", ["open it", "go through"], MemoryTier.PROCEDURAL, id="elsewhere")
    (shown,) = Placebo(lambda *_: 30, [ours]).recall("", "Take the coin.", HALL).items
    assert (shown.id, shown.pattern, shown.tier) == ("elsewhere", "a door", MemoryTier.STRATEGIC)
    assert not shown.evidence


def record(name: str, success: bool, steps: int = 2) -> EpisodeRecord:
    last = steps - 1
    moves = tuple(
        Transition(
            f"{name}-{n}", f"seen {n}", ("a", "b"), float(success), n == last, success if n == last else None
        )
        for n in range(steps)
    )
    return EpisodeRecord(name, "start", ("a", "b"), moves)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=12))
def test_outcomes_are_dealt_anew_and_none_is_lost(outcomes: list[tuple[bool, int]]) -> None:
    records = [record(f"e{n}", success, steps) for n, (success, steps) in enumerate(outcomes)]
    told = dealt(records)
    assert sorted(r.success for r in told) == sorted(r.success for r in records)
    assert [[step.action for step in r.steps] for r in told] == [
        [step.action for step in r.steps] for r in records
    ]
    assert [r.purpose for r in told] == [r.purpose for r in records]
    assert told == dealt(records)


def test_outcomes_are_dealt_to_the_wrong_episodes() -> None:
    records = [record(f"e{n}", n < 20) for n in range(40)]
    wrong = sum(a.success != b.success for a, b in zip(records, dealt(records), strict=True))
    assert 10 <= wrong <= 30


def test_the_value_memory_of_a_placebo_learns_what_was_dealt_and_not_what_was() -> None:
    """One action always wins and the other never: whoever learned that is no placebo."""
    dice = random.Random(0)
    placebo, honest = Placebo(lambda *_: 0), Placebo(lambda *_: 0)
    for n in range(60):
        good = dice.random() < 0.5
        trajectory = episode(("win" if good else "lose", "end"), success=good, id=f"e{n}")
        learn(placebo, trajectory, offered=[Action("win"), Action("lose")])
    told = dealt(placebo._records)
    rates = {action: [r.success for r in told if r.steps[0].action == action] for action in ("win", "lose")}
    assert all(0.2 < sum(found) / len(found) < 0.8 for found in rates.values())
    for r in told:
        honest._learned().learn(r)
    assert placebo.dump() == honest.dump()


# -- keeping ---------------------------------------------------------------------------------------------------
def placebo() -> Placebo:
    return Placebo(lambda *_: 40)


@pytest.mark.parametrize("make", [RawSteps, RawEpisodes, placebo])
def test_what_is_dumped_is_loaded_again(make: type[MemorySystem]) -> None:
    memory, other = make(), make()
    learn(memory, solved("a"), solved("b"), failed(), offered=ACTIONS)
    other.load(memory.dump())
    assert other.dump() == memory.dump()
    assert other.recall("", "Take the coin.", HALL) == memory.recall("", "Take the coin.", HALL)


@pytest.mark.parametrize("make", [RawSteps, RawEpisodes, placebo])
@pytest.mark.parametrize("garbage", [b"", b"garbage", msgspec.msgpack.encode({"values": b"x"}), b"\xc1"])
def test_what_cannot_be_read_is_refused(make: type[MemorySystem], garbage: bytes) -> None:
    with pytest.raises(UsageError):
        make().load(garbage)


# -- finding ---------------------------------------------------------------------------------------------------
@given(st.lists(st.text(alphabet="abc de", min_size=1, max_size=20), min_size=1, max_size=8))
def test_a_text_is_its_own_nearest(texts: list[str]) -> None:
    index = NearestTexts(texts)
    for text in texts:
        near = index.near(text, len(texts))
        assert all(-1e-9 <= cosine <= 1 + 1e-9 for _, cosine in near)
        assert [cosine for _, cosine in near] == sorted((cosine for _, cosine in near), reverse=True)
        if near:
            assert near[0][1] == pytest.approx(1.0)
            assert overlap(texts[near[0][0]], text) > 0


def test_nothing_is_near_what_shares_no_word() -> None:
    assert NearestTexts(["a b", "c"]).near("x y", 5) == []
    assert overlap("a b", "b c") == pytest.approx(1 / 3)
    assert overlap("", "") == 1.0


# -- the expert ------------------------------------------------------------------------------------------------
ASKED = [ChatMessage("user", "what next?")]


def test_an_expert_follows_its_path_and_guesses_where_it_cannot() -> None:
    expert = ExpertBackend(0)
    expert.path = ["go north", "take coin"]
    options = ["take coin", "go north", "wait"]
    assert expert.choose(ASKED, options).option == "go north"
    assert expert.path == ["take coin"]
    assert expert.choose(ASKED, ["wait", "look"]).option in ("wait", "look")
    assert asyncio.run(expert.achoose(ASKED, options)).option == "take coin"
    assert expert.choose(ASKED, options).option in options
