from __future__ import annotations

import msgspec

from purpose_agent.bench.suite.report import SuiteReport

REPORT_HTML = "report.html"


def write_report(report, out):
    (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return []


def read_report(out):
    try:
        return msgspec.json.decode((out / "report.json").read_bytes(), type=SuiteReport)
    except OSError:
        return None


def print_report(r, console):
    console.print(r.verdict)
    for w in r.worlds:
        console.print(w.name, w.verdict)
        for a in w.arms:
            console.print(
                f"{a.name:14} n={a.success.n} plays={a.plays} {a.success.value:.2f} [{a.success.low:.2f},{a.success.high:.2f}] score {a.score.value:.2f} steps {a.steps:.1f} habits {a.habit_share:.2f} s {a.seconds:.2f} memtok {a.memory_tokens:.0f}",
                a.pass_k,
            )
        for d in w.differences:
            console.print(
                f"{d.first} - {d.second}: {100 * d.success.value:+.0f} [{100 * d.success.low:+.0f},{100 * d.success.high:+.0f}] p={d.success_p:.4f} n={d.success.n}"
            )
        for t in w.retention:
            console.print(t)
        for c in w.curves:
            console.print(
                c.learner,
                [round(x, 2) for x in c.success[9::10]],
                c.steps_first,
                c.steps_last,
                c.tokens_first,
                c.tokens_last,
            )
        console.print(w.leakage)


def as_json(r):
    return msgspec.to_builtins(r)


def print_comparison(a, b, console):
    pass
