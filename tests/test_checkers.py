"""Checkers: a user's own ground truth, and how several make one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent import State, UsageError, Verdict, all_of, any_of, weighted
from purpose_agent.checkers import CheckerError, check, one_checker

STATE = State({"n": 1}).snapshot()
YES, NO, HALF, UNKNOWN = Verdict(None, True), Verdict(None, False), Verdict(0.5), None


def says(verdict: Any) -> Any:
    return lambda state: verdict


def ask(checker: Any) -> tuple[Any, list[Exception]]:
    failed: list[Exception] = []
    return asyncio.run(check(checker, STATE, failed.append, in_thread=False)), failed


def told(checker: Any) -> tuple[float | None, bool | None] | None:
    verdict, failed = ask(checker)
    assert not failed
    return None if verdict is None else (verdict.score, verdict.success)


@pytest.mark.parametrize(
    ("members", "everyone", "anyone", "list_of_weights"),
    [
        ([YES, YES], (1.0, True), (1.0, True), (1.0, True)),
        ([YES, NO], (None, False), (1.0, True), (0.25, False)),
        ([NO, NO], (None, False), (None, False), (0.0, False)),
        ([YES, UNKNOWN], None, (1.0, True), None),
        ([NO, UNKNOWN], (None, False), None, (None, False)),
        ([UNKNOWN, UNKNOWN], None, None, None),
        ([Verdict(0.2), HALF], (0.2, None), (0.5, None), (0.425, None)),
        ([Verdict(0.0, False), UNKNOWN], (0.0, False), None, (None, False)),
        ([Verdict(1.0), UNKNOWN], None, (1.0, None), None),
        ([Verdict(0.4, True), YES], (0.4, True), (1.0, True), (0.85, True)),
    ],
)
def test_what_depends_on_something_unknown_is_unknown(
    members: list[Any], everyone: Any, anyone: Any, list_of_weights: Any
) -> None:
    checkers = [says(m) for m in members]
    assert told(all_of(*checkers)) == everyone
    assert told(any_of(*checkers)) == anyone
    found = told(weighted(list(zip(checkers, (1, 3), strict=True))))
    assert found == (None if list_of_weights is None else pytest.approx(list_of_weights))


verdicts = st.none() | st.builds(Verdict, st.floats(0, 1), st.none() | st.booleans())


@given(st.lists(verdicts, min_size=1, max_size=4))
def test_the_order_of_members_does_not_matter(members: list[Any]) -> None:
    for combine in (all_of, any_of):
        assert told(combine(*map(says, members))) == told(combine(*map(says, reversed(members))))


@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_with_everything_known_they_are_and_and_or(members: list[bool]) -> None:
    checkers = [says(Verdict(float(m), m)) for m in members]
    assert told(all_of(*checkers)) == (float(all(members)), all(members))
    assert told(any_of(*checkers)) == (float(any(members)), any(members))


def test_combinations_nest_and_give_their_reasons() -> None:
    red, blue = says(Verdict(1.0, True, "it is red")), says(Verdict(0.0, False, "it is not blue"))
    verdict, _ = ask(all_of(any_of(red, blue), weighted({red: 2})))
    assert (verdict.score, verdict.success) == (1.0, True)
    assert verdict.reason == "it is red; it is not blue; it is red"


def test_a_checker_may_be_async() -> None:
    async def later(state: State) -> Verdict:
        await asyncio.sleep(0)
        return Verdict(state.data["n"] / 10)

    assert told(all_of(later)) == (0.1, None)


@pytest.mark.parametrize("nonsense", [True, 1, "yes", (0.5, True), RuntimeError("down"), ValueError()])
def test_a_member_that_fails_counts_as_unknown(nonsense: Any) -> None:
    def broken(state: State) -> Any:
        if isinstance(nonsense, Exception):
            raise nonsense
        return nonsense

    verdict, failed = ask(any_of(broken, says(YES)))
    assert (verdict.score, verdict.success) == (1.0, True)
    (error,) = failed
    assert isinstance(error, CheckerError)
    assert "broken" in str(error)
    assert ask(all_of(broken, says(YES)))[0] is None


def test_a_checker_cannot_change_the_state() -> None:
    def vandal(state: State) -> Verdict:
        state.data["n"] = 9
        return Verdict(1.0)

    verdict, (error,) = ask(vandal)
    assert verdict is None
    assert "vandal: TypeError" in str(error)
    assert STATE.data["n"] == 1


def test_a_combination_can_be_called_like_any_checker() -> None:
    assert asyncio.run(all_of(says(YES))(STATE)) == Verdict(1.0, True)  # type: ignore[arg-type]


def test_several_checkers_must_all_be_content() -> None:
    assert told(one_checker([says(YES), says(NO)])) == (None, False)
    assert told(one_checker([says(HALF)])) == (0.5, None)
    assert one_checker([]) is one_checker(None) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: all_of(), "at least one"),
        (lambda: any_of("yes"), "callable with a State, got str: 'yes'"),  # type: ignore[arg-type]
        (lambda: weighted({}), "at least one"),
        (lambda: weighted({says(YES): 0}), "positive number, got 0"),
        (lambda: weighted({says(YES): float("nan")}), "positive number, got nan"),
        (lambda: weighted([says(YES)]), "weights or pairs"),  # type: ignore[list-item]
        (lambda: one_checker([3]), "callable"),  # type: ignore[list-item]
        (lambda: one_checker(3), "callable"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_meant_is_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
