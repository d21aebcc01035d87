"""How a value memory reads: actions as templates, texts as clauses, purposes as goals, links as distances."""

import random

from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.memory.action_template import WILDCARD, clauses, parse_action, words
from purpose_agent.memory.goals.graph import FAR, GoalGraph
from purpose_agent.memory.task_vocabulary import FamilyWords, TaskVocabulary
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.record import EpisodeRecord

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="a *{}\x00\x1b\n\t()[]'’-_", max_size=80),
    st.integers(0, 100_000).map(lambda n: "in the " * (n // 7)),
    st.text(min_size=1, max_size=3).map(lambda s: s * 5000),
)
ROOMS = ("attic", "cellar", "kitchen", "library", "pantry", "study", "hall", "porch")


def episode(room: str, *texts: str, admissible: tuple[str, ...] = ()) -> EpisodeRecord:
    return EpisodeRecord(f"Find the ball that lies in the {room} now.", " ".join(texts), admissible, ())


def vocabulary() -> TaskVocabulary:
    directions = ("walk north", "walk south", "open the door")
    return TaskVocabulary.of(
        [
            episode(
                room,
                "You look to the north, south; at it connects.",
                admissible=(*directions, f"paint {room}"),
            )
            for room in ROOMS
        ]
    )


def test_verb_and_prepositions_are_the_template_and_spans_the_arguments() -> None:
    parsed = parse_action("Put the red apple in a box")
    assert (parsed.template, parsed.verb) == ("put * in *", "put")
    assert parsed.arguments == ("red apple", "box")
    assert parse_action("look around").template == "look around"
    assert parse_action("open chest of drawers").arguments == ("chest of drawers",)
    assert parse_action("task").arguments == ()


def test_arguments_can_be_written_out() -> None:
    parsed = parse_action("cook carrot in oven")
    assert parsed.fill((False, True)) == "cook * in oven"
    assert parsed.fill((False, False)) == "cook * in *"


@given(HOSTILE)
def test_any_string_is_an_action(action: str) -> None:
    parsed = parse_action(action)
    assert parsed.template.split().count(WILDCARD) == len(parsed.arguments)
    assert len(parsed.template) <= 1000
    assert all(argument and argument == argument.lower() for argument in parsed.arguments)
    assert parse_action(action) == parsed
    written = parsed.fill((True,) * len(parsed.arguments))
    assert WILDCARD not in written


@given(HOSTILE)
def test_any_string_is_a_text(text: str) -> None:
    found = clauses(text)
    assert all(found)
    assert sum(map(len, found)) <= len(words(text))


def test_sentences_and_lines_are_clauses() -> None:
    assert clauses("You see 2.5 pies. A cat!\n  the map:\nend") == (
        ("you", "see", "2", "5", "pies"),
        ("a", "cat"),
        ("the", "map"),
        ("end",),
    )


def test_words_of_the_purpose_that_vary_between_tasks_are_the_goal() -> None:
    known = vocabulary()
    purpose = "Find the ball that lies in the winter garden now."
    assert FamilyWords(known.family(purpose), purpose).goals == (("winter", "garden"),)


def test_before_anything_was_seen_there_is_no_goal_and_no_literal() -> None:
    empty = TaskVocabulary()
    assert FamilyWords(empty.family("Go."), "Go.").goals == ()
    assert empty.abstract("walk north") == "walk *"


def test_arguments_that_most_tasks_share_stay_literal() -> None:
    known = vocabulary()
    assert known.abstract("walk north") == "walk north"
    assert known.abstract("paint attic") == "paint *"


def test_differently_worded_purposes_are_different_families() -> None:
    known = TaskVocabulary.of(
        [episode(room) for room in ROOMS] + [EpisodeRecord("Bake bread!", "", (), ())] * 3
    )
    assert [family.n for family in known.families] == [8, 3]
    assert known.family("Explain quantum gravity") is None


def test_distance_counts_links_from_what_an_action_means_now() -> None:
    known = vocabulary()
    purpose = "Find the ball that lies in the study now."
    graph = GoalGraph(FamilyWords(known.family(purpose), purpose))
    assert graph.distances(["hall"]) == [FAR]
    graph.read("The hall connects to the porch.\nThe porch connects to the study.")
    graph.read("To the north you look at the porch. To the south you look at the attic.")
    assert graph.distances(["study"]) == [0]
    assert graph.distances(["hall"]) == [2]
    assert graph.distances(["north"]) == [1]
    assert graph.distances(["south"]) == [FAR]
    graph.read("To the south you look at the study.")
    assert graph.distances(["south"]) == [0]


def test_places_that_many_tasks_have_still_lie_on_the_way() -> None:
    """Each task has three of the eight rooms, so every room is in three of eight texts, and both directions in all."""
    known = TaskVocabulary.of(
        [
            episode(room, f"North: the {ROOMS[i - 1]}; south: the {ROOMS[i - 2]}.", f"Around: the {room}.")
            for i, room in enumerate(ROOMS)
        ]
    )
    purpose = "Find the ball that lies in the study now."
    graph = GoalGraph(FamilyWords(known.family(purpose), purpose))
    graph.read("The hall connects to the porch.\nThe porch connects to the study.")
    graph.read("North you see the porch. South you see the hall.")
    assert graph.distances(["hall"]) == [2]
    assert graph.distances(["north"]) == [1]
    assert graph.distances(["south"]) == [2]


@given(st.lists(HOSTILE, max_size=4), HOSTILE)
def test_any_text_can_be_linked(texts: list[str], purpose: str) -> None:
    known = TaskVocabulary.of([EpisodeRecord(purpose, text, (text,), ()) for text in texts])
    graph = GoalGraph(FamilyWords(known.family(purpose), purpose))
    for text in texts:
        graph.read(text)
    assert len(graph.distances(["north"])) == graph.n_goals


def made(memory: ValueMemory, seed: int, *, explore: bool) -> tuple[EpisodeRecord, bool]:
    """Of things with new names, the one is right that has only words of what the purpose names."""
    rng = random.Random(seed)
    first, second, other = ("".join(rng.choices("bdfgklmnprstvz", k=6)) for _ in range(3))
    admissible = [
        f"make {first} {other}",
        f"make {second}",
        f"make {first} {second} {other}",
        f"make {other}",
    ]
    rng.shuffle(admissible)
    episode = memory.episode(f"Build from what is here: {first} {second}.", seed=seed, explore=explore)
    episode.begin("A workshop.", admissible)
    action = admissible[rng.choice(episode.shortlist())]
    success = action == f"make {second}"
    episode.observe(action, "Done.", (), float(success), True, success)
    return episode.record(), success


def test_how_words_overlap_with_what_the_purpose_names_tells_things_apart() -> None:
    memory = ValueMemory()
    for seed in range(60):
        memory.learn(made(memory, seed, explore=True)[0])
    assert sum(made(memory, seed, explore=False)[1] for seed in range(1000, 1040)) == 40
    texts = [advice.text for advice in memory.advice(20)]
    assert "do: `make *` when its first object has only words of the first thing the purpose names" in texts
