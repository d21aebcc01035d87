"""From a model spec (a short text) to a backend."""

from __future__ import annotations

import os
import re
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.registry import backend_registry

FORMS = {
    "local": "the embedded model (SmolLM2-135M), fetched on first use",
    "gguf:PATH": "a GGUF file, run in this process",
    "openai:NAME": "a model of the OpenAI API, or of OPENAI_BASE_URL where that is set",
    "openai:NAME@BASE_URL": "a model of any OpenAI-compatible server, e.g. openai:qwen3@http://127.0.0.1:8000/v1",
    "hf:NAME": "a model of the Hugging Face inference providers, e.g. hf:Qwen/Qwen3-32B",
    "ollama:NAME": "a model of a local Ollama server (OLLAMA_HOST, else 127.0.0.1:11434)",
    "mock": "a scripted model, for tests",
    "random": "no model: picks uniformly among the admissible actions, the floor of every comparison",
}
"""The specs that are understood, with what each means."""


def resolve_backend(spec: str, api_key: str | None = None) -> LLMBackend:
    """The backend that a spec names. Nothing is loaded, fetched or connected yet.

    Args:
        spec: one of `FORMS`, or ``NAME`` or ``NAME:REST`` of a registered plugin; its factory gets ``rest`` where
            there is one and ``api_key`` where one was given.
        api_key: for backends that need one; by default each reads its own environment variable.

    Raises:
        UsageError: the spec is not understood.
        MissingDependencyError: the backend needs an extra that is not installed.
    """
    given: Any = spec
    if not isinstance(given, str):
        raise UsageError(f"a model spec must be a text, got {given!r:.100}; {_forms()}")
    head, colon, rest = spec.strip().partition(":")
    factory = backend_registry.get_class(head)
    if factory is None or (factory is _MAKERS.get(head) and not _fits(head, colon, rest)):
        raise UsageError(f"unknown model spec {spec!r}; {_forms()}")
    arguments: dict[str, Any] = {"rest": rest} if rest else {}
    if api_key is not None:
        arguments["api_key"] = api_key
    return backend_registry.create(head, **arguments)


def plugin_backends() -> list[str]:
    """The names of registered backends that do not ship with this package, sorted."""
    return [name for name in backend_registry.names() if name not in _MAKERS]


def _fits(head: str, colon: str, rest: str) -> bool:
    """Whether there is something behind the colon exactly where the form of that name asks for it."""
    return bool(rest) == (head in _NEED_REST) and (colon == "" or bool(rest))


def _forms() -> str:
    plugins = plugin_backends()
    more = f"; plugins: {', '.join(plugins)}" if plugins else ""
    return f"use one of {', '.join(FORMS)}{more}"


def _mock(api_key: str | None = None) -> LLMBackend:
    return MockLLMBackend()


def _random(api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.uniform import UniformBackend

    return UniformBackend()


def _local(api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.local import LocalBackend

    return LocalBackend()


def _gguf(rest: str, api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.local import LocalBackend

    return LocalBackend(rest)


def _openai(rest: str, api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.openai_compatible import OpenAICompatibleBackend

    found = _SERVER.fullmatch(rest)
    if found is None:
        _refuse_lost_server(rest)
        return OpenAICompatibleBackend(rest, api_key=api_key)
    base_url = found["url"] if "://" in found["url"] else f"http://{found['url']}"
    return OpenAICompatibleBackend(found["name"], base_url, api_key)


def _refuse_lost_server(name: str) -> None:
    """Refuse a name that may have been meant as ``NAME@BASE_URL``: prompts and key would go to another server.

    Raises:
        UsageError: what stands behind the last ``@`` is no version of a model.
    """
    head, at, tail = name.rpartition("@")
    if at and (_VERSION.fullmatch(tail) is None or _IP_ADDRESS.fullmatch(tail)):
        raise UsageError(
            f"{tail!r} in the model spec 'openai:{name}' is neither a base URL nor a version; for a server of your "
            f"own write openai:{head or 'NAME'}@http://HOST:PORT/v1, and so for a model whose name has an '@' in it"
        )


def _hf(rest: str, api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.huggingface import HFInferenceBackend

    return HFInferenceBackend(rest, api_key=api_key)


def _ollama(rest: str, api_key: str | None = None) -> LLMBackend:
    from purpose_agent.llm_backend.openai_compatible import OpenAICompatibleBackend

    host = os.environ.get("OLLAMA_HOST", "").strip() or "127.0.0.1:11434"
    if "//" not in host:
        host = f"http://{host}"
    if ":" not in host.split("//", 1)[1].rpartition("]")[2]:
        host += ":11434"
    host = host.replace("//0.0.0.0:", "//127.0.0.1:")
    return OpenAICompatibleBackend(rest, f"{host.rstrip('/')}/v1", api_key or "ollama")


_SERVER = re.compile(
    r"(?P<name>.+?)@(?P<url>(?i:https?)://.+|[\w.-]+:\d+(?:/.*)?|\[[\da-fA-F:]+\]:\d+(?:/.*)?)"
)
"""``NAME@BASE_URL``; the scheme may be left out where there is a port."""

_VERSION = re.compile(r"latest|default|v?\d[\w-]*(?:\.\d[\w-]*)*")
"""Behind an ``@`` in a model's own name, as in ``name@20240620``. A bare word may be a host, so it is none."""

_IP_ADDRESS = re.compile(r"\d+(?:\.\d+){3}")

_MAKERS = {
    "mock": _mock,
    "random": _random,
    "local": _local,
    "gguf": _gguf,
    "openai": _openai,
    "hf": _hf,
    "ollama": _ollama,
}
_NEED_REST = frozenset({"gguf", "openai", "hf", "ollama"})

for _head, _maker in _MAKERS.items():
    _description = "; ".join(text for form, text in FORMS.items() if form.partition(":")[0] == _head)
    backend_registry.register(_head, _maker, description=_description)
