"""Importing costs little and touches nothing."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "httpx2",
    "numpy",
    "xllamacpp",
    "huggingface_hub",
    "fastjsonschema",
    "json_repair",
    "anyio",
    "stamina",
    "rich",
)


def test_importing_the_backends_imports_no_client_and_no_sdk() -> None:
    code = f"import sys, purpose_agent.llm_backend; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
