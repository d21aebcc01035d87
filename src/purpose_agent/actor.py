"""The actor: reads the purpose, the state and what memory knows, and decides one action at a time.

Two ways to decide. ``react``: the model writes a thought, an action and a prediction as JSON. ``choice``: where the
environment lists what may be done, the model picks one of these, so even a very small model always acts legally; a
value memory narrows the choice, and where one action is left it is taken as a *habit*, without asking the model.

The actor never scores itself; that is the purpose function's part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from purpose_agent.action_reply import (
    DONE,
    DONE_DESCRIPTION,
    RECALL,
    RefusedError,
    check_offered,
    read_action,
    reply_schema,
)
from purpose_agent.conversation import Conversation, Turn
from purpose_agent.errors import (
    EnvironmentFailure,
    ModelOutputError,
    ModelUnavailableError,
    PurposeAgentError,
    UsageError,
    describe_error,
)
from purpose_agent.freeze import json_text, plain_copy
from purpose_agent.llm_backend.base import Choice, LLMBackend
from purpose_agent.llm_backend.json_reply import object_in, salvage
from purpose_agent.llm_backend.sync_front import run_sync
from purpose_agent.memory.rendering import body, memory_block, tip_line
from purpose_agent.memory.selection import Selection
from purpose_agent.prompt_text import shorten
from purpose_agent.types import Action, Heuristic, MemoryTier, Snapshot, State

if TYPE_CHECKING:
    from purpose_agent.memory_system import Guide

MAX_REFUSALS = 3
"""A model that proposes this many impossible actions in one step has failed the step."""

MAX_RECALLS = 3
"""Bodies of procedural items that may be read before one step."""

REACT_PROMPT = """\
You are a goal-directed agent. Work towards the purpose by taking one action at a time.

Actions:
{actions}

Reply with one JSON object: {{"thought": why, "action": {{"name": ..., "params": {{...}}}}, \
"expected_delta": what you expect to change}}. When the purpose is achieved, use the action DONE.
If an action did not do what you expected, try something else."""

CHOICE_PROMPT = """\
You are a goal-directed agent. Work towards the purpose by taking one action at a time. \
At each step you are told what happened and what you can do. Answer with one of the offered actions, nothing else."""

T = TypeVar("T")

Decision = Literal["react", "choice"]


@dataclass
class Proposal:
    """What the actor wants to do next.

    Attributes:
        action: a valid action; None when it was refused or only read its memory.
        source: ``model``, ``habit`` or ``explore``.
        reply: its words, as they enter the conversation.
        refused: why the reply cannot be carried out.
        proposal: what was refused.
        recalled: id of the item it asked to read.
        found: whether that item was shown in the index.
    """

    action: Action | None = None
    source: str = "model"
    reply: str = ""
    refused: str = ""
    proposal: str = ""
    recalled: str = ""
    found: bool = False


@dataclass
class Briefing:
    """What an actor is told before the first step of an episode.

    Attributes:
        purpose: the goal.
        task: the task in words, if it says more than the purpose.
        state: the first state.
        decision: how to decide.
        offered: names and descriptions of the actions; None for any.
        memory: the items chosen for this task.
        example: the actions of a similar episode that succeeded, in words; "" for none.
        guide: the value memory's cursor over this episode, if there is one.
        habits: whether a decisive value memory may act without the model.
        may_finish: whether DONE is offered.
    """

    purpose: str
    task: str
    state: Snapshot
    decision: Decision = "react"
    offered: Mapping[str, str] | None = None
    memory: Selection = field(default_factory=Selection)
    example: str = ""
    guide: Guide | None = None
    habits: bool = True
    may_finish: bool = True


class ActorSession:
    """The actor during one episode.

    Args:
        llm: what decides.
        briefing: what it is told.
    """

    def __init__(self, llm: LLMBackend, briefing: Briefing) -> None:
        self._llm = llm
        self._briefing = briefing
        self._offered = _with_built_ins(briefing)
        self._schema = reply_schema(self._offered, citing=bool(briefing.memory.ids))
        self._tried: dict[tuple[str, str], int] = {}
        self._conversation = Conversation(self._system(), self._first())

    def check(self, action: Action, admissible: Sequence[Action]) -> Action:
        """The action, if it is one that may be done now.

        Raises:
            RefusedError: it is not; the message says what is.
        """
        if self._briefing.decision == "react":
            given = {"name": action.name, "params": action.params}
            read = read_action({"action": given}, self._offered)
            if self._is_recall(read):
                raise RefusedError(f"{RECALL!r} reads memory and is no action of the environment", read.name)
            return Action(read.name, read.params, action.thought, action.expected_delta, action.cited)
        if action.is_done or any(a.key == action.key for a in admissible):
            return action
        offer = ", ".join(a.command for a in admissible)
        raise RefusedError(f"{action.command!r} may not be done now; available: {offer}", action.command)

    # -- deciding ------------------------------------------------------------------------------------------
    async def propose(self, state: Snapshot, admissible: Sequence[Action]) -> Proposal:
        """Ask for the next action.

        Args:
            state: where the agent is.
            admissible: what may be done now; used by ``choice`` only.

        Raises:
            ModelError: the model could not answer.
            EnvironmentFailure: in ``choice``, nothing may be done.
        """
        if self._briefing.decision == "choice":
            return await self._choose(state, admissible)
        return await self._write()

    async def _write(self) -> Proposal:
        try:
            reply = object_in(
                await _answer(
                    self._llm.agenerate_structured(
                        self._conversation.messages(),
                        self._schema,
                        temperature=0.3,
                        max_tokens=self._llm.reply_tokens,
                    )
                )
            )
        except ModelOutputError as e:
            found = salvage(e)
            if found is None:
                return Proposal(refused=str(e), proposal=e.raw[:200], reply=e.raw[:500])
            reply = found
        text = _as_json(reply)
        try:
            action = read_action(reply, self._offered)
        except RefusedError as e:
            return Proposal(refused=str(e), proposal=e.proposal, reply=text)
        if self._is_recall(action):
            return self._recall(str(action.params.get("id", "")), text)
        return Proposal(action=action, reply=text)

    def _is_recall(self, action: Action) -> bool:
        """Whether it is the built-in action, and not one of that name that an environment offers freely."""
        return action.name == RECALL and self._offered is not None and RECALL in self._offered

    def _recall(self, wanted: str, reply: str) -> Proposal:
        found = any(h.id == wanted for h in self._briefing.memory.procedural)
        return Proposal(recalled=wanted or "?", found=found, reply=reply)

    async def _choose(self, state: Snapshot, admissible: Sequence[Action]) -> Proposal:
        options = list(admissible)
        if self._briefing.may_finish:
            options.append(Action(DONE))
        if not options:
            raise EnvironmentFailure(
                "the environment lists no admissible action in a state that it does not call terminal"
            )
        guide = self._briefing.guide
        if guide is None or not guide.knows_something:
            options = self._least_tried(state, options)
        else:
            options, practised = guide.shortlist(options)
            if len(options) == 1 and self._briefing.habits:
                source = "habit" if practised else "explore"
                return Proposal(action=options[0], source=source, reply=options[0].command)
        texts = [a.command for a in options]
        offer = "You can: " + " | ".join(texts)
        choice: Any = await _answer(self._llm.achoose(self._conversation.messages(offer), texts))
        if not isinstance(choice, Choice) or choice.index not in range(len(options)):
            raise ModelOutputError(
                f"the model must give a Choice of one of {len(options)} options, got {choice!r:.80}"
            )
        return Proposal(action=options[choice.index], reply=choice.option)

    def _least_tried(self, state: Snapshot, options: list[Action]) -> list[Action]:
        """Without a value memory: do not repeat in the very same state while something else is left to try."""
        counts = [self._tried.get((state.fingerprint, a.key), 0) for a in options]
        fewest = min(counts)
        return [a for a, n in zip(options, counts, strict=True) if n == fewest]

    # -- taking in what happened ---------------------------------------------------------------------------
    def refuse(self, reply: str, reason: str) -> None:
        """Tell the actor that its proposal was not carried out."""
        self._conversation.add(Turn(reply or "(no reply)", f"Not carried out: {reason}"))

    def recalled(self, proposal: Proposal) -> None:
        """Show the body of a procedural item."""
        item = next((h for h in self._briefing.memory.procedural if h.id == proposal.recalled), None)
        text = body(item) if item is not None else f"There is no item {proposal.recalled!r:.40} in the index."
        self._conversation.add(Turn(proposal.reply, text))

    def observe(
        self, before: Snapshot, action: Action, reply: str, after: Snapshot, error: str | None
    ) -> tuple[list[str], list[str]]:
        """Show what an action led to; returns the ids of its tool tips: those shown, and those withheld at random."""
        if self._briefing.decision == "choice":
            key = (before.fingerprint, action.key)
            self._tried[key] = self._tried.get(key, 0) + 1
        if error is not None:
            text = f"The action failed: {error:.500}"
        elif after.fingerprint == before.fingerprint:
            text = "Nothing changed."
        else:
            text = shorten(after.describe())
        memory = self._briefing.memory
        about = _tips_for(action, memory)
        tips = [h for h in about if h.id not in memory.withheld]
        if tips:
            text += "\n" + "\n".join(tip_line(h) for h in tips)
        self._conversation.add(Turn(reply, text, action))
        withheld = [h.id for h in about if h.id in memory.withheld and h.id in memory.propensities]
        return [h.id for h in tips], withheld

    def compact(self) -> int:
        """Shorten the conversation if it has outgrown its bound; returns the number of turns left out."""
        return self._conversation.compact()

    # -- prompts -------------------------------------------------------------------------------------------
    def _system(self) -> str:
        if self._briefing.decision == "choice":
            return CHOICE_PROMPT
        return REACT_PROMPT.format(actions=_action_list(self._offered))

    def _first(self) -> str:
        told = self._briefing
        parts = [f"Purpose: {told.purpose}"]
        if told.task and told.task != told.purpose:
            parts.append(f"Task: {told.task}")
        block = memory_block(told.memory, inline_procedures=told.decision == "choice")
        if block:
            parts.append(block)
        if told.example:
            parts.append(told.example)
        parts.append(f"State:\n{shorten(told.state.describe())}")
        return "\n\n".join(parts)


class Actor:
    """Decides actions.

    Args:
        llm: the model that decides.
        available_actions: names and descriptions; None for any action. DONE is always available.
        history_window: how many entries of a caller's history are shown.
        strategic_memory: lessons for the prompt's prefix.
        procedural_memory: procedures, shown as an index.
        tool_memory: action name to tip.

    Raises:
        UsageError: ``available_actions`` is not a dict of names.
    """

    def __init__(
        self,
        llm: LLMBackend,
        available_actions: dict[str, str] | None = None,
        history_window: int = 5,
        strategic_memory: list[Heuristic] | None = None,
        procedural_memory: list[Heuristic] | None = None,
        tool_memory: dict[str, str] | None = None,
    ) -> None:
        check_offered(available_actions)
        self.llm = llm
        self.available_actions = available_actions
        self.history_window = history_window
        self.strategic_memory = list(strategic_memory or [])
        self.procedural_memory = list(procedural_memory or [])
        self.tool_memory = dict(tool_memory or {})

    def decide(
        self, purpose: str, current_state: State, history: list[dict[str, Any]] | None = None
    ) -> Action:
        """One decision outside of a run.

        Args:
            purpose: the goal.
            current_state: where the agent is.
            history: what was done before: dicts with ``action``, ``result`` and ``score``.

        Raises:
            UsageError: an argument is wrong.
            ModelError: the model could not answer, or named no available action `MAX_REFUSALS` times.
        """
        return run_sync(self.adecide(purpose, current_state, history))

    async def adecide(
        self, purpose: str, current_state: State, history: list[dict[str, Any]] | None = None
    ) -> Action:
        """`decide` for async callers."""
        _check_situation(purpose, current_state, history)
        tools = {
            name: (Heuristic(name, tip, [], MemoryTier.TOOL, id=f"tip:{name}"),)
            for name, tip in self.tool_memory.items()
        }
        memory = Selection(tuple(self.strategic_memory), tuple(self.procedural_memory), tools)
        state = current_state.snapshot()
        # outside of a run no observation will bring the tips, so they come at once
        tips = [tip_line(h) for items in tools.values() for h in items]
        past = "\n".join([*tips, _history_text(history or [], self.history_window)]).strip()
        session = ActorSession(
            self.llm,
            Briefing(purpose, "", state, offered=self.available_actions, memory=memory, example=past),
        )
        for _ in range(MAX_REFUSALS + MAX_RECALLS):
            proposal = await session.propose(state, [])
            if proposal.action is not None:
                return proposal.action
            if proposal.recalled:
                session.recalled(proposal)
            else:
                session.refuse(proposal.reply, proposal.refused)
        raise ModelOutputError(f"the actor named no available action in {MAX_REFUSALS} tries")

    def update_strategic_memory(self, heuristics: list[Heuristic]) -> None:
        """Replace the strategic lessons."""
        self.strategic_memory = [h for h in heuristics if h.tier == MemoryTier.STRATEGIC]

    def update_procedural_memory(self, heuristics: list[Heuristic]) -> None:
        """Replace the procedures."""
        self.procedural_memory = [h for h in heuristics if h.tier == MemoryTier.PROCEDURAL]

    def update_tool_memory(self, tips: dict[str, str]) -> None:
        """Replace the tool tips: action name to tip."""
        self.tool_memory = dict(tips)


def _check_situation(purpose: Any, state: Any, history: Any) -> None:
    """Refuse what `Actor.decide` cannot go by.

    Raises:
        UsageError: naming the value and the remedy.
    """
    if not isinstance(purpose, str):
        raise UsageError(f"purpose must be a str, got {type(purpose).__name__}: {purpose!r:.80}")
    if not isinstance(state, State):
        raise UsageError(
            f"current_state must be a State, got {type(state).__name__}: {state!r:.80}; wrap a dict as State(data)"
        )
    entries: Any = history or []
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):  # pyright: ignore[reportUnknownVariableType]
        raise UsageError(
            f"history must be a list of dicts with action, result and score, got {history!r:.80}"
        )


def _as_json(reply: dict[str, Any]) -> str:
    try:
        return json_text(reply)
    except (TypeError, ValueError):  # a scripted reply may hold anything
        return json_text(plain_copy(reply))


async def _answer(call: Awaitable[T]) -> T:
    """A model's answer; whatever else a stranger's backend raises is an outage of the model."""
    try:
        return await call
    except PurposeAgentError:
        raise
    except Exception as e:
        raise ModelUnavailableError(f"the model failed: {describe_error(e)}") from e


def _with_built_ins(briefing: Briefing) -> dict[str, str] | None:
    """The offered actions with DONE, and with ``recall`` where there is something to recall."""
    if briefing.offered is None:
        return None
    offered = {name: text for name, text in briefing.offered.items() if name.upper() != DONE}
    if briefing.memory.procedural:
        offered[RECALL] = 'Read the steps of a procedure; params {"id": ...}. Costs no step'
    offered[DONE] = DONE_DESCRIPTION
    return offered


def _action_list(offered: Mapping[str, str] | None) -> str:
    if offered is None:
        return "Any action that fits; give it a short name and its params."
    return "\n".join(f"- {name}: {text}" for name, text in offered.items())


def _tips_for(action: Action, memory: Selection) -> list[Heuristic]:
    """Tips about this action: by its name, or by the first word of a command."""
    verb = action.name.split(" ", 1)[0]
    return [*memory.tool.get(action.name, ()), *(memory.tool.get(verb, ()) if verb != action.name else ())]


def _history_text(history: list[dict[str, Any]], window: int) -> str:
    recent = history[-window:] if window > 0 else []
    first = len(history) - len(recent) + 1
    lines = [
        f"{number}. {entry.get('action', '?')} -> {str(entry.get('result', ''))[:300]} ({entry.get('score', 'N/A')})"
        for number, entry in enumerate(recent, first)
    ]
    return "What was done so far:\n" + "\n".join(lines) if lines else ""
