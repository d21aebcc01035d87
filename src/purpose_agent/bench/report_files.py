"""The files of a report: what they are called, and how one takes the place of another."""

from __future__ import annotations

import os
from pathlib import Path

REPORT_JSON, REPORT_HTML, CURVE_SVG = "report.json", "report.html", "learning_curve.svg"


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)
