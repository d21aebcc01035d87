"""Agents that get better at their purpose without any change of weights.

The public names. Everything else is private by module: import it from where it lives if you must.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from purpose_agent.actor import Actor
from purpose_agent.checkers import Checker, all_of, any_of, weighted
from purpose_agent.environment import Environment, SimpleEnvironment
from purpose_agent.errors import PurposeAgentError, UsageError
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.limits import Limits
from purpose_agent.llm_backend import (
    ChatMessage,
    LLMBackend,
    MockLLMBackend,
    resolve_backend,
)
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.orchestrator import AsyncOrchestrator, Orchestrator, TaskResult
from purpose_agent.policies import Policy
from purpose_agent.purpose_function import PurposeFunction
from purpose_agent.registry import (
    PluginRegistry,
    backend_registry,
    callback_registry,
    distiller_registry,
    environment_registry,
)
from purpose_agent.streaming import StreamEvent
from purpose_agent.types import (
    Action,
    Heuristic,
    MemoryRecord,
    MemoryTier,
    PurposeScore,
    State,
    StopReason,
    Trajectory,
    TrajectoryStep,
    Verdict,
)

if TYPE_CHECKING:
    from purpose_agent.environment_check import check_environment
    from purpose_agent.hitl import (
        AutoApproveHandler,
        Checkpoint,
        CLIInputHandler,
        HITLOrchestrator,
        HumanInput,
        HumanInputHandler,
        InterruptType,
    )
    from purpose_agent.llm_backend import HFInferenceBackend, OpenAICompatibleBackend

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Actor",
    "AsyncOrchestrator",
    "AutoApproveHandler",
    "CLIInputHandler",
    "ChatMessage",
    "Checker",
    "Checkpoint",
    "Environment",
    "ExperienceReplay",
    "HFInferenceBackend",
    "HITLOrchestrator",
    "Heuristic",
    "HeuristicOptimizer",
    "HumanInput",
    "HumanInputHandler",
    "InterruptType",
    "LLMBackend",
    "Limits",
    "MemoryRecord",
    "MemoryTier",
    "MockLLMBackend",
    "OpenAICompatibleBackend",
    "Orchestrator",
    "PluginRegistry",
    "Policy",
    "PurposeAgentError",
    "PurposeFunction",
    "PurposeScore",
    "SimpleEnvironment",
    "State",
    "StopReason",
    "StreamEvent",
    "TaskResult",
    "Trajectory",
    "TrajectoryStep",
    "UsageError",
    "Verdict",
    "all_of",
    "any_of",
    "backend_registry",
    "callback_registry",
    "check_environment",
    "distiller_registry",
    "environment_registry",
    "resolve_backend",
    "weighted",
]

import_module(f"{__name__}.environments")  # registers the environments that ship; loads none of them

_LAZY = {
    "environment_check": ("check_environment",),
    "hitl": (
        "AutoApproveHandler",
        "CLIInputHandler",
        "Checkpoint",
        "HITLOrchestrator",
        "HumanInput",
        "HumanInputHandler",
        "InterruptType",
    ),
    "llm_backend": ("HFInferenceBackend", "OpenAICompatibleBackend"),
}
"""Names that are imported when they are first asked for, so that importing the package stays light."""


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
