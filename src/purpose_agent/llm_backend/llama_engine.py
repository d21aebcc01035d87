"""A GGUF model loaded by llama.cpp in this process, and the three things we ask of it.

Requests run one at a time: on a CPU two at once are no faster, and what a request computes then depends on its own
conversation alone, not on what happens to run beside it. Several conversations are kept in memory (``slots``, and
more of them in a compressed-away cache), so that each call reads only what is new in its own.

llama.cpp's tokenizer and chat template can only be reached through the loopback port that its server object opens;
the port is guarded by a random key.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from purpose_agent.errors import (
    MissingDependencyError,
    ModelError,
    ModelRequestError,
    ModelUnavailableError,
    UsageError,
)
from purpose_agent.llm_backend.json_value import as_dict, as_list
from purpose_agent.llm_backend.usage import Usage

READ_AT_ONCE = 128
"""Prompt tokens read between two looks at the cancel flag: one to two seconds on a slow core."""

MORE_CONVERSATIONS_MIB = 512
"""Memory for conversations beyond ``slots`` that may come back."""

AGAINST_LOOPS = {"dry_multiplier": 0.8, "dry_allowed_length": 4, "dry_penalty_last_n": 40}
"""Small models fall into saying the same few words for ever. This discourages ("don't repeat yourself" sampling)
word-for-word repetition within the last few dozen tokens; a quotation from farther back costs nothing."""

QUIET = -1
"""llama.cpp's verbosity at which it prints nothing."""


@dataclass(frozen=True)
class EngineSettings:
    """How a model is loaded.

    Attributes:
        path: the GGUF file.
        n_threads: threads for reading and for writing.
        n_ctx: tokens that one conversation may hold, reply included.
        slots: conversations kept in memory at once.
        verbose: whether llama.cpp may write its log to standard error.
    """

    path: Path
    n_threads: int
    n_ctx: int
    slots: int
    verbose: bool = False


@dataclass(frozen=True)
class Token:
    """One generated token: its id and its log-probability under the model without any grammar."""

    id: int
    logprob: float


@dataclass
class Completion:
    """What came of one request.

    Attributes:
        text: the text written.
        tokens: the tokens written, where ``measure`` was asked for.
        truncated: whether ``max_tokens`` or the context ended it.
        usage: what it cost.
    """

    text: str = ""
    tokens: list[Token] = field(default_factory=list[Token])
    truncated: bool = False
    usage: Usage = field(default_factory=Usage)


class Call:
    """A handle with which another thread can abandon a request.

    Args:
        timeout: seconds after which the request is abandoned, waiting for others included; None for never.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.cancelled = threading.Event()
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout

    @property
    def over(self) -> bool:
        """Whether the request should end now."""
        return self.cancelled.is_set() or (self._deadline is not None and time.monotonic() > self._deadline)

    def check(self) -> None:
        """Raise ModelUnavailableError when the request should end now."""
        if self.cancelled.is_set():
            raise ModelUnavailableError("the call was abandoned by its caller")
        if self.over:
            raise ModelUnavailableError(f"the model did not finish within {self._timeout:g} s")


class LlamaEngine:
    """A loaded model. Safe to call from any number of threads; they wait for each other.

    Raises:
        MissingDependencyError: ``xllamacpp`` is not installed.
        UsageError: the file is missing or not a GGUF file.
        ModelRequestError: llama.cpp cannot load it.
    """

    def __init__(self, settings: EngineSettings) -> None:
        check_gguf(settings.path)
        self.settings = settings
        import secrets

        self._key = secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        self._server: Any = _load(settings, self._key)
        self._address = urlsplit(str(self._server.listening_address))
        self.tokenize = lru_cache(maxsize=20_000)(self._tokenize)

    def prompt(self, messages: Sequence[dict[str, str]]) -> str:
        """The conversation in the model's own chat template, up to where the assistant speaks."""
        body = {"messages": list(messages), "chat_template_kwargs": {"enable_thinking": False}}
        return self._ask("/apply-template", body)["prompt"]

    def _tokenize(self, text: str) -> tuple[int, ...]:
        """The canonical tokens of a text; names of special tokens in it are ordinary text."""
        return tuple(self._ask("/tokenize", {"content": text, "parse_special": False})["tokens"])

    def complete(
        self,
        prompt: str,
        call: Call,
        *,
        max_tokens: int,
        temperature: float,
        seed: int,
        stop: Sequence[str] = (),
        grammar: str = "",
        measure: bool = False,
        until: Callable[[list[Token]], bool] | None = None,
    ) -> Completion:
        """Write on from a prompt.

        Args:
            prompt: see `prompt`.
            call: with it another thread can abandon the request.
            max_tokens: at most so many tokens.
            temperature: 0 for greedy.
            seed: of the sampler.
            stop: texts that end it.
            grammar: GBNF that the text must follow.
            measure: whether tokens and their log-probabilities are wanted.
            until: looked at after each token; True ends the request (implies ``measure``).

        Raises:
            ModelRequestError: the prompt does not fit, or llama.cpp refuses the request.
            ModelUnavailableError: the request was abandoned.
        """
        body: dict[str, Any] = {
            "prompt": prompt,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "cache_prompt": True,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        if stop:
            body["stop"] = list(stop)
        if grammar:
            body["grammar"] = grammar
        if until is None and not measure:
            body |= AGAINST_LOOPS
        if measure or until is not None:
            body["logprobs"] = 1
        reader = _Reader(call, until)
        self._wait_for_turn(call)
        try:
            self._server.handle_completions(body, reader)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ModelRequestError(f"llama.cpp refused the request: {error}") from None
        finally:
            self._lock.release()
        return reader.result()

    def _wait_for_turn(self, call: Call) -> None:
        while not self._lock.acquire(timeout=0.2):
            call.check()
        if call.over:
            self._lock.release()
            call.check()

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        import http.client

        connection = http.client.HTTPConnection(
            self._address.hostname or "127.0.0.1", self._address.port, timeout=60
        )
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ModelUnavailableError(f"the embedded llama.cpp does not answer: {error!r}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise _refusal(answer)
        return answer

    def close(self) -> None:
        """Unload the model, after the request that is under way."""
        with self._lock:
            self._server = None


class _Reader:
    """Collects the stream of one request; called by llama.cpp for each piece, True asks it to stop."""

    def __init__(self, call: Call, until: Callable[[list[Token]], bool] | None) -> None:
        self._call = call
        self._until = until
        self._texts: list[str] = []
        self._tokens: list[Token] = []
        self._pieces = 0
        self._prompt = (0, 0)
        self._finish = ""
        self._usage: Usage | None = None
        self._error: BaseException | None = None
        self._ended = False

    def __call__(self, piece: Any) -> bool:
        try:
            return self._take(piece)
        except BaseException as error:  # llama.cpp would swallow it; `result` raises it
            self._error = error
            return True

    def _take(self, piece: dict[str, Any]) -> bool:
        if "error" in piece:
            self._error = _refusal(piece)
            return True
        if progress := piece.get("prompt_progress"):
            self._prompt = (progress["total"], progress["cache"])
        for choice in piece.get("choices", ()):
            self._take_choice(choice, progress is not None)
        if counted := piece.get("usage"):
            cached = counted.get("prompt_tokens_details", {}).get("cached_tokens", 0)
            self._usage = Usage(1, counted["prompt_tokens"], cached, counted["completion_tokens"])
        if self._until is not None and self._tokens and not self._ended and self._until(self._tokens):
            self._ended = True
            return True
        if self._usage is None and self._call.over:
            self._call.check()
        return False

    def _take_choice(self, choice: dict[str, Any], progress: bool) -> None:
        self._texts.append(choice.get("text") or "")
        self._pieces += not progress
        self._finish = choice.get("finish_reason") or self._finish
        for entry in as_list(as_dict(choice.get("logprobs")).get("content")):
            self._tokens.append(Token(entry["id"], entry["logprob"]))

    def result(self) -> Completion:
        """The completion, or the error that ended it."""
        if self._error is not None:
            raise self._error
        usage = self._usage
        if usage is None:
            if not self._ended:
                raise ModelUnavailableError("llama.cpp ended the request without an answer")
            usage = Usage(1, self._prompt[0], self._prompt[1], len(self._tokens) or self._pieces)
        return Completion("".join(self._texts), self._tokens, self._finish == "length", usage)


def _refusal(answer: Any) -> ModelError:
    detail = as_dict(as_dict(answer).get("error"))
    if detail.get("type") == "exceed_context_size_error":
        return ModelRequestError(
            f"the prompt has {detail.get('n_prompt_tokens')} tokens, the context holds {detail.get('n_ctx')}; "
            "shorten the conversation or load the model with a larger n_ctx"
        )
    return ModelRequestError(f"llama.cpp refused the request: {detail.get('message', answer)}")


def check_gguf(path: Path) -> None:
    """Raise UsageError unless ``path`` is a file that begins like a GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UsageError(f"cannot read the model file {str(path)!r}: {error.strerror or error}") from None
    if magic != b"GGUF":
        raise UsageError(
            f"{str(path)!r} is not a GGUF file: it begins with {magic!r}; give the path of a .gguf model"
        )


def _load(settings: EngineSettings, key: str) -> Any:
    try:
        xllamacpp: Any = import_module("xllamacpp")
    except ImportError:
        raise MissingDependencyError("xllamacpp", "local") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    params.n_ctx = settings.n_ctx * settings.slots
    params.n_parallel = settings.slots
    params.cpuparams.n_threads = settings.n_threads
    params.cpuparams_batch.n_threads = settings.n_threads
    params.n_batch = params.n_ubatch = READ_AT_ONCE
    params.cache_ram_mib = MORE_CONVERSATIONS_MIB
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_threads_http = 2
    params.ui = False
    params.warmup = False
    params.fit_params = False
    if not settings.verbose:
        params.verbosity = QUIET
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise ModelRequestError(
            f"llama.cpp cannot load {str(settings.path)!r}: {error} The file may be damaged, or made for another "
            "version; fetch it again, or try a smaller n_ctx if memory is short"
        ) from None
