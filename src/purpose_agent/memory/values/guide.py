"""The value memory at work in one run: states and actions in, a shortlist of actions out."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory_system import Shortlist
from purpose_agent.types import PHI_MAX, Action, Snapshot, Verdict


class ValueGuide:
    """The value memory's cursor over one episode.

    Args:
        memory: what was learned so far; it is only read.
        purpose: the goal.
        seed: of the run, None for 0.
        explore: whether trying unknown actions counts, as it does while learning.
        heed_texts: see `ValueMemory.episode`.
    """

    def __init__(
        self, memory: ValueMemory, purpose: str, seed: int | None, explore: bool, *, heed_texts: bool = True
    ) -> None:
        self._episode: ValueEpisode = memory.episode(
            purpose, seed=seed or 0, explore=explore, heed_texts=heed_texts
        )
        self.knows_something = explore or memory.n_episodes > 0

    def begin(self, state: Snapshot, admissible: Sequence[Action], verdict: Verdict | None) -> None:
        """Start at the first state. A verdict that does not tell progress leaves it to experience for the episode."""
        hidden = verdict is not None and verdict.progress is None
        first = verdict.progress if verdict is not None else 0.0
        self._episode.begin(state.describe(), [a.command for a in admissible], None if hidden else first)

    def observe(
        self, action: Action, state: Snapshot, admissible: Sequence[Action], phi: float | None
    ) -> None:
        """Take in what an action led to.

        Args:
            action: what was done.
            state: what it led to.
            admissible: what may be done now.
            phi: Φ of the new state as far as it is known; not looked at where progress is left to experience.
        """
        commands = [a.command for a in admissible]
        self._episode.observe(
            action.command, state.describe(), commands, _score(phi), done=False, success=None
        )

    def shortlist(self, options: Sequence[Action]) -> Shortlist:
        """Those options that are not clearly worse than the best, best first; all when it knows none of them."""
        appraised = self._episode.appraise()
        known = {value.action: i for i, value in enumerate(appraised)}
        by_command = {a.command: a for a in options}
        kept = [
            by_command[appraised[i].action]
            for i in self._episode.shortlist(appraised)
            if appraised[i].action in by_command
        ]
        left = kept + [a for a in options if a.command not in known] or list(options)
        best = max(appraised, key=lambda v: v.value - v.penalty, default=None)
        return Shortlist(left, practised=best is not None and best.n > 0 and left[0].command == best.action)


def _score(phi: float | None) -> float | None:
    return None if phi is None else phi / PHI_MAX
