"""A model run inside this process by llama.cpp: the embedded one, or any GGUF file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from purpose_agent.errors import MissingDependencyError, UsageError
from purpose_agent.llm_backend.base import (
    ChatMessage,
    Choice,
    LLMBackend,
    check_messages,
    check_options,
    check_sampling,
    in_worker_thread,
)
from purpose_agent.llm_backend.decoding_schema import grammar_for
from purpose_agent.llm_backend.llama_engine import Call, Completion, EngineSettings, LlamaEngine
from purpose_agent.llm_backend.structured import Form, FormUnsupportedError
from purpose_agent.llm_backend.sync_front import run_sync
from purpose_agent.llm_backend.token_choice import choose_greedily, choose_likeliest
from purpose_agent.llm_backend.usage import Usage, report_usage
from purpose_agent.llm_backend.wire import wire_messages, without_control_tokens, without_thinking
from purpose_agent.numeric import is_whole

T = TypeVar("T")

ChooseMethod = Literal["greedy", "likelihood", "likelihood_per_token", "likelihood_gain"]
"""How `LocalBackend.choose` decides; see there."""

THREADS_VARIABLE = "PURPOSE_AGENT_THREADS"


class LocalBackend(LLMBackend):
    """A GGUF model in this process. It is loaded (and the embedded one fetched) by the first call.

    Args:
        model_path: a GGUF file; None for the embedded model, SmolLM2-135M-Instruct.
        n_threads: CPU threads; by default PURPOSE_AGENT_THREADS, else 1, which is the fastest for a small model
            on few cores.
        n_ctx: tokens that one conversation may hold, reply included.
        seed: of the sampler: the same calls give the same replies.
        slots: conversations kept ready at once, e.g. the actor's and the critic's.
        timeout: seconds that one call may take, waiting for others included; None for as long as it takes.
        choose_method: ``greedy`` follows the likeliest token among those that continue an option, and stops as
            soon as only one is left. ``likelihood`` takes the option with the highest log-probability,
            ``likelihood_per_token`` the highest per token, ``likelihood_gain`` the one that the conversation made
            likelier most; these three fill `Choice.logprobs` (with the numbers they compare) and cost a reading
            of every option.
        verbose: let llama.cpp write its log to standard error.

    Raises:
        UsageError: an argument is wrong.
    """

    reply_tokens = 256

    def __init__(
        self,
        model_path: str | os.PathLike[str] | None = None,
        *,
        n_threads: int | None = None,
        n_ctx: int = 8192,
        seed: int = 0,
        slots: int = 2,
        timeout: float | None = None,
        choose_method: ChooseMethod = "greedy",
        verbose: bool = False,
    ) -> None:
        self.model_path = None if model_path is None else Path(model_path).expanduser()
        self.n_threads = _threads(n_threads)
        self.n_ctx = _positive("n_ctx", n_ctx)
        self.slots = _positive("slots", slots)
        self.seed = seed
        self.timeout = timeout
        if choose_method not in ChooseMethod.__args__:
            raise UsageError(f"choose_method must be one of {ChooseMethod.__args__}, got {choose_method!r}")
        self.choose_method: ChooseMethod = choose_method
        self.verbose = verbose
        self.name = "local" if self.model_path is None else f"gguf:{self.model_path.name}"
        self._engine: LlamaEngine | None = None
        self._loading = threading.Lock()

    # -- the contract ----------------------------------------------------------------------------------------

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.generate`.

        Raises:
            MissingDependencyError: the extra ``local`` is not installed.
            UsageError: the model file is missing or not a GGUF file.
            ModelRequestError: the prompt does not fit into ``n_ctx``.
            ModelUnavailableError: the embedded model cannot be fetched, or the time was up.
        """
        return run_sync(LocalBackend.agenerate(self, messages, temperature, max_tokens, stop))

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `generate`."""
        check_messages(messages)
        check_sampling(temperature, max_tokens)
        done = await self._in_turn(
            lambda call: self._complete(call, messages, temperature, max_tokens, tuple(stop or ()))
        )
        return without_thinking(done.text)

    def _forms(self) -> Sequence[Form]:
        return (Form.SCHEMA, Form.TEXT)

    async def _request(
        self,
        form: Form,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float,
        max_tokens: int,
    ) -> str:
        check_sampling(temperature, max_tokens)
        grammar = _grammar(schema, max_tokens) if form is Form.SCHEMA else ""
        done = await self._in_turn(
            lambda call: self._complete(call, messages, temperature, max_tokens, grammar=grammar)
        )
        return done.text

    async def _choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        check_messages(messages)
        offered = check_options(options)
        if len(set(offered)) == 1:
            return Choice(0, offered[0])

        def work(call: Call) -> tuple[Choice, Usage]:
            engine = self._loaded()
            prompt = engine.prompt(_safe(messages))
            if self.choose_method == "greedy":
                return choose_greedily(engine, prompt, offered, call)
            return choose_likeliest(engine, prompt, offered, call, self.choose_method)

        choice, usage = await self._abandonable(work)
        report_usage(usage)
        return choice

    def close(self) -> None:
        """Unload the model; the next call loads it again."""
        with self._loading:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    async def aclose(self) -> None:
        """See `close`."""
        await in_worker_thread(lambda: LocalBackend.close(self))

    def load(self) -> None:
        """Fetch and load the model now, so that the first call is as fast as the others.

        Raises:
            PurposeAgentError: as `generate`.
        """
        self._loaded()

    def __repr__(self) -> str:
        where = "embedded model" if self.model_path is None else repr(str(self.model_path))
        return f"LocalBackend({where}, n_threads={self.n_threads}, n_ctx={self.n_ctx}, slots={self.slots})"

    # -- inside ----------------------------------------------------------------------------------------------

    def _loaded(self) -> LlamaEngine:
        with self._loading:
            if self._engine is None:
                path = self._path()
                settings = EngineSettings(path, self.n_threads, self.n_ctx, self.slots, self.verbose)
                self._engine = LlamaEngine(settings)
            return self._engine

    def _path(self) -> Path:
        if self.model_path is not None:
            return self.model_path
        from importlib.util import find_spec

        from purpose_agent.llm_backend import embedded_model

        if find_spec("xllamacpp") is None:  # before anything is fetched
            raise MissingDependencyError("xllamacpp", "local")
        return embedded_model.fetch()

    def _complete(
        self,
        call: Call,
        messages: list[ChatMessage],
        temperature: float,
        max_tokens: int,
        stop: tuple[str, ...] = (),
        grammar: str = "",
    ) -> Completion:
        engine = self._loaded()
        return engine.complete(
            engine.prompt(_safe(messages)),
            call,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=self.seed,
            stop=stop,
            grammar=grammar,
        )

    async def _in_turn(self, work: Callable[[Call], Completion]) -> Completion:
        done = await self._abandonable(work)
        report_usage(done.usage)
        return done

    async def _abandonable(self, work: Callable[[Call], T]) -> T:
        """Run a request in a worker thread; when the caller is cancelled, llama.cpp stops at the next token."""
        call = Call(self.timeout)
        try:
            return await in_worker_thread(lambda: work(call))
        except BaseException:
            call.cancelled.set()
            raise


def _safe(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    """The conversation, in which nobody can pose as another speaker."""
    return [{**m, "content": without_control_tokens(m["content"])} for m in wire_messages(messages)]


def _grammar(schema: dict[str, Any], max_tokens: int) -> str:
    try:
        return grammar_for(schema, max_tokens)
    except ImportError:
        raise MissingDependencyError("xllamacpp", "local") from None
    except ValueError as error:
        raise FormUnsupportedError(f"llama.cpp knows no grammar for the schema: {error}") from None


def _threads(given: int | None) -> int:
    if given is not None:
        return _positive("n_threads", given)
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{THREADS_VARIABLE} must be a whole number ≥ 1, got {text!r}")
    return int(text)


def _positive(name: str, value: Any) -> int:
    if not is_whole(value) or value < 1:
        raise UsageError(f"{name} must be a whole number ≥ 1, got {value!r}")
    return value
