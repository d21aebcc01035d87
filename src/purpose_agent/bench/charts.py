"""Charts as SVG text, in colours and a style that all reports share.

They need matplotlib (extra ``report``), which is imported when the first one is drawn.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

from purpose_agent.errors import MissingDependencyError

DARK, BLUE, ORANGE, GREY = "#1b1b1b", "#0b5394", "#b45309", "#767676"

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "purpose-agent",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
}


def svg(name: str, draw: Callable[[Any], None]) -> str:
    """A chart of one pair of axes; see `figure_svg`."""

    def fill(figure: Any) -> None:
        figure.set_layout_engine("constrained")
        draw(figure.add_subplot())

    return figure_svg(name, fill, (6.0, 3.9))


def figure_svg(name: str, draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    """A figure as an ``<svg>`` element that scales with its frame and whose ids begin with ``name``.

    Args:
        name: of the figure, once in a page.
        draw: fills the figure.
        size: width and height in inches; 72 units of the drawing are one of them.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "report") from error
    library: Any = matplotlib
    with library.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's fonts show the text, not matplotlib's, which lack many scripts and are only measured.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure: Any = Figure(figsize=size)
        draw(figure)
        buffer = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", text)
