"""From a spec to a backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from purpose_agent.errors import UsageError
from purpose_agent.llm_backend import (
    HFInferenceBackend,
    LocalBackend,
    MockLLMBackend,
    OpenAICompatibleBackend,
    resolve_backend,
)
from purpose_agent.llm_backend.resolve import FORMS
from purpose_agent.registry import backend_registry


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)


def openai(spec: str) -> tuple[str, str]:
    backend = resolve_backend(spec)
    assert isinstance(backend, OpenAICompatibleBackend)
    return backend.model, backend.base_url


@pytest.mark.parametrize(
    ("spec", "model", "url"),
    [
        ("openai:gpt-4o", "gpt-4o", "https://api.openai.com/v1"),
        ("openai:ft:gpt-4o:me:x", "ft:gpt-4o:me:x", "https://api.openai.com/v1"),
        ("openai:qwen3@http://127.0.0.1:8000/v1", "qwen3", "http://127.0.0.1:8000/v1"),
        ("openai:org/qwen3:8b@https://host.example/api/v1/", "org/qwen3:8b", "https://host.example/api/v1"),
        ("openai:qwen3@127.0.0.1:8000/v1", "qwen3", "http://127.0.0.1:8000/v1"),
        ("openai:qwen3@[::1]:8000/v1", "qwen3", "http://[::1]:8000/v1"),
        ("openai:name@2024", "name@2024", "https://api.openai.com/v1"),
        ("openai:org/name@v1.2-b", "org/name@v1.2-b", "https://api.openai.com/v1"),
        ("openai:name@latest", "name@latest", "https://api.openai.com/v1"),
        ("openai:name@2024@HTTP://127.0.0.1:8000/v1", "name@2024", "http://127.0.0.1:8000/v1"),
        ("openai:@cf/org/name@https://host.example/v1", "@cf/org/name", "https://host.example/v1"),
        ("ollama:llama3:8b", "llama3:8b", "http://127.0.0.1:11434/v1"),
    ],
)
def test_servers(spec: str, model: str, url: str) -> None:
    assert openai(spec) == (model, url)


@pytest.mark.parametrize(
    "server",
    ["", "file:///etc", "ftp://host/v1", "http://", "http:/host/v1", "localhost", "localhost/v1", "box.example",
     "192.0.2.1", "myserver", "host:port/v1", "[::1]/v1"],
)  # fmt: skip
def test_a_server_that_cannot_be_understood_is_refused_and_not_replaced_by_openai(server: str) -> None:
    with pytest.raises(UsageError, match=r"openai:.*@http://HOST:PORT/v1"):
        resolve_backend(f"openai:qwen3@{server}")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("192.0.2.1:99", "http://192.0.2.1:99/v1"),
        ("https://box.example", "https://box.example:11434/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
    ],
)
def test_ollama_is_where_its_own_variable_says(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert openai("ollama:x") == ("x", url)


def test_local_models() -> None:
    embedded, own = resolve_backend("local"), resolve_backend("gguf:/models/a:b.gguf")
    assert isinstance(embedded, LocalBackend)
    assert embedded.model_path is None
    assert isinstance(own, LocalBackend)
    assert own.model_path == Path("/models/a:b.gguf")


def test_others() -> None:
    assert isinstance(resolve_backend("mock"), MockLLMBackend)
    hugging = resolve_backend("hf:Qwen/Qwen3-32B", api_key="hf_x")
    assert isinstance(hugging, HFInferenceBackend)
    assert hugging.model_id == "Qwen/Qwen3-32B"


@pytest.mark.parametrize(
    "spec", ["", "gpt-4o", "openai", "openai:", "local:x", "mock:", "gguf:", "hf:", ":", "Local"]
)
def test_what_is_not_understood_lists_the_forms(spec: str) -> None:
    with pytest.raises(ValueError, match="unknown model spec") as caught:
        resolve_backend(spec)
    assert isinstance(caught.value, UsageError)
    assert all(form in str(caught.value) for form in FORMS)


def test_a_spec_is_a_text() -> None:
    with pytest.raises(UsageError, match="None"):
        resolve_backend(None)  # type: ignore[arg-type]


def test_what_ships_is_in_the_registry_and_made_by_the_same_rules() -> None:
    assert {form.partition(":")[0] for form in FORMS} <= set(backend_registry.names())
    assert isinstance(backend_registry.create("mock"), MockLLMBackend)
    made = backend_registry.create("openai", rest="qwen3@http://127.0.0.1:8000/v1", api_key="k")
    assert (made.model, made.base_url) == ("qwen3", "http://127.0.0.1:8000/v1")
    with pytest.raises(UsageError, match=r"unknown backend 'nobody'; known: .*mock.*openai"):
        backend_registry.create("nobody")


def test_what_ships_may_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(MockLLMBackend):
        pass

    monkeypatch.setattr(backend_registry, "_entries", dict(backend_registry._entries))
    backend_registry.register("local", Mine, replace=True)
    assert isinstance(resolve_backend("local"), Mine)


@pytest.fixture
def _plugin() -> Iterator[None]:
    class Mine(MockLLMBackend):
        def __init__(self, rest: str = "", api_key: str | None = None) -> None:
            super().__init__()
            self.given = (rest, api_key)

    backend_registry.register("mine", Mine)
    yield
    del backend_registry._entries["mine"]


@pytest.mark.usefixtures("_plugin")
def test_a_plugin_gets_what_stands_behind_its_name() -> None:
    assert resolve_backend("mine:a:b", api_key="k").given == ("a:b", "k")  # type: ignore[attr-defined]
    assert resolve_backend("mine").given == ("", None)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"plugins: mine$"):
        resolve_backend("yours")
