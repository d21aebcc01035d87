"""From actions with their arguments to steps with variables, so that a procedure fits other objects too.

An action is read as a form with slots: the params of a call, or the objects of a command ("take *coin* from
*table*"). A slot becomes a variable such as ``<x>`` when its value belongs to the task and not to the world.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from purpose_agent.freeze import plain_copy
from purpose_agent.memory.action_template import parse_action, words
from purpose_agent.types import Action

MAX_LITERAL_CHARS = 60
"""A longer value of a param is content of this one task."""

_CALL = re.compile(r"(?P<name>[^(]*)\((?P<params>\{.*\})\)", re.DOTALL)
_VARIABLE = re.compile(r"<[a-z][a-z0-9_]*>")
_QUOTED = re.compile(r"\"[^\"\n<]{1,200}\"|“[^”\n<]{1,200}”|(?<!\w)'[^'\n<]{1,200}'(?!\w)")
_NUMBER = re.compile(r"(?<![\w<])\d+(?:[.,:]\d+)*(?![\w>])")
_BETWEEN = r"\W+(?:(?:an?|the|some)\W+)*"
_LETTERS = "xyzuvw"


@dataclass(frozen=True)
class Slot:
    """A value in an action.

    Attributes:
        value: as plain text; ``<name>`` where it is a variable already.
        text: as it is written in the action.
        label: what to call it: the param's name, empty in a command.
    """

    value: str
    text: str
    label: str = ""

    @property
    def is_variable(self) -> bool:
        """Whether the value is a variable already."""
        return _VARIABLE.fullmatch(self.value) is not None

    def write(self, variable: str | None) -> str:
        """The slot's text, or the variable in its place."""
        if variable is None:
            return self.text
        return f'"<{variable}>"' if self.label else f"<{variable}>"


@dataclass(frozen=True)
class Call:
    """An action as fixed text with slots in between.

    Attributes:
        form: equal for actions that differ in the values of their slots only.
        pieces: the fixed text before, between and after the slots.
        slots: in order.
    """

    form: str
    pieces: tuple[str, ...]
    slots: tuple[Slot, ...]

    def write(self, variables: Sequence[str | None]) -> str:
        """The action with a variable, or its own text for None, in each slot."""
        filled = [
            piece + slot.write(name)
            for piece, slot, name in zip(self.pieces, self.slots, variables, strict=False)
        ]
        return "".join((*filled, self.pieces[-1]))


class Variables:
    """Names for values: the same value always has the same name."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}

    def name(self, value: Any, label: str) -> str:
        """The variable that stands for ``value``, called ``label`` if that is free."""
        if value not in self._names:
            taken = set(self._names.values())
            base = re.sub(r"\W+", "_", label.lower(), flags=re.ASCII).strip("_0123456789")[:20]
            names = [base] if base else list(_LETTERS)
            names += [f"{base or 'x'}{n}" for n in range(2, len(taken) + 10)]
            self._names[value] = next(name for name in names if name not in taken)
        return self._names[value]

    def items(self) -> list[tuple[Any, str]]:
        """(value, name) in order of naming."""
        return list(self._names.items())


def read_call(action: Action) -> Call:
    """The action as a form with slots; total."""
    if action.params:
        return _read_params(action)
    return _read_command(action.name)


def read_step(text: str) -> Call:
    """A written step, with variables or without, as a form with slots."""
    found = _CALL.fullmatch(text)
    if found is not None:
        try:
            params: Any = json.loads(found["params"])
        except (ValueError, RecursionError):
            params = None
        if isinstance(params, dict) and params:
            return _read_params(Action(found["name"], params))  # pyright: ignore[reportUnknownArgumentType]
    return _read_command(text)


def occurs_in(value: str, text_words: Sequence[str]) -> bool:
    """Whether the words of ``value`` occur one after the other in a text, given as its words."""
    wanted = words(value)
    if not wanted or len(wanted) > 12:
        return False
    n = len(wanted)
    return any(list(text_words[i : i + n]) == wanted for i in range(len(text_words) - n + 1))


def abstract_text(text: str, variables: Variables) -> str:
    """A task's text with variables in place of their values, of quotations and of numbers; one line."""
    named = [(str(value), name) for value, name in variables.items()]
    for value, name in sorted(named, key=lambda pair: -len(pair[0])):
        parts = [re.escape(word) for word in words(value)]
        if parts:
            pattern = rf"(?<![\w<]){_BETWEEN.join(parts)}(?![\w>])"
            text = re.sub(pattern, f"<{name}>", text, flags=re.IGNORECASE)
    text = _NUMBER.sub("<n>", _QUOTED.sub("<text>", text))
    return " ".join(text.split())


def _read_command(text: str) -> Call:
    parsed = parse_action(text)
    pieces: list[str] = []
    slots: list[Slot] = []
    end = 0
    for argument in parsed.arguments:
        pattern = rf"<?\b{_BETWEEN.join(map(re.escape, argument.split()))}\b>?"
        found = re.compile(pattern, re.IGNORECASE).search(text, end)
        if found is None:
            return Call(text, (text,), ())
        pieces.append(text[end : found.start()])
        slots.append(Slot(found[0].lower(), found[0]))
        end = found.end()
    return Call(parsed.template, (*pieces, text[end:]), tuple(slots))


def _read_params(action: Action) -> Call:
    pieces: list[str] = [f"{action.name}("]
    slots: list[Slot] = []
    _walk(plain_copy(action.params), "", pieces, slots)
    pieces[-1] += ")"
    return Call("*".join(pieces), tuple(pieces), tuple(slots))


def _walk(value: Any, label: str, pieces: list[str], slots: list[Slot]) -> None:
    """Append the JSON text of ``value`` to the last piece, a new slot for each text and number in it."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        for n, (key, item) in enumerate(items.items()):
            pieces[-1] += f"{', ' if n else '{'}{json.dumps(key, ensure_ascii=False)}: "
            _walk(item, key, pieces, slots)
        pieces[-1] += "}" if items else "{}"
    elif isinstance(value, list):
        elements = cast("list[Any]", value)
        for n, item in enumerate(elements):
            pieces[-1] += ", " if n else "["
            _walk(item, label, pieces, slots)
        pieces[-1] += "]" if elements else "[]"
    elif isinstance(value, bool) or value is None:
        pieces[-1] += json.dumps(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
        slots.append(Slot(value if isinstance(value, str) else text, text, label or "value"))
        pieces.append("")
