"""The trust label of a lesson, by where it comes from and never by what it says.

Taint is monotone: of several sources the least trusted one counts, and who proposes a lesson may lower its label, never
raise it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from purpose_agent.memory.distillers.base import Distiller
from purpose_agent.memory.provenance.quotation import quotes_observation
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, Trajectory, Trust

Recorded = Callable[[str], Trajectory | None]
"""An episode's id to the episode; None when nobody recorded it."""

_FROM_BEST = (Trust.HUMAN, Trust.ACTIONS, Trust.MODEL, Trust.TOOL, Trust.ENVIRONMENT, Trust.IMPORT)


def least(*labels: Trust | None) -> Trust | None:
    """The least trusted label; None, which says nothing, only where there is no other."""
    known = [label for label in labels if label is not None]
    return max(known, key=_FROM_BEST.index) if known else None


def outcome_trust(trajectory: Trajectory) -> Trust:
    """Whose word it is what was done in an episode, and how it ended.

    The agent's own and its verifier's: `Trust.ACTIONS`. Where strangers write what is observed and no verdict judged
    the end, a critic judged what they wrote; and an imported episode is a claim altogether, its verdict included.
    """
    if trajectory.trust is None:
        return Trust.ACTIONS
    judged = trajectory.verdict is not None and trajectory.verdict.success is not None
    return Trust.ACTIONS if judged and trajectory.trust != Trust.IMPORT else trajectory.trust


def reading_trust(trajectory: Trajectory) -> Trust:
    """Whose words a model's reading of an episode is made of."""
    return Trust.MODEL if trajectory.trust is None else trajectory.trust


def labelled(
    proposal: Heuristic, distiller: Distiller, trajectory: Trajectory, recorded: Recorded
) -> Heuristic:
    """A copy of a distiller's proposal with its label, and with evidence by which it can be found again.

    Args:
        proposal: as the distiller made it. What it says of its own trust counts where it is less.
        distiller: who proposed it; what it may have read is its attribute ``reads_observations``, True where absent.
        trajectory: the episode that it was given.
        recorded: looks up other episodes that the proposal names as evidence; one that nobody recorded is none.
    """
    reads = bool(getattr(distiller, "reads_observations", True))
    trust_of = reading_trust if reads else outcome_trust
    evidence: list[Evidence] = []
    labels: list[Trust | None] = [trust_of(trajectory), proposal.trust]
    for given in proposal.evidence or [Evidence(trajectory.id)]:
        episode = trajectory if given.episode_id == trajectory.id else recorded(given.episode_id)
        if episode is not None:
            evidence.append(replace(given, trust=least(trust_of(episode), given.trust, proposal.trust)))
            labels.append(trust_of(episode))
    if all(e.episode_id != trajectory.id for e in evidence):
        evidence.append(Evidence(trajectory.id, (), least(*labels)))
    trust = least(*labels)
    if trust == Trust.MODEL and quotes_observation(proposal, trajectory):
        trust = Trust.ENVIRONMENT
        evidence = [replace(e, trust=trust) if e.episode_id == trajectory.id else e for e in evidence]
    return replace(
        proposal,
        source=distiller.name,
        source_trajectory_id=proposal.source_trajectory_id or trajectory.id,
        evidence=evidence,
        trust=trust,
        tainted=proposal.tainted or (trust is not None and trust.tainted),
        # only outcomes make an item active
        status=HeuristicStatus.CANARY if proposal.status == HeuristicStatus.ACTIVE else proposal.status,
    )
