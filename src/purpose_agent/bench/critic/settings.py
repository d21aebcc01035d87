"""What a critic's report is asked to do, checked before any work is spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from purpose_agent.bench.stream import DEV, TEST
from purpose_agent.environments import parse_settings
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole

AT = (0, 10, 25, 50, 100, 200)
"""Numbers of train episodes after which the critics are measured, where nothing else is said."""

EVIDENCE_STATES = 120
"""States that a model is asked about, where nothing else is said: some minutes for a small one."""

WITHOUT_MODEL = ("random", "none")
"""Model specifications without a model behind them: there is no evidence critic and no policy by model."""


class CriticSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a report's numbers.

    Attributes:
        env: specification of the environment, without a fold.
        model: specification of the model; ``random`` or ``none`` for none.
        episodes: of the train fold, played by all policies in turn.
        tasks: held-out tasks, each played by every policy.
        at: numbers of train episodes after which the critics are measured.
        fold: of the held-out tasks: ``dev``, or ``test`` once at the end.
        seed: of the tasks and of all draws.
        evidence_states: held-out states that the model is asked about; as many train states for its calibration.
        gain: whether the gain of a learner is measured.
        gain_episodes: train episodes of each learner.
        gain_seeds: training seeds of each of its arms.
        attacks: whether states are attacked.
        attack_states: how many.
    """

    env: str
    model: str = "random"
    episodes: int = 200
    tasks: int = 60
    at: tuple[int, ...] = AT
    fold: str = DEV
    seed: int = 0
    evidence_states: int = 0
    gain: bool = True
    gain_episodes: int = 100
    gain_seeds: int = 3
    attacks: bool = True
    attack_states: int = 50

    @property
    def has_model(self) -> bool:
        """Whether there is a model to ask."""
        return self.model not in WITHOUT_MODEL


def make_settings(
    env: str,
    model: str = "random",
    *,
    episodes: int = 200,
    tasks: int = 60,
    at: Sequence[int] | None = None,
    evidence_states: int | None = None,
    **more: Any,
) -> CriticSettings:
    """The checked settings.

    Args:
        env: see `CriticSettings`.
        model: see `CriticSettings`.
        episodes: see `CriticSettings`.
        tasks: see `CriticSettings`.
        at: None for `AT` as far as there are so many episodes, and the last.
        evidence_states: None for `EVIDENCE_STATES` where there is a model.
        more: other fields of `CriticSettings`.

    Raises:
        UsageError: a value cannot be meant.
    """
    _check_env(env)
    for name, value, least in (
        ("episodes", episodes, 1),
        ("tasks", tasks, 2),
        ("seed", more.get("seed", 0), 0),
        ("gain_seeds", more.get("gain_seeds", 3), 1),
        ("gain_episodes", more.get("gain_episodes", 100), 1),
        ("attack_states", more.get("attack_states", 50), 1),
        ("evidence_states", evidence_states or 0, 0),
    ):
        if not is_whole(value) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")
    fold = more.get("fold", DEV)
    if fold not in (DEV, TEST):
        raise UsageError(
            f"fold must be {DEV!r} or {TEST!r}, got {fold!r}; the critics learn from the train fold"
        )
    model = model.strip() or "none"
    if evidence_states is None:
        evidence_states = 0 if model in WITHOUT_MODEL else EVIDENCE_STATES
    elif evidence_states and model in WITHOUT_MODEL:
        raise UsageError(f"evidence_states={evidence_states} needs a model to ask, got model {model!r}")
    return CriticSettings(
        env=env.strip(),
        model=model,
        episodes=episodes,
        tasks=tasks,
        at=_points(at, episodes),
        evidence_states=evidence_states,
        **more,
    )


def _points(at: Sequence[int] | None, episodes: int) -> tuple[int, ...]:
    if at is None:
        return tuple(sorted({*(n for n in AT if n < episodes), episodes}))
    for n in at:
        if not is_whole(n) or not 0 <= n <= episodes:
            raise UsageError(f"at must be whole numbers from 0 to episodes ({episodes}), got {n!r}")
    if not at:
        raise UsageError("at is empty; name at least one number of train episodes")
    return tuple(sorted(set(at)))


def _check_env(env: Any) -> None:
    if not isinstance(env, str) or not env.strip():
        raise UsageError(f"env must name an environment such as 'textworld:preset=twc', got {env!r}")
    settings = settings_of(env)
    if "fold" in settings:
        raise UsageError(
            f"{env!r} names a fold; leave it out: the critics learn from train and are tested on --fold"
        )
    if settings.get("hide_score"):
        raise UsageError(
            f"{env!r} hides the score that the critics are graded with; leave hide_score out: "
            "the report never shows a score to a critic"
        )


def settings_of(env: str) -> dict[str, Any]:
    """The settings in an environment's specification."""
    name, _, rest = env.strip().partition(":")
    if "=" in rest.partition(":")[0] or not rest:
        return parse_settings(rest, env)
    return parse_settings(rest.partition(":")[2], f"{name}:{rest}")


def with_fold(env: str, fold: str) -> str:
    """The specification with a fold."""
    return f"{env}{',' if settings_of(env) else ':'}fold={fold}"
