"""What a value memory knows of what actions bring about and make possible, and that it heeds what is called for."""

import random

import pytest

from purpose_agent.errors import UsageError
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.consequences import Consequences
from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.record import EpisodeRecord, Transition
from purpose_agent.memory.values.settings import ValueSettings

KITCHEN = "Do what the note says."
COOKING = {"roast": "oven", "fry": "stove"}
"""What a note may ask for, and where it is done: the action does not say the word."""


def step(action: str, text: str, *admissible: str, score: float = 0.0) -> Transition:
    return Transition(action, text, admissible, score, False, None)


def cooked(thing: str, *, hot: str = "oven", verb: str = "roast", note: str = "roast") -> EpisodeRecord:
    """An episode in which ``thing`` was cooked, whatever the note asked for."""
    offers = ("read note", f"take {thing}", f"cook {thing} in {hot}")
    return EpisodeRecord(
        KITCHEN,
        "A note lies here.",
        offers,
        (
            step("read note", f"{note} the {thing}\nserve the meal", *offers),
            step(f"take {thing}", f"You take a raw {thing}.", *offers, "serve meal"),
            step(f"cook {thing} in {hot}", f"You {verb} the {thing} with the {hot}.", *offers),
        ),
    )


def consequences(*episodes: EpisodeRecord) -> Consequences:
    return Consequences.of(episodes, TaskVocabulary.of(episodes))


def test_an_action_brings_about_what_is_said_of_its_object_afterwards() -> None:
    known = consequences(*(cooked(thing) for thing in ("leek", "carrot", "egg")))
    assert known.asked == ("roast", "serve")
    assert known.verbs("cook * in oven") == {"roast"}


def test_that_needs_no_success_and_no_note_that_asked_for_it() -> None:
    known = consequences(
        *(cooked(thing) for thing in ("leek", "egg")),
        *(cooked(thing, hot="stove", verb="fry", note="roast") for thing in ("pear", "fig")),
        cooked("plum", note="fry"),
    )
    assert known.verbs("cook * in stove") == {"fry"}
    assert known.verbs("cook * in oven") == {"roast"}


def test_what_was_said_once_of_many_times_is_no_consequence() -> None:
    known = consequences(*(cooked(thing) for thing in ("leek", "egg", "fig")), cooked("plum", verb="fry"))
    assert known.verbs("cook * in oven") == {"roast"}


def test_an_adjective_is_no_consequence_and_no_instruction() -> None:
    lists = [
        EpisodeRecord(
            KITCHEN,
            "On the shelf:\na raw leek",
            ("take leek",),
            (step("take leek", "a raw leek", "take leek"),),
        )
        for _ in range(3)
    ]
    assert consequences(*lists) == Consequences(things=("leek",))


def test_an_action_in_the_words_of_a_text_brings_about_just_that() -> None:
    known = consequences(*(cooked(thing) for thing in ("leek", "carrot", "egg")))
    assert known.verbs("serve *") == {"serve"}
    assert known.verbs("take *") == frozenset()


def test_what_is_often_offered_anew_afterwards_is_made_possible() -> None:
    known = consequences(*(cooked(thing) for thing in ("leek", "carrot", "egg")))
    assert known.opened("take *") == {"serve meal"}
    assert known.opened("cook * in oven") == frozenset()


def errand(memory: ValueMemory, seed: int, *, explore: bool) -> tuple[EpisodeRecord, list[str]]:
    """Read the note, then cook as it says; a thing that was cooked otherwise is spoilt. Purposes name the note."""
    rng = random.Random(seed)
    thing = "".join(rng.choices("bdfgklmnprstvz", k=6))
    asked = rng.choice(sorted(COOKING))
    cooking = {f"cook {thing} in {place}": verb for verb, place in COOKING.items()}
    admissible = sorted([*cooking, "read note", "open door", "open window"])
    episode = memory.episode(KITCHEN, seed=seed, explore=explore)
    episode.begin(f"You see a {thing}.", admissible)
    done: list[str] = []
    for _ in range(4):
        action = admissible[rng.choice(episode.shortlist())]
        done.append(action)
        if action in cooking:
            success = cooking[action] == asked
            text = f"You {cooking[action]} the {thing}."
            episode.observe(action, text, (), float(success), True, success)
            break
        text = f"{asked} the {thing}" if action == "read note" else "Nothing happens."
        episode.observe(action, text, admissible, 0.0, False, None)
    return episode.record(), done


def test_a_new_memory_tries_first_what_the_purpose_names() -> None:
    first = [errand(ValueMemory(), seed, explore=True)[1][0] for seed in range(20)]
    assert first == ["read note"] * 20
    careless = ValueSettings(first_try=0.0)
    assert len({errand(ValueMemory(careless), seed, explore=True)[1][0] for seed in range(20)}) > 2


def test_it_does_what_a_text_asks_for_by_another_name() -> None:
    memory = ValueMemory(ValueSettings(explore_every=1))
    for seed in range(60):
        memory.learn(errand(memory, seed, explore=True)[0])
    played = [errand(memory, seed, explore=False) for seed in range(1000, 1040)]
    assert sum(record.success for record, _ in played) >= 38
    assert sum(done[0] == "read note" for _, done in played) >= 38
    assert any("does what a text asks for next" in advice.text for advice in memory.advice(60))


def test_who_tries_much_can_tell_what_is_wrong() -> None:
    memory = ValueMemory(ValueSettings(explore_every=1, curiosity=0.6))
    for seed in range(60):
        memory.learn(errand(memory, seed, explore=True)[0])
    texts = [advice.text for advice in memory.advice(60)]
    assert any("another such thing" in text for text in texts)
    assert any(text.startswith("avoid") and "but not of that" in text for text in texts)


def test_frozen_it_still_tries_what_the_purpose_names_until_it_knows_better() -> None:
    memory = ValueMemory()
    assert errand(memory, 0, explore=False)[1][0] == "read note"
    offers = ("open door", "read note")
    useless = Transition("read note", "The page is empty.", (), 0.0, True, False)
    better = Transition("open door", "Well done.", (), 1.0, True, True)
    for only in (useless, better) * 6:
        memory.learn(EpisodeRecord(KITCHEN, "A note lies here.", offers, (only,)))
    episode = memory.episode(KITCHEN)
    episode.begin("A note lies here.", offers)
    assert [offers[i] for i in episode.shortlist()] == ["open door"]


def test_no_first_try_of_a_kind_of_action_with_which_a_task_failed_on_what_its_purpose_named() -> None:
    purpose = "Focus on the plant, then move it to the {} box."
    memory = ValueMemory()
    for colour in ("red", "green", "white", "black", "brown", "pink"):
        focus = f"focus on {colour} box"
        failed = Transition(focus, f"You focus on the {colour} box.", (), 0.0, True, False)
        memory.learn(EpisodeRecord(purpose.format(colour), "A shed.", (focus, "look around"), (failed,)))

    def worth(explore: bool) -> dict[str, float]:
        episode = memory.episode(purpose.format("blue"), explore=explore)
        episode.begin("A shed.", ("focus on blue box", "open blue box"))
        return {value.action: value.first_try for value in episode.appraise()}

    frozen = worth(explore=False)
    assert frozen["focus on blue box"] == 0 < frozen["open blue box"]
    assert worth(explore=True)["focus on blue box"] > 0


def bench(memory: ValueMemory, *, heed_texts: bool = True) -> ValueEpisode:
    """A note asks to saw a board; without a saw in hand there is no sawing."""
    episode = memory.episode(KITCHEN, seed=0, explore=True, heed_texts=heed_texts)
    offers = ("read note", "take board", "take glue", "take saw")
    episode.begin("A board, some glue, a saw.", offers)
    episode.observe("read note", "saw the board", offers, 0.0, False, None)
    return episode


def test_what_makes_possible_what_a_text_asks_for_is_tried_before_the_rest() -> None:
    memory = ValueMemory()
    offers = ("read note", "take board", "take glue", "take saw")
    steps = (
        step("take saw", "You take the saw.", *offers, "saw board"),
        step("take glue", "You take the glue.", *offers, "saw board"),
        step("read note", "saw the board", *offers, "saw board"),
    )
    for _ in range(4):
        memory.learn(EpisodeRecord(KITCHEN, "A board, some glue, a saw.", offers, steps))
    assert memory.world.consequences.opened("take saw") == {"saw board"}
    worth = {value.action: value.first_try for value in bench(memory).appraise()}
    assert worth["take saw"] > worth["take glue"] == 0  # both were taken as often
    worth = {value.action: value.first_try for value in bench(memory, heed_texts=False).appraise()}
    assert worth["take saw"] == worth["take glue"] == 0


def test_a_saved_memory_keeps_what_it_knows_of_consequences() -> None:
    memory = ValueMemory()
    for seed in range(20):
        memory.learn(errand(memory, seed, explore=True)[0])
    assert memory.world.consequences.asked == ("fry", "roast")
    again = ValueMemory.from_bytes(memory.to_bytes())
    assert again.world.consequences == memory.world.consequences
    assert again.to_bytes() == memory.to_bytes()


@pytest.mark.parametrize("worth", [-1.0, float("nan"), float("inf")])
def test_a_worth_of_first_tries_that_cannot_be_meant_is_refused(worth: float) -> None:
    with pytest.raises(UsageError, match=r"ValueSettings\.first_try"):
        ValueSettings(first_try=worth)
