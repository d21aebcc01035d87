"""Why a memory item is believed or not, in sentences, and whose words it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from purpose_agent.cli.plain_text import count_of, one_line
from purpose_agent.types import Heuristic, HeuristicStatus, Trust, Uplift

if TYPE_CHECKING:
    from purpose_agent.memory.credit.item_credit import ItemCredit
    from purpose_agent.memory.credit.pooling import Belief
    from purpose_agent.memory.library import Library

History = Sequence[tuple[float, str, str]]
"""(seconds since the epoch, status, reason) of every change, oldest first."""

_STANDING = {
    HeuristicStatus.CANDIDATE: "It is a candidate: it is not shown yet, until a second source confirms it.",
    HeuristicStatus.CANARY: "It is a canary: it is shown, and now and then withheld, to find out what it is worth.",
    HeuristicStatus.ACTIVE: "It is active: it has proved that it helps.",
    HeuristicStatus.RETIRED: "It is retired: it is not shown any more.",
    HeuristicStatus.QUARANTINED: "It is quarantined: strangers may have written it, so it is not shown. An accepted "
    "probe, two independent sources that say the same words, or a person (`memory trust`) let it out.",
}

_WORDS = {
    Trust.ACTIONS: "It is made of the agent's own actions and of what became of them.",
    Trust.HUMAN: "A person said it.",
    Trust.MODEL: "A model read it out of an episode that no stranger could write in.",
    Trust.ENVIRONMENT: "It rests on text of the environment, which strangers may have written.",
    Trust.TOOL: "It rests on what a tool returned, which strangers may have written.",
    Trust.IMPORT: "It came from elsewhere; what was said there of its worth does not count here.",
}


@dataclass(frozen=True)
class Standing:
    """What a library knows of an item besides the item.

    Attributes:
        credit: its trials.
        belief: what is believed of its uplift, its own trials and its kin considered.
        proof: its evidence as an e-value, and how much makes it active.
        history: what became of it.
        successors: ids of the items that were made from it.
    """

    credit: ItemCredit
    belief: Belief
    proof: tuple[float, float]
    history: History
    successors: tuple[str, ...]


def standing_of(library: Library, item: Heuristic) -> Standing:
    """What the library knows of an item."""
    everything = library.store.heuristics(retired=True)
    return Standing(
        library.credits.of(item.id),
        library.credits.beliefs([item])[item.id],
        library.proof(item.id),
        library.store.history(item.id),
        tuple(h.id for h in everything if item.id in h.parents),
    )


def belief(item: Heuristic, standing: Standing) -> list[str]:
    """Why the item is believed or not."""
    sentences = [_STANDING[item.status]]
    if item.status == HeuristicStatus.RETIRED and standing.history:
        sentences.append(f"Why: {one_line(standing.history[-1][2], 400)}.")
    sentences += [_record(item), _worth(item, standing)]
    if standing.credit.n and item.status == HeuristicStatus.CANARY:
        e, needed = standing.proof
        sentences.append(f"Its evidence that it helps is e = {e:.3g}; it is active from e = {needed:.3g} on.")
    episodes = len({e.episode_id for e in item.evidence})
    if episodes:
        sentences.append(f"{count_of(episodes, 'episode')} {'supports' if episodes == 1 else 'support'} it.")
    return sentences


def origin(item: Heuristic, standing: Standing) -> list[str]:
    """Whose words the item is, why it is used although it is tainted, and what it was made from."""
    sentences = [_WORDS[item.trust]] if item.trust is not None else []
    if item.tainted:
        sentences.append(_taint(item, standing.history))
    if item.source:
        sentences.append(f"It was proposed by {one_line(item.source, 100)}.")
    if item.parents:
        sentences.append(f"It is version {item.version}, made from {', '.join(map(one_line, item.parents))}.")
    if standing.successors:
        sentences.append(f"Of it was made: {', '.join(map(one_line, standing.successors))}.")
    return sentences


def uplift_text(uplift: Uplift | None) -> str:
    """For a column: the estimate and its interval; ``-`` where it was not measured."""
    return "-" if uplift is None else f"{uplift.mean:+.2f} [{uplift.low:+.2f}, {uplift.high:+.2f}]"


def _record(item: Heuristic) -> str:
    withheld = f"; withheld {count_of(item.withheld, 'time')} by chance" if item.withheld else ""
    if not item.times_used:
        return f"It was never shown{withheld}."
    return (
        f"It was shown in {count_of(item.times_used, 'episode')}, of which {item.times_succeeded} "
        f"succeeded ({item.empirical_success_rate:.0%}){withheld}."
    )


def _worth(item: Heuristic, standing: Standing) -> str:
    credit, believed = standing.credit, standing.belief
    guess = f"{believed.mean:+.2f} ± {believed.sd:.2f}"
    if item.uplift is None:
        return (
            f"Its effect is not measured yet. It is taken to be worth {guess} because that is what {item.tier.value} "
            "items of such an origin are worth, as far as is known."
        )
    return (
        f"Measured: {credit.shown_succeeded} of {credit.shown} episodes succeeded with it and "
        f"{credit.withheld_succeeded} of {credit.withheld} without it, where chance decided; its uplift is "
        f"{uplift_text(item.uplift)} (95 %, however often one looks; n = {item.uplift.n}). With what its kin are "
        f"worth it is believed to be worth {guess}."
    )


def _taint(item: Heuristic, history: History) -> str:
    released = next(
        (
            reason
            for (_, before, _), (_, after, reason) in zip(
                reversed(history[:-1]), reversed(history), strict=False
            )
            if before == HeuristicStatus.QUARANTINED and after == HeuristicStatus.CANARY
        ),
        None,
    )
    if released is None or item.status == HeuristicStatus.QUARANTINED:
        return "It is tainted."
    return f"It is tainted, and used nevertheless: {one_line(released, 400)}."
