"""The random floor as a backend: every choice is uniform, and no model is asked.

A policy that knows nothing belongs into every comparison, under the same rules as the models beside it. This one is
stateless: what it picks is a hash of its seed and of the conversation, so a run that is resumed or repeated in
another process picks the same.
"""

from __future__ import annotations

import copy
import hashlib
import random
import re
from collections.abc import Sequence
from typing import Any, cast

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend.base import ChatMessage, Choice, LLMBackend, check_messages, check_options
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.schema_filler import fill
from purpose_agent.llm_backend.usage import Usage, report_usage
from purpose_agent.numeric import is_whole

_IDENTIFIER = re.compile(r"\b[0-9a-f]{12}\b")


class UniformBackend(LLMBackend):
    """Picks uniformly at random.

    Args:
        seed: another seed picks differently in the same conversation.

    Raises:
        UsageError: the seed is not a whole number.
    """

    name = "random"
    non_blocking = True

    def __init__(self, seed: int = 0) -> None:
        if not is_whole(seed):
            raise UsageError(f"seed must be a whole number, got {seed!r}")
        self.seed = seed

    def choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """One of the options, each with the same probability."""
        offered = check_options(options)
        index = self._dice(messages).randrange(len(offered))
        report_usage(Usage(calls=1))
        return Choice(index, offered[index])

    async def achoose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """See `choose`."""
        return UniformBackend.choose(self, messages, options)

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """Refused: there is no uniform distribution over texts.

        Raises:
            ModelOutputError: always.
        """
        raise ModelOutputError(
            "the random policy cannot write text; use it where the environment lists admissible actions "
            "(decision='choice'), and give critic_llm= and optimizer_llm= a model"
        )

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `generate`."""
        return UniformBackend.generate(self, messages, temperature, max_tokens, stop)

    def generate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """An object that fits the schema: enums, booleans and bounded whole numbers at random, the rest the simplest.

        Raises:
            UsageError: the schema is not one.
            ModelOutputError: it does not describe an object, or one that cannot be made without a model.
        """
        validate = validator_for(schema)
        reply: Any = validate(fill(_drawn(schema, self._dice(messages))))
        if not isinstance(reply, dict):
            raise ModelOutputError(f"the schema does not describe an object: {schema!r:.200}")
        report_usage(Usage(calls=1))
        return cast("dict[str, Any]", reply)

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """See `generate_structured`."""
        return UniformBackend.generate_structured(self, messages, schema, temperature, max_tokens)

    def _dice(self, messages: list[ChatMessage]) -> random.Random:
        """A generator that depends on the seed and on every message, but for identifiers, which are drawn anew by
        every run."""
        check_messages(messages)
        digest = hashlib.blake2b(digest_size=16, key=str(self.seed).encode()[:64])
        for message in messages:
            for text in (message.role, message.content):
                data = _IDENTIFIER.sub("", text).encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big") + data)
        return random.Random(int.from_bytes(digest.digest(), "big"))

    def __repr__(self) -> str:
        return f"UniformBackend(seed={self.seed})"


def _drawn(schema: Any, dice: random.Random) -> Any:
    """The schema with what can be drawn replaced by what was drawn."""
    if isinstance(schema, list):
        return [_drawn(item, dice) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    node = cast("dict[str, Any]", schema)
    if "const" in node:
        return node
    options: Any = node.get("enum")
    if isinstance(options, list) and options:
        return {"const": copy.deepcopy(dice.choice(cast("list[Any]", options)))}
    if node.get("type") == "boolean":
        return {"const": dice.random() < 0.5}
    low, high = node.get("minimum"), node.get("maximum")
    if (
        node.get("type") == "integer"
        and isinstance(low, int)
        and isinstance(high, int)
        and "multipleOf" not in node
    ):
        return {"const": dice.randint(low, high)} if low <= high else node
    return {key: _drawn(value, dice) for key, value in node.items()}
