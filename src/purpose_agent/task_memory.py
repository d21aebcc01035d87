"""What memory shows for a task, and to the actor between tasks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from purpose_agent.actor import Actor, Decision
from purpose_agent.errors import StoreCorruptError
from purpose_agent.events import RunStarted
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.memory.item_vectors import ItemVectors
from purpose_agent.memory.library import Library
from purpose_agent.memory.life_cycle import is_shown
from purpose_agent.memory.provenance.allowed_actions import names_unknown_action
from purpose_agent.memory.provenance.labels import outcome_trust
from purpose_agent.memory.retrieval import PER_ACTION, PER_TIER, SPARSE_TOKENS, TOKEN_BUDGET, select
from purpose_agent.memory.same_task import derived_from
from purpose_agent.memory.selection import Selection
from purpose_agent.memory_system import Example
from purpose_agent.store.reading import note_unreadable
from purpose_agent.types import Heuristic, MemoryRecord, MemoryTier, State

MAX_EXAMPLE_STEPS = 30
"""Actions of a similar episode that are shown as an example."""

_SIMILAR = 12  # episodes that are looked at: strangers may have written most of them
_LIKE_IT = 3  # of them that may be the example, and whose lessons are candidates, too


@dataclass
class TaskMemory:
    """Chooses from the library, from similar episodes, and from what a caller gave the actor by hand.

    Attributes:
        actor: whose memories are kept in step with the library.
        replay: episodes.
        library: lessons.
        withholding: whether selected items are now and then withheld, to learn what they are worth.
        vectors: the items' meaning, where there is an embedder.
    """

    actor: Actor
    replay: ExperienceReplay
    library: Library
    withholding: bool = True
    vectors: ItemVectors | None = None

    def for_task(
        self,
        task: str,
        purpose: str,
        state: State,
        decision: Decision,
        seed: int | str | None,
        *,
        without: frozenset[str] = frozenset(),
        probing: tuple[Heuristic, bool] | None = None,
        offered: Collection[str] | None = None,
    ) -> tuple[Selection, Example | None]:
        """Items chosen by relevance and worth, and the most similar solved episode, if there is one.

        An actor that only chooses gets little to read: one item of a tier, and an example only without a procedure.

        Args:
            task: in words.
            purpose: the goal.
            state: the first one.
            decision: how the actor decides.
            seed: of what chance decides about the items; None where nothing is learned and so nothing tried.
            without: ids of episodes that are not shown, and whose lessons are not shown unless others support them.
            probing: an item that is tried out, and whether it is shown; everything else is as without it.
            offered: the names of all actions there are, where that is a closed list; an item that names another one is
                not shown.
        """
        query = purpose if task == purpose else f"{task}\n{purpose}"
        records = self.replay.retrieve(query, top_k=_SIMILAR + len(without))
        records = [r for r in records if r.id not in without]
        attached = [h for record in records[:_LIKE_IT] for h in record.heuristics]
        allowed = partial(self._allowed, offered=offered)
        strategic = allowed(_with(self.actor.strategic_memory, attached, MemoryTier.STRATEGIC))
        procedural = allowed(_with(self.actor.procedural_memory, attached, MemoryTier.PROCEDURAL))
        tips = allowed(self._tips(attached))
        contexts = self.library.contexts()
        sparse = decision == "choice"
        memory = select(
            strategic,
            procedural,
            tips,
            worth=self.library.credits.draws((*strategic, *procedural, *tips), purpose, seed),
            query=query,
            situation=state.describe(),
            contexts=contexts,
            similar=None if self.vectors is None else partial(self.vectors.similar, contexts=contexts),
            leave_out=(lambda h: derived_from(h, without)) if without else None,
            per_tier=1 if sparse else PER_TIER,
            per_action=1 if sparse else PER_ACTION,
            token_budget=SPARSE_TOKENS if sparse else TOKEN_BUDGET,
        )
        memory = self._tried(memory, purpose, seed)
        if probing is not None:
            item, shown = probing
            memory = memory.without_item(item.id)
            memory = memory.with_item(item) if shown else memory
        if decision == "choice" and memory.procedural:
            return memory, None
        own = islice((r for r in records if self._may_be_example(r)), _LIKE_IT)
        return memory, next((_example(r) for r in own if r.trajectory.succeeded), None)

    def as_shown(self, started: RunStarted) -> tuple[Selection, Example | None]:
        """What a run was begun with."""
        items = [h for i in started.shown if (h := self.library.get(i)) is not None]
        memory = Selection(
            tuple(h for h in items if h.tier == MemoryTier.STRATEGIC),
            tuple(h for h in items if h.tier == MemoryTier.PROCEDURAL),
            select([], [], self._tips([]), query=started.purpose).tool,
            withheld=frozenset((*started.withheld, *started.withheld_tips)),
            propensities=started.propensities,
        )
        record = self.replay.get(started.example) if started.example else None
        return memory, _example(record) if record is not None and _is_readable(record) else None

    def _allowed(self, items: list[Heuristic], offered: Collection[str] | None) -> list[Heuristic]:
        if not self.library.defences.allow_list:
            return items
        return [h for h in items if not names_unknown_action(h, offered)]

    def _may_be_example(self, record: MemoryRecord) -> bool:
        """Whether an episode can be read, and it is not strangers who say what was done and how it ended."""
        if not _is_readable(record):
            return False
        return not (self.library.defences.labels and outcome_trust(record.trajectory).tainted)

    def _tried(self, memory: Selection, purpose: str, seed: int | str | None) -> Selection:
        """The selection after chance decided about it. What a person or a caller put in is not experimented with."""
        open_to_chance = [h for h in memory.items if h.id in self.library and h.source != "human"]
        assigned = self.library.credits.assign(open_to_chance, purpose, seed if self.withholding else None)
        return memory.without(assigned.withheld, assigned.propensities)

    def sync_actor(self) -> None:
        """Show the actor the library as it is now."""
        shown = [h for h in self.library if is_shown(h)]
        self.actor.update_strategic_memory(shown)
        self.actor.update_procedural_memory(shown)
        self.actor.update_tool_memory(_joined(self.library.by_tier(MemoryTier.TOOL)))

    def _tips(self, attached: list[Heuristic]) -> list[Heuristic]:
        """Tool tips of the library, and those a caller gave the actor by hand."""
        library = self.library.by_tier(MemoryTier.TOOL)
        own = _joined(library)
        by_hand = [
            Heuristic(name, tip, [], MemoryTier.TOOL, id=f"tip:{name}")
            for name, tip in self.actor.tool_memory.items()
            if own.get(name) != tip
        ]
        return [*_with(library, attached, MemoryTier.TOOL), *by_hand]


def _is_readable(record: MemoryRecord) -> bool:
    try:
        return bool(record.trajectory)
    except (StoreCorruptError, ValueError) as e:
        note_unreadable(record.id, e)
        return False


def _example(record: MemoryRecord) -> Example:
    """A solved episode in one line of actions."""
    done = [s.action.command for s in record.trajectory.steps if s.error is None and not s.action.is_done]
    text = "In a similar task this worked: " + " -> ".join(done[:MAX_EXAMPLE_STEPS]) if done else ""
    return Example(record.id, record.trajectory.purpose, text)


def _with(items: Sequence[Heuristic], attached: Sequence[Heuristic], tier: MemoryTier) -> list[Heuristic]:
    known = {h.id for h in items}
    return [*items, *(h for h in attached if h.tier == tier and h.id not in known)]


def _joined(tips: Sequence[Heuristic]) -> dict[str, str]:
    """Tips that may be shown, by action name; several tips of one action as one text."""
    joined: dict[str, str] = {}
    for tip in tips:
        if is_shown(tip):
            joined[tip.pattern] = (
                f"{joined[tip.pattern]} {tip.strategy}" if tip.pattern in joined else tip.strategy
            )
    return joined
