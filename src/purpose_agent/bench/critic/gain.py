"""What a learner gains from a critic: the same learner with the step score visible, hidden, and replaced by Φ.

No model takes part: what the value memory leaves to choose from is drawn at random. Every arm plays the same train
tasks with the same draws, then, frozen, the same held-out tasks, so that arms are paired by training seed and task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

import msgspec

from purpose_agent.bench.critic.policies import LearnedPolicy
from purpose_agent.bench.critic.quality import RESAMPLES, Estimate
from purpose_agent.bench.critic.settings import CriticSettings
from purpose_agent.bench.critic.stage import Course, Stage
from purpose_agent.bench.critic.tasks import TaskSupply
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.statistics import CONFIDENCE, tango, wilson
from purpose_agent.bench.stream import Task
from purpose_agent.errors import UsageError
from purpose_agent.memory.values.memory import ValueMemory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VISIBLE, ZERO, PHI = "visible", "zero", "phi"
"""Arms: the learner sees the environment's score; none, so that Φ = 0 until the end; Φ of the experience critic."""

ARMS: Mapping[str, tuple[str, str]] = {
    VISIBLE: ("step score visible", "visible"),
    ZERO: ("step score hidden, Φ = 0", "zero"),
    PHI: ("step score hidden, Φ from experience", "hidden"),
}
"""Arm to its label and to what `LearnedPolicy` is told of progress."""


class GainRun(msgspec.Struct, frozen=True, kw_only=True):
    """One learner: trained, then tested frozen.

    Attributes:
        arm: which.
        training_seed: decides its train tasks and draws.
        train: whether each train episode succeeded, in order.
        held_out: whether each held-out task was solved, by ``fold seed`` of the task.
        seconds: wall time.
    """

    arm: str
    training_seed: int
    train: list[bool]
    held_out: dict[str, bool]
    seconds: float


class GainArm(msgspec.Struct, frozen=True):
    """One arm over all training seeds.

    Attributes:
        name: of the arm.
        label: for people.
        n: held-out episodes.
        successes: of them.
        rate: share of successes, with its interval.
        by_training_seed: successes of each learner.
    """

    name: str
    label: str
    n: int
    successes: int
    rate: Estimate
    by_training_seed: list[int]


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """What a critic's Φ is worth to a learner. Differences are of success rates.

    Intervals are from resampling training seeds and tasks independently of each other (Owen 2007, the pigeonhole
    bootstrap, which errs on the wide side), and never narrower than Wilson's of a rate and Tango's of a paired
    difference. With few training seeds they are rough.

    Attributes:
        episodes: train episodes of each learner.
        training_seeds: learners of each arm.
        tasks: held-out tasks of each learner.
        arms: results.
        visible_gain: the visible score's rate less that of Φ = 0.
        phi_gain: the critic's less that of Φ = 0.
        share: ``phi_gain / visible_gain``; None where the visible score gains nothing. Draws in which it gains
            nothing count as the worst that can be, so a gain that is not sure has a wide interval.
    """

    episodes: int
    training_seeds: int
    tasks: int
    arms: list[GainArm]
    visible_gain: Estimate
    phi_gain: Estimate
    share: Estimate | None


def play_gain(
    stage: Stage,
    supply: TaskSupply,
    settings: CriticSettings,
    file: LineFile[GainRun],
    report: Callable[[GainRun], None],
) -> None:
    """All learners; those in the file need not be trained again.

    Args:
        stage: where they play.
        supply: of tasks.
        settings: of the report.
        file: of what is done.
        report: told of each new one.
    """
    done = {(run.arm, run.training_seed) for run in file.lines}
    for training_seed in range(settings.gain_seeds):
        for arm in ARMS:
            if (arm, training_seed) not in done:
                run = _learner(stage, supply, settings, arm, training_seed)
                file.add([run])
                report(run)


def _learner(
    stage: Stage, supply: TaskSupply, settings: CriticSettings, arm: str, training_seed: int
) -> GainRun:
    started = time.perf_counter()
    memory = ValueMemory()
    train: list[bool] = []
    tasks = supply.shuffled_train(training_seed)
    while len(train) < settings.gain_episodes:
        task = next(tasks)
        try:
            policy, course = _episode(
                stage, memory, arm, task, f"{settings.seed} {training_seed} {len(train)}"
            )
        except UsageError as error:
            supply.refuse(task, error)
            continue
        memory.learn(policy.record())
        train.append(course.success)
    held_out: dict[str, bool] = {}
    for task in supply.held_out():
        name = f"{task.fold} {task.seed}"
        _, course = _episode(stage, memory, arm, task, f"{settings.seed} {training_seed} {name}", frozen=True)
        held_out[name] = course.success
    return GainRun(
        arm=arm,
        training_seed=training_seed,
        train=train,
        held_out=held_out,
        seconds=round(time.perf_counter() - started, 2),
    )


def _episode(
    stage: Stage, memory: ValueMemory, arm: str, task: Task, draw: str, *, frozen: bool = False
) -> tuple[LearnedPolicy, Course]:
    rng = Random(draw)
    policy = LearnedPolicy(memory, not frozen, rng, ARMS[arm][1])
    return policy, stage.play(task, policy, rng)


def gain_of(runs: Sequence[GainRun], episodes: int, seed: int) -> Gain | None:
    """The estimates, over training seeds and tasks that all arms have; None when there are none."""
    import numpy as np

    by_key = {(run.arm, run.training_seed): run.held_out for run in runs}
    seeds = sorted({s for _, s in by_key if all((arm, s) in by_key for arm in ARMS)})
    everywhere = [by_key[arm, s] for arm in ARMS for s in seeds]
    tasks = sorted(t for t in everywhere[0] if all(t in held_out for held_out in everywhere)) if seeds else []
    if not tasks:
        return None
    won = {arm: np.array([[float(by_key[arm, s][t]) for t in tasks] for s in seeds]) for arm in ARMS}
    rng = np.random.default_rng(seed)
    seed_draws = rng.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), size=RESAMPLES) / len(seeds)
    task_draws = rng.multinomial(len(tasks), np.full(len(tasks), 1 / len(tasks)), size=RESAMPLES) / len(tasks)

    def resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.einsum("rs,st,rt->r", seed_draws, values, task_draws)

    n = len(seeds) * len(tasks)
    visible, phi = won[VISIBLE] - won[ZERO], won[PHI] - won[ZERO]
    return Gain(
        episodes=episodes,
        training_seeds=len(seeds),
        tasks=len(tasks),
        arms=[
            GainArm(
                name=arm,
                label=label,
                n=n,
                successes=int(won[arm].sum()),
                rate=_estimate(
                    float(won[arm].mean()), resampled(won[arm]), n, wilson(int(won[arm].sum()), n)
                ),
                by_training_seed=[int(row.sum()) for row in won[arm]],
            )
            for arm, (label, _) in ARMS.items()
        ],
        visible_gain=_estimate(float(visible.mean()), resampled(visible), n, _tango(visible)),
        phi_gain=_estimate(float(phi.mean()), resampled(phi), n, _tango(phi)),
        share=_share(float(visible.mean()), float(phi.mean()), resampled(visible), resampled(phi), n),
    )


def _share(
    visible: float, phi: float, visible_draws: NDArray[np.float64], phi_draws: NDArray[np.float64], n: int
) -> Estimate | None:
    import numpy as np

    if visible <= 0:
        return None
    gained = visible_draws > 0
    lows = np.full(len(visible_draws), -np.inf)
    highs = np.full(len(visible_draws), np.inf)
    shares = phi_draws[gained] / visible_draws[gained]
    lows[gained], highs[gained] = shares, shares
    low, high = _ends(lows)[0], _ends(highs)[1]
    return Estimate(phi / visible, low, high, n)


def _tango(difference: NDArray[np.float64]) -> tuple[float, float]:
    return tango(int((difference > 0).sum()), int((difference < 0).sum()), difference.size)


def _estimate(value: float, draws: NDArray[np.float64], n: int, least: tuple[float, float]) -> Estimate:
    """The bootstrap's interval, at least as wide as ``least``, which holds where all outcomes are alike."""
    low, high = _ends(draws)
    return Estimate(value, min(low, least[0]), max(high, least[1]), n)


def _ends(draws: NDArray[np.float64]) -> tuple[float, float]:
    """The percentiles of an interval; no interpolation, so that infinite draws stay apart from the others."""
    import numpy as np

    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(draws, ends, method="nearest")
    return float(low), float(high)
