"""Language models: the contract, the backends that ship, and how a spec names one."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from purpose_agent.llm_backend.base import ChatMessage, Choice, LLMBackend
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.llm_backend.resolve import resolve_backend
from purpose_agent.llm_backend.usage import Usage

if TYPE_CHECKING:
    from purpose_agent.llm_backend.huggingface import HFInferenceBackend
    from purpose_agent.llm_backend.local import LocalBackend
    from purpose_agent.llm_backend.openai_compatible import OpenAICompatibleBackend

__all__ = [
    "ChatMessage",
    "Choice",
    "HFInferenceBackend",
    "LLMBackend",
    "LocalBackend",
    "MockLLMBackend",
    "OpenAICompatibleBackend",
    "Usage",
    "resolve_backend",
]

_LAZY = {
    "HFInferenceBackend": "huggingface",
    "LocalBackend": "local",
    "OpenAICompatibleBackend": "openai_compatible",
}
"""Backends that are imported when they are first asked for: most programs use one of them."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
