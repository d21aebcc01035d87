"""The distillers that ship, by name. Other packages add theirs to the `distiller_registry`."""

from __future__ import annotations

import inspect
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory.distillers.base import Distiller
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.registry import distiller_registry
from purpose_agent.store.base import Store

DEFAULT_DISTILLERS = ("shortest_path", "divergence", "dead_ends", "value_tips", "llm")
"""Used where nothing else is said; those that need no model first."""


def make_distiller(
    name: str, *, llm: LLMBackend, store: Store, min_gain: float = 1.0, values: ValueLearner | None = None
) -> Distiller:
    """The distiller of that name; its factory is called with those of the other arguments that it has parameters for.

    Args:
        name: one that the `distiller_registry` knows.
        llm: for those that need a model.
        store: for those that compare with earlier episodes.
        values: for those that read the value memory; default: one over ``store``.
        min_gain: how much a failed episode must have raised Φ to be worth a model call.

    Raises:
        UsageError: nothing of that name (the message lists the names there are), or what it makes is no distiller.
    """
    factory = distiller_registry.get_class(name)
    taken = _parameters(factory) if factory is not None else frozenset[str]()
    if values is None and "values" in taken:
        values = ValueLearner(store)
    offered: dict[str, Any] = {"llm": llm, "store": store, "min_gain": min_gain, "values": values}
    made = distiller_registry.create(name, **{key: value for key, value in offered.items() if key in taken})
    if not isinstance(made, Distiller):
        raise UsageError(f"distiller {name!r} made {made!r:.80}, which has no name or no distill method")
    return made


def _parameters(factory: Any) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(factory).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _shortest_path() -> Distiller:
    from purpose_agent.memory.distillers.shortest_path import ShortestPathDistiller

    return ShortestPathDistiller()


def _divergence(store: Store) -> Distiller:
    from purpose_agent.memory.distillers.divergence import DivergenceDistiller

    return DivergenceDistiller(store)


def _dead_ends() -> Distiller:
    from purpose_agent.memory.distillers.dead_ends import DeadEndDistiller

    return DeadEndDistiller()


def _value_tips(values: ValueLearner) -> Distiller:
    from purpose_agent.memory.distillers.value_tips import ValueTipDistiller

    return ValueTipDistiller(values)


def _llm(llm: LLMBackend, min_gain: float = 1.0) -> Distiller:
    from purpose_agent.memory.distillers.llm import LLMDistiller

    return LLMDistiller(llm, min_gain)


for _name, _factory, _description in (
    ("shortest_path", _shortest_path, "the shortest action sequence of a success, its arguments abstracted"),
    ("divergence", _divergence, "where a failed and a successful attempt at the same task parted"),
    ("dead_ends", _dead_ends, "actions that failed or changed nothing again and again"),
    ("value_tips", _value_tips, "what the value memory learned to do and to avoid, as tips"),
    ("llm", _llm, "insights that a model draws from an episode"),
):
    distiller_registry.register(_name, _factory, description=_description)
