"""People in the loop: approve, edit, reject, override, inject, pause, abort, and resume with everything intact."""

from purpose_agent.hitl.checkpoint import Checkpoint
from purpose_agent.hitl.human_input import AutoApproveHandler, HumanInput, HumanInputHandler, InterruptType
from purpose_agent.hitl.orchestrator import HITLOrchestrator
from purpose_agent.hitl.terminal import CLIInputHandler

__all__ = [
    "AutoApproveHandler",
    "CLIInputHandler",
    "Checkpoint",
    "HITLOrchestrator",
    "HumanInput",
    "HumanInputHandler",
    "InterruptType",
]
