"""What a model backend is. One method is enough; the rest has defaults that a backend may do better."""

from __future__ import annotations

import asyncio
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

from purpose_agent.bridge import in_worker
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.choosing import CHOICE_TOKENS, choice_schema, read_choice, with_numbered_list
from purpose_agent.llm_backend.messages import ChatMessage, Choice
from purpose_agent.llm_backend.structured import Ask, Form, Ladder, climb, structured_reply
from purpose_agent.llm_backend.sync_front import run_sync
from purpose_agent.llm_backend.usage import Usage, collect_usage, current_sink, estimate_tokens, report_usage
from purpose_agent.numeric import is_number, is_whole

T = TypeVar("T")

WORKER_THREADS = 64
"""How many calls of synchronous backends may be under way at once in one event loop."""


class LLMBackend(ABC):
    """A language model.

    A subclass implements `generate`, as a function or as a coroutine function. Everything else here is built on it,
    and a backend that can do better overrides the async method of the pair (`agenerate`, `agenerate_structured`,
    `achoose`), which is what the framework calls; the sync ones are bridges to them. Of each pair, whichever the
    most derived class overrides is what both do.

    Each request reports its `Usage` once. A backend that knows its token counts calls `report_usage`; for one that
    does not, an estimate from the length of the text is reported.

    Attributes:
        name: for display.
        non_blocking: True when the sync methods return at once, so that no worker thread is needed.
        reply_tokens: room that a role gives this model for one structured reply; small models ramble into whatever
            room there is.
    """

    name: str = ""
    non_blocking: bool = False
    reply_tokens: int = 1024

    # Who calls whom. Each method exists twice; a subclass writes whichever it likes, and both names lead to it:
    #
    #   writes `generate`   : `agenerate` runs it in a worker thread (here, where it is non_blocking or async)
    #   writes `agenerate`  : `generate` runs it on the background loop
    #   writes neither      : the versions of this class, which build on `agenerate`
    #
    # Of a class and its parents, the most derived that writes either of the two decides.
    _pairs: ClassVar[dict[str, str]] = {
        "generate": "agenerate",
        "generate_structured": "agenerate_structured",
        "choose": "achoose",
        "close": "aclose",
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__ and not cls.name:
            cls.name = cls.__name__
        for sync_name, async_name in cls._pairs.items():
            has_sync, has_async = sync_name in cls.__dict__, async_name in cls.__dict__
            if has_sync and not has_async:
                setattr(cls, async_name, getattr(LLMBackend, async_name))
            elif has_async and not has_sync:
                setattr(cls, sync_name, _bridged(sync_name, cls.__dict__[async_name]))

    # -- text ------------------------------------------------------------------------------------------------

    @abstractmethod
    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """The model's reply.

        Args:
            messages: the conversation, at least one message.
            temperature: 0 for the likeliest reply; larger for more variety.
            max_tokens: where the reply is cut off, in tokens.
            stop: texts that end the reply; they are not part of it.

        Raises:
            UsageError: an argument is wrong.
            ModelError: it could not answer; ``transient`` says whether another try may help.
        """
        ...

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """`generate` for async callers: a sync `generate` runs in a worker thread, an async one is awaited."""
        check_messages(messages)
        with _metered(messages) as done:
            reply = await self._call(
                self.generate, messages, temperature=temperature, max_tokens=max_tokens, stop=stop
            )
            done(reply)
        return reply

    # -- structured ------------------------------------------------------------------------------------------

    def generate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """A JSON object that fits ``schema``.

        Args:
            messages: the conversation, at least one message.
            schema: a JSON schema (draft 7) of an object.
            temperature: see `generate`.
            max_tokens: see `generate`.

        Raises:
            UsageError: an argument is wrong.
            ModelOutputError: the model did not give such an object, even after a repair request.
            ModelError: it could not answer.
        """
        return run_sync(self._climb(messages, schema, temperature, max_tokens))

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """`generate_structured` for async callers; a subclass's own sync `generate_structured` is used."""
        if not self._overrides("generate_structured"):
            return await self._climb(messages, schema, temperature, max_tokens)
        check_messages(messages)
        with _metered(messages) as done:
            reply = await self._call(
                self.generate_structured, messages, schema, temperature=temperature, max_tokens=max_tokens
            )
            done(reply)
        return reply

    async def _climb(
        self, messages: list[ChatMessage], schema: dict[str, Any], temperature: float, max_tokens: int
    ) -> dict[str, Any]:
        """The output ladder on top of `_request`."""
        check_messages(messages)
        ask = self._asker(schema, temperature, max_tokens)
        return await structured_reply(ask, messages, schema, self._ladder)

    def _asker(self, schema: dict[str, Any], temperature: float, max_tokens: int) -> Ask:
        async def ask(form: Form, shown: list[ChatMessage]) -> str:
            return await self._request(form, shown, schema, temperature, max_tokens)

        return ask

    async def _request(
        self,
        form: Form,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float,
        max_tokens: int,
    ) -> str:
        """One request in one form of the ladder; backends whose server knows more forms override this."""
        return await self.agenerate(messages, temperature, max_tokens)

    @property
    def _ladder(self) -> Ladder:
        """What is known about the forms this backend can ask in; made on first use."""
        found: Ladder | None = getattr(self, "_ladder_state", None)
        if found is None:
            found = self._ladder_state = Ladder(self._forms())
        return found

    def _forms(self) -> Sequence[Form]:
        return (Form.TEXT,)

    # -- choice ----------------------------------------------------------------------------------------------

    def choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """One of ``options``, picked by the model.

        Args:
            messages: the conversation, at least one message; it should say what is to be chosen.
            options: at least one text; duplicates are allowed.

        Raises:
            UsageError: an argument is wrong.
            ModelOutputError: the model did not pick one, even after a repair request.
            ModelError: it could not answer.
        """
        return run_sync(self._choose(messages, options))

    async def achoose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """`choose` for async callers; a subclass's own sync `choose` is used."""
        if not self._overrides("choose"):
            return await self._choose(messages, options)
        check_messages(messages)
        offered = check_options(options)
        with _metered(messages) as done:
            choice = await self._call(self.choose, messages, offered)
            done(getattr(choice, "option", choice))  # a stranger may give anything; who asked checks it
        return choice

    async def _choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """The default choice: a numbered list, answered by a number."""
        check_messages(messages)
        offered = check_options(options)
        if len(set(offered)) == 1:
            return Choice(0, offered[0])
        schema, asked = choice_schema(len(offered)), with_numbered_list(messages, offered)
        if self._overrides("generate_structured"):
            reply = await self.agenerate_structured(asked, schema, 0.0, CHOICE_TOKENS)
            index = read_choice(json.dumps(reply, default=str), offered)
        else:
            ask = self._asker(schema, 0.0, CHOICE_TOKENS)
            index = await climb(ask, lambda text, _: read_choice(text, offered), asked, schema, self._ladder)
        return Choice(index, offered[index])

    # -- the rest --------------------------------------------------------------------------------------------

    def close(self) -> None:  # noqa: B027 - most backends hold nothing
        """Free what the backend holds. It may be used again afterwards."""

    async def aclose(self) -> None:
        """`close` for async callers."""
        if self._overrides("close"):
            await self._call(self.close)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _overrides(self, name: str) -> bool:
        """Whether a subclass has its own version of a sync method, and none of the async one."""
        mine, async_name = type(self), self._pairs[name]
        return getattr(mine, name) is not getattr(LLMBackend, name) and getattr(mine, async_name) is getattr(
            LLMBackend, async_name
        )

    async def _call(self, function: Callable[..., T | Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Call a sync or an async method of a subclass without blocking the event loop."""
        if self.non_blocking or inspect.iscoroutinefunction(function):
            result = function(*args, **kwargs)
        else:
            result = await in_worker_thread(lambda: function(*args, **kwargs))
        if inspect.isawaitable(result):
            return await result
        return result


def _bridged(name: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
    """The sync method of a pair, made from the async one of the same class."""

    def method(self: LLMBackend, *args: Any, **kwargs: Any) -> Any:
        return run_sync(implementation(self, *args, **kwargs))

    method.__name__ = name
    method.__doc__ = getattr(LLMBackend, name).__doc__
    return method


async def in_worker_thread(function: Callable[[], T]) -> T:
    """Run a blocking call in a worker thread; when the caller is cancelled its result is dropped."""
    loop = asyncio.get_running_loop()
    places = _places.get(loop)
    if places is None:
        places = _places[loop] = asyncio.Semaphore(WORKER_THREADS)
    async with places:
        return await in_worker(function)


_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@contextmanager
def _metered(messages: Sequence[ChatMessage]) -> Generator[Callable[[Any], None]]:
    """Report an estimated usage for a request unless the backend reports one itself.

    Yields a function that takes the reply.
    """
    outer = current_sink()
    reported: list[Usage] = []

    def forward(usage: Usage) -> None:
        reported.append(usage)
        if outer is not None:
            outer(usage)

    def done(reply: Any) -> None:
        if not reported:
            text = reply if isinstance(reply, str) else json.dumps(reply, default=str)
            prompt = sum(estimate_tokens(message.content) for message in messages)
            forward(Usage(1, prompt, 0, estimate_tokens(text), estimated=True))

    with collect_usage(forward):
        yield done


def check_messages(messages: Any) -> None:
    """Raise UsageError unless this is a conversation: a sequence of at least one `ChatMessage`."""
    if isinstance(messages, (str, bytes)) or not isinstance(messages, Sequence):
        raise UsageError(f"messages must be a list of ChatMessage, got {messages!r:.100}")
    if not messages:
        raise UsageError("messages must hold at least one ChatMessage, got an empty list")
    items: Sequence[Any] = messages  # pyright: ignore[reportUnknownVariableType]
    for message in items:
        if type(message) is ChatMessage and type(message.content) is str and type(message.role) is str:
            continue
        role, content = getattr(message, "role", None), getattr(message, "content", None)
        if not isinstance(role, str) or not isinstance(content, str):
            raise UsageError(f"messages must be ChatMessage(role: str, content: str), got {message!r:.100}")


def check_options(options: Any) -> list[str]:
    """The options as a list; UsageError unless they are a sequence of at least one text."""
    if isinstance(options, (str, bytes)) or not isinstance(options, Sequence):
        raise UsageError(f"options must be a list of texts, got {options!r:.100}")
    items: list[Any] = list(options)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    if not items:
        raise UsageError("options must hold at least one text, got an empty list")
    for option in items:
        if not isinstance(option, str):
            raise UsageError(f"options must be texts, got {option!r:.100}")
    return items


def check_sampling(temperature: Any, max_tokens: Any) -> None:
    """Raise UsageError unless temperature ≥ 0 and max_tokens ≥ 1."""
    if not (is_number(temperature) and temperature >= 0):
        raise UsageError(f"temperature must be a number ≥ 0, got {temperature!r}")
    if not is_whole(max_tokens) or max_tokens < 1:
        raise UsageError(f"max_tokens must be a whole number ≥ 1, got {max_tokens!r}")


__all__ = ["ChatMessage", "Choice", "LLMBackend", "report_usage"]
