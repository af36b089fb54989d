"""The directions of imports, and what the quick commands must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"numpy", "scipy", "astropy", "sherpa", "matplotlib", "dask", "distributed"}
EXAMPLES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "examples" / "configs").glob("*.yaml")
    if not path.stem.endswith("-simulation")
)

# Runs the command as the console script does, then says what it has loaded, whatever it ended with.
PROBE = """
import sys
from xbatch.cli.main import main
status = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print("LOADED", *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
sys.exit(status)
"""


def _loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = done.stderr.splitlines()[-1].split()
    assert last[0] == "LOADED"
    return set(last[1:])


def test_imports_point_one_way() -> None:
    # in a process of its own: it switches off the loggers that are there
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("schema",)])
def test_quick_commands_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not _loaded(*arguments) & HEAVY


@pytest.mark.parametrize("spec", EXAMPLES)
def test_validation_loads_nothing_heavy(spec: str) -> None:
    assert not _loaded("validate", spec) & HEAVY


def test_help_loads_neither_yaml_nor_jsonschema() -> None:
    assert not _loaded("--help") & {"yaml", "jsonschema", "rich", "jinja2", "psutil"}
