"""What a value memory has learned, in words: which kinds of action are better or worse than their alternatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from purpose_agent.memory.values.features import Feature
from purpose_agent.memory.values.table import CompiledEpisode, ValueTable

_MODEST = 5  # uses that make an observation half as convincing as one of endless uses
_LEAST = 3  # uses below which nothing is told
_FATES = {
    "untouched": "nothing has been done with {it} yet",
    "+": "after `{last}` on {it} gained score",
    "~": "after `{last}` on {it} regained lost score",
    "-": "after `{last}` on {it} lost score",
    "=": "after `{last}` on {it} changed nothing",
}
_ORDINALS = ("first", "second", "third")
_SHARED = {
    "all of all": "has just the words of",
    "all of part": "has only words of",
    "part of all": "has more than the words of",
    "part of part": "shares words with",
}
_BRINGS = {
    "next": "does what a text asks for next",
    "later": "does what a text asks for, but later",
    "unasked": "does to something not what a text asks for, but another such thing",
    "unwanted": "does to something what texts ask for, but not of that",
}
_LACKS = {
    "thing": "while something that texts named is nowhere to be had",
    "deed": "while what a text asks for cannot be done yet",
    "": "once nothing is missing of what texts named",
}
_BETTER = {
    "0": "nothing {where} goes",
    "1": "one thing {where} goes",
    **{str(n): f"{n} things {{where}} go" for n in range(2, 5)},
    "5": "five or more things {where} go",
}
_TRIED = {"0": "that have not been tried", "1": "tried once already", "2+": "tried more than once already"}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing learned."""

    text: str
    """In words, beginning with ``do`` or ``avoid``."""
    value: float
    """How much better than the average alternative such an action is held to be, in units of score."""
    n: int
    """How often such an action was taken."""


def advise(table: ValueTable, episodes: Iterable[CompiledEpisode], k: int) -> list[Advice]:
    """The ``k`` most telling pieces of advice, strongest first; fewer when less was learned.

    The value of a feature is the mean, over all options of the episodes that had it, of the option's value minus the
    mean value of the options beside it. Its strength is that value times n / (n + 5). Two thirds of the list say what
    to do, the rest what to avoid; of one action at most two pieces are told, and none twice in other words.
    """
    names = list(table.ids)
    dos: list[tuple[float, int, Advice]] = []
    donts: list[tuple[float, int, Advice]] = []
    for i, value in sorted(_advantages(table, episodes).items()):
        describe, n = _WORDING.get(names[i][0]), table.counts[i]
        if describe is None or n < _LEAST or not value:
            continue
        text = f"{'do' if value > 0 else 'avoid'}: {describe(names[i])}"
        (dos if value > 0 else donts).append((-abs(value) * n / (n + _MODEST), i, Advice(text, value, n)))
    avoided = min(len(donts), k // 3)
    kept = _varied(sorted(dos), k - avoided, names) + _varied(sorted(donts), avoided, names)
    return [advice for _, _, advice in sorted(kept)]


def _advantages(table: ValueTable, episodes: Iterable[CompiledEpisode]) -> dict[int, float]:
    """Per feature id: how much better than the mean of their situation the options that have it are held to be."""
    sums: dict[int, float] = {}
    offers: dict[int, int] = {}
    for episode in episodes:
        for step in episode.steps:
            values = [table.value(ids) for ids in step.options]
            mean = sum(values) / len(values)
            for value, ids in zip(values, step.options, strict=True):
                for i in ids:
                    sums[i] = sums.get(i, 0.0) + value - mean
                    offers[i] = offers.get(i, 0) + 1
    return {i: total / offers[i] for i, total in sums.items()}


def _varied(
    ranked: list[tuple[float, int, Advice]], k: int, names: list[Feature]
) -> list[tuple[float, int, Advice]]:
    """The first ``k`` of ``ranked`` with at most two of one action, and no two with equal value and evidence."""
    told: dict[str, int] = {}
    same: set[tuple[str, float, int]] = set()
    kept: list[tuple[float, int, Advice]] = []
    for row in ranked:
        action, advice = names[row[1]][1], row[2]
        key = (action, round(advice.value, 6), advice.n)
        if len(kept) < k and told.get(action, 0) < 2 and key not in same:
            told[action] = told.get(action, 0) + 1
            same.add(key)
            kept.append(row)
    return kept


def _phase(feature: Feature) -> str:
    _, action, phase = feature
    return f"`{action}` {_when(phase)}"


def _after(feature: Feature) -> str:
    _, action, last = feature
    return f"`{action}` " + ("first of all" if last == "start" else f"right after `{last}`")


def _tried(feature: Feature) -> str:
    _, action, count = feature
    return f"`{action}`, of those {_TRIED[count]} in this episode"


def _fate(feature: Feature) -> str:
    action, it, outcome = feature[1], _object(feature[2]), feature[-1]
    return f"`{action}` when " + _FATES[outcome].format(it=it, last=feature[3]).removeprefix("after ")


def _mentioned(feature: Feature) -> str:
    _, action, _, source = feature
    where = "the first text" if source == "start" else f"the result of `{source}`"
    return f"`{action}` with something that {where} mentioned"


def _stands_with(feature: Feature) -> str:
    _, action, _, word = feature
    return f"`{action}` with something that was mentioned together with “{word}”"


def _named(feature: Feature) -> str:
    _, template, slot, name = feature
    parts = template.split("*")
    index = int(slot) + 1
    return f"`{'*'.join(parts[:index])}{name}{'*'.join(parts[index:])}`"


def _goal_rank(feature: Feature) -> str:
    _, template, goal, rank, phase = feature
    which = _ORDINALS[int(goal)]
    how = {"nearest": "that leads nearest to", "farther": "that leads away from"}.get(
        rank, "of unknown relation to"
    )
    return f"the `{template}` {how} the {which} thing the purpose names, {_when(phase)}"


def _affinity(feature: Feature) -> str:
    kind, template, rank = feature
    other = _BETTER[rank].format(where="offered" if kind == "affinity here" else "known")
    better = f"{other} better with its first object than its second one"
    return f"`{template}` where, as far as things like it tell, {better}"


def _goal_words(feature: Feature) -> str:
    _, action, slot, goal, shared = feature
    which = _ORDINALS[int(goal)]
    return f"`{action}` when {_object(slot)} {_SHARED[shared]} the {which} thing the purpose names"


def _asked_next(feature: Feature) -> str:
    _, action, verb = feature
    return f"`{action}` " + (
        "once all that texts asked for is done"
        if verb == "nothing"
        else f"when “{verb}” is what a text asks for next"
    )


def _asked(feature: Feature) -> str:
    _, action, verb, which = feature
    thing = "its object" if which == "this" else "something else"
    return f"`{action}` while a text asks to “{verb}” {thing}"


def _as_asked(feature: Feature) -> str:
    return "what a text asks for in the same words" + (", next" if feature[1] == "next" else ", but later")


def _brings(feature: Feature) -> str:
    return f"what {_BRINGS[feature[1]]}"


def _brings_by(feature: Feature) -> str:
    return f"`{feature[1]}` where it {_BRINGS[feature[2]]}"


def _opens(_: Feature) -> str:
    return "what makes possible what a text asks for"


def _opens_by(feature: Feature) -> str:
    return f"`{feature[1]}` where it makes possible what a text asks for"


def _lack(feature: Feature) -> str:
    return f"`{feature[1]}` {_LACKS[feature[2]]}"


def _in_texts(feature: Feature) -> str:
    _, template, slot, named = feature
    return f"`{template}` when {'a' if named == 'named' else 'no'} text named {_object(slot)}"


def _object(slot: str) -> str:
    number = int(slot)
    return f"its {_ORDINALS[number]} object" if number < len(_ORDINALS) else f"its object {number + 1}"


def _when(phase: str) -> str:
    return "before any score is gained" if phase == "start" else f"once `{phase}` has gained score"


_WORDING: dict[str, Callable[[Feature], str]] = {
    "phase": _phase,
    "after": _after,
    "tried": _tried,
    "fate": _fate,
    "mentioned by": _mentioned,
    "stands with": _stands_with,
    "named": _named,
    "goal rank": _goal_rank,
    "goal words": _goal_words,
    "affinity": _affinity,
    "affinity here": _affinity,
    "asked next": _asked_next,
    "asked": _asked,
    "as asked": _as_asked,
    "brings": _brings,
    "brings by": _brings_by,
    "opens": _opens,
    "opens by": _opens_by,
    "lack": _lack,
    "in texts": _in_texts,
}
