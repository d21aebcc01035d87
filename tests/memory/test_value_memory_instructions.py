"""A value memory that is told what to do: which clauses are instructions, when they are done, and what that teaches."""

import random
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.memory.action_template import parse_action, phrases
from purpose_agent.memory.instructions import Instruction, Instructions
from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.record import EpisodeRecord

NOTHING = parse_action("")
NOTE = "Directions:\nchop the red onion\nroast the red onion\nserve supper"
WORKSHOP = "Do what the note says."
WORK = {"bend": "press", "dry": "kiln", "cool": "tub"}
"""What a note may ask for, and where it is done: the action does not say the word."""


def told(*admissible: str) -> Instructions:
    """An episode in which the note was read."""
    episode = Instructions()
    episode.arrive(NOTHING, "A note lies here.", ("read note", *admissible))
    episode.arrive(parse_action("read note"), NOTE, ("read note", *admissible))
    return episode


def test_a_word_and_the_name_of_a_thing_is_an_instruction() -> None:
    episode = told("take red onion", "serve supper")
    assert episode.pending == (("chop", "red onion"), ("roast", "red onion"), ("serve", "supper"))
    assert episode.done == ()


def test_what_names_no_known_thing_waits_until_it_is_known() -> None:
    episode = told()
    assert episode.pending == ()
    episode.arrive(parse_action("open box"), "You open the box.", ("take red onion",))
    assert episode.pending == (("chop", "red onion"), ("roast", "red onion"))


def test_what_an_action_about_the_thing_itself_returns_asks_for_nothing() -> None:
    episode = Instructions()
    episode.arrive(parse_action("examine red onion"), "raw red onion", ("take red onion",))
    assert episode.pending == ()


def test_an_instruction_is_done_when_it_was_carried_out_in_its_own_words() -> None:
    episode = told("chop red onion")
    episode.arrive(parse_action("chop red onion"), "Done.", ("chop red onion",))
    assert episode.pending == (("roast", "red onion"),)
    assert episode.done == (("chop", "red onion"),)


def test_an_instruction_is_done_when_the_result_says_so() -> None:
    episode = told("cook red onion in oven")
    episode.arrive(parse_action("cook red onion in oven"), "You roast the red onion with the oven.", ())
    assert episode.done == (("roast", "red onion"),)


def test_reading_the_instructions_again_does_nothing() -> None:
    episode = told("take red onion")
    episode.arrive(parse_action("read note"), NOTE, ("take red onion",))
    assert len(episode.pending) == 2
    assert episode.done == ()


def test_doing_it_to_another_thing_does_nothing() -> None:
    episode = told("take red onion", "cook leek in oven")
    episode.arrive(parse_action("cook leek in oven"), "You roast the leek beside the red onion.", ())
    assert episode.done == ()


@given(
    st.lists(
        st.tuples(st.text(max_size=30), st.text(max_size=80), st.lists(st.text(max_size=20), max_size=4))
    )
)
def test_any_episode_has_instructions_that_are_pending_or_done_but_not_both(
    steps: list[tuple[str, str, list[str]]],
) -> None:
    episode = Instructions()
    before = set[Instruction]()
    for action, text, admissible in steps:
        episode.arrive(parse_action(action), text, admissible)
        assert not set(episode.pending) & set(episode.done)
        assert before <= set(episode.done)
        before = set(episode.done)


@given(st.text())
def test_phrases_are_clauses_without_articles(text: str) -> None:
    assert all(phrase and not {"a", "an", "the", "some"} & set(phrase) for phrase in phrases(text))


def errand(memory: ValueMemory, seed: int, *, explore: bool) -> tuple[EpisodeRecord, bool]:
    """A thing with a new name is to be worked on as the note says, and a shelf some day; anything else spoils it."""
    rng = random.Random(seed)
    thing = "".join(rng.choices("bdfgklmnprstvz", k=6))
    verb = rng.choice(sorted(WORK))
    admissible = [f"put {thing} in {place}" for place in sorted(WORK.values())]
    episode = memory.episode(WORKSHOP, seed=seed, explore=explore)
    lines = [f"{verb} the {thing}", "mend the shelf"]
    rng.shuffle(lines)
    episode.begin(f"A note lies beside the {thing}.", ["read note", "examine shelf"])
    episode.observe("read note", "\n".join(lines), admissible, 0.0, False, None)
    action = admissible[rng.choice(episode.shortlist())]
    success = action.endswith(f" {WORK[verb]}")
    episode.observe(action, "Done.", (), float(success), True, success)
    return episode.record(), success


def test_it_learns_which_action_a_text_asks_for() -> None:
    memory = ValueMemory()
    for seed in range(100):
        memory.learn(errand(memory, seed, explore=True)[0])
    assert sum(errand(memory, seed, explore=False)[1] for seed in range(1000, 1040)) == 40
    texts = [advice.text for advice in memory.advice(40)]
    assert any("while a text asks to “dry” its object" in text for text in texts)
    assert any("is what a text asks for next" in text for text in texts)


def read_note(memory: ValueMemory, seed: int, first: str, then: str, other: str) -> ValueEpisode:
    """A note asks for two things in order; the cursor is where the first is to be done."""
    episode = memory.episode(WORKSHOP, seed=seed, explore=True)
    episode.begin("A note lies here.", ["read note"])
    options = sorted(f"{verb} vase" for verb in (first, then, other))
    episode.observe("read note", f"To do:\n{first} the vase\n{then} the vase", options, 0.0, False, None)
    return episode


def test_what_is_asked_for_next_is_done_first_with_words_never_seen() -> None:
    memory = ValueMemory()
    for seed in range(60):
        rng = random.Random(seed)
        verbs = ["".join(rng.choices("bdfgklmnprstvz", k=5)) for _ in range(3)]
        episode = read_note(memory, seed, *verbs)
        action = sorted(f"{verb} vase" for verb in verbs)[rng.choice(episode.shortlist())]
        success = action == f"{verbs[0]} vase"
        episode.observe(action, "Done.", (), float(success), True, success)
        memory.learn(episode.record())
    assert any("in the same words, next" in advice.text for advice in memory.advice(40))
    chosen = [read_note(memory, 0, *verbs).shortlist() for verbs in permutations(("hum", "lift", "paint"))]
    assert chosen == [[0], [0], [1], [1], [2], [2]]
