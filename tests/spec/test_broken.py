"""A collection of broken specs; the first line of each says what is wrong with it and where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import xbatch.spec
from xbatch.base.errors import Problem, SpecError
from xbatch.spec import load
from xbatch.spec.codes import CODES

FOLDER = Path(__file__).parent / "broken"
FILES = sorted(FOLDER.glob("*.yaml"))
# A file of more than 4 MB is made in test_reader; notes are in test_observations and test_regions; what is wrong with
# XSPEC's models depends on the Sherpa that is installed: test_xspecmodels.
ELSEWHERE = {"XB002", "XB120", "XB229", "XB326", "XB327"}


def head(path: Path) -> tuple[list[str], list[str]]:
    """Read what is expected, ``line:column code`` each, and the ``--set`` texts."""
    first = path.read_bytes().splitlines()[0].decode()
    expected, *overrides = first.removeprefix("# ").split(" | --set ")
    return expected.split(", "), overrides


def found(problem: Problem, path: Path) -> str:
    file = problem.place.file
    before = "" if file == str(path) else f"{file if file == '--set' else Path(file).relative_to(FOLDER).as_posix()}:"
    return f"{before}{problem.place.line}:{problem.place.column} {problem.code}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_broken_spec_has_the_problems_it_says(path: Path) -> None:
    expected, overrides = head(path)
    with pytest.raises(SpecError) as caught:
        load(path, overrides)
    assert [found(problem, path) for problem in caught.value.problems] == expected
    for problem in caught.value.problems:
        assert problem.message
        assert "\n" not in str(problem)


def raised() -> Iterator[str]:
    """Give every code that stands in the package's source, but for the table itself."""
    package = Path(xbatch.spec.__file__).parent
    for source in package.glob("*.py"):
        if not source.name.startswith(("codes", "xcm")):  # what is raised there is of XSPEC's files
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and re.fullmatch(r"XB\d{3}", node.value)
                ):
                    yield node.value


def test_every_code_has_an_example_and_an_entry() -> None:
    shown = {word for path in FILES for word in re.findall(r"XB\d{3}", path.read_bytes().splitlines()[0].decode())}
    assert set(raised()) <= set(CODES)
    assert set(raised()) - shown == ELSEWHERE
    assert {code for code in CODES if not code.startswith(("XB4", "XB5"))} <= set(raised())
