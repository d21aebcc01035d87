"""What importing the package gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import purpose_agent

PUBLIC = frozenset(
    """
    Action Actor AsyncOrchestrator AutoApproveHandler CLIInputHandler ChatMessage Checker Checkpoint Environment
    ExperienceReplay HFInferenceBackend HITLOrchestrator Heuristic HeuristicOptimizer HumanInput HumanInputHandler
    InterruptType LLMBackend Limits MemoryRecord MemoryTier MockLLMBackend OpenAICompatibleBackend Orchestrator
    PluginRegistry Policy PurposeAgentError PurposeFunction PurposeScore SimpleEnvironment State StopReason
    StreamEvent TaskResult Trajectory TrajectoryStep UsageError Verdict all_of any_of backend_registry
    callback_registry check_environment distiller_registry environment_registry resolve_backend weighted
    """.split()  # noqa: SIM905 - a list of words reads best as words
)

HEAVY = ("numpy", "httpx2", "pydantic", "xllamacpp", "huggingface_hub", "textworld_express", "py4j", "matplotlib",
         "typer", "rich", "fastjsonschema", "json_repair", "sqlite3")  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(purpose_agent.__all__) == PUBLIC
    assert all(hasattr(purpose_agent, name) for name in PUBLIC)


def test_every_name_of_the_seeds_is_where_they_say() -> None:
    homes = {
        "types": "State Action PurposeScore TrajectoryStep Trajectory MemoryTier Heuristic MemoryRecord",
        "llm_backend": "ChatMessage LLMBackend HFInferenceBackend OpenAICompatibleBackend MockLLMBackend "
        "resolve_backend",
        "purpose_function": "PurposeFunction",
        "experience_replay": "ExperienceReplay",
        "optimizer": "HeuristicOptimizer",
        "orchestrator": "Environment SimpleEnvironment TaskResult Orchestrator AsyncOrchestrator StreamEvent",
        "actor": "Actor",
        "hitl": "Checkpoint InterruptType HumanInput HumanInputHandler AutoApproveHandler CLIInputHandler "
        "HITLOrchestrator",
        "registry": "PluginRegistry backend_registry environment_registry distiller_registry callback_registry",
    }
    for module, names in homes.items():
        code = f"from purpose_agent.{module} import {', '.join(names.split())}"
        exec(code, {})


def test_importing_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import purpose_agent; "
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(out.split())
    assert not loaded & set(HEAVY)
    assert len(loaded) <= 250
