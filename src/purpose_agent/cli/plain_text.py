"""Text for people and for programs: on one line, short where asked, written in any encoding."""

from __future__ import annotations

import codecs
import json
import math
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from purpose_agent.terminal_text import printable
from purpose_agent.types import PHI_MAX

_SPELLED = {
    "Φ": "Phi",
    "Δ": "delta ",
    "█": "#",
    "░": ".",
    "✓": "+",
    "✗": "x",
    "→": "->",
    "…": "...",
    "·": "-",
    "≥": ">=",
    "−": "-",
    "\N{EN DASH}": "-",
    "—": "-",
    "’": "'",
}
"""Our own signs in ASCII, for terminals that cannot write them."""

_HANDLER = "purpose_agent_spell_out"


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one line, at most ``limit`` characters long, control characters made visible."""
    # white space falls away, and most of a huge text is never read
    head = text if limit is None else text[: limit * 8]
    line = printable(" ".join(head.split()))
    if limit is not None and (len(line) > limit or len(head) < len(text)):
        return line[: limit - 1].rstrip() + "…"
    return line


def phi_bar(phi: float | None, cells: int = 10) -> str:
    """Φ as a bar of ``cells`` cells; empty cells where it is unknown."""
    full = 0 if phi is None else round(max(0.0, min(1.0, phi / PHI_MAX)) * cells)
    return "█" * full + "░" * (cells - full)


def number(value: float | None, form: str = ".1f") -> str:
    """A number for people; ``-`` when there is none."""
    return "-" if value is None else format(value, form)


def count_of(n: int, noun: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float) -> str:
    """A time span for people: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    return f"{minutes // 60} h {minutes % 60} min"


def print_json(value: Any) -> None:
    """One JSON document on standard output, and nothing else; NaN and infinity become null."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON that standard output can write whatever its encoding is."""
    plain = _finite(value)
    text = json.dumps(plain, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(plain, indent=indent, allow_nan=False)
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in cast(dict[Any, Any], value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in cast(Iterable[Any], value)]
    return value


def make_streams_safe() -> None:
    """Let standard output and error write any text: what their encoding lacks is spelled out.

    Where there is no standard error (``2>&-``), what would be said there is dropped; it must not land among data.
    """
    codecs.register_error(_HANDLER, _spell_out)
    if cast(object, sys.stderr) is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (for the rest of the process)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(cast(TextIO, stream), "reconfigure", None)
        if callable(reconfigure):
            reconfigure(errors=_HANDLER)


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    spelled = "".join(_SPELLED.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in bad)
    return spelled, error.end
