from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.provenance.runs import Fit, make_run
from tests.tasks.fits import fit_record
from xbatch.base.errors import UsageError
from xbatch.cli.compare import command
from xbatch.report.compare import Comparison, collect
from xbatch.report.compare.page import comparison_page
from xbatch.report.compare.text import comparison_text

AXIS = "binning.bins.counts"
MEMBERS = 1000
HEAVY = {"numpy", "scipy", "astropy", "sherpa", "loky", "matplotlib", "jsonschema"}
PROBE = """
import sys
from xbatch.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("LOADED", *sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fits = [
        Fit(f"cutoff~counts={n}", fit_record(stat_value=80.0 + n), {AXIS: n}, f"counts={n}", params={"counts": n})
        for n in (20, 30)
    ]
    return make_run(tmp_path_factory.mktemp("run"), fits).write()


def said(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_table_is_printed(run_dir: Path) -> None:
    text = said(run_dir).output
    assert text.startswith("vela-x1: 2 members, binning.bins.counts\n")
    assert "fit cutoff: counts 20 -> 30" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("form", ["table", "csv", "ecsv", "json", "html"])
def test_each_form_goes_to_a_file_too(run_dir: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "new" / f"compare.{form}"
    assert said(run_dir, "--format", form, "--out", path).output == f"{path}\n"
    assert path.read_text() == said(run_dir, "--format", form).output


def test_choices_reach_the_comparison(run_dir: Path) -> None:
    answer = said(run_dir, "--format", "json", "--fit", "cut*", "--parameter", "pl.PhoIndex", "--against", "counts=30")
    found = json.loads(answer.output)
    assert found["against"] == "counts=30"
    assert [list(row["parameters"]) for row in found["rows"]] == [["pl.PhoIndex"]] * 2
    with pytest.raises(UsageError, match="no fit 'x'"):
        said(run_dir, "--fit", "x")


@pytest.mark.parametrize("form", ["table", "csv", "json", "html"])
def test_no_form_loads_anything_heavy(run_dir: Path, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "compare", str(run_dir), "--format", form],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()[1:]}
    assert not loaded & HEAVY
    assert form == "html" or not loaded & {"jinja2", "rich", "yaml"}


def _many(source: Path, folder: Path) -> Path:
    """Make a run of a thousand members from one of two, by copying a member's fit under other names."""
    manifest: dict[str, Any] = json.loads((source / "manifest.json").read_text())
    first = next(step for step in manifest["steps"] if step["name"] == "fit:cutoff~counts=20")
    record = (source / first["outputs"]["fit.json"]["path"]).read_bytes()
    manifest["spec"]["members"] = [{"name": f"counts={n}", "values": {AXIS: n}} for n in range(MEMBERS)]
    manifest["steps"] = [step for step in manifest["steps"] if step["task"] == "spectrum"]
    for n in range(MEMBERS):
        text = json.dumps(first).replace("counts=20", f"counts={n}").replace(first["key"], f"key {n}")
        step = json.loads(text)
        step["params"]["counts"] = n
        path = folder / step["outputs"]["fit.json"]["path"]
        path.parent.mkdir(parents=True)
        path.write_bytes(record)
        manifest["steps"].append(step)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_thousand_members_take_no_more_than_two_seconds_of_cpu(run_dir: Path, tmp_path: Path) -> None:
    folder = _many(run_dir, tmp_path)
    began = time.process_time()
    found: Comparison = collect([folder])
    text = comparison_text(found, 160)
    assert time.process_time() - began < 2
    assert "(999 values)" in text
    began = time.process_time()
    page = comparison_page(found)
    assert time.process_time() - began < 3
    assert page.count("<title>counts ") == MEMBERS * 4
