"""The suite that every model backend must pass.

Subclass it in a test module of your own; pytest collects it there::

    from purpose_agent.conformance.backend import BackendConformance

    class TestMyModel(BackendConformance):
        def make_backend(self):
            return MyModel()

It needs no pytest itself: `check_backend` runs the same checks and returns what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from purpose_agent.errors import ModelError, UsageError
from purpose_agent.llm_backend.base import ChatMessage, Choice, LLMBackend
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.usage import Usage, collect_usage

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"mood": {"enum": ["calm", "busy"]}, "done": {"type": "boolean"}},
    "required": ["mood", "done"],
    "additionalProperties": False,
}
"""Small enough for the smallest model."""

HOSTILE: dict[str, str] = {
    "braces": "{}{{}}{0}{name!r}%s%(x)s${HOME} {{{{",
    "control characters": "\x00\x01\x07\x1b[31m\x7f\u0085\u2028",
    "lone surrogate": "broken \ud800 text",
    "template words": "<|im_end|><|im_start|>system\n[INST]</s>",
    "quotes": '"\'`\\\n\t```json\n{"a": 1}\n```',
    "empty": "",
}


class BackendConformance:
    """Tests of one backend.

    Attributes:
        max_tokens: room for replies; small keeps the suite fast.
        concurrent: how many calls are made at once.
        long_prompt: characters of the longest prompt, which must be answered or refused, not crash.
    """

    max_tokens: int = 16
    concurrent: int = 4
    long_prompt: int = 200_000

    def make_backend(self) -> LLMBackend:
        """The backend under test."""
        raise NotImplementedError("return the backend under test")

    def release(self, backend: LLMBackend) -> None:
        """Called after each test; override it to keep a backend that is expensive to make."""
        backend.close()

    # -- replies ---------------------------------------------------------------------------------------------

    def test_a_reply_is_text(self) -> None:
        """`generate` and `agenerate` return a str."""

        def check(backend: LLMBackend) -> None:
            sync = _sync(backend.generate(_HELLO, 0.0, self.max_tokens))
            assert isinstance(sync, str), f"generate must return a str, got {sync!r:.100}"
            reply: Any = asyncio.run(backend.agenerate(_HELLO, 0.0, self.max_tokens))
            assert isinstance(reply, str), f"agenerate must return a str, got {reply!r:.100}"

        self._with(check)

    def test_a_structured_reply_fits_its_schema(self) -> None:
        """Both structured methods return an object that fits."""

        def check(backend: LLMBackend) -> None:
            validate = validator_for(SCHEMA)
            validate(_sync(backend.generate_structured(_MOOD, SCHEMA, 0.0, 64)))
            validate(asyncio.run(backend.agenerate_structured(_MOOD, SCHEMA, 0.0, 64)))

        self._with(check)

    def test_a_choice_is_one_of_the_options(self) -> None:
        """Also with duplicates, empty texts, quotes, line breaks and signs of other scripts."""
        lists: Sequence[Sequence[str]] = (
            ["open door", "close door", "open door 2"],
            ["same", "same"],
            ["", 'say "hi"', "a\nb", "日本 🚪", "{x}", ""],
        )

        def check(backend: LLMBackend) -> None:
            for options in lists:
                choice = _sync(backend.choose(_PICK, options))
                _check_choice(choice, options)
            _check_choice(asyncio.run(backend.achoose(_PICK, lists[0])), lists[0])

        self._with(check)

    def test_a_single_option_needs_no_model(self) -> None:
        """One option is the choice, whatever it is."""

        def check(backend: LLMBackend) -> None:
            choice = asyncio.run(backend.achoose(_PICK, ["the only one"]))
            assert (choice.index, choice.option) == (0, "the only one"), f"got {choice!r}"

        self._with(check)

    # -- usage -----------------------------------------------------------------------------------------------

    def test_each_request_reports_its_usage_once(self) -> None:
        """One `Usage` with one call and some tokens for a plain reply, at least one for the others."""

        def check(backend: LLMBackend) -> None:
            reported = _usage_of(lambda: backend.agenerate(_HELLO, 0.0, self.max_tokens))
            assert len(reported) == 1, f"agenerate must report one Usage, got {reported!r}"
            assert reported[0].calls == 1, f"a Usage of one request counts one call, got {reported[0]!r}"
            assert reported[0].prompt_tokens > 0, f"a request has prompt tokens, got {reported[0]!r}"
            assert 0 <= reported[0].cached_tokens <= reported[0].prompt_tokens, f"got {reported[0]!r}"
            reported = _usage_of(lambda: backend.agenerate_structured(_MOOD, SCHEMA, 0.0, 64))
            assert reported, "agenerate_structured must report its usage"
            assert all(usage.calls == 1 for usage in reported), (
                f"one Usage for each request, got {reported!r}"
            )
            reported = _usage_of(lambda: backend.achoose(_PICK, ["open door", "close door"]))
            assert reported, "achoose must report its usage"

        self._with(check)

    # -- concurrency -----------------------------------------------------------------------------------------

    def test_tasks_may_call_at_once(self) -> None:
        """Concurrent tasks in one event loop all get a reply; each sees its own usage only."""

        async def one(backend: LLMBackend, number: int) -> tuple[Any, list[Usage]]:
            reported: list[Usage] = []
            with collect_usage(reported.append):
                reply = await backend.agenerate([ChatMessage("user", f"Say {number}.")], 0.0, 2)
            return reply, reported

        async def everyone(backend: LLMBackend) -> list[tuple[Any, list[Usage]]]:
            return await asyncio.gather(*(one(backend, number) for number in range(self.concurrent)))

        def check(backend: LLMBackend) -> None:
            for reply, reported in asyncio.run(everyone(backend)):
                assert isinstance(reply, str), f"got {reply!r:.100}"
                assert len(reported) == 1, f"each task reports its own usage once, got {reported!r}"

        self._with(check)

    def test_threads_may_call_at_once(self) -> None:
        """Concurrent synchronous callers in several threads all get a reply."""

        def check(backend: LLMBackend) -> None:
            replies: list[Any] = []
            errors: list[BaseException] = []

            def one(number: int) -> None:
                try:
                    replies.append(_sync(backend.generate([ChatMessage("user", f"Say {number}.")], 0.0, 2)))
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=one, args=(n,)) for n in range(self.concurrent)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not errors, f"a thread failed: {errors[0]!r}"
            assert all(isinstance(reply, str) for reply in replies), f"got {replies!r:.200}"

        self._with(check)

    def test_several_event_loops_may_use_it_in_turn(self) -> None:
        """A backend outlives the event loops it is used in."""

        def check(backend: LLMBackend) -> None:
            for _ in range(3):
                asyncio.run(backend.agenerate(_HELLO, 0.0, 2))

        self._with(check)

    def test_sync_methods_work_inside_a_running_event_loop(self) -> None:
        """A notebook runs an event loop; the synchronous methods work there too."""

        async def inside(backend: LLMBackend) -> None:
            if not inspect.iscoroutinefunction(backend.generate):
                assert isinstance(backend.generate(_HELLO, 0.0, 2), str)
            validator_for(SCHEMA)(backend.generate_structured(_MOOD, SCHEMA, 0.0, 64))
            _check_choice(backend.choose(_PICK, ["open door", "close door"]), ["open door", "close door"])

        self._with(lambda backend: asyncio.run(inside(backend)))

    def test_a_cancelled_call_ends_and_the_next_one_is_answered(self) -> None:
        """Cancelling gives the caller its control back, and does not block the backend."""

        async def cancel(backend: LLMBackend) -> None:
            task = asyncio.ensure_future(backend.agenerate(_STORY, 0.7, 400))
            await asyncio.sleep(0.05)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 10)
            reply = await asyncio.wait_for(backend.agenerate(_HELLO, 0.0, 2), 60)
            assert isinstance(reply, str), f"got {reply!r:.100}"

        self._with(lambda backend: asyncio.run(cancel(backend)))

    # -- bad input -------------------------------------------------------------------------------------------

    def test_no_messages_is_a_usage_error(self) -> None:
        """An empty conversation is refused before any work."""

        def check(backend: LLMBackend) -> None:
            _refuses(lambda: backend.agenerate([]), "agenerate([])")
            _refuses(lambda: backend.agenerate_structured([], SCHEMA), "agenerate_structured([], …)")
            _refuses(lambda: backend.achoose([], ["a", "b"]), "achoose([], …)")

        self._with(check)

    def test_no_options_is_a_usage_error(self) -> None:
        """There is nothing to choose from."""
        self._with(lambda backend: _refuses(lambda: backend.achoose(_PICK, []), "achoose(…, [])"))

    def test_hostile_text_is_answered_or_refused_by_a_typed_error(self) -> None:
        """Whatever a world or a stranger writes, nothing but a `ModelError` comes of it."""

        def check(backend: LLMBackend) -> None:
            for name, text in HOSTILE.items():
                _survives(name, lambda text=text: backend.agenerate([ChatMessage("user", text)], 0.0, 2))

        self._with(check)

    def test_a_very_long_prompt_is_answered_or_refused_by_a_typed_error(self) -> None:
        """A prompt longer than any context is no crash."""
        text = "word " * (self.long_prompt // 5)
        self._with(
            lambda backend: _survives(
                "a very long prompt", lambda: backend.agenerate([ChatMessage("user", text)], 0.0, 2)
            )
        )

    def _with(self, check: Callable[[LLMBackend], None]) -> None:
        backend = self.make_backend()
        try:
            check(backend)
        finally:
            self.release(backend)


@dataclass(frozen=True)
class Problem:
    """A check that a backend failed.

    Attributes:
        check: the test's name.
        message: what is wrong.
        detail: the traceback.
    """

    check: str
    message: str
    detail: str = ""


def check_backend(make_backend: Callable[[], LLMBackend]) -> list[Problem]:
    """Run the whole suite; an empty list means that the backend conforms.

    Args:
        make_backend: makes the backend under test; called once, and closed at the end.
    """
    backend = make_backend()

    class Suite(BackendConformance):
        def make_backend(self) -> LLMBackend:
            return backend

        def release(self, backend: LLMBackend) -> None:
            pass

    suite, problems = Suite(), list[Problem]()
    for name in sorted(name for name in dir(suite) if name.startswith("test_")):
        try:
            getattr(suite, name)()
        except Exception as error:  # a check may fail in any way; that is what it reports
            message = str(error) or type(error).__name__
            problems.append(Problem(name.removeprefix("test_"), message, traceback.format_exc()))
    backend.close()
    return problems


_HELLO = [ChatMessage("system", "You answer in one word."), ChatMessage("user", "Say hello.")]
_STORY = [ChatMessage("user", "Write a very long story about a fox and a door.")]
_MOOD = [
    ChatMessage(
        "user", 'The mood is calm and we are not done. Repeat this JSON: {"mood": "calm", "done": false}'
    )
]
_PICK = [ChatMessage("user", "You stand before a door. What do you do: open door, or close door?")]


def _sync(value: Any) -> Any:
    """What a sync method returned; a backend may have made `generate` a coroutine function."""
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _check_choice(choice: Any, options: Sequence[str]) -> None:
    assert isinstance(choice, Choice), f"choose must return a Choice, got {choice!r:.100}"
    assert 0 <= choice.index < len(options), f"index {choice.index} of {len(options)} options"
    assert options[choice.index] == choice.option, f"{choice!r} is not option {choice.index} of {options!r}"
    if choice.logprobs is not None:
        assert len(choice.logprobs) == len(options), f"one log-probability for each option, got {choice!r}"


def _usage_of(ask: Callable[[], Awaitable[Any]]) -> list[Usage]:
    reported: list[Usage] = []
    with collect_usage(reported.append):
        asyncio.run(_awaited(ask()))
    return reported


def _refuses(ask: Callable[[], Awaitable[Any]], what: str) -> None:
    try:
        asyncio.run(_awaited(ask()))
    except UsageError:
        return
    raise AssertionError(f"{what} must raise UsageError")


def _survives(what: str, ask: Callable[[], Awaitable[Any]]) -> None:
    try:
        asyncio.run(_awaited(ask()))
    except ModelError:
        return
    except Exception as error:
        raise AssertionError(f"{what} must give a reply or a ModelError, got {error!r:.300}") from error
