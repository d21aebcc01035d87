"""Plugin registries: names for backends, environments, distillers and callbacks.

Other packages add to them through entry points of the group ``purpose_agent.<kind>``; those are looked up when a
name is asked for, and loaded when it is created.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from purpose_agent.errors import PurposeAgentError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Factory = Callable[..., Any]
"""A class, or a function that makes the thing."""


class PluginError(PurposeAgentError):
    """An installed plugin cannot be loaded."""


class PluginRegistry:
    """Named factories of one kind.

    Args:
        kind: what they make; entry points are looked up in the group ``purpose_agent.<kind>``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, tuple[Factory, dict[str, Any]]] = {}
        self._discovered: dict[str, EntryPoint] | None = None

    def register(
        self, name: str, cls_or_factory: Factory, *, replace: bool = False, **metadata: Any
    ) -> PluginRegistry:
        """Add a factory under a name.

        Args:
            name: not taken yet, unless ``replace``.
            cls_or_factory: called with the keyword arguments of `create`.
            replace: whether an older registration of the name may be replaced.
            metadata: shown by `list`; ``description`` is displayed by the command line.

        Raises:
            UsageError: the name is empty or taken, or the factory cannot be called.
        """
        given: Any = name
        if not isinstance(given, str) or not given:
            raise UsageError(f"a {self.kind} needs a name, got {given!r}")
        if not callable(cls_or_factory):
            raise UsageError(f"{self.kind} {name!r} needs a class or a function, got {cls_or_factory!r:.100}")
        if name in self._entries and not replace:
            raise UsageError(f"{self.kind} {name!r} is registered already; pass replace=True to replace it")
        self._entries[name] = (cls_or_factory, metadata)
        return self

    def create(self, name: str, **kwargs: Any) -> Any:
        """What the factory of that name makes of the keyword arguments.

        Raises:
            UsageError: nothing of that name (the message lists the names there are), or an argument that the
                factory does not take.
            PluginError: the plugin of that name cannot be loaded.
        """
        factory = self.get_class(name)
        if factory is None:
            known = ", ".join(self.names()) or "none"
            raise UsageError(f"unknown {self.kind} {name!r}; known: {known}")
        self._check_arguments(name, factory, kwargs)
        return factory(**kwargs)

    def _check_arguments(self, name: str, factory: Factory, kwargs: dict[str, Any]) -> None:
        try:
            signature = inspect.signature(factory)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(**kwargs)
        except TypeError as error:
            raise UsageError(f"{self.kind} {name!r} takes {signature}: {error}") from None

    def get_class(self, name: str) -> Factory | None:
        """The factory of that name, or None.

        Raises:
            PluginError: the plugin of that name cannot be loaded.
        """
        if name in self._entries:
            return self._entries[name][0]
        entry = self._plugins().get(name)
        if entry is None:
            return None
        try:
            factory = entry.load()
        except Exception as error:  # a plugin may fail in any way; it is named and the rest goes on
            raise PluginError(
                f"the plugin {name!r} ({entry.value}) in {self._group} cannot be loaded: "
                f"{type(error).__name__}: {error}; repair or uninstall it"
            ) from error
        if not callable(factory):
            raise PluginError(
                f"the plugin {name!r} ({entry.value}) in {self._group} is not a class or a function"
            )
        self._entries[name] = (factory, {"plugin": entry.value})
        return factory

    def names(self) -> builtins.list[str]:
        """All names, sorted."""
        return sorted({*self._entries, *self._plugins()})

    def list(self) -> builtins.list[dict[str, Any]]:
        """One dict for each name, sorted: ``name`` and its metadata. Plugins are listed without loading them."""
        plugins = self._plugins()
        return [
            {
                "name": name,
                **(self._entries[name][1] if name in self._entries else {"plugin": plugins[name].value}),
            }
            for name in self.names()
        ]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._plugins()

    def __repr__(self) -> str:
        return f"PluginRegistry({self.kind!r}: {', '.join(self._entries) or 'empty'})"

    @property
    def _group(self) -> str:
        return f"purpose_agent.{self.kind}"

    def _plugins(self) -> dict[str, EntryPoint]:
        if self._discovered is None:
            from importlib.metadata import entry_points

            self._discovered = {entry.name: entry for entry in entry_points(group=self._group)}
        return self._discovered


backend_registry = PluginRegistry("backend")
"""Model backends, by the first part of their spec. A factory gets the rest of the spec as ``rest``, where there is
one, and ``api_key``, where one was given."""

environment_registry = PluginRegistry("environment")
"""Environments, by the first part of their spec."""

distiller_registry = PluginRegistry("distiller")
"""Distillers: what turns episodes into proposed lessons."""

callback_registry = PluginRegistry("callback")
"""Callbacks: what is told about the events of a run."""
