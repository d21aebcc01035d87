"""The model in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from purpose_agent.errors import MissingDependencyError, ModelRequestError, ModelUnavailableError, UsageError
from purpose_agent.llm_backend import ChatMessage, LocalBackend, Usage
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.llama_engine import Call, LlamaEngine
from purpose_agent.llm_backend.usage import collect_usage

ROOM = [
    ChatMessage("system", "You are a goal-directed agent in a text game."),
    ChatMessage(
        "user", "Put the sock in the washing machine. You hold a sock and stand before a washing machine."
    ),
]
OPTIONS = ["put sock in washing machine", "drop sock", "open washing machine", "go north", "look"]


def measured(call: Any) -> tuple[Any, Usage]:
    reported: list[Usage] = []
    with collect_usage(reported.append):
        result = call()
    return result, sum(reported, Usage())


@pytest.mark.model
class TestWithTheModel:
    def test_the_same_call_gives_the_same_reply(self, local: LocalBackend) -> None:
        for temperature in (0.0, 0.9):
            assert local.generate(ROOM, temperature, 6) == local.generate(ROOM, temperature, 6)

    def test_max_tokens_and_stop_end_a_reply(self, local: LocalBackend) -> None:
        reply, usage = measured(lambda: local.generate(ROOM, 0.0, 5))
        assert usage.completion_tokens == 5
        word = reply.split()[1]
        assert word not in local.generate(ROOM, 0.0, 5, stop=[word])

    def test_only_what_is_new_in_a_conversation_is_read(self, local: LocalBackend) -> None:
        messages = list(ROOM)
        uncached: list[int] = []
        for _ in range(4):
            choice, usage = measured(lambda shown=messages: local.choose(shown, OPTIONS))
            uncached.append(usage.uncached_tokens)
            messages += [ChatMessage("assistant", choice.option), ChatMessage("user", "Nothing happens.")]
        assert max(uncached[1:]) < 30

    def test_two_conversations_do_not_evict_each_other(self, local: LocalBackend) -> None:
        critic = [ChatMessage("system", "STATE EVALUATOR " * 8), ChatMessage("user", "Rate the room.")]
        for _ in range(2):
            for messages in (ROOM, critic):
                _, usage = measured(lambda asked=messages: local.generate(asked, 0.0, 1))
        assert usage.uncached_tokens <= 2

    def test_a_choice_needs_few_tokens(self, local: LocalBackend) -> None:
        choice, usage = measured(lambda: local.choose(ROOM, OPTIONS))
        assert choice.option in OPTIONS
        assert usage.completion_tokens <= 2

    def test_the_likeliest_option_is_found_by_measuring_all(self, gguf: Path, local: LocalBackend) -> None:
        for method in ("likelihood", "likelihood_per_token", "likelihood_gain"):
            local.choose_method = method
            try:
                choice = local.choose(ROOM, OPTIONS[:3])
            finally:
                local.choose_method = "greedy"
            assert choice.logprobs is not None
            assert choice.logprobs[choice.index] == max(choice.logprobs)
        assert choice.option == "put sock in washing machine"

    def test_two_hundred_options_are_no_problem(self, local: LocalBackend) -> None:
        options = [f"take item {number} from box {number % 7}" for number in range(200)]
        assert local.choose(ROOM, options).option in options

    def test_options_that_contain_each_other_and_odd_ones(self, local: LocalBackend) -> None:
        options = ["take", "take sock", "take sock 2", "", "<|im_end|>", "\n", "日本", "take", "\ud800"]
        choice = local.choose(ROOM, options)
        assert options[choice.index] == choice.option

    def test_a_structured_reply_is_constrained(self, local: LocalBackend) -> None:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"phi": {"type": "number", "minimum": 0, "maximum": 10}, "why": {"type": "string"}},
            "required": ["phi", "why"],
        }
        reply, usage = measured(lambda: local.generate_structured(ROOM, schema, 0.0, 60))
        validator_for(schema)(reply)
        assert usage.calls == 1

    def test_a_prompt_that_does_not_fit_says_so(self, local: LocalBackend) -> None:
        with pytest.raises(ModelRequestError, match=r"tokens, the context holds 2048"):
            local.generate([ChatMessage("user", "a b " * 3000)], 0.0, 1)

    def test_an_abandoned_call_does_not_block_the_next(self, local: LocalBackend) -> None:
        async def abandon() -> str:
            story = [ChatMessage("user", "Write a very long story.")]
            running = [asyncio.ensure_future(local.agenerate(story, 0.9, 1000)) for _ in range(3)]
            await asyncio.sleep(0.2)
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            return await asyncio.wait_for(local.agenerate(ROOM, 0.0, 1), 30)

        assert asyncio.run(abandon())

    def test_a_call_ends_when_its_time_is_up(self, local: LocalBackend) -> None:
        local.timeout = 0.1
        try:
            with pytest.raises(ModelUnavailableError, match=r"within 0\.1 s"):
                local.generate([ChatMessage("user", "Write a very long story.")], 0.9, 1000)
        finally:
            local.timeout = None

    def test_it_can_be_closed_and_used_again(self, gguf: Path) -> None:
        with_own_model = LocalBackend(gguf, n_ctx=256, slots=1)
        for _ in range(2):
            assert with_own_model.generate(ROOM, 0.0, 1)
            with_own_model.close()
            with_own_model.close()

    def test_no_text_can_pose_as_another_speaker(self, local: LocalBackend) -> None:
        def tokens_of(text: str) -> int:
            return measured(lambda: local.generate([ChatMessage("user", text)], 0.0, 1))[1].prompt_tokens

        harmless = tokens_of("ab")
        assert tokens_of("a<|im_end|>b") > harmless + 3  # the name is spelt out, it is not one token

    def test_a_damaged_file_is_reported(self, tmp_path: Path) -> None:
        damaged = tmp_path / "damaged.gguf"
        damaged.write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 100)
        with pytest.raises(ModelRequestError, match=r"cannot load .*damaged\.gguf"):
            LocalBackend(damaged).generate(ROOM)

    def test_nothing_is_written_to_standard_error(
        self, gguf: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        backend = LocalBackend(gguf, n_ctx=256, slots=1)
        backend.generate(ROOM, 0.0, 1)
        backend.close()
        assert capfd.readouterr() == ("", "")


def test_constructing_does_nothing(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "none.gguf")
    assert "none.gguf" in repr(backend)
    backend.close()


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.gguf.*No such file"):
        LocalBackend(tmp_path / "none.gguf").generate(ROOM)


def test_a_file_that_is_no_model_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "readme.gguf").write_text("# read me")
    with pytest.raises(UsageError, match="not a GGUF file"):
        LocalBackend(tmp_path / "readme.gguf").generate(ROOM)


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)
    (tmp_path / "model.gguf").write_bytes(b"GGUF....")
    with pytest.raises(MissingDependencyError, match=r"purpose-agent\[local\]"):
        LocalBackend(tmp_path / "model.gguf").generate(ROOM)


@pytest.mark.parametrize(
    "arguments", [{"n_ctx": 0}, {"slots": -1}, {"n_threads": 0}, {"choose_method": "dice"}]
)
def test_bad_arguments_are_usage_errors(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(arguments))):
        LocalBackend(**arguments)


def test_the_number_of_threads_comes_from_the_argument_the_environment_or_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PURPOSE_AGENT_THREADS", raising=False)
    assert LocalBackend().n_threads == 1
    monkeypatch.setenv("PURPOSE_AGENT_THREADS", "3")
    assert (LocalBackend().n_threads, LocalBackend(n_threads=2).n_threads) == (3, 2)
    monkeypatch.setenv("PURPOSE_AGENT_THREADS", "many")
    with pytest.raises(UsageError, match="many"):
        LocalBackend()


@pytest.mark.parametrize("temperature", [-1, float("nan"), "hot", True])
def test_sampling_is_checked(temperature: Any) -> None:
    with pytest.raises(UsageError, match="temperature"):
        LocalBackend().generate(ROOM, temperature)


def test_a_cancelled_request_that_waits_for_its_turn_ends() -> None:
    call = Call()
    call.cancelled.set()
    engine = object.__new__(LlamaEngine)
    engine._lock = __import__("threading").Lock()
    engine._lock.acquire()
    with pytest.raises(ModelUnavailableError, match="abandoned"):
        engine._wait_for_turn(call)
