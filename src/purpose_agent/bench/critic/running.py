"""The critic's report from end to end: play, ask, measure, write; taken up again where it was left.

Episodes of mixed quality are played on train tasks, which critics learn from, and on held-out tasks, which they are
graded on. What is done is written as it comes.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from purpose_agent.bench.critic.attacked import AttackedState, Attacks, attacks_of, cases_of, play_attacks
from purpose_agent.bench.critic.curve import CriticCost, CriticPoint, costs, measure, step_score_auroc
from purpose_agent.bench.critic.episodes import HELD_OUT, TRAINING, EpisodeFiles, SeenEpisode
from purpose_agent.bench.critic.evidence import EvidenceScores, ask, sample
from purpose_agent.bench.critic.gain import ARMS, GainRun, gain_of, play_gain
from purpose_agent.bench.critic.notes import notes_on
from purpose_agent.bench.critic.output import CRITIC_HTML, print_report, write_report
from purpose_agent.bench.critic.play import Company, play_held_out, play_training, successes
from purpose_agent.bench.critic.report import CriticReport, command_of, policy_results, resume_command
from purpose_agent.bench.critic.settings import CriticSettings
from purpose_agent.bench.critic.stage import Stage
from purpose_agent.bench.critic.standing import EVIDENCE, Standing, standings
from purpose_agent.bench.critic.tasks import TaskSupply
from purpose_agent.bench.folder import claim_folder
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.machine import this_machine
from purpose_agent.bench.part_progress import PartProgress
from purpose_agent.bench.preparing import make_ready, only_one
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import PurposeAgentError
from purpose_agent.evidence_critic import EvidenceCritic
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.resolve import resolve_backend


def run_critic(
    settings: CriticSettings, out: str | Path = "runs/critic", *, console: Console | None = None
) -> CriticReport:
    """Measure, or go on measuring, and write the report.

    Args:
        settings: see `bench.critic.folder.settings_for`.
        out: the folder for everything.
        console: where progress and results are printed.

    Returns:
        The report; ``complete`` is False when it was interrupted by Ctrl-C, or when there are ``troubles``.

    Raises:
        UsageError: the environment will not do, or another process measures in the same folder.
        PurposeAgentError: the world, the model or the folder failed; what was done is kept.
    """
    console = console or Console()
    with ExitStack() as stack:
        if settings.has_model:
            make_ready(settings.model)
        stage = Stage(resolve_environment(settings.env))
        stack.callback(stage.close)
        llm = resolve_backend(settings.model) if settings.has_model else None
        if llm is not None:
            stack.callback(llm.close)
        TaskSupply(settings, stage.world, None)  # raises before anything is written
        folder = claim_folder(out, settings, "report")
        stack.enter_context(only_one(folder, "report"))
        bench = _Bench(settings, folder, stage, llm, console)
        try:
            bench.play()
        except KeyboardInterrupt:
            bench.interrupted = True
        except PurposeAgentError:
            _say(console, f"What was done is kept. Continue with: {resume_command(str(out))}")
            raise
        report = bench.report(str(out))
        missing = write_report(report, folder)
    print_report(report, console)
    for line in [*missing, f"Report: {folder / CRITIC_HTML}"]:
        _say(console, line)
    if bench.interrupted:
        _say(console, f"Interrupted; what was done is kept. Continue with: {resume_command(str(out))}")
    return report


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Bench:
    """One session of a report.

    Args:
        settings: of the report.
        folder: for everything.
        stage: where episodes are played.
        llm: the model; None for none.
        console: for progress.
    """

    def __init__(
        self, settings: CriticSettings, folder: Path, stage: Stage, llm: LLMBackend | None, console: Console
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._stage = stage
        self._llm = llm
        self._console = console
        self._files = EpisodeFiles(folder)
        self._supply = TaskSupply(settings, stage.world, folder / "refused.jsonl")
        self._company = Company(stage, llm, settings.seed)
        self._evidence = EvidenceScores(folder / "evidence.jsonl")
        self._gain = LineFile(folder / "gain.jsonl", GainRun)
        self._attacked = LineFile(folder / "attacks.jsonl", AttackedState)
        self._seconds: dict[str, float] = {}
        self._troubles: list[str] = []
        self.interrupted = False

    @contextmanager
    def _part(self, name: str, total: int, done: int) -> Generator[PartProgress]:
        started = time.monotonic()
        try:
            with PartProgress(self._console, name, total, done) as progress:
                yield progress
        finally:
            self._seconds[name] = round(time.monotonic() - started, 1)

    # -- playing -----------------------------------------------------------------------------------------------
    def play(self) -> None:
        """Everything that takes long, as far as it is not done."""
        self._play_episodes()
        if self._llm is not None and self._settings.evidence_states:
            self._ask_for_evidence(EvidenceCritic(self._llm))
        if self._settings.gain:
            self._play_gain()
        if self._settings.attacks and self._llm is not None and not self._troubles:
            self._play_attacks(self._llm)

    def _play_episodes(self) -> None:
        files, wanted = self._files, self._settings.episodes
        with self._part("train episodes", wanted, len(files.of(TRAINING))) as progress:
            play_training(
                self._company,
                self._supply,
                wanted,
                files,
                lambda _: progress.advance(f"{successes(files.of(TRAINING))} solved"),
            )
        wanted = len(self._supply.held_out()) * len(self._company.policies)
        with self._part("held-out episodes", wanted, len(files.of(HELD_OUT))) as progress:
            play_held_out(
                self._company,
                self._supply,
                files,
                lambda _: progress.advance(f"{successes(files.of(HELD_OUT))} solved"),
            )

    def _ask_for_evidence(self, critic: EvidenceCritic) -> None:
        s = self._settings
        states = sample(self._files.of(TRAINING), self._files.of(HELD_OUT), s.evidence_states, s.seed)
        with self._part("evidence scores", len(states), len(self._evidence)) as progress:
            trouble = ask(critic, states, self._evidence, self._stage.run, lambda _: progress.advance())
        if trouble:
            self._troubles.append(trouble)

    def _play_gain(self) -> None:
        total = len(ARMS) * self._settings.gain_seeds
        with self._part("learners", total, len(self._gain.lines)) as progress:
            play_gain(
                self._stage,
                self._supply,
                self._settings,
                self._gain,
                lambda run: progress.advance(
                    f"{ARMS[run.arm][0]} {sum(run.held_out.values())}/{len(run.held_out)}"
                ),
            )

    def _play_attacks(self, llm: LLMBackend) -> None:
        s = self._settings
        cases = cases_of(self._files.of(HELD_OUT), s.attack_states, s.seed)
        with self._part("attacked states", len(cases), len(self._attacked.lines)) as progress:
            play_attacks(llm, cases, self._attacked, self._stage.run, progress.advance)

    # -- reporting -----------------------------------------------------------------------------------------------
    def report(self, out: str) -> CriticReport:
        """The report on what was done so far."""
        started = time.monotonic()
        training, held_out = self._files.of(TRAINING), self._files.of(HELD_OUT)
        points, prices, last = self._measure(training, held_out)
        ceiling = step_score_auroc(held_out, self._files.truth(), self._settings.seed)
        self._seconds["measuring"] = round(time.monotonic() - started, 1)
        return CriticReport(
            complete=not self.interrupted and not self._troubles,
            troubles=self._troubles,
            settings=self._settings,
            command=command_of(self._settings, out),
            notes=notes_on(
                self._settings,
                training,
                held_out,
                self._supply,
                self._company.policies,
                self._troubles,
                ceiling,
            ),
            policies=policy_results([*training, *held_out]),
            points=points,
            costs=prices,
            gain=gain_of(self._gain.lines, self._settings.gain_episodes, self._settings.seed),
            attacks=self._attacks(last),
            seconds=self._seconds,
            machine=this_machine(),
        )

    def _measure(
        self, training: Sequence[SeenEpisode], held_out: Sequence[SeenEpisode]
    ) -> tuple[list[CriticPoint], list[CriticCost], Standing | None]:
        if not held_out:
            return [], [], None
        points: list[CriticPoint] = []
        standing: Standing | None = None
        truth = self._files.truth()
        at = [n for n in self._settings.at if n <= len(training)]
        for standing in standings(training, self._evidence.readings, at):
            points += measure(standing, held_out, truth, self._evidence, self._settings.seed)
        prices = costs(standing, held_out, self._evidence) if standing is not None else []
        return points, prices, standing

    def _attacks(self, last: Standing | None) -> Attacks | None:
        purpose = next((episode.record.purpose for episode in self._files.of(HELD_OUT)), "")
        calibration = last.calibrated.record(EVIDENCE, purpose)[0] if last is not None else None
        return attacks_of(self._attacked.lines, calibration)
