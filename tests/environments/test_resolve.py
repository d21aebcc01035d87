"""Specifications of environments."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.environment import SimpleEnvironment
from purpose_agent.environments import list_environments, parse_settings, resolve_environment
from purpose_agent.environments.textworld import TextWorldEnvironment
from purpose_agent.errors import MissingDependencyError, UsageError
from purpose_agent.registry import environment_registry

OWN = """
from purpose_agent.environment import SimpleEnvironment
from purpose_agent.types import State

def make(start=0, name="x"):
    world = SimpleEnvironment(lambda action, state: state, State({"start": start}))
    world.name = name
    return world

def fail():
    raise RuntimeError("no luck")

def nothing():
    return 3

class World(SimpleEnvironment):
    def __init__(self):
        super().__init__(lambda action, state: state)

class Nested:
    World = World

here = make(7)
number = 5
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own_world.py").write_text(OWN)
    (tmp_path / "broken_world.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield "own_world"
    assert sys.path == before
    for name in ("own_world", "broken_world"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("a=1", {"a": 1}),
        ("a=-1, b = 2.5,c=1e3", {"a": -1, "b": 2.5, "c": 1000.0}),
        ("a=true,b=False", {"a": True, "b": False}),
        ("a=dev,b=nan,c=1_000,d=", {"a": "dev", "b": "nan", "c": "1_000", "d": ""}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_values_are_numbers_truth_values_or_text(text: str, settings: dict[str, Any]) -> None:
    parsed = parse_settings(text)
    assert parsed == settings
    assert list(map(type, parsed.values())) == list(map(type, settings.values()))


@given(st.text(alphabet="ab1.=,: -e"))
def test_any_text_is_either_settings_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert all(name.isidentifier() for name in parse_settings(text))


def test_a_registered_environment_with_settings() -> None:
    world = resolve_environment("textworld:game=twc,fold=dev,numLocations=1,includeDoors=true")
    assert isinstance(world, TextWorldEnvironment)
    assert (world.game, world.fold, world.parameters["includeDoors"]) == ("twc", "dev", 1)


def test_an_environment_knows_the_specification_that_makes_it_again() -> None:
    world: Any = resolve_environment("textworld:preset=cookingworld-hard,max_steps=40")
    again: Any = resolve_environment(world.spec)
    assert again.spec == world.spec
    assert again.max_steps == 40


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("", "is text such as 'textworld:preset=twc', got ''"),
        (None, "got None"),
        ("textwrld", "did you mean 'textworld'?"),
        ("textwrld:game=twc", "did you mean 'textworld'?"),
        ("textworld", "needs either game="),
        ("textworld:gam=twc", "and gam='twc'"),
        ("textworld:game=twc,preset=twc", "needs either game="),
        ("textworld:game=zork", "'zork' is not a game"),
        ("textworld:twc", "'twc' in 'textworld:twc' is not key=value"),
        ("textworld:game=twc,game=coin", "'game' is given twice"),
        ("textworld:game=twc,numLocations=many", "numLocations must be a whole number, got 'many'"),
        ("no_such_module:make", "neither a known environment (scienceworld, textcraft, textworld"),
        ("own_world:nope", "'nope' in 'own_world:nope' is not in the module"),
        ("own_world:make:stop=3", "the factory takes (start=0, name='x')"),
        ("own_world:fail", "the factory failed: RuntimeError: no luck"),
        ("own_world:nothing", "made 3, which has no execute"),
        ("own_world:number", "names 5, which is neither"),
        ("own_world:here:start=1", "takes no settings"),
        ("broken_world:make", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ],
)
@pytest.mark.usefixtures("own_module")
def test_a_wrong_specification_is_explained(spec: Any, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_environment(spec)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("target", "start"),
    [("make", 0), ("make:start=3,name=y", 3), ("here", 7), ("World", None), ("Nested.World", None)],
)
def test_an_environment_of_ones_own(own_module: str, target: str, start: int | None) -> None:
    world = resolve_environment(f"{own_module}:{target}")
    assert isinstance(world, SimpleEnvironment)
    assert world.reset().data.get("start") == start


def test_a_registered_name_wins_and_its_factory_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_registry, "_entries", dict(environment_registry._entries))

    def fail(size: int = 1) -> SimpleEnvironment:
        if size > 1:
            raise OSError("too large")
        return SimpleEnvironment(lambda action, state: state)

    environment_registry.register("tiny", fail, description="a tiny world")
    assert isinstance(resolve_environment("tiny"), SimpleEnvironment)
    with pytest.raises(UsageError, match="'tiny:size=2': the factory failed: OSError: too large"):
        resolve_environment("tiny:size=2")
    with pytest.raises(UsageError, match="colour"):
        resolve_environment("tiny:colour=red")
    assert [e.name for e in list_environments()] == sorted(e.name for e in list_environments())
    assert next(e for e in list_environments() if e.name == "tiny").description == "a tiny world"


def test_the_list_says_what_each_is_and_what_it_takes() -> None:
    info = next(e for e in list_environments() if e.name == "textworld")
    assert info.extra == "textworld"
    assert info.installed
    assert info.parameters["numLocations"].startswith("how many rooms there are; cookingworld: 1 to 11")


def test_without_the_extra_it_is_listed_and_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "textworld_express" else found(name, *a)
    )
    assert not next(e for e in list_environments() if e.name == "textworld").installed
    with pytest.raises(MissingDependencyError, match=r"pip install 'purpose-agent\[textworld\]'"):
        resolve_environment("textworld:preset=twc")
    with pytest.raises(UsageError, match="zork"):
        resolve_environment("textworld:game=zork")
