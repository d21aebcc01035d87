"""What a report card holds: the documented structure of ``report.json``.

`SCHEMA_VERSION` grows when a field changes its meaning or goes away. Rates, scores and differences are shares in
[-1, 1]; intervals are of 95 %; times are seconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from purpose_agent.bench.machine import Machine
from purpose_agent.bench.suite.settings import SuiteSettings

SCHEMA_VERSION = 2


class Estimate(msgspec.Struct, frozen=True):
    """A mean and its interval.

    Attributes:
        value: the mean.
        low: lower end.
        high: upper end.
        n: tasks that it rests on; a task counts once, however often it was played.
    """

    value: float
    low: float
    high: float
    n: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One arm minus another on the same tasks.

    Attributes:
        first: name of an arm.
        second: name of an arm.
        question: what the difference answers.
        success: of the success rate.
        success_p: two-sided, by permutation, of the hypothesis that it does not matter which arm played.
        score: of the mean final score.
        score_p: the same for it.
        lost: tasks that the second solved in a greater share of its plays.
        won: tasks that the first did.
    """

    first: str
    second: str
    question: str
    success: Estimate
    success_p: float
    score: Estimate
    score_p: float
    lost: int
    won: int


class RoleCost(msgspec.Struct, frozen=True):
    """What one role of the model cost, per task.

    Attributes:
        role: ``actor``, ``critic`` or ``distiller``.
        calls: requests.
        read: prompt tokens read anew.
        cached: prompt tokens that were read before and kept.
        written: tokens written.
    """

    role: str
    calls: float
    read: float
    cached: float
    written: float


class ArmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How one arm did on the held-out tasks of a world.

    Attributes:
        name: of the arm.
        label: for people.
        asks_model: whether a language model decides what its memory leaves open; else chance does.
        success: rate.
        score: mean final score.
        plays: episodes behind it: tasks times orders times repeats.
        pass_k: chance that all of k attempts at a task succeed, for k = 1, 2, …; one value where each was played once.
        steps: per task.
        habit_share: share of the steps that the memory decided without a model.
        costs: by role, per task.
        seconds: per task.
        memory_tokens: shown with the first state, per task.
    """

    name: str
    label: str
    asks_model: bool
    success: Estimate
    score: Estimate
    plays: int
    pass_k: list[float]
    steps: float
    habit_share: float
    costs: list[RoleCost]
    seconds: float
    memory_tokens: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A training stream in its order, averaged over orders; every task is new when it is met.

    Attributes:
        learner: whose.
        label: for people.
        orders: streams behind it.
        window: episodes of the moving mean.
        success: moving mean of successes after each episode, over all orders.
        low: the least of the orders' moving means.
        high: the greatest.
        score: moving mean of final scores.
        habit_share: moving mean of the share of steps decided without a model.
        tokens_first: tokens of the model per solved task in the first quarter, its reading and writing; None where
            nothing was solved or no model was asked.
        tokens_last: in the last quarter.
        steps_first: steps per solved task in the first quarter, steps of failures included; None where none was solved.
        steps_last: in the last quarter.
    """

    learner: str
    label: str
    orders: int
    window: int
    success: list[float]
    low: list[float]
    high: list[float]
    score: list[float]
    habit_share: list[float]
    tokens_first: float | None
    tokens_last: float | None
    steps_first: float | None
    steps_last: float | None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed set of tasks, played with the memory frozen at several points of the stream.

    Attributes:
        learner: whose memory.
        at: after so many training episodes.
        rates: success on the set at each of them, averaged over orders.
        transfer: success on the set at the last point minus that at each stream's best earlier one; negative where
            something was forgotten. Its ``n`` counts positions in the set.
        lost: tasks solved at an earlier point and not at the last, over all orders.
        n: tasks times orders.
    """

    learner: str
    at: list[int]
    rates: list[float]
    transfer: Estimate
    lost: int
    n: int


class ItemReport(msgspec.Struct, frozen=True, kw_only=True):
    """A memory item, with what is known of its worth.

    Attributes:
        id: of the item.
        order: whose memory, by number.
        tier: ``strategic``, ``procedural`` or ``tool``.
        status: in its life.
        text: what it says, one line.
        source: who distilled it.
        evidence: episodes that support it.
        shown: episodes in which it was shown while learning.
        withheld: in which it was withheld at random.
        uplift: success with it minus without it; None without trials.
    """

    id: str
    order: int
    tier: str
    status: str
    text: str
    source: str
    evidence: int
    shown: int
    withheld: int
    uplift: Estimate | None


class AdviceReport(msgspec.Struct, frozen=True):
    """What the value memory learned, in words.

    Attributes:
        text: ``do …`` or ``avoid …`` and when.
        value: worth against the average, in score.
        n: times it was tried.
    """

    text: str
    value: float
    n: int


class MemoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ours learned in a world, over all orders.

    Attributes:
        episodes: learned from.
        by_status: items by status.
        shown: items ever shown on held-out tasks.
        unused: live items never shown, in training or on held-out tasks.
        cited: items that the model named as the reason of an action.
        duplicates: pairs of live items in one memory that say the same.
        top: items with the strongest evidence, best first.
        advice: of the value memory of the first order, strongest first.
    """

    episodes: int
    by_status: dict[str, int]
    shown: int
    unused: int
    cited: int
    duplicates: int
    top: list[ItemReport]
    advice: list[AdviceReport]


class LearnerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What learning took in a world and what it left, over all orders.

    Attributes:
        learner: whose.
        label: for people.
        episodes: that it played, or read where it studies; 0 where that was not kept.
        failed: of them those from which lessons could not be distilled.
        problem: what went wrong there, most often.
        items: lessons in its memory at the end, the mean over orders; of a memory without lessons its notes, episodes
            or steps; None where that cannot be told.
        shown: share of the held-out plays with its memory in which any text of it was shown; None before the first.
        read: tokens that the model read anew while it learned.
        written: tokens that the model wrote.
    """

    learner: str
    label: str
    episodes: int
    failed: int
    problem: str
    items: float | None
    shown: float | None
    read: int
    written: int


class Leakage(msgspec.Struct, frozen=True):
    """The guard's findings; a report is only written when nothing leaked.

    Attributes:
        checked: showings of items and examples that were traced back to their episodes.
        shared_tasks: tasks both learned from and tested on.
        shared_first_states: held-out tasks whose first state was met in training, though the task is another.
        tasks: held-out tasks that were played.
        first_states: different ones among their first states.
    """

    checked: int
    shared_tasks: int
    shared_first_states: int
    tasks: int = 0
    first_states: int = 0


class WorldReport(msgspec.Struct, frozen=True, kw_only=True):
    """One world of a suite.

    Attributes:
        name: of the world.
        spec: its environment.
        verdict: what came out, in one sentence.
        curves: of each learner.
        arms: in the order of the table.
        differences: the questions that were asked, the first being what memory adds.
        retention: of each learner that was checked.
        memory: what ours learned; None where ours was not played.
        leakage: the guard's findings.
        learners: what learning took and left, of each memory.
    """

    name: str
    spec: str
    verdict: str
    curves: list[Curve]
    arms: list[ArmSummary]
    differences: list[Difference]
    retention: list[Retention]
    memory: MemoryReport | None
    leakage: Leakage
    learners: list[LearnerReport] = []


class SuiteReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report card.

    Attributes:
        schema_version: see the module's text.
        verdict: what came out, in one sentence.
        complete: whether every episode was played.
        fold: of the held-out tasks: ``dev``, or ``test`` in a published table.
        settings: what was asked for.
        overall: the differences over the tasks of all worlds, each task weighing the same.
        worlds: one after the other.
        machine: what it ran on.
        date: of its last episode, as YYYY-MM-DD.
        wall_seconds: of all sessions together.
        command: runs the same again.
        notes: what a reader should know.
    """

    verdict: str
    complete: bool
    fold: str
    settings: SuiteSettings
    overall: list[Difference]
    worlds: list[WorldReport]
    machine: Machine
    date: str
    wall_seconds: float
    command: str
    notes: list[str]
    schema_version: int = SCHEMA_VERSION


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``report.json``."""
    return msgspec.json.schema(SuiteReport)
