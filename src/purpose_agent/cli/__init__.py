"""The command line: `main` is the command ``purpose-agent``."""

from purpose_agent.cli.application import main

__all__ = ["main"]
