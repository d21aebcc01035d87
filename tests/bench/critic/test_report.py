"""A critic's report from its first episode to its page, and every way it can be left and taken up again."""

from __future__ import annotations

import fcntl
import io
import json
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from fakes.ball_world import BallWorld
from fakes.hostile_text import HOSTILE
from purpose_agent.bench.critic import running
from purpose_agent.bench.critic.bins import ece_equal_width
from purpose_agent.bench.critic.folder import settings_for
from purpose_agent.bench.critic.gain import PHI, VISIBLE, ZERO, GainRun, gain_of
from purpose_agent.bench.critic.output import quality_charts, render
from purpose_agent.bench.critic.quality import ScoredState
from purpose_agent.bench.critic.report import CriticReport
from purpose_agent.bench.critic.running import run_critic
from purpose_agent.bench.critic.settings import CriticSettings, make_settings
from purpose_agent.errors import ModelUnavailableError, UsageError
from purpose_agent.llm_backend.mock import MockLLMBackend

WORLD = "fakes.ball_world:BallWorld"
SMALL: dict[str, Any] = {"episodes": 24, "tasks": 6, "gain_seeds": 2, "gain_episodes": 10, "attack_states": 4}


def critic(out: Path, console: Console | None = None, **more: Any) -> CriticReport:
    settings = make_settings(WORLD, **SMALL | more)
    return run_critic(settings, out, console=console or Console(file=io.StringIO()))


def measured(report: CriticReport) -> Any:
    """What must not depend on when and in how many sessions it was measured."""
    return msgspec.to_builtins([report.points, report.gain, report.attacks, report.policies, report.notes])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    assert critic(out, model="mock", evidence_states=8).complete
    return out


@pytest.fixture(scope="module")
def report(undisturbed: Path) -> CriticReport:
    return run_critic(settings_for(undisturbed, True, {}), undisturbed, console=Console(file=io.StringIO()))


# -- what it holds ---------------------------------------------------------------------------------------------
def test_every_critic_is_measured_after_each_number_of_episodes(report: CriticReport) -> None:
    found = {(point.n, point.critic, point.states) for point in report.points}
    one = {("experience", "all"), ("experience", "sample"), ("evidence", "sample"), ("combined", "sample")}
    assert found == {(n, *which) for n in (0, 10, 24) for which in one}


def test_the_experience_critic_begins_ignorant_and_learns(report: CriticReport) -> None:
    first, *_, last = [point.quality for point in report.points if point.states == "all"]
    assert first.abstention is not None
    assert last.abstention is not None
    assert last.rank_correlation is not None
    assert first.abstention.value == 1.0
    assert last.abstention.value < 0.5
    assert last.rank_correlation.value > 0.5


def test_costs_gain_and_attacks_are_in_it(report: CriticReport) -> None:
    assert [cost.critic for cost in report.costs] == ["experience", "evidence"]
    assert report.costs[1].prompt_tokens > 0
    assert report.gain is not None
    assert [arm.n for arm in report.gain.arms] == [12, 12, 12]
    assert report.attacks is not None
    assert report.attacks.raw.attacks.n == 4
    assert report.attacks.raw.control is not None
    assert report.attacks.forced.attacks.unscored == 0


def test_it_names_no_task_of_both_parts_and_says_how_to_measure_again(report: CriticReport) -> None:
    assert any("0 tasks are in both" in note for note in report.notes)
    words = shlex.split(report.command)
    assert words[:3] == ["purpose-agent", "bench", "critic"]
    assert words[words.index("--at") + 1] == "0,10,24"


def test_the_json_holds_the_report(undisturbed: Path, report: CriticReport) -> None:
    data = json.loads((undisturbed / "critic.json").read_text())
    assert data["complete"]
    assert data["version"] == 1
    assert data["settings"] == msgspec.to_builtins(report.settings) | {"at": list(report.settings.at)}
    assert len(data["points"]) == len(report.points)


def test_without_a_model_it_says_what_is_left_out(tmp_path: Path) -> None:
    text = io.StringIO()
    report = critic(tmp_path, Console(file=text, width=200), episodes=6, tasks=3, gain=False)
    assert report.complete
    assert report.gain is None
    assert report.attacks is None
    assert {point.critic for point in report.points} == {"experience"}
    assert "there is no model" in text.getvalue()


# -- the page --------------------------------------------------------------------------------------------------
def test_the_page_needs_nothing_else_and_shows_the_curves(undisturbed: Path) -> None:
    page = (undisturbed / "critic.html").read_text()
    assert page.count("<svg") == 4
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_the_page_escapes_what_others_wrote(report: CriticReport) -> None:
    settings = msgspec.structs.replace(report.settings, env=HOSTILE, model=HOSTILE)
    policies = [msgspec.structs.replace(row, label=HOSTILE) for row in report.policies]
    hostile = msgspec.structs.replace(
        report, settings=settings, notes=[HOSTILE], command=HOSTILE, policies=policies
    )
    page = render(hostile, [])
    assert "<script" not in page
    assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert", "")


def test_nothing_measured_has_no_charts(report: CriticReport) -> None:
    assert quality_charts([]) == []
    assert "Nothing was measured yet" in render(msgspec.structs.replace(report, points=[]), [])


# -- left and taken up again -----------------------------------------------------------------------------------
def test_measuring_again_gives_the_same(undisturbed: Path, report: CriticReport, tmp_path: Path) -> None:
    again = critic(tmp_path, model="mock", evidence_states=8)
    assert measured(again) == measured(report)


@pytest.mark.parametrize("after", [3, 40, 150, 330])
def test_ctrl_c_keeps_what_was_done(
    report: CriticReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    execute, left = BallWorld.execute, [after]

    def interrupted(self: Any, action: Any, state: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return execute(self, action, state)

    monkeypatch.setattr(BallWorld, "execute", interrupted)
    text = io.StringIO()
    partial = critic(tmp_path, Console(file=text, width=300), model="mock", evidence_states=8)
    assert not partial.complete
    assert f"--out {tmp_path} --resume" in text.getvalue()
    monkeypatch.undo()
    kept = len((tmp_path / "episodes.jsonl").read_bytes()) if (tmp_path / "episodes.jsonl").exists() else 0
    whole = run_critic(settings_for(tmp_path, True, {}), tmp_path, console=Console(file=io.StringIO()))
    assert whole.complete
    assert measured(whole) == measured(report)
    assert len((tmp_path / "episodes.jsonl").read_bytes()) >= kept


def test_a_model_that_is_down_costs_only_its_own_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down(MockLLMBackend):
        async def agenerate_structured(self, *args: Any, **kwargs: Any) -> Any:
            raise ModelUnavailableError("nobody answers")

    monkeypatch.setattr(running, "resolve_backend", lambda spec: Down())
    report = critic(tmp_path, model="mock", evidence_states=8)
    assert not report.complete
    assert "nobody answers" in report.troubles[0]
    assert {point.critic for point in report.points} == {"experience"}
    assert report.gain is not None


# -- the folder ------------------------------------------------------------------------------------------------
def test_a_report_is_never_mixed_with_another(undisturbed: Path) -> None:
    with pytest.raises(UsageError, match="add --resume"):
        settings_for(undisturbed, False, {"env": WORLD})
    with pytest.raises(UsageError, match="tasks 6 → 7"):
        settings_for(undisturbed, True, {"tasks": 7})
    assert settings_for(undisturbed, True, {"tasks": 6}).episodes == 24


def test_there_must_be_something_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no report"):
        settings_for(tmp_path / "new", True, {})
    with pytest.raises(UsageError, match="env is missing"):
        settings_for(tmp_path / "new", False, {})


def test_two_cannot_share_a_folder(undisturbed: Path, report: CriticReport) -> None:
    with (undisturbed / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another report"):
            run_critic(report.settings, undisturbed, console=Console(file=io.StringIO()))


# -- settings --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"env": " "}, "env"),
        ({"env": f"{WORLD}:fold=dev"}, "names a fold"),
        ({"env": "textworld:preset=twc,hide_score=true"}, "hides the score"),
        ({"episodes": 0}, "episodes"),
        ({"tasks": 1}, "tasks"),
        ({"seed": -1}, "seed"),
        ({"fold": "train"}, "fold"),
        ({"at": ()}, "at is empty"),
        ({"at": (0, 25)}, "25"),
        ({"gain_seeds": 0}, "gain_seeds"),
        ({"evidence_states": 5}, "needs a model"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_settings(**{"env": WORLD, **SMALL} | wrong)


def test_points_are_where_there_are_episodes() -> None:
    assert make_settings(WORLD).at == (0, 10, 25, 50, 100, 200)
    assert make_settings(WORLD, episodes=30).at == (0, 10, 25, 30)
    assert make_settings(WORLD, model="mock").evidence_states > 0
    assert isinstance(make_settings(WORLD), CriticSettings)


# -- calibration error -------------------------------------------------------------------------------------------
def test_bins_of_equal_width_ask_whether_states_succeed_as_often_as_said() -> None:
    def rows(phi: float, wins: int, n: int = 10) -> list[ScoredState]:
        return [ScoredState(str(i), "a", 0, phi, i < wins, 0.0) for i in range(n)]

    right, wrong = ece_equal_width(rows(3.0, 3)), ece_equal_width(rows(9.0, 3))
    assert right is not None
    assert wrong is not None
    assert right.value == pytest.approx(0.0)
    assert wrong.value == pytest.approx(0.6)
    assert wrong.low < 0.6 < wrong.high
    assert ece_equal_width([ScoredState("1", "a", 0, None, True, 0.0)]) is None


# -- the gain --------------------------------------------------------------------------------------------------
def runs(visible: list[bool], zero: list[bool], phi: list[bool], seeds: int = 3) -> list[GainRun]:
    return [
        GainRun(
            arm=arm,
            training_seed=seed,
            train=[],
            held_out={f"dev {i}": won for i, won in enumerate(outcomes)},
            seconds=0.0,
        )
        for seed in range(seeds)
        for arm, outcomes in ((VISIBLE, visible), (ZERO, zero), (PHI, phi))
    ]


def test_the_share_is_what_phi_gains_of_what_the_visible_score_gains() -> None:
    gain = gain_of(runs([True] * 40, [False] * 40, [True] * 30 + [False] * 10), 100, 0)
    assert gain is not None
    assert gain.visible_gain.value == 1.0
    assert gain.phi_gain.value == 0.75
    assert gain.share is not None
    assert gain.share.value == 0.75
    assert gain.share.low < 0.75 < gain.share.high
    assert gain.phi_gain.low > 0.5


def test_a_visible_score_that_gains_nothing_has_no_share() -> None:
    gain = gain_of(runs([False] * 9, [False] * 9, [True] * 9), 100, 0)
    assert gain is not None
    assert gain.share is None
    assert gain.visible_gain.low < 0 < gain.visible_gain.high


def test_arms_are_paired_by_training_seed_and_task() -> None:
    rows = runs([True] * 5, [False] * 5, [True] * 5)
    assert gain_of(rows[:2], 100, 0) is None
    unfinished = gain_of(rows[:4], 100, 0)
    assert unfinished is not None
    assert unfinished.training_seeds == 1
    assert gain_of([], 100, 0) is None
