"""What the README shows is true: its specs and commands are run, and its tables name what there is.

Blocks are marked by a comment on the line before: ``<!-- save: NAME -->`` writes a block to a file, ``<!-- run -->``
runs its ``$`` lines, in order and in one folder for each page. Lines below a command are what it must print among
others; ``...`` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from xbatch.cli.main import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "docs/quickstart.md"]
BLOCK = re.compile(r"^<!-- (save|run|file)(?:: (\S+))? -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A marked block: what is done with it, the file it is about, its text."""

    kind: str
    name: str
    text: str


def _blocks(page: str) -> list[Block]:
    return [Block(*match) for match in BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]


def _commands(text: str) -> list[tuple[str, list[str]]]:
    """Split a console block into commands and the lines each must print."""
    commands: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif line.strip() not in ("", "..."):
            commands[-1][1].append(line)
    return commands


def _run(command: str, folder: Path) -> str:
    words = shlex.split(command, comments=True)
    assert words[0] == "xbatch", f"only xbatch is run from a page, not {words[0]}"
    done = subprocess.run(
        [sys.executable, "-m", "xbatch", *words[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for block in _blocks(page):
        if block.kind == "save":
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
        elif block.kind == "run":
            for command, wanted in _commands(block.text):
                said = [line.rstrip() for line in _run(command, tmp_path).splitlines()]
                for line in wanted:
                    pattern = ".*".join(re.escape(part) for part in line.rstrip().split("..."))
                    assert any(re.fullmatch(pattern, given) for given in said), (
                        f"$ {command}\nno line {line!r} in {said}"
                    )


@pytest.mark.parametrize("page", PAGES)
def test_files_shown_are_the_files_there_are(page: str) -> None:
    for block in _blocks(page):
        if block.kind == "file":
            assert (ROOT / block.name).read_text(encoding="utf-8") == block.text


def test_readme_lists_every_verb() -> None:
    listed = re.findall(r"^\| `xbatch (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(cli.list_commands(None))  # type: ignore[arg-type]


def test_readme_lists_every_example() -> None:
    listed = set(re.findall(r"^\| `([\w-]+\.yaml)`", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    there = {path.name for path in (ROOT / "examples" / "configs").glob("*.yaml")}
    assert listed == {name for name in there if not name.endswith("-simulation.yaml")}


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_example_names_its_schema_for_editors(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match is not None
    assert (path.parent / match[1]).resolve().is_file()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_between_files_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_installation_page_names_what_the_setup_script_installs() -> None:
    script = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = script.split("<<'TABLE'\n")[1].split("\nTABLE")[0].splitlines()
    column = table[0].split().index("apt")
    packages = {name for line in table[1:] for name in line.split()[column].split(",")} - {"python3"}
    apt = next(line for line in page.splitlines() if "apt-get install" in line)
    assert packages <= set(apt.replace("`", " ").split())


def test_versions_agree() -> None:
    from xbatch import __version__

    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_conda_environment_holds_every_runtime_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {
        line.strip()[2:] for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines() if "- " in line
    }
    assert set(project["dependencies"]) | set(project["optional-dependencies"]["fit"]) <= listed
