"""A value memory knows what goes with what: by what went with things alike, and only where that tells anything."""

import random
from collections.abc import Iterator, Sequence

import pytest

from fakes.embedder import BrokenEmbedder, SynonymEmbedder
from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.phrase_likeness import PhraseLikeness
from purpose_agent.memory.values.affinities import Affinities, Pair
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.record import EpisodeRecord, Transition

PURPOSE = "Put the thing where it belongs."
PUT = "put * in *"
KINDS = {
    "rack": ("cap", "beret", "bonnet", "fez", "turban"),
    "shelf": ("novel", "atlas", "diary", "almanac", "thesaurus"),
    "drawer": ("fork", "spoon", "ladle", "whisk", "spatula"),
    "crate": ("apple", "pear", "quince", "plum", "cherry"),
}
SEEN = 4  # things of each kind; the rest is never met in training


def meaning() -> SynonymEmbedder:
    """An embedder that knows which things are of a kind, and nothing of the places."""
    return SynonymEmbedder(dimension=4096, synonyms=[" ".join(things) for things in KINDS.values()])


def pairs(n: int = SEEN) -> list[Pair]:
    return [(PUT, thing, place) for place, things in KINDS.items() for thing in things[:n]]


def test_a_thing_never_seen_goes_where_its_like_went() -> None:
    known = Affinities(pairs(), PhraseLikeness(meaning()))
    assert known.rank(PUT, "turban", "rack") == 0
    assert known.rank(PUT, "turban", "shelf") == 1
    assert known.rank(PUT, "turban", "bath tub") == 1  # a place never seen


def test_it_may_be_compared_with_some_only() -> None:
    known = Affinities(
        [*pairs(), *((PUT, f"ring {n}", "finger") for n in range(3))], PhraseLikeness(meaning())
    )
    assert known.rank(PUT, "turban", "shelf", among=["shelf", "drawer", "bath tub"]) == 0
    assert known.rank(PUT, "turban", "shelf", among=["shelf", "rack"]) == 1


def test_without_meaning_shared_words_must_do() -> None:
    known = Affinities(
        [
            *((PUT, f"{colour} sock", "basket") for colour in ("red", "blue", "grey")),
            *((PUT, f"{age} book", "shelf") for age in ("old", "new", "ancient")),
            *((PUT, f"{what} pan", "stove") for what in ("iron", "clay", "steel")),
        ],
        PhraseLikeness(),
    )
    assert known.rank(PUT, "green sock", "basket") == 0
    assert known.rank(PUT, "green sock", "shelf") == 1


def test_a_thing_goes_with_a_place_that_is_like_itself() -> None:
    holders = [(PUT, thing, f"{thing} holder") for thing in ("key", "pen", "cup", "mop", "hat")]
    assert Affinities(holders).rank(PUT, "pan", "pan holder") == 0
    assert Affinities(holders).rank(PUT, "pan", "key holder") == 0  # all holders are alike to it
    assert Affinities(holders).rank(PUT, "key", "pen holder") == 1


def test_a_pair_says_nothing_of_itself() -> None:
    known = Affinities([*pairs(), (PUT, "cap", "crate")], PhraseLikeness(meaning()))
    assert known.rank(PUT, "cap", "crate") == 1


def test_nothing_is_said_where_likeness_does_not_tell_what_is_right() -> None:
    things = [thing for kind in KINDS.values() for thing in kind]
    for seed in range(20):
        rng = random.Random(seed)
        dealt = [(PUT, thing, rng.choice(tuple(KINDS))) for thing in things]
        ranks = {Affinities(dealt, PhraseLikeness(meaning())).rank(PUT, "cap", place) for place in KINDS}
        assert ranks == {None}, seed


def test_nothing_is_said_where_all_goes_to_one_place_or_nothing_is_known() -> None:
    one = [(PUT, thing, "sack") for kind in KINDS.values() for thing in kind]
    assert Affinities(one, PhraseLikeness(meaning())).rank(PUT, "cap", "sack") is None
    assert Affinities().rank(PUT, "cap", "sack") is None
    assert Affinities(pairs(), PhraseLikeness(meaning())).rank("hang * on *", "cap", "rack") is None


def test_pairs_are_those_after_which_the_score_was_higher_than_before() -> None:
    def step(action: str, score: float, success: bool | None = None) -> Transition:
        return Transition(action, "You do.", ("wait",), score, success is not None, success)

    record = EpisodeRecord(
        PURPOSE,
        "A room.",
        ("wait",),
        (
            step("put cap in crate", 0.0),
            step("take cap", 0.2),
            step("put cap in rack", 0.5),
            step("put pear in rack", 0.1),
            step("put pear in shelf", 0.5),
            step("put pear in crate", 0.5, success=True),
        ),
    )
    found = Affinities.of([record, record], GoalModels(), PhraseLikeness())
    assert found.pairs == ((PUT, "cap", "rack"), (PUT, "pear", "crate"))


# -- in a value memory -----------------------------------------------------------------------------------------------


def offers(thing: str) -> tuple[str, ...]:
    return tuple(f"put {thing} in {place}" for place in KINDS)


def tidied(thing: str, tries: Sequence[str]) -> EpisodeRecord:
    """An episode in which ``thing`` was put into one place after the other, until it was where it belongs."""
    steps: list[Transition] = []
    for place in tries:
        right = thing in KINDS[place]
        steps.append(
            Transition(
                f"put {thing} in {place}",
                "Right." if right else "Hm.",
                () if right else offers(thing),
                float(right),
                right,
                True if right else None,
            )
        )
        if right:
            break
    return EpisodeRecord(PURPOSE, f"You hold a {thing}.", offers(thing), tuple(steps))


def practised(embedder: SynonymEmbedder | None) -> ValueMemory:
    memory, rng = ValueMemory(embedder=embedder), random.Random(1)
    things = [thing for kind in KINDS.values() for thing in kind[:SEEN]] * 2
    for thing in rng.sample(things, len(things)):
        memory.learn(tidied(thing, rng.sample(tuple(KINDS), len(KINDS))))
    return memory


def first_choices(memory: ValueMemory) -> Iterator[bool]:
    """Per thing never seen: whether the first choice is where it belongs."""
    for place, things in KINDS.items():
        for thing in things[SEEN:]:
            episode = memory.episode(PURPOSE)
            episode.begin(f"You hold a {thing}.", offers(thing))
            yield offers(thing)[episode.shortlist()[0]].endswith(place)


def test_it_puts_a_thing_never_seen_where_its_like_belongs() -> None:
    assert all(first_choices(practised(meaning())))
    assert not all(first_choices(practised(None)))


def test_it_tells_that_it_chooses_by_what_goes_together() -> None:
    told = practised(meaning()).advice(30)
    assert any("nothing known goes better with its first object" in advice.text for advice in told)


def test_saved_and_loaded_it_goes_on_as_before() -> None:
    memory = practised(meaning())
    again = ValueMemory.from_bytes(memory.to_bytes(), meaning())
    for each in (memory, again):
        each.learn(tidied("turban", ("crate", "rack")))
    assert again.to_bytes() == memory.to_bytes()


def test_with_another_embedder_it_is_learned_anew() -> None:
    memory = practised(None)
    again = ValueMemory.from_bytes(memory.to_bytes(), meaning())
    assert again.n_episodes == memory.n_episodes
    assert all(first_choices(again))


def test_an_embedder_that_fails_leaves_it_to_the_words() -> None:
    with pytest.warns(RuntimeWarning, match="by its words only"):
        memory = practised(BrokenEmbedder(RuntimeError("no memory left")))
    assert memory.n_episodes == 2 * SEEN * len(KINDS)
