"""From the command line's words to an orchestrator that is ready to run, every mistake found before any work."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from purpose_agent.errors import MissingDependencyError, UsageError, describe_error
from purpose_agent.limits import Limits

if TYPE_CHECKING:
    from purpose_agent.environment import Environment
    from purpose_agent.llm_backend.base import LLMBackend
    from purpose_agent.orchestrator import Orchestrator
    from purpose_agent.store.base import Store

_NEEDED = {
    "local": ("xllamacpp", "local"),
    "gguf": ("xllamacpp", "local"),
    "hf": ("huggingface_hub", "hf"),
}
"""Kind of model to the package it needs and the extra that holds it."""

MAX_STEPS = 20
"""Of an episode where neither the command nor the environment says."""


@dataclass(frozen=True)
class Assembly:
    """What an orchestrator is made of.

    Attributes:
        environment: spec.
        model: spec.
        critic: spec, None for the acting model.
        store: ``--store`` as it was given.
        learning: whether episodes teach.
        decision: how the actor decides.
        limits: of each run.
        lessons: who writes them: ``rules`` alone, the ``model`` too, or ``auto``.
    """

    environment: str
    model: str
    critic: str | None = None
    store: str | None = None
    learning: bool = True
    decision: Literal["auto", "react", "choice"] = "auto"
    limits: Limits = field(default_factory=Limits)
    lessons: Literal["auto", "rules", "model"] = "auto"


@contextlib.contextmanager
def assembled(
    parts: Assembly, store: Store | None = None, *, check: Callable[[Environment], None] = lambda _: None
) -> Generator[tuple[Environment, Orchestrator]]:
    """The environment and an orchestrator for it; both are closed at the end.

    Args:
        parts: what to make it of.
        store: the store when it is open already; it stays open.
        check: raises when the environment will not do; the store is not made then.

    Raises:
        PurposeAgentError: a part cannot be had; nothing was started, and no store was made.
    """
    from purpose_agent.environments import resolve_environment
    from purpose_agent.orchestrator import Orchestrator, choose_decision

    with contextlib.ExitStack() as stack:
        world = resolve_environment(parts.environment)
        stack.callback(_close, world)
        _remember_spec(world, parts.environment)
        model = _model(parts.model)
        stack.callback(model.close)
        critic = None if parts.critic is None else _model(parts.critic)
        if critic is not None:
            stack.callback(critic.close)
        choose_decision(parts.decision, world)
        check(world)
        for spec in (parts.model, parts.critic):
            _make_ready(spec)
        if store is None:
            store = _opened(parts.store)
            stack.callback(store.close)
        orchestrator = stack.enter_context(
            Orchestrator(
                model,
                world,
                critic_llm=critic,
                decision=parts.decision,
                learning=parts.learning,
                limits=parts.limits,
                store=store,
                distillers=_distillers(parts),
            )
        )
        orchestrator.runner.model = _public(parts.model)
        yield world, orchestrator


def steps_allowed(world: Environment, given: int | None) -> int:
    """``--max-steps``, else where the environment ends on its own, else `MAX_STEPS`."""
    from purpose_agent.environment_host import EnvironmentHost

    return given or EnvironmentHost(world).max_steps or MAX_STEPS


def purpose_of(world: Any, given: str | None, seed: int, spec: str) -> str:
    """``--purpose``, else what the environment says the episode of this seed is for.

    It may have a method ``purpose_for(seed)`` or an attribute ``purpose``.

    Raises:
        UsageError: nobody says.
    """
    if given is not None:
        return given
    asked = getattr(world, "purpose_for", None)
    purpose = asked(seed) if callable(asked) else getattr(world, "purpose", None)
    if isinstance(purpose, str) and purpose.strip():
        return purpose
    raise UsageError(
        f"the environment {spec!r} does not say what is to be achieved; add --purpose 'what the agent should achieve'"
    )


def check_seeds(world: Any, seeds: range) -> None:
    """Refuse seeds that the environment does not have, where it says which it has (``seeds``).

    Raises:
        UsageError: naming the seeds it has.
    """
    known = getattr(world, "seeds", None)
    if not isinstance(known, range) or not known:
        return
    bad = next((seed for seed in (seeds[0], seeds[-1]) if seed not in known), None)
    if bad is not None:
        raise UsageError(
            f"seed {bad} is not one of this environment's: it has {known[0]} to {known[-1]}; "
            "choose another --seed or fewer --episodes"
        )


def _opened(given: str | None) -> Store:
    from purpose_agent.cli.store_place import open_for_writing

    return open_for_writing(given)


def _model(spec: str) -> LLMBackend:
    from purpose_agent.llm_backend import resolve_backend

    model = resolve_backend(spec)
    path = getattr(model, "model_path", None)
    if spec.startswith("gguf:") and path is not None and not os.path.isfile(path):
        raise UsageError(f"there is no file {str(path)!r} (from {spec!r}); give the path of a GGUF file")
    return model


def _make_ready(spec: str | None) -> None:
    """Look for the extra it needs, and fetch the embedded model with a bar, now and not in the middle of an episode."""
    kind = "" if spec is None else spec.strip().partition(":")[0]
    if kind not in _NEEDED:
        return
    from importlib.util import find_spec

    package, extra = _NEEDED[kind]
    if find_spec(package) is None:
        raise MissingDependencyError(package, extra)
    if kind == "local":
        from purpose_agent.llm_backend import embedded_model

        embedded_model.fetch()


def _distillers(parts: Assembly) -> list[str] | None:
    """The names of those that write lessons; None for all.

    Unless the model is asked for by name, the embedded one writes none: its lessons are not worth the minutes they
    take.
    """
    from purpose_agent.memory.distillers.catalogue import DEFAULT_DISTILLERS

    if parts.lessons == "model" or (parts.lessons == "auto" and parts.model.strip() != "local"):
        return None
    return [name for name in DEFAULT_DISTILLERS if name != "llm"]


def _remember_spec(world: Any, spec: str) -> None:
    """Let the journal say how to make the environment again, where it does not say so itself."""
    if not getattr(world, "spec", None):
        with contextlib.suppress(Exception):  # an object that takes no attributes is journalled by its class
            world.spec = spec


def _public(spec: str) -> str:
    """The spec without a password in its address."""
    return re.sub(r"//[^/@\s]*@", "//", spec)


def _close(world: Any) -> None:
    """Close the environment; that it fails to close changes nothing in what was done."""
    import asyncio

    from purpose_agent.cli.plain_text import one_line
    from purpose_agent.cli.screen import notes
    from purpose_agent.environment_host import EnvironmentHost

    try:
        asyncio.run(EnvironmentHost(world).close())
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # a stranger's close may fail in any way
        notes().line(f"note: the environment did not close cleanly: {one_line(describe_error(error), 200)}")
