"""Report cards made by hand: a realistic one, and its extremes."""

from __future__ import annotations

import math

import msgspec

from purpose_agent.bench.machine import Machine
from purpose_agent.bench.report.report import (
    AdviceReport,
    ArmSummary,
    Curve,
    Difference,
    Estimate,
    ItemReport,
    Leakage,
    LearnerReport,
    MemoryReport,
    Retention,
    RoleCost,
    SuiteReport,
    WorldReport,
)
from purpose_agent.bench.suite.settings import SuiteSettings, World

WORLDS = ("twc", "mapreader", "cookingworld")

ARMS = {
    "random": ("chance", 0.18, False),
    "no_memory": ("no memory", 0.25, True),
    "raw_episodes": ("raw episodes", 0.43, True),
    "raw_steps": ("raw steps, nearest state", 0.46, True),
    "placebo": ("placebo memory", 0.24, True),
    "memory_only": ("our memory without the model", 0.82, False),
    "ours": ("ours", 0.88, True),
    "oracle": ("oracle: expert episodes", 0.95, True),
    "expel": ("ExpeL, re-created", 0.37, True),
    "reasoning_bank": ("ReasoningBank, re-created", 0.33, True),
    "ace": ("ACE, re-created", 0.4, True),
    "no_values": ("ours without the value memory", 0.52, True),
}
"""Label, success and whether a model is asked, by arm."""

LEARNERS = ("ours", "no_values", "expel", "reasoning_bank", "ace")

_QUESTIONS = {
    "no_memory": "what memory adds",
    "raw_episodes": "what learning adds to remembering",
    "placebo": "whether it is what the memory says",
    "memory_only": "the model's own share",
    "expel": "against ExpeL",
    "reasoning_bank": "against ReasoningBank",
    "ace": "against ACE",
    "no_values": "what the value memory adds",
}


def estimate(value: float, n: int, reach: float = 1.96) -> Estimate:
    half = reach * math.sqrt(max(0.02, abs(value) * (1 - abs(value))) / n)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n)


def arm(name: str, world: int = 0) -> ArmSummary:
    label, base, asks_model = ARMS[name]
    rate = round(base * (1 - 0.12 * world), 3)
    n = 20 if asks_model and name != "ours" else 60
    costs = [RoleCost("actor", 14.2, 1480.0, 5200.0, 260.5), RoleCost("critic", 15.2, 900.0, 2100.0, 30.0)]
    return ArmSummary(
        name=name,
        label=label,
        asks_model=asks_model,
        success=estimate(rate, n),
        score=estimate(min(1.0, rate + 0.08), n),
        plays=3 * n,
        pass_k=[rate],
        steps=14.3,
        habit_share=0.74 if name in ("ours", "memory_only") else 0.0,
        costs=costs if asks_model else [],
        seconds=4.21 if asks_model else 0.05,
        memory_tokens=180.0 if asks_model else 0.0,
    )


def difference(second: str, world: int = 0) -> Difference:
    gap = round((ARMS["ours"][1] - ARMS[second][1]) * (1 - 0.12 * world), 3)
    n = 60 if second == "memory_only" else 20
    return Difference(
        first="ours",
        second=second,
        question=_QUESTIONS[second],
        success=estimate(gap, n),
        success_p=0.00002 if gap > 0.3 else 0.021 if gap > 0.1 else 0.34,
        score=estimate(gap * 0.8, n),
        score_p=0.004,
        lost=1,
        won=round(gap * n) + 1,
    )


def curve(learner: str, episodes: int = 100) -> Curve:
    label, rate, _ = ARMS[learner]
    success = [rate * (1 - 0.85 * math.exp(-i / 22)) + 0.02 * math.sin(i / 3) for i in range(episodes)]
    return Curve(
        learner=learner,
        label=label,
        orders=3,
        window=20,
        success=success,
        low=[max(0.0, x - 0.1 - 0.03 * math.sin(i / 5)) for i, x in enumerate(success)],
        high=[min(1.0, x + 0.08 + 0.03 * math.sin(i / 4)) for i, x in enumerate(success)],
        score=[min(1.0, x + 0.08) for x in success],
        habit_share=[0.8 * (1 - math.exp(-i / 30)) if learner == "ours" else 0.0 for i in range(episodes)],
        tokens_first=None if learner == "no_values" else 9120.4,
        tokens_last=None if learner == "no_values" else 2210.0,
        steps_first=78.2,
        steps_last=16.1,
    )


def item(number: int) -> ItemReport:
    return ItemReport(
        id=f"it-{number:08x}",
        order=number % 3,
        tier=("strategic", "procedural", "tool")[number % 3],
        status="active",
        text=f"Take the {('dirty fork', 'unread map', 'raw carrot')[number % 3]} before you go to another room, and "
        "put it where its kind belongs; look there first when it is not in sight.",
        source=("model", "structure")[number % 2],
        evidence=40 - number,
        shown=30 - number,
        withheld=8,
        uplift=None if number == 19 else estimate(0.4 - 0.02 * number, 38 - number),
    )


def world(place: int) -> WorldReport:
    name = WORLDS[place]
    learners = LEARNERS if place else LEARNERS[:1]
    return WorldReport(
        name=name,
        spec=f"textworld:preset={name},max_steps=25",
        verdict="Memory helped: +63 points [+42, +84] on the same held-out tasks, n = 20, p < 0.001.",
        curves=[curve(learner, 100 if learner in ("ours", "no_values") else 24) for learner in learners],
        arms=[arm(name, place) for name in ARMS],
        differences=[difference(second, place) for second in _QUESTIONS],
        retention=[
            Retention(
                learner="ours",
                at=[25, 50, 75, 100],
                rates=[0.4, 0.6, 0.85, 0.85],
                transfer=estimate(-0.004, 60),
                lost=1,
                n=60,
            )
        ],
        memory=MemoryReport(
            episodes=300,
            by_status={"active": 61, "candidate": 22, "retired": 9},
            shown=38,
            unused=11,
            cited=17,
            duplicates=0,
            top=[item(number) for number in range(20)],
            advice=[
                AdviceReport(
                    f"do put * in * when the place of its kind is here ({i})", 0.31 - 0.05 * i, 88 - i
                )
                for i in range(8)
            ],
        ),
        leakage=Leakage(checked=5120, shared_tasks=0, shared_first_states=2),
        learners=[learner(name) for name in learners],
    )


def learner(name: str) -> LearnerReport:
    rival = name in ("expel", "reasoning_bank", "ace")
    return LearnerReport(
        learner=name,
        label=ARMS[name][0],
        episodes=72 if rival else 300,
        failed=3 if rival else 0,
        problem="the reply is no JSON" if rival else "",
        items=0.0 if name == "ace" else 17.3,
        shown=None if name == "no_values" else 0.85,
        read=123456 if rival else 0,
        written=7890 if rival else 0,
    )


def example_report(worlds: int = 3) -> SuiteReport:
    """A whole suite, as it may come out."""
    made = [world(place) for place in range(worlds)]
    return SuiteReport(
        verdict="Memory helped: +55 points [+43, +67] over all worlds on the same held-out tasks, n = 60, p < 0.001.",
        complete=True,
        fold="dev",
        settings=SuiteSettings(
            suite="textworld",
            worlds=tuple(World(name=w.name, spec=w.spec) for w in made),
            model="local",
            arms=tuple(ARMS),
            anchors=20,
        ),
        overall=[difference(second, 1) for second in _QUESTIONS],
        worlds=made,
        machine=Machine(
            cores=2,
            processor="x86_64, some processor",
            memory_gb=24.0,
            system="Linux",
            python="3.11.2",
            load=0.9,
        ),
        date="2026-11-24",
        wall_seconds=5400.0,
        command="purpose-agent bench textworld --model local --orders 3 --tasks 60 --out runs/textworld",
        notes=[
            "Rivals learned from 24 of 100 episodes.",
            "Arms that ask a model at every step played 20 of 60 tasks.",
        ],
    )


def empty_report() -> SuiteReport:
    """Nothing was played yet."""
    whole = example_report(1)
    nothing = msgspec.structs.replace(
        whole.worlds[0],
        verdict="Nothing to compare yet.",
        curves=[],
        arms=[],
        differences=[],
        retention=[],
        memory=None,
        leakage=Leakage(0, 0, 0),
        learners=[],
    )
    return msgspec.structs.replace(
        whole,
        verdict="Nothing to compare yet.",
        complete=False,
        overall=[],
        worlds=[nothing],
        notes=[],
        wall_seconds=0.0,
    )


def unplayed_report() -> SuiteReport:
    """Arms are listed whose tasks were not reached, and learners without an episode."""
    whole = example_report(1)
    none = Estimate(0.0, 0.0, 0.0, 0)
    only = whole.worlds[0]
    bare = msgspec.structs.replace(
        curve("ours", 0), tokens_first=None, tokens_last=None, steps_first=None, steps_last=None
    )
    only = msgspec.structs.replace(
        only,
        curves=[bare],
        arms=[msgspec.structs.replace(a, success=none, score=none, plays=0, pass_k=[]) for a in only.arms],
        differences=[msgspec.structs.replace(d, success=none, score=none) for d in only.differences],
        memory=MemoryReport(
            episodes=0, by_status={}, shown=0, unused=0, cited=0, duplicates=0, top=[], advice=[]
        ),
        retention=[],
    )
    return msgspec.structs.replace(whole, complete=False, overall=[], worlds=[only])


def modelless_report() -> SuiteReport:
    """One world, one task, no model, nothing learned by it."""
    whole = example_report(1)
    one = Estimate(1.0, 0.0, 1.0, 1)
    arms = [
        msgspec.structs.replace(
            arm(name), asks_model=False, success=one, score=one, costs=[], plays=1, pass_k=[1.0]
        )
        for name in ("random", "memory_only")
    ]
    only = msgspec.structs.replace(
        whole.worlds[0],
        curves=[curve("ours", 1)],
        arms=arms,
        differences=[msgspec.structs.replace(difference("no_memory"), success=one, score=one)],
        memory=None,
        retention=[],
    )
    return msgspec.structs.replace(whole, worlds=[only], overall=[])


def hostile_report(text: str) -> SuiteReport:
    """Everything that a world, a model or a user can write is the text."""
    whole = example_report(1)
    only = whole.worlds[0]
    memory = only.memory
    assert memory is not None
    replace = msgspec.structs.replace
    attacked = replace(
        only,
        name=text,
        spec=text,
        verdict=text,
        curves=[replace(c, label=text, learner=text) for c in only.curves],
        arms=[replace(a, label=text, costs=[replace(c, role=text) for c in a.costs]) for a in only.arms],
        differences=[replace(d, question=text) for d in only.differences],
        retention=[replace(r, learner=text) for r in only.retention],
        learners=[replace(found, learner=text, label=text, problem=text) for found in only.learners],
        memory=replace(
            memory,
            by_status={text: 3},
            top=[replace(i, id=text, tier=text, status=text, text=text, source=text) for i in memory.top],
            advice=[replace(a, text=text) for a in memory.advice],
        ),
    )
    settings = replace(
        whole.settings,
        suite=text,
        model=text,
        arms=(text,),
        practice=text,
        worlds=(World(name=text, spec=text),),
    )
    return replace(
        whole,
        verdict=text,
        settings=settings,
        worlds=[attacked],
        command=text,
        notes=[text],
        date=text,
        fold=text,
    )
