"""What a value memory knows of news, and of things that texts name: where to look, and what to leave alone."""

import random

from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.memory.action_template import parse_action
from purpose_agent.memory.instructions import Instructions
from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.news import News
from purpose_agent.memory.values.record import EpisodeRecord, Transition

CHESTS = ("oak chest", "tin chest", "red chest", "old chest", "tall chest")
THINGS = ("comb", "ladle", "spool", "whistle", "lantern", "thimble")
ERRAND = "Bring what the list asks for."
STEPS = 12


def step(action: str, text: str, *admissible: str, score: float = 0.0, done: bool = False) -> Transition:
    return Transition(action, text, admissible, score, done, None)


def news_of(*steps: Transition) -> dict[str, tuple[int, int]]:
    record = EpisodeRecord("Look around.", "A room.", ("look around", "open box"), steps)
    return {template: (taken, new) for template, taken, new in News.of([record]).counts}


def test_an_unseen_word_an_unseen_offer_a_record_score_and_success_are_news() -> None:
    box, room = ("look around", "close box"), ("look around", "open box")
    found = news_of(
        step("open box", "Box.", *box),
        step("close box", "A box.", *room),
        step("look around", "A room, a box.", *room),
        step("look around", "A shelf!", *room),
        step("wave hand", "A room.", *room, score=0.5),
        step("wave hand", "A room.", *room, score=0.2),
        step("wave hand", "A room.", *room, score=0.5),
        Transition("leave room", "Lost!", ("howl",), 0.5, True, False),
        Transition("leave house", "A room.", (), 0.5, True, True),
    )
    assert found == {
        "open *": (1, 1),
        "close *": (1, 0),
        "look around": (2, 1),
        "wave *": (3, 1),
        "leave *": (2, 1),
    }


def test_the_rate_of_what_was_never_done_is_one_and_falls_with_every_time_that_nothing_was_new() -> None:
    assert News().rate("open *") == 1.0
    rates = [News((("open *", n, 0),)).rate("open *") for n in range(1, 5)]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < rates[0] < 1


@given(
    st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40), st.none() | st.floats(0, 1)), max_size=8)
)
def test_any_episode_has_rates_between_nothing_and_one(told: list[tuple[str, str, float | None]]) -> None:
    steps = tuple(
        Transition(action, text, (action, text), score, False, None) for action, text, score in told
    )
    news = News.of([EpisodeRecord("Go.", "", (), steps)])
    assert all(0 < news.rate(parse_action(action).template) <= 1 for action, _, _ in told)


def test_curiosity_is_worth_little_on_what_never_told_anything() -> None:
    memory = ValueMemory()
    for _ in range(8):
        steps = (step("hum", "A room.", "hum"), step("open box", "A comb!", done=True))
        memory.learn(EpisodeRecord("Look around.", "A room.", ("hum", "open box"), steps))
    episode = memory.episode("Look around.", explore=True)
    episode.begin("A room.", ("hum", "open box"))
    dull, telling = episode.appraise()
    assert dull.bonus < telling.bonus / 4
    assert dull.novelty < telling.novelty / 4


def test_what_a_list_or_an_instruction_names_is_known_by_name() -> None:
    episode = Instructions(verbs=frozenset({"peel"}), things=frozenset({"comb"}))
    text = "On the list:\ncomb\npeel the quince\nhum the tune\na ladle\nspool"
    episode.arrive(parse_action("read list"), text, ("take spool",))
    assert episode.named == {"comb", "quince", "spool"}
    assert episode.named - episode.offered == {"comb", "quince"}


def test_what_an_action_says_of_its_own_thing_names_nothing() -> None:
    episode = Instructions(things=frozenset({"comb"}))
    episode.arrive(parse_action("examine comb"), "Comb", ("take comb",))
    assert episode.named == frozenset()


class House:
    """A list names one thing. Every chest holds another thing; who takes the wrong one can take no other."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.inside = dict(zip(CHESTS, rng.sample(THINGS, len(CHESTS)), strict=True))
        self.wanted = self.inside[rng.choice(CHESTS)]
        self.open: list[str] = []
        self.has_read = False

    @property
    def admissible(self) -> list[str]:
        shut = [f"open {chest}" for chest in CHESTS if chest not in self.open]
        seen = [f"take {self.inside[chest]}" for chest in self.open]
        looks = [f"examine {chest}" for chest in CHESTS]
        return sorted([*shut, *seen, *looks, "read list", "examine list"])

    def do(self, action: str) -> tuple[str, bool | None]:
        verb, _, thing = action.partition(" ")
        if verb == "take":
            return f"You take the {thing}.", thing == self.wanted
        if verb == "open":
            self.open.append(thing)
            return f"You open the {thing}.", None
        return (f"Needed:\n{self.wanted}" if verb == "read" else "It is as it was."), None


def errand(memory: ValueMemory, seed: int, *, explore: bool) -> ValueEpisode:
    house, rng = House(seed), random.Random(seed)
    episode = memory.episode(ERRAND, seed=seed, explore=explore)
    episode.begin("A list lies here.", house.admissible)
    for _ in range(STEPS):
        admissible = house.admissible
        action = admissible[rng.choice(episode.shortlist())]
        text, success = house.do(action)
        after = [] if success is not None else house.admissible
        episode.observe(action, text, after, float(success or False), success is not None, success)
        if success is not None:
            break
    return episode


def test_it_searches_until_it_has_found_what_a_text_named_and_takes_nothing_else() -> None:
    memory = ValueMemory()
    for seed in range(60):
        memory.learn(errand(memory, seed, explore=True).record())
    played = [errand(memory, seed, explore=False).record() for seed in range(1000, 1040)]
    assert sum(record.success for record in played) >= 36
    texts = [advice.text for advice in memory.advice(40)]
    assert "do: `take *` when a text named its first object" in texts
    assert "do: `open *` while something that texts named is nowhere to be had" in texts


def test_who_knows_of_nothing_to_do_looks_where_there_may_be_news() -> None:
    memory = ValueMemory()
    for _ in range(8):
        steps = (step("look", "A room.", "open chest"), step("open chest", "A comb!", "look"))
        memory.learn(EpisodeRecord("Wait.", "A room.", ("look",), steps))
    episode = memory.episode("Wait.")
    episode.begin("A room.", ("look", "open box"))
    assert episode.shortlist() == [1]
    episode.observe("open box", "Nothing.", ("look", "open box", "open jar"), 0.0, False, None)
    assert episode.shortlist()[0] == 2


def test_news_and_names_are_saved() -> None:
    memory = ValueMemory()
    for seed in range(10):
        memory.learn(errand(memory, seed, explore=True).record())
    again = ValueMemory.from_bytes(memory.to_bytes())
    assert again.world.news == memory.world.news
    assert again.world.news.counts
    assert again.world.consequences.things
    assert errand(again, 500, explore=False).appraise() == errand(memory, 500, explore=False).appraise()
