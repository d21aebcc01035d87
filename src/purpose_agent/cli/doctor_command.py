"""``purpose-agent doctor``: is everything there that is needed?"""

from __future__ import annotations

from dataclasses import asdict

from purpose_agent.cli.options import JsonOption, StoreOption


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> int:
    """Check what the package needs, and say how to mend what is missing.

    \b
    Examples:
      purpose-agent doctor
      purpose-agent doctor --store /data/agents
      purpose-agent doctor --json | jq '.checks[] | select(.status != "ok")'

    Each line is ok, warn (something optional is missing) or fail (nothing works without it). The exit code is 0
    unless a line says fail, else 3.
    """
    from purpose_agent.cli.checks import FAIL, Check, all_checks
    from purpose_agent.cli.exit_codes import BROKEN, DONE
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.screen import Screen

    results: list[Check] = []
    screen = Screen()
    styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    for result in all_checks(store):
        results.append(result)
        if not as_json:
            screen.line((f"{result.status:<5}", styles[result.status]), f"{result.name:<15}  {result.detail}")
            if result.remedy:
                screen.line(" " * 22, (f"→ {result.remedy}", "bold"))
    broken = any(result.status == FAIL for result in results)
    if as_json:
        print_json({"ok": not broken, "checks": [asdict(result) for result in results]})
    return BROKEN if broken else DONE
