"""Human in the loop: a person approves, edits or rejects actions, corrects scores, pauses, resumes, adds lessons.

The loop is the one of `Orchestrator`; the person is a policy in it.
"""

from __future__ import annotations

import logging
import operator
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from purpose_agent.errors import StoreError, UsageError, describe_error
from purpose_agent.events import RunFinished, RunStarted
from purpose_agent.hitl.checkpoint import Checkpoint, checkpoint_of
from purpose_agent.hitl.human_input import HumanInputHandler
from purpose_agent.hitl.lessons import add_human_lesson
from purpose_agent.hitl.policy import HumanPolicy
from purpose_agent.hitl.terminal import CLIInputHandler
from purpose_agent.numeric import is_whole
from purpose_agent.orchestrator import Orchestrator
from purpose_agent.result import TaskResult
from purpose_agent.runner import Runner
from purpose_agent.task_arguments import check_task, checked_switch, checked_text
from purpose_agent.types import TRANSIENT_STOPS, Evidence, Heuristic, MemoryTier, State, new_id

_log = logging.getLogger(__name__)


class HITLOrchestrator:
    """Runs tasks of an orchestrator with a person in the loop. The orchestrator itself stays as it is.

    Args:
        orchestrator: whose parts are used.
        input_handler: asks the person; default: a `CLIInputHandler`.
        approve_actions: ask before each action.
        review_scores: ask after each score.
        checkpoint_dir: where checkpoints go: one at each pause, and one when a run ends unfinished.
        interrupt_every_n_steps: pause after this many steps; 0 never.

    Raises:
        UsageError: an argument is wrong.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        input_handler: HumanInputHandler | None = None,
        approve_actions: bool = False,
        review_scores: bool = False,
        checkpoint_dir: str | Path | None = None,
        interrupt_every_n_steps: int = 0,
    ) -> None:
        if not isinstance(cast(Any, orchestrator), Orchestrator):
            raise UsageError(f"orchestrator must be an Orchestrator, got {orchestrator!r:.80}")
        if input_handler is not None and not callable(getattr(input_handler, "request_input", None)):
            raise UsageError(
                f"input_handler needs request_input(interrupt_type, context), got {input_handler!r:.80}"
            )
        if not is_whole(interrupt_every_n_steps) or interrupt_every_n_steps < 0:
            raise UsageError(
                f"interrupt_every_n_steps must be a whole number, 0 for never, got {interrupt_every_n_steps!r}"
            )
        if checkpoint_dir is not None and not str(checkpoint_dir).strip():
            raise UsageError("checkpoint_dir is empty; name a folder")
        self.orchestrator = orchestrator
        self.handler = input_handler or CLIInputHandler()
        self.approve_actions = approve_actions
        self.review_scores = review_scores
        self.checkpoint_dir = None if checkpoint_dir is None else Path(checkpoint_dir)
        self.interrupt_every_n_steps = interrupt_every_n_steps

    # -- tasks ---------------------------------------------------------------------------------------------
    def run_task(
        self,
        purpose: str,
        initial_state: State | None = None,
        max_steps: int = 20,
        early_stop_phi: float = 9.0,
        resume_from: str | Path | Checkpoint | None = None,
        *,
        task_description: str | None = None,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
        learning: bool | None = None,
    ) -> TaskResult:
        """Run a task, or go on with one that was left; see `Orchestrator.run_task`.

        Args:
            purpose: the goal; "" when resuming takes the checkpoint's.
            initial_state: where to start; default: the environment's ``reset``.
            max_steps: at most this many steps, those before a resumption included.
            early_stop_phi: stop when Φ reaches this.
            resume_from: a checkpoint, its file or its id in ``checkpoint_dir``. No step of it is repeated; the run
                goes on under a new id.
            task_description: the task in words.
            seed: of the task.
            options: passed to ``reset``.
            learning: overrides the orchestrator's for this run.

        Raises:
            UsageError: an argument is wrong, or this is called from inside a run; nothing was started.
        """
        self.orchestrator._bridge.refuse_inside()  # pyright: ignore[reportPrivateUsage]
        self._make_folder()
        checkpoint = None if resume_from is None else self._checkpoint(resume_from)
        if checkpoint is None:
            spec = self.orchestrator.spec(
                purpose, initial_state, max_steps, early_stop_phi, task_description,
                seed=seed, options=options, learning=learning,
            )  # fmt: skip
            return self._play(spec.run_id, 0, lambda runner: runner.run(spec))
        _check_resumption(checkpoint, purpose, initial_state, seed, options)
        check_task(checkpoint.purpose, max_steps, early_stop_phi)
        task = checked_text("task_description", task_description)
        learning = checked_switch("learning", self.orchestrator.learning if learning is None else learning)
        run_id = self._adopt(checkpoint, operator.index(max_steps), float(early_stop_phi), learning, task)
        limits, left_at = self.orchestrator.limits, len(checkpoint.trajectory_steps)
        return self._play(run_id, left_at, lambda runner: runner.resume(run_id, limits))

    def _play(
        self, run_id: str, left_at: int, run: Callable[[Runner], Coroutine[Any, Any, TaskResult]]
    ) -> TaskResult:
        """Run with the person as the last policy; a run that ends unfinished leaves a checkpoint."""
        person = HumanPolicy(
            handler=self.handler,
            approve_actions=self.approve_actions,
            review_scores=self.review_scores,
            every=self.interrupt_every_n_steps,
            left_at=left_at,
            inject=lambda heuristic, step: self._keep(heuristic, Evidence(run_id, (step,))),
            checkpoint=lambda: self._save(run_id),
        )
        runner = self.orchestrator.runner
        runner = replace(runner, engine=runner.engine.with_policy(person))

        try:
            # the orchestrator's own loop: connections of async models belong to it
            return self.orchestrator._bridge.run(run(runner))  # pyright: ignore[reportPrivateUsage]
        finally:
            self._save_unfinished(run_id)

    def _adopt(
        self, checkpoint: Checkpoint, max_steps: int, early_stop_phi: float, learning: bool, task: str | None
    ) -> str:
        """Write a checkpoint into the store as a run of its own; returns its id."""
        orchestrator = self.orchestrator
        missing = [h for h in checkpoint.restored_heuristics() if orchestrator.library.get(h.id) is None]
        run_id = new_id()
        decision = checkpoint.decision if orchestrator.runner.host.lists_admissible else "react"
        started = RunStarted(
            run_id=run_id,
            purpose=checkpoint.purpose,
            task=task or checkpoint.task_description or checkpoint.purpose,
            state=checkpoint.first_state(),
            verdict=checkpoint.first_verdict(),
            max_steps=max_steps,
            early_stop_phi=early_stop_phi,
            decision=decision or orchestrator.decision,
            learning=learning,
            seed=checkpoint.seed,
            options=checkpoint.options,
            limits={},
            environment=orchestrator.runner.host.name,
            model=orchestrator.runner.model,
            shown=checkpoint.shown,
            created_at=time.time(),
            example=checkpoint.example,
        )
        events = checkpoint.events(started)
        if missing:
            orchestrator.library.add(missing, f"restored from checkpoint {checkpoint.checkpoint_id}")
            orchestrator.sync_memory()
        orchestrator.store.append(run_id, 0, events).result()
        return run_id

    # -- lessons -------------------------------------------------------------------------------------------
    def inject_heuristic(self, pattern: str, strategy: str, tier: str = "strategic") -> None:
        """Keep a lesson of a person's own: active at once and shown from the next run on.

        Args:
            pattern: when it applies; for a tool tip the action's name.
            strategy: what to do then.
            tier: ``strategic``, ``procedural`` or ``tool``.

        Raises:
            UsageError: there is no advice, or no such tier.
        """
        try:
            known = MemoryTier(tier)
        except ValueError:
            raise UsageError(f"tier must be one of {', '.join(MemoryTier)}, got {tier!r}") from None
        self._keep(Heuristic(pattern, strategy, [], known), None)

    def _keep(self, heuristic: Heuristic, evidence: Evidence | None) -> None:
        add_human_lesson(self.orchestrator.library, heuristic, evidence)
        self.orchestrator.sync_memory()

    # -- checkpoints ---------------------------------------------------------------------------------------
    def list_checkpoints(self) -> list[dict[str, Any]]:
        """Newest first: dicts with ``id``, ``path``, ``step``, ``purpose`` and ``timestamp``.

        Files in the folder that are no checkpoints are left out.
        """
        found: list[tuple[str, Checkpoint]] = []
        for path in sorted(self.checkpoint_dir.glob("*.json")) if self.checkpoint_dir else []:
            try:
                found.append((str(path), Checkpoint.load(path)))
            except UsageError as e:
                _log.warning("%s", e)
        found.sort(key=lambda entry: (entry[1].timestamp, entry[0]), reverse=True)
        return [
            {
                "id": c.checkpoint_id,
                "path": path,
                "step": c.step_index,
                "purpose": c.purpose,
                "timestamp": c.timestamp,
            }
            for path, c in found
        ]

    def _checkpoint(self, given: str | Path | Checkpoint) -> Checkpoint:
        if isinstance(given, Checkpoint):
            given.check()
            return given
        if not isinstance(cast(Any, given), (str, Path)):
            raise UsageError(
                f"resume_from must be a Checkpoint, the path of its file or its id, got {given!r:.80}"
            )
        listed = [] if Path(given).exists() else self.list_checkpoints()
        return Checkpoint.load(next((c["path"] for c in listed if c["id"] == str(given)), given))

    def _make_folder(self) -> None:
        if self.checkpoint_dir is None:
            return
        try:
            self.checkpoint_dir.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise UsageError(
                f"checkpoint_dir {str(self.checkpoint_dir)!r} cannot be used: {describe_error(e)}"
            ) from e

    def _save_unfinished(self, run_id: str) -> None:
        try:
            events = self.orchestrator.store.events(run_id)
        except StoreError as e:
            _log.warning("no checkpoint of run %s was saved: %s", run_id, describe_error(e))
            return
        ended = next((e for e in reversed(events) if isinstance(e, RunFinished)), None)
        if events and (ended is None or ended.stop_reason in TRANSIENT_STOPS):
            self._save(run_id)

    def _save(self, run_id: str) -> None:
        """Save where a run is. The journal has it too, so a failure is told and does not end the run."""
        if self.checkpoint_dir is None:
            return
        try:
            events = self.orchestrator.store.events(run_id)
            checkpoint = checkpoint_of(events, self.orchestrator.library)
            checkpoint.save(self.checkpoint_dir / _file_name(checkpoint))
        except (OSError, StoreError) as e:
            _log.warning("no checkpoint of run %s was saved: %s", run_id, describe_error(e))


def _file_name(checkpoint: Checkpoint) -> str:
    """Sorts by time."""
    at = datetime.fromtimestamp(checkpoint.timestamp, UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{at}-step{checkpoint.step_index:04d}-{checkpoint.checkpoint_id}.json"


def _check_resumption(
    checkpoint: Checkpoint,
    purpose: str,
    initial_state: State | None,
    seed: int | None,
    options: dict[str, Any] | None,
) -> None:
    """Refuse arguments that contradict the checkpoint."""
    if purpose and purpose != checkpoint.purpose:
        raise UsageError(
            f"the checkpoint is of the purpose {checkpoint.purpose!r:.200}, not of {purpose!r:.200}; "
            'pass that purpose, or ""'
        )
    for name, value, kept in (
        ("initial_state", initial_state, None),
        ("seed", seed, checkpoint.seed),
        ("options", options, checkpoint.options),
    ):
        if value is not None and value != kept:
            raise UsageError(f"{name} comes from the checkpoint; leave it out, got {value!r:.100}")
