"""The commands of ScienceWorld: how they are written, and which of them are worth offering."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from purpose_agent.errors import UsageError

LISTS = ("plain", "short", "all", "none")
"""The lists of admissible commands there are."""

_NEVER = frozenset({"reset task", "task"})
"""``reset task`` would undo the episode's goals, and the task is told anyway."""

_FORMS = (
    "look around",
    "look at {object}",
    "look in {object}",
    "inventory",
    "open {object}",
    "close {object}",
    "go to {object}",
    "teleport to {object}",
    "pick up {object}",
    "put down {object}",
    "move {object} to {to}",
    "pour {object} into {to}",
    "dunk {object} into {to}",
    "mix {object}",
    "use {object} on {to}",
    "connect {object} to {to}",
    "disconnect {object}",
    "activate {object}",
    "deactivate {object}",
    "eat {object}",
    "flush {object}",
    "read {object}",
    "focus on {object}",
    "wait",
    "wait1",
)

_MEANINGS = {
    "teleport to": "only with the simplification teleportAction",
    "mix": "mixes what a container holds",
    "focus on": "tells what the task is about; a wrong focus fails the task",
    "wait": "ten steps",
    "wait1": "one step",
}


def _verb(form: str) -> str:
    return form.partition("{")[0].strip()


def _slots(form: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", form)


_COMMANDS = {_verb(form): form for form in _FORMS}


_PATTERNS = [
    re.compile(re.sub(r"\{\w+\}", "(.+)", form))
    for verb, form in _COMMANDS.items()
    if _slots(form) and verb != "teleport to"  # which is about rooms out of reach
]
_DOOR = re.compile(r"\bdoor\b")
_TERMINAL = re.compile(r"\b(anode|cathode|terminal)\b")


def describe_commands() -> dict[str, str]:
    """The commands by name with their params, for an actor that writes them itself."""
    described: dict[str, str] = {}
    for verb, form in _COMMANDS.items():
        params = ", ".join(f'"{name}": ...' for name in _slots(form))
        said = [f"params {{{params}}}"] if params else []
        said += [_MEANINGS[verb]] if verb in _MEANINGS else []
        described[verb] = "; ".join(said) or "no params"
    return described


def command_text(name: str, params: Mapping[str, Any]) -> str:
    """The command that an action means: its name alone, or its name with its params.

    Raises:
        UsageError: the params do not fit the command.
    """
    if not params:
        return " ".join(name.split())
    form = _COMMANDS.get(name)
    if form is None:
        raise UsageError(
            f"{name!r} with params is not a command; give the whole command as the action's name, or one of "
            f"{', '.join(_COMMANDS)} with params"
        )
    slots = _slots(form)
    if set(params) != set(slots) or not all(isinstance(v, str) and v.strip() for v in params.values()):
        wanted = " and ".join(map(repr, slots)) or "no params"
        raise UsageError(f"{name!r} takes {wanted}, each the name of a thing; got {dict(params)!r:.120}")
    return " ".join(form.format(**params).split())


def check_verbs(given: object) -> tuple[str, ...]:
    """The verbs that are joined by ``+``, in a fixed order; none for all.

    Raises:
        UsageError: one is unknown.
    """
    if given in (None, "", "all"):
        return ()
    asked = [part.strip() for part in given.split("+")] if isinstance(given, str) else [given]
    for verb in asked:
        if verb not in _COMMANDS:
            raise UsageError(
                f"verbs={given!r}: {verb!r} is not a command; choose all, or some of {', '.join(_COMMANDS)}, "
                "joined by +"
            )
    return tuple(verb for verb in _COMMANDS if verb in asked)


def with_verbs(commands: Iterable[str], verbs: Sequence[str]) -> list[str]:
    """The commands with one of the verbs, the ways to other rooms, and the answers to a question; all without verbs."""
    kept = tuple(f"{verb} " for verb in (*verbs, "go to", "teleport to", "open door"))
    return [c for c in commands if not verbs or c.isdecimal() or f"{c} ".startswith(kept)]


def offered(commands: Iterable[str], names: Set[str], wanted: str) -> list[str]:
    """Those of the library's valid commands that a list offers, sorted.

    ``all`` leaves out what the library would not understand, because the thing is out of reach, and what is about the
    game itself. ``short`` also leaves out what an agent can do in another way or does not need: acting on itself, the
    air or the inventory as such; handling a thing that is not carried (pick it up first); connecting what has no
    terminals; dunking, eating, looking into things; and waiting for ten steps.

    ``plain``, about half of ``short``, also leaves out what is told anyway (looking at one thing, the inventory),
    what undoes another command or stirs (closing, mixing), and every command on a door or a room but opening it and
    going there, which is teleporting where that is possible.

    Args:
        commands: the library's list.
        names: all names of all things within reach, in small letters and without articles.
        wanted: ``all``, ``short`` or ``plain``.
    """
    legal = {c for c in commands if c not in _NEVER and _is_understood(c, names)}
    if wanted == "all":
        return sorted(legal)
    things = tuple(c.removeprefix("put down ") for c in legal if c.startswith("put down "))
    short = sorted(c for c in legal if _is_worthwhile(c, things))
    return _plain(short) if wanted == "plain" else short


def _plain(short: list[str]) -> list[str]:
    """See `offered`."""
    ways = {c.partition(" to ")[2] for c in short if c.startswith(("go to ", "teleport to "))}
    teleports = any(c.startswith("teleport to ") for c in short)
    return [c for c in short if not _is_told_or_undoes(c) and _is_about_a_thing(c, ways, teleports)]


def _is_told_or_undoes(command: str) -> bool:
    return command == "inventory" or command.startswith(("look at ", "close ", "mix "))


def _is_about_a_thing(command: str, ways: Set[str], teleports: bool) -> bool:
    """Whether a command is about no door and no room, or is the way there."""
    if command.startswith("go to "):
        return not teleports and not _DOOR.search(command)
    if command.startswith(("teleport to ", "open ")):
        return True
    return not any(command.endswith(f" {way}") for way in ways)


def _is_understood(command: str, names: Set[str]) -> bool:
    for pattern in _PATTERNS:
        match = pattern.fullmatch(command)
        if match is not None:
            return all(thing.casefold() in names for thing in match.groups()) or _splits(match, names)
    return True  # a number, or a command without things


def _splits(match: re.Match[str], names: Set[str]) -> bool:
    """Whether a command for two things can be read in another way: the preposition may occur in their names."""
    if len(match.groups()) < 2:
        return False
    verb, between = match.string[: match.start(1)], match.string[match.end(1) : match.start(2)]
    parts = match.string.removeprefix(verb).split(between)
    pairs = ((between.join(parts[:n]), between.join(parts[n:])) for n in range(1, len(parts)))
    return any(one.casefold() in names and other.casefold() in names for one, other in pairs)


def _is_worthwhile(command: str, things: tuple[str, ...]) -> bool:
    if command == "wait" or command.startswith(("dunk ", "eat ", "look in ")):
        return False
    if re.search(r" (agent|air|inventory)$", command):
        return False
    if command.startswith("connect "):
        return all(_TERMINAL.search(end) for end in command.split(" to ", 1))
    handled = re.match(r"(?:move|pour|use) (.*)", command)
    return handled is None or any(handled[1].startswith(f"{thing} ") for thing in things)
