"""The tasks of a comparison: which are learned from, which are held out, and the guard between them."""

from __future__ import annotations

import inspect
from typing import Any, cast

import msgspec

from purpose_agent.errors import UsageError

TRAIN, DEV, TEST = "train", "dev", "test"
"""Folds. Demos and development use train and dev; test is for a final report."""

_FOLD_OFFSET = {TRAIN: 0, DEV: 1_000_000, TEST: 2_000_000}
"""First seed of each fold in a world that knows no folds."""

_STRIDE = 101
"""Distance between the streams of neighbouring seeds; with no common factor with the 1,000 tasks of a fold."""


class NoPurposeError(UsageError):
    """An environment does not say what its tasks are about."""


class Task(msgspec.Struct, frozen=True):
    """One task.

    Attributes:
        fold: ``train``, ``dev`` or, in a final report, ``test``.
        seed: passed to the environment's ``reset``.
        options: passed to it as well; None in a world that knows no folds.
    """

    fold: str
    seed: int
    options: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells tasks apart."""
        return (self.fold, self.seed)


def tasks_of(environment: Any, fold: str, count: int, seed: int, *, final: bool = False) -> list[Task]:
    """``count`` different tasks of a fold, in a fixed order.

    A world with folds (it has ``fold`` and ``seeds``) is asked for the fold by its options; one whose folds differ in
    size says so by ``seeds_of(fold)``. In any other, the folds are ranges of seeds that never meet.

    Args:
        environment: where they will be played.
        fold: ``train`` or ``dev``, or ``test`` in a final report.
        count: how many.
        seed: of the stream; another one begins elsewhere in the fold.
        final: whether this is for a final report, which alone may use the test fold.

    Raises:
        UsageError: the fold may not be used here, or holds fewer tasks.
    """
    if fold not in _FOLD_OFFSET or (fold == TEST and not final):
        raise UsageError(
            f"fold must be {TRAIN!r} or {DEV!r}, got {fold!r}; the test fold is for a final report only"
        )
    seeds = seeds_of(environment, fold)
    if seeds is None:
        first = _FOLD_OFFSET[fold] + seed * _STRIDE % _FOLD_OFFSET[DEV]
        if count > _FOLD_OFFSET[DEV] - _STRIDE:
            raise UsageError(f"at most {_FOLD_OFFSET[DEV] - _STRIDE} tasks, got {count!r}")
        wrapped = (first - _FOLD_OFFSET[fold] + i for i in range(count))
        return [Task(fold, _FOLD_OFFSET[fold] + i % _FOLD_OFFSET[DEV]) for i in wrapped]
    if count > len(seeds):
        raise UsageError(f"the {fold} fold holds {len(seeds)} tasks, got a wish for {count}; choose fewer")
    first = seed * _STRIDE
    return [Task(fold, seeds[(first + i) % len(seeds)], {"fold": fold}) for i in range(count)]


def knows_folds(environment: Any) -> bool:
    """Whether an environment has folds of its own, of which its options tell it the one that is meant."""
    return isinstance(getattr(environment, "fold", None), str)


def seeds_of(environment: Any, fold: str) -> range | None:
    """The seeds of a fold; None in a world that knows no folds.

    Raises:
        UsageError: it knows folds, and its seeds are no range.
    """
    ask = getattr(environment, "seeds_of", None)
    seeds = ask(fold) if callable(ask) else getattr(environment, "seeds", None)
    if seeds is None or not knows_folds(environment):
        return None
    if not isinstance(seeds, range):
        named = f"seeds_of({fold!r})" if callable(ask) else "seeds"
        raise UsageError(
            f"{type(environment).__name__} has folds, so its {named} must be a range, got "
            f"{type(seeds).__name__}: {seeds!r:.60}"
        )
    return seeds


def purpose_of(environment: Any, task: Task) -> str:
    """The task in words, as its environment says it before the first step.

    An environment that has no ``purpose_for`` and whose ``purpose`` is more than one text for all tasks is reset to the
    task first, so that it does not speak of the last one.

    Raises:
        NoPurposeError: the environment has no purpose.
        UsageError: it cannot make this task.
    """
    ask = getattr(environment, "purpose_for", None)
    if callable(ask):
        purpose = ask(task.seed, task.options)
    else:
        if not isinstance(inspect.getattr_static(cast("type[Any]", type(environment)), "purpose", None), str):
            _reset(environment, task)
        purpose = getattr(environment, "purpose", None)
    if not isinstance(purpose, str) or not purpose.strip():
        raise NoPurposeError(
            f"{type(environment).__name__} does not say what its tasks are about; give it a text attribute 'purpose'"
        )
    return purpose


def _reset(environment: Any, task: Task) -> None:
    """Put an environment that says its purpose by itself before a task; one that is asynchronous is left as it is."""
    reset = getattr(environment, "reset", None)
    if not callable(reset) or inspect.iscoroutinefunction(reset):
        return
    taken = inspect.signature(reset).parameters
    reset(
        **{name: value for name, value in (("seed", task.seed), ("options", task.options)) if name in taken}
    )
