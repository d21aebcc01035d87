"""An expert as a model: it picks the next command of the world's own solution."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.llm_backend.base import ChatMessage, Choice
from purpose_agent.llm_backend.uniform import UniformBackend


class ExpertBackend(UniformBackend):
    """Follows a path where it can, and picks at random where it cannot.

    Attributes:
        path: commands that are still to be done; set it before each episode.
    """

    name = "expert"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.path: list[str] = []

    def choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """The next command of the path, if it is offered."""
        if self.path and self.path[0] in options:
            command = self.path.pop(0)
            return Choice(list(options).index(command), command)
        return super().choose(messages, options)

    async def achoose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """See `choose`."""
        return self.choose(messages, options)
