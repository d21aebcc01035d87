"""Every Python block in README and docs runs; every command in them exists; every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.name}:{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE), 1
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "<docs>", "exec"), {"__name__": "__docs__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_make_targets_in_the_docs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"^make (\w+)|`make (\w+)`", page.read_text(), re.MULTILINE):
            name = target[0] or target[1]
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), f"{page.name} names `make {name}`"


def test_commands_in_the_docs_exist() -> None:
    from typer.main import get_command

    from purpose_agent.cli.application import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    for page in PAGES:
        for name in re.findall(r"^purpose-agent ([a-z]+)", page.read_text(), re.MULTILINE):
            assert name in commands, f"{page.name} names `purpose-agent {name}`"


def test_no_page_names_a_place_on_a_machine_or_a_registry() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js")
    for page in [*PAGES, *ROOT.glob("requirements/*.txt"), ROOT / "Makefile", ROOT / "pyproject.toml"]:
        text = page.read_text()
        assert not any(host in text for host in hosts), page
        assert "/ro" + "ot/" not in text, page
