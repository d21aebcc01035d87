"""Which kinds of action tell anything new: what curiosity is worth on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import msgspec

from purpose_agent.memory.action_template import parse_action, words
from purpose_agent.memory.values.record import EpisodeRecord


class News(msgspec.Struct, frozen=True, dict=True):
    """How often actions of a template were followed by anything new, in all episodes seen up to some point.

    New is what its episode had not shown before: a word in a text, an action that is offered, a score higher than any,
    success. Opening things and going places is full of news; closing them, or looking at what is known, is not. Nor is
    a failure: what ends the task ends the search.
    """

    counts: tuple[tuple[str, int, int], ...] = ()
    """Template, how often such actions were taken, how often something new followed."""

    @cached_property
    def _rates(self) -> dict[str, float]:
        return {template: (new + 1) / (taken + 1) for template, taken, new in self.counts}

    def rate(self, template: str) -> float:
        """The share of such actions that had news, in (0, 1]; 1 as long as none was taken."""
        return self._rates.get(template, 1.0)

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord]) -> News:
        """Count what followed the actions of ``episodes``."""
        taken: Counter[str] = Counter()
        new: Counter[str] = Counter()
        for episode in episodes:
            offered = set(episode.admissible)
            met = {word for text in (episode.observation, *offered) for word in words(text)}
            best = episode.score or 0.0
            for step in episode.steps:
                fresh = [action for action in step.admissible if action not in offered]
                told = not met.issuperset(words(step.observation))
                score = step.score or 0.0
                template = parse_action(step.action).template
                taken[template] += 1
                failed = step.done and step.success is False
                new[template] += not failed and (bool(fresh) or told or score > best or step.success is True)
                offered.update(fresh)
                met.update(word for text in (step.observation, *fresh) for word in words(text))
                best = max(best, score)
        return cls(tuple((template, n, new[template]) for template, n in sorted(taken.items())))
