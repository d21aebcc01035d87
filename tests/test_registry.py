"""Plugin registries."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import Any

import pytest

from purpose_agent.errors import UsageError
from purpose_agent.registry import (
    PluginError,
    PluginRegistry,
    backend_registry,
    callback_registry,
    distiller_registry,
    environment_registry,
)


class Thing:
    def __init__(self, size: int = 1) -> None:
        self.size = size


def test_what_is_registered_can_be_created() -> None:
    registry = PluginRegistry("thing").register("a", Thing).register("b", lambda: "made")
    assert registry.create("a", size=3).size == 3
    assert registry.create("b") == "made"
    assert registry.get_class("a") is Thing
    assert registry.get_class("none") is None
    assert "a" in registry
    assert "none" not in registry


def test_names_and_metadata_are_listed_in_order() -> None:
    registry = PluginRegistry("thing").register("b", Thing, description="second").register("a", Thing)
    assert registry.names() == ["a", "b"]
    assert registry.list() == [{"name": "a"}, {"name": "b", "description": "second"}]


def test_an_unknown_name_lists_the_known_ones() -> None:
    registry = PluginRegistry("thing").register("a", Thing).register("b", Thing)
    with pytest.raises(ValueError, match=r"unknown thing 'c'; known: a, b"):
        registry.create("c")


def test_a_taken_name_is_an_error_unless_it_is_to_be_replaced() -> None:
    registry = PluginRegistry("thing").register("a", Thing)
    with pytest.raises(UsageError, match="'a' is registered already"):
        registry.register("a", dict)
    assert registry.register("a", dict, replace=True).get_class("a") is dict


@pytest.mark.parametrize(("name", "factory"), [("", Thing), (None, Thing), ("a", "Thing")])
def test_bad_registrations_are_refused(name: Any, factory: Any) -> None:
    with pytest.raises(UsageError):
        PluginRegistry("thing").register(name, factory)


def test_wrong_arguments_say_what_is_taken_and_errors_inside_pass_through() -> None:
    def broken() -> None:
        raise TypeError("inside")

    registry = PluginRegistry("thing").register("a", Thing).register("broken", broken)
    with pytest.raises(UsageError, match=r"takes .*size"):
        registry.create("a", colour="red")
    with pytest.raises(TypeError, match=r"^inside$"):
        registry.create("broken")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two installed plugins, one of them broken; returns the groups that were looked up."""
    asked: list[str] = []

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        asked.append(group)
        return [
            importlib.metadata.EntryPoint("good", "collections:Counter", group),
            importlib.metadata.EntryPoint("broken", "no_such_module:Thing", group),
            importlib.metadata.EntryPoint("odd", "sys:maxsize", group),
        ]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return asked


def test_entry_points_are_discovered_when_they_are_asked_for(plugins: list[str]) -> None:
    registry = PluginRegistry("thing").register("a", Thing)
    assert plugins == []
    assert registry.names() == ["a", "broken", "good", "odd"]
    assert registry.create("good") == {}
    assert plugins == ["purpose_agent.thing"]


def test_a_broken_plugin_disturbs_only_who_asks_for_it(plugins: list[str]) -> None:
    registry = PluginRegistry("thing")
    assert {"name": "broken", "plugin": "no_such_module:Thing"} in registry.list()
    registry.create("good")
    with pytest.raises(PluginError, match=r"'broken' \(no_such_module:Thing\).*No module named"):
        registry.create("broken")
    with pytest.raises(PluginError, match="not a class or a function"):
        registry.create("odd")


def test_what_is_registered_in_code_wins_over_a_plugin(plugins: list[str]) -> None:
    assert PluginRegistry("thing").register("good", Thing).get_class("good") is Thing


def test_there_is_one_registry_for_each_kind() -> None:
    kinds = [r.kind for r in (backend_registry, environment_registry, distiller_registry, callback_registry)]
    assert kinds == ["backend", "environment", "distiller", "callback"]


def test_what_ships_is_registered_by_importing_the_package_and_loaded_when_it_is_made() -> None:
    code = (
        "import sys, purpose_agent as p; print(*p.environment_registry.names()); print(*p.backend_registry.names()); "
        "print('purpose_agent.environments.textworld' in sys.modules, 'purpose_agent.llm_backend.local' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    environments, backends, loaded = out.splitlines()
    assert {"textworld", "scienceworld", "textcraft"} <= set(environments.split())
    assert {"mock", "local", "openai"} <= set(backends.split())
    assert loaded == "False False"


def test_a_name_of_what_ships_is_taken_and_the_error_comes_where_it_is_registered() -> None:
    code = (
        "import purpose_agent as p\n"
        "try: p.environment_registry.register('textworld', dict)\n"
        "except p.UsageError as e: print(e)\n"
        "p.environment_registry.register('textworld', dict, replace=True)\n"
        "import purpose_agent.environments; print(p.environment_registry.create('textworld'))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'textworld' is registered already; pass replace=True" in out
    assert out.splitlines()[-1] == "{}"
