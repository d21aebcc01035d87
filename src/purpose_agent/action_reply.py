"""From a model's reply to an action that was offered, or a reason that the model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from purpose_agent.errors import UsageError
from purpose_agent.freeze import encodable, plain_copy
from purpose_agent.types import Action

DONE = "DONE"
RECALL = "recall"
DONE_DESCRIPTION = "Signal that the goal is achieved"


class RefusedError(ValueError):
    """The reply names no action that can be carried out; the message is written for the model.

    Args:
        message: why, and what was offered.
        proposal: what it proposed, shortened, for the journal.
    """

    def __init__(self, message: str, proposal: str) -> None:
        super().__init__(message)
        self.proposal = proposal[:200]


def check_offered(available_actions: Any) -> None:
    """Refuse what is no table of actions.

    Raises:
        UsageError: it is neither None nor a dict of names to descriptions.
    """
    if available_actions is None:
        return
    names: list[Any] = [None] if not isinstance(available_actions, Mapping) else [*available_actions]
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise UsageError(
            "available_actions must be a dict of action names to descriptions, such as {'look': 'look around'}, "
            f"got {available_actions!r:.100}"
        )


def reply_schema(offered: Mapping[str, str] | None, *, citing: bool) -> dict[str, Any]:
    """The JSON schema of an actor's reply.

    Args:
        offered: action names with descriptions; None for any name.
        citing: whether memory is shown, so that it can be cited.
    """
    name: dict[str, Any] = {"type": "string"}
    if offered is not None:
        name["enum"] = list(offered)
    properties: dict[str, Any] = {
        "thought": {"type": "string"},
        "action": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"name": name, "params": {"type": "object"}},
                    "required": ["name", "params"],
                },
                name,
            ]
        },
        "expected_delta": {"type": "string"},
    }
    if citing:
        properties["cited"] = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "properties": properties,
        "required": ["thought", "action", "expected_delta"],
    }


def read_action(reply: Mapping[str, Any], offered: Mapping[str, str] | None) -> Action:
    """The action of a reply.

    Args:
        reply: the JSON object; ``action`` may be an object or the bare name.
        offered: the names that may be used; None for any.

    Raises:
        RefusedError: no action, an action that was not offered, or params that are not an object.
    """
    given = reply.get("action", reply if "name" in reply else None)
    params: Any = None
    if isinstance(given, dict):
        action = cast(dict[str, Any], given)
        given, params = action.get("name"), action.get("params", action.get("parameters"))
    if not isinstance(given, str) or not given.strip():
        raise RefusedError(f"the reply names no action; {_offer(offered)}", repr(plain_copy(dict(reply))))
    name = _canonical_name(given.strip(), offered)
    if name is None:
        raise RefusedError(f"{given.strip()!r:.100} is not an available action; {_offer(offered)}", given)
    if params is None or params == "" or params == []:
        params = {}
    if not isinstance(params, dict):
        raise RefusedError(f"params of {name!r} must be a JSON object, got {params!r:.80}", given)
    return Action(
        name=name,
        params=plain_copy(cast(dict[str, Any], params)) if params else {},
        thought=_text(reply.get("thought")),
        expected_delta=_text(reply.get("expected_delta")),
        cited=_ids(reply.get("cited")),
    )


def _canonical_name(given: str, offered: Mapping[str, str] | None) -> str | None:
    if given.upper() == DONE:
        return DONE
    if offered is None or given in offered:
        return given
    alike = [name for name in offered if name.casefold() == given.casefold()]
    return alike[0] if len(alike) == 1 else None


def _offer(offered: Mapping[str, str] | None) -> str:
    return "give an action's name" if offered is None else "available: " + ", ".join(offered)


def _text(value: Any) -> str:
    return encodable(value) if isinstance(value, str) else ""


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return [v for v in cast(list[Any], value) if isinstance(v, str)][:20]
