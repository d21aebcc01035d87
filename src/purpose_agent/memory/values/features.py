"""Sparse binary features of (situation, action), abstracted so that values transfer to other objects.

A feature is a tuple of strings, the first of which names its kind. Two actions with the same features have the same
value, whatever the objects are called.
"""

from __future__ import annotations

from purpose_agent.memory.action_template import ParsedAction, parse_action
from purpose_agent.memory.goals.graph import FAR
from purpose_agent.memory.values.needs import Needs
from purpose_agent.memory.values.trace import EpisodeTrace

Feature = tuple[str, ...]
"""A feature's name: its kind and what fills it."""

ASKED_FOR: frozenset[Feature] = frozenset({("brings", "next"), ("brings", "later"), ("opens", "asked")})
"""Features of what texts asked for, and of what makes that possible."""

_COUNTS = ("0", "1", "2+")
_LITERAL_SLOTS = 2
_LAST_RANK = 5


def situation_features(trace: EpisodeTrace) -> list[list[Feature]]:
    """The features of each admissible action of the trace's current situation, in order."""
    parsed = [parse_action(action) for action in trace.admissible]
    goals = _goal_relations(trace, parsed)
    abstracts = [trace.vocabulary.abstract(action) for action in trace.admissible]
    needs = Needs.of(trace.instructions, trace.world.consequences, frozenset(abstracts))
    seconds = _seconds(parsed)
    return [
        _features(trace, *action, needs, seconds)
        for action in zip(trace.admissible, parsed, abstracts, goals, strict=True)
    ]


def _features(
    trace: EpisodeTrace,
    action: str,
    parsed: ParsedAction,
    abstract: str,
    goals: list[tuple[str, str]],
    needs: Needs,
    seconds: dict[tuple[str, str], list[str]],
) -> list[Feature]:
    text, offered = trace.situation
    successor = trace.leads_to.get((text, action))
    tried = _count(trace.tried.get(action, 0))
    found: list[Feature] = [
        ("action", abstract),
        ("after", abstract, trace.last[0]),
        ("after two", abstract, *trace.last),
        ("phase", abstract, trace.phase),
        ("gains", abstract, str(min(trace.gains, 4))),
        ("tried", abstract, tried),
        ("tried in phase", abstract, trace.phase, _count(trace.tried_since_gain.get(action, 0))),
        ("used at text", parsed.template, _count(trace.used_here.get((text, action), 0))),
        ("used at offer", parsed.template, _count(trace.used_here.get((offered, action), 0))),
        (
            "successor",
            parsed.template,
            "new" if successor is None else _count(trace.visits.get(successor, 0)),
        ),
    ]
    for goal, (rank, distance) in enumerate(goals):
        found.append(("goal rank", parsed.template, str(goal), rank, trace.phase))
        found.append(("goal distance", parsed.template, str(goal), distance, trace.phase))
    found += _instruction_features(trace, parsed, abstract)
    found += _consequence_features(trace, parsed, abstract, needs.closed)
    seen = "new" if successor is None else "known"
    found += _need_features(trace, parsed, abstract, needs, tried, seen)
    for slot, argument in enumerate(parsed.arguments):
        found += _argument_features(trace, parsed, abstract, str(slot), argument)
    if len(parsed.arguments) > 1:
        found += _pair_features(trace, parsed, abstract)
        found += _affinity_features(trace, parsed, seconds)
    if trace.kin:
        found += [(trace.kin, *feature) for feature in found]
    return found


def _argument_features(
    trace: EpisodeTrace, parsed: ParsedAction, abstract: str, slot: str, argument: str
) -> list[Feature]:
    sources, companions = trace.mentions(argument)
    fate = trace.fate_of(argument)
    found: list[Feature] = [
        ("fate", abstract, slot, *fate),
        ("fate in phase", abstract, slot, *fate, trace.phase),
    ]
    found += [("mentioned by", abstract, slot, source) for source in sources]
    found += [("stands with", abstract, slot, word) for word in companions]
    if parsed.verb in companions:
        found.append(("verb stands with", slot))
    if abstract.count("*"):
        found.append(("named", parsed.template, slot, argument))
    for goal, words in enumerate(trace.words.goals):
        if any(word in words for word in argument.split(" ")):
            found.append(("goal named", abstract, slot, str(goal)))
        shared = _shared_words(argument, words)
        if shared:
            found.append(("goal words", abstract, slot, str(goal), shared))
            found.append(("goal words after", abstract, slot, str(goal), shared, trace.last[0]))
    return found


def _shared_words(argument: str, goal: tuple[str, ...]) -> str:
    """How the words of an argument and those of a goal, without numbers, overlap; empty when they do not."""
    own = {word for word in argument.split(" ") if not word.isdigit()}
    wanted = {word for word in goal if not word.isdigit()}
    if own.isdisjoint(wanted):
        return ""
    return ("all" if own <= wanted else "part") + " of " + ("all" if wanted <= own else "part")


def _pair_features(trace: EpisodeTrace, parsed: ParsedAction, abstract: str) -> list[Feature]:
    first, second = parsed.arguments[:_LITERAL_SLOTS]
    found: list[Feature] = []
    for word in first.split(" "):
        found.append(("pair", parsed.template, word, second))
    fates = (trace.fate_of(first), trace.fate_of(second))
    found.append(("pair fates", abstract, *fates[0], *fates[1]))
    return found


def _seconds(parsed: list[ParsedAction]) -> dict[tuple[str, str], list[str]]:
    """By template and first argument: the second arguments that are offered with it."""
    found: dict[tuple[str, str], list[str]] = {}
    for action in parsed:
        if len(action.arguments) > 1:
            found.setdefault((action.template, action.arguments[0]), []).append(action.arguments[1])
    return found


def _affinity_features(
    trace: EpisodeTrace, parsed: ParsedAction, seconds: dict[tuple[str, str], list[str]]
) -> list[Feature]:
    """How well the second argument goes with the first one, among all that are known and among those offered."""
    first, second = parsed.arguments[:2]
    rank = trace.world.affinities.rank
    overall = rank(parsed.template, first, second)
    here = rank(parsed.template, first, second, seconds[parsed.template, first])
    return [
        (name, parsed.template, str(min(found, _LAST_RANK)))
        for name, found in (("affinity", overall), ("affinity here", here))
        if found is not None
    ]


def _instruction_features(trace: EpisodeTrace, parsed: ParsedAction, abstract: str) -> list[Feature]:
    """How the action relates to what texts asked for; nothing as long as none asked for anything."""
    pending = trace.instructions.pending
    if not pending and not trace.instructions.done:
        return []
    found: list[Feature] = [("asked next", abstract, pending[0].verb if pending else "nothing")]
    for place, asked in enumerate(pending):
        about = asked.thing in parsed.arguments
        found.append(("asked", abstract, asked.verb, "this" if about else "other"))
        if about and parsed.verb == asked.verb:
            found.append(("as asked", "later" if place else "next"))
    return found


def _need_features(
    trace: EpisodeTrace, parsed: ParsedAction, abstract: str, needs: Needs, tried: str, seen: str
) -> list[Feature]:
    """What is missing when it is taken, which is what a search is worth; and whether a text named what it is about."""
    if not needs.named:
        return []
    found: list[Feature] = [
        ("lack", parsed.template, needs.lack),
        ("lack and successor", parsed.template, needs.lack, seen),
        ("lack and tried", abstract, needs.lack, tried),
    ]
    for slot, argument in enumerate(parsed.arguments):
        named = "named" if argument in needs.named else "not named"
        fate = trace.fate_of(argument)
        found += [
            ("in texts", parsed.template, str(slot), named),
            ("fate in texts", abstract, str(slot), named, *fate),
        ]
    return found


def _consequence_features(
    trace: EpisodeTrace, parsed: ParsedAction, abstract: str, closed: frozenset[str]
) -> list[Feature]:
    """Whether the action brings about what texts asked for, something else instead, or makes possible what would."""
    known = trace.world.consequences
    found: list[Feature] = []
    if not closed.isdisjoint(known.opened(abstract)):
        found += [("opens", "asked"), ("opens by", abstract)]
    verbs = known.verbs(abstract)
    if verbs and parsed.arguments:
        asked = [each.verb for each in trace.instructions.pending if each.thing == parsed.arguments[0]]
        relation = _relation(asked, verbs)
        found += [("brings", relation), ("brings by", abstract, relation)]
    return found


def _relation(asked: list[str], verbs: frozenset[str]) -> str:
    """What an action that brings about ``verbs`` is to a thing of which ``asked`` is still to be done, in order."""
    if not asked:
        return "unwanted"
    if verbs.isdisjoint(asked):
        return "unasked"
    return "next" if asked[0] in verbs else "later"


def _goal_relations(trace: EpisodeTrace, parsed: list[ParsedAction]) -> list[list[tuple[str, str]]]:
    """Per action and goal: is it the nearest to the goal among the actions of its template, and its distance."""
    if not trace.graph.n_goals:
        return [[] for _ in parsed]
    distances = [trace.graph.distances(action.arguments) for action in parsed]
    nearest: dict[tuple[str, int], int] = {}
    for action, row in zip(parsed, distances, strict=True):
        for goal, distance in enumerate(row):
            key = (action.template, goal)
            nearest[key] = min(nearest.get(key, FAR), distance)
    return [
        [
            (
                _rank(distance, nearest[action.template, goal]),
                "?" if distance == FAR else str(min(distance, 4)),
            )
            for goal, distance in enumerate(row)
        ]
        for action, row in zip(parsed, distances, strict=True)
    ]


def _rank(distance: int, nearest: int) -> str:
    if nearest == FAR:
        return "unknown"
    return "nearest" if distance == nearest else "farther"


def _count(n: int) -> str:
    return _COUNTS[min(n, 2)]
