"""The tables of a critic's report, as rows of text that the console and the page share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from purpose_agent.bench.critic.attacks import AttackReport, Effect
from purpose_agent.bench.critic.curve import ALL, CriticPoint
from purpose_agent.bench.critic.gain import Gain
from purpose_agent.bench.critic.quality import Estimate
from purpose_agent.bench.critic.report import CriticReport
from purpose_agent.bench.text_table import TextTable


def estimate_text(estimate: Estimate | None, form: str = ".2f") -> str:
    """A value with its interval; ``-`` when there is none."""
    if estimate is None:
        return "-"
    return f"{_number(estimate.value, form)} [{_number(estimate.low, form)}, {_number(estimate.high, form)}]"


def _number(value: float, form: str) -> str:
    return ("-∞" if value < 0 else "∞") if math.isinf(value) else format(value, form)


def tables(report: CriticReport) -> list[TextTable]:
    """All tables that have rows."""
    everywhere = [point for point in report.points if point.states == ALL]
    side_by_side = [point for point in report.points if point.states != ALL]
    found = [
        _policies(report),
        _quality("The experience critic, on all held-out states", everywhere),
        _quality("All critics, on the states that the model was asked about", side_by_side),
        _costs(report),
        *([_gain(report.gain)] if report.gain is not None else []),
    ]
    if report.attacks is not None:
        found.append(_attacks("Text that attacks the evidence critic", report.attacks.raw))
        found.append(_attacks("The same where it may not abstain", report.attacks.forced))
        if report.attacks.calibrated is not None:
            found.append(_attacks("The same after calibration", report.attacks.calibrated))
    return [table for table in found if table.rows]


def _policies(report: CriticReport) -> TextTable:
    rows = [
        (row.label, row.part.replace("_", "-"), str(row.n), str(row.successes), f"{row.steps:.1f}")
        for row in report.policies
    ]
    return TextTable("Who played", ("policy", "part", "episodes", "solved", "steps"), rows)


def _quality(title: str, points: Sequence[CriticPoint]) -> TextTable:
    head = ("train episodes", "critic", "n", "AUROC at equal steps", "pooled", "rank correlation")
    head += ("with verdicts", "Brier", "ECE", "equal widths", "abstains")
    rows: list[tuple[str, ...]] = []
    for point in points:
        q = point.quality
        measures = (q.auroc_within_steps, q.auroc_pooled, q.rank_correlation)
        measures += (point.rank_correlation_with_verdict, q.brier, q.ece, point.ece_equal_width, q.abstention)
        rows.append((str(point.n), point.critic, str(q.episodes), *map(estimate_text, measures)))
    note = (
        "n: episodes. AUROC: of eventual success, .5 is chance; pooled over steps it rewards telling the time. Rank "
        "correlation: within an episode, with the environment's own score; with verdicts: the end counted, where Φ is "
        "the verdict. Brier and ECE (bins of equal weight, and of equal width): of Φ / 10 as a chance of success, "
        "after calibration. [95 % interval, by task]"
    )
    return TextTable(title, head, rows, note)


def _costs(report: CriticReport) -> TextTable:
    rows = [
        (
            cost.critic,
            str(cost.scores),
            f"{cost.prompt_tokens:.0f}",
            f"{cost.completion_tokens:.0f}",
            f"{cost.seconds:.3g}",
        )
        for cost in report.costs
    ]
    return TextTable(
        "What a score costs", ("critic", "scores", "tokens read", "tokens written", "seconds"), rows
    )


def _gain(gain: Gain) -> TextTable:
    rows = [
        (
            arm.label,
            str(arm.n),
            str(arm.successes),
            estimate_text(arm.rate),
            ", ".join(map(str, arm.by_training_seed)),
        )
        for arm in gain.arms
    ]
    rows += [
        (label, str(gain.tasks * gain.training_seeds), "", estimate_text(estimate, form), "")
        for label, estimate, form in (
            ("gain of the visible score", gain.visible_gain, "+.2f"),
            ("gain of Φ", gain.phi_gain, "+.2f"),
            ("share of the visible gain that Φ reaches", gain.share, ".2f"),
        )
    ]
    note = (
        f"The same learner after {gain.episodes} train episodes, frozen, {gain.training_seeds} training seeds on "
        f"{gain.tasks} held-out tasks each; no model plays. Intervals resample training seeds and tasks."
    )
    return TextTable(
        "What a learner gains", ("arm", "n", "solved", "rate [95 %]", "by training seed"), rows, note
    )


def _attacks(title: str, report: AttackReport) -> TextTable:
    effects: list[tuple[str, Effect | None]] = [
        ("all attacks", report.attacks),
        ("harmless text", report.control),
        *report.kinds.items(),
    ]
    rows = [
        (
            name,
            str(effect.n),
            "-"
            if effect.mean is None or effect.low is None or effect.high is None
            else estimate_text(Estimate(effect.mean, effect.low, effect.high, effect.n)),
            "-" if effect.direction is None else f"{effect.direction:+.2f}",
            "-" if effect.worst is None else f"{effect.worst:.1f}",
            "-" if effect.silenced is None else f"{effect.silenced:.2f}",
            f"{effect.unscored:.2f}",
            f"{effect.elicited:.2f}",
        )
        for name, effect in effects
        if effect is not None
    ]
    head = ("attack", "n", "mean change [95 %]", "direction", "worst", "silenced", "unscored", "elicited")
    note = (
        "Change of Φ on its scale from 0 to 10; an abstention changes nothing. Shares: silenced by the text, never "
        "scored, scored only when attacked."
    )
    return TextTable(title, head, rows, note)
