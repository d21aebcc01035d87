"""``purpose-agent memory probe``: play past tasks with a lesson and without it, until it is clear whether it helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from purpose_agent.cli.options import CriticOption, JsonOption, ModelOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.cli.screen import Screen
    from purpose_agent.gatekeeper import ProbeListener
    from purpose_agent.memory.gate.probing import GateReport


def probe(
    env: Annotated[
        str, typer.Option("--env", "-e", metavar="SPEC", help="The environment that the tasks are from.")
    ],
    items: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="The items' ids, or how they begin. Default: all that wait."),
    ] = None,
    model: ModelOption = "local",
    max_pairs: Annotated[
        int, typer.Option("--max-pairs", min=1, metavar="N", help="Pairs of episodes an item may take.")
    ] = 96,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", min=1, metavar="N", help="Steps of an episode. Default: as for `run`."),
    ] = None,
    store: StoreOption = None,
    critic: CriticOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play past tasks again, with a lesson and without it, until it is clear whether it helps.

    \b
    Examples:
      purpose-agent memory probe --env textworld:preset=twc                  candidates and quarantined items
      purpose-agent memory probe 4be1 --env textworld:preset=twc --max-pairs 40
      purpose-agent memory probe --env mypackage.worlds:make_shop --json | jq '.[] | select(.decision == "accept")'

    Half of the tasks failed before, half were solved; never one that the lesson came from. A proven lesson becomes
    active; a rejected one that waited is retired, and so is one in use that breaks more than it mends (`memory restore`
    brings it back). Nothing else is learned.
    The environment must be one that can be reset to a past task, by a seed or options.
    """
    from purpose_agent.cli.assembling import Assembly, assembled, steps_allowed
    from purpose_agent.cli.finding_items import find_item
    from purpose_agent.cli.interrupting import interrupts_answered
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.screen import Screen, notes
    from purpose_agent.cli.standard_output import kept_for_data
    from purpose_agent.cli.store_place import open_for_reading

    opened = open_for_reading(store)
    try:
        parts = Assembly(environment=env, model=model, critic=critic, store=store)
        with (
            kept_for_data(as_json),
            interrupts_answered(),
            assembled(parts, opened) as (world, orchestrator),
        ):
            steps = steps_allowed(world, max_steps)
            listener = _progress(notes() if as_json else Screen())
            if items:
                ids = [find_item(orchestrator.library, given).id for given in items]
                reports = [
                    orchestrator.probe(id, max_pairs=max_pairs, max_steps=steps, listener=listener)
                    for id in ids
                ]
            else:
                reports = orchestrator.probe_waiting(max_pairs=max_pairs, max_steps=steps, listener=listener)
    finally:
        opened.close()
    if as_json:
        print_json([_data(report) for report in reports])
        return
    screen = Screen()
    for report in reports:
        screen.line((report.item_id, "bold"), f"  {report.to_text()}")
    if not reports:
        screen.line("nothing waits to be probed; name an item to probe it all the same")


def _progress(screen: Screen) -> ProbeListener:
    from purpose_agent.cli.plain_text import one_line

    def told(item: Any, task: Any, shown: bool, solved: bool | None) -> None:
        outcome = {True: "solved", False: "failed", None: "no outcome"}[solved]
        screen.line(f"  {one_line(item.id)}  task {task.seed}  {'with' if shown else 'without'}: {outcome}")

    return told


def _data(report: GateReport) -> dict[str, Any]:
    import dataclasses

    return {**dataclasses.asdict(report), "decision": report.decision.value, "text": report.to_text()}
