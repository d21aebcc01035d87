"""`envs`, `models` and `doctor`: what there is."""

from __future__ import annotations

import pytest

from purpose_agent.cli import checks
from purpose_agent.llm_backend import embedded_model


def test_environments_are_listed_with_what_they_need(command):
    data = command("envs", "--json").data
    textworld = next(e for e in data if e["name"] == "textworld")
    assert textworld["extra"] == "textworld"
    assert "numLocations" in textworld["parameters"]
    assert "textworld" in command("envs").out
    assert "numLocations" in command("envs", "textworld").out
    ended = command("envs", "textwrld")
    assert ended.code == 2
    assert "did you mean 'textworld'" in ended.err


def test_models_name_keys_and_never_show_them(command, monkeypatch):
    rows = {row["spec"]: row for row in command("models", "--json").data}
    assert rows["openai:NAME"]["ready"] is False
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    ended = command("models")
    assert "OPENAI_API_KEY set" in ended.out
    assert "sk-secret" not in ended.out


def test_fetch_says_where_the_model_is(command, monkeypatch, tmp_path):
    path = tmp_path / "model.gguf"
    monkeypatch.setattr(embedded_model, "is_fetched", lambda: path.exists())
    monkeypatch.setattr(embedded_model, "fetch", lambda force=False: path.touch() or path)
    assert command("models", "fetch").out == f"fetched: {path}\n"
    assert command("models", "fetch").out == f"it is there already: {path}\n"
    assert command("models", "fetch", "--force").out == f"fetched: {path}\n"


@pytest.fixture
def quick_checks(monkeypatch):
    """Without starting Java and without reading the model."""
    monkeypatch.setattr(checks, "_java", lambda: checks.Check("java", "ok", "not tried"))
    monkeypatch.setattr(checks, "_embedded_model", lambda: checks.Check("embedded model", "ok", "not read"))


def test_doctor_names_every_part_and_how_to_mend_it(command, quick_checks, monkeypatch):
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 40, 0))
    ended = command("doctor", "--json")
    assert ended.code == 0
    found = {c["name"]: c for c in ended.data["checks"]}
    assert found["sqlite"]["status"] == "warn"
    assert "3.51.3" in found["sqlite"]["remedy"]
    assert found["store"]["status"] == "ok"
    assert all(c["remedy"] for c in found.values() if c["status"] != "ok")
    assert not __import__("pathlib").Path(".purpose-agent").exists()


def test_doctor_fails_when_something_essential_is_broken(command, quick_checks, monkeypatch):
    monkeypatch.setenv("PURPOSE_AGENT_THREADS", "many")
    with open("taken.sqlite", "w") as file:
        file.write("no store at all")
    ended = command("doctor", "--store", "taken.sqlite")
    assert ended.code == 3
    assert [line.split()[1] for line in ended.out.splitlines() if line.startswith("fail")] == [
        "store",
        "threads",
    ]


def test_a_check_that_breaks_hides_no_other(monkeypatch, quick_checks):
    def broken() -> checks.Check:
        raise RuntimeError("no such file")

    monkeypatch.setattr(checks, "_sqlite", broken)
    found = list(checks.all_checks(None))
    assert [c.name for c in found if c.status == "fail"] == ["sqlite"]
    assert len(found) > 8


def test_the_embedded_model_is_warned_about_when_missing_and_fails_when_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("PURPOSE_AGENT_CACHE", str(tmp_path))
    assert checks._embedded_model().status == "warn"
    embedded_model.model_path().parent.mkdir(parents=True)
    embedded_model.model_path().write_bytes(b"half")
    assert checks._embedded_model().status == "fail"
