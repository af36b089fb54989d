"""Files that cannot be read: at each level they cost the steps that read them, and no others.

They are made so that root cannot read them either: a link to ``/proc/self/mem`` is a regular file that may be opened,
and a read at its beginning is an input/output error, as on a bad sector.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.end_to_end.eventworld import lay_out, list_path, region_path
from tests.end_to_end.world import OBSIDS, SPEC, Desk
from tests.fakes.headas.raw import make_nustar_raw
from xbatch.base.digest import DigestMemo, FileMark
from xbatch.base.files import schema_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a file that gives EIO is taken from /proc")

RAW = ("90402339002", "90402339004", "90402339006")
RAW_SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["90402339002", "90402339004", "90402339006"]
instruments: [FPMA]
target: {name: source, position: [213.3, -3.2]}
data: {root: data, level: raw, fetch: never}
"""
BAD_SECTOR = "cannot be read: Input/output error. Put a whole copy of it there and run again"
GONE = "cannot be read: No such file or directory. Put it back and run again"
WRITTEN = "was changed while it was read. Run again when it is complete"


def bad_sector(path: Path) -> None:
    path.unlink()
    path.symlink_to("/proc/self/mem")


def gone(path: Path) -> None:
    path.unlink()


def torn(path: Path) -> None:
    """Pack a file in its place, and not to the end."""
    path.write_bytes(gzip.compress(path.read_bytes())[:-200])


def spoil_when_read(monkeypatch: pytest.MonkeyPatch, victim: Path, spoil: Callable[[Path], None] | None) -> None:
    """Have a run find a file in order, and spoil it before it is read; None for one that is written meanwhile."""

    class Spoiling(DigestMemo):
        def digest(self, path: Path, now_ns: int, told: Callable[[int], None] = print) -> tuple[FileMark, str]:
            def growing(count: int) -> None:
                if path.stat().st_size == size:
                    with path.open("ab") as stream:
                        stream.write(b"more")
                told(count)

            size = path.stat().st_size

            if path != victim:
                return super().digest(path, now_ns, told)
            if spoil is None:
                return super().digest(path, now_ns, growing)
            spoil(path)
            return super().digest(path, now_ns, told)

    monkeypatch.setattr("xbatch.run.session.DigestMemo", Spoiling)


def checked(desk: Desk) -> dict[str, dict[str, Any]]:
    """Hold the manifest to its schema, and give its steps by name."""
    manifest = desk.manifest()
    Draft7Validator(json.loads(schema_text("manifest-1"))).validate(manifest)
    assert manifest["run"]["outcome"] == "failed" and manifest["run"]["message"] == ""
    return {step["name"]: step for step in manifest["steps"]}


def mend(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "jobs", "words"),
    [(bad_sector, 1, BAD_SECTOR), (bad_sector, 8, BAD_SECTOR), (gone, 8, GONE), (None, 1, WRITTEN), (torn, 8, "")],
)
def test_an_event_list_that_comes_to_be_unreadable(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None] | None,
    jobs: int,
    words: str,
) -> None:
    desk = Desk(tmp_path, capsys)
    lay_out(desk)
    victim = list_path(desk)
    content = victim.read_bytes()
    with monkeypatch.context() as patched:
        spoil_when_read(patched, victim, spoil)
        said = desk.run("--jobs", jobs)
    assert said.status == 1 and "Traceback" not in said.all and "internal error" not in said.all
    steps = checked(desk)
    events = steps[f"events:{OBSIDS[0]}/FPMA"]
    assert events["outcome"] == "failed" and str(victim) in events["message"] and str(victim) in said.err
    if words:  # else the bytes have a digest, and the step has read them itself
        assert events["message"] == f"{victim}: {words}"
        assert (events["key"], events["log"]) == (None, None)
        assert [(reason["kind"], reason["what"]) for reason in events["reasons"]] == [("unreadable", str(victim))]
        assert words in (desk.run_dir / "report.html").read_text()
    for name, step in steps.items():
        expected = {"failed", "skipped"} if OBSIDS[0] in name else {"done"}
        assert step["outcome"] in expected, name
    assert [name for name, step in steps.items() if step["outcome"] == "failed"] == [events["name"]]
    assert desk.leftovers() == []

    planned = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir)
    if spoil is bad_sector:
        assert planned.status == 0
        lines = {line.split()[0]: line for line in planned.out.splitlines()}
        assert lines[events["name"]].endswith(f"  blocked: {victim}: {BAD_SECTOR}")
        assert lines[f"extract:{OBSIDS[0]}/FPMA"].endswith(f"blocked: needs {events['name']}")
        assert lines[f"events:{OBSIDS[1]}/FPMA"].endswith("up to date")
        assert "that cannot be done here" in planned.out.splitlines()[-1]
        explained = desk.xbatch("explain", desk.folder / "desk.yaml", events["name"], "--out", desk.run_dir)
        assert explained.status == 0 and f"{victim}: {BAD_SECTOR}" in explained.out
    elif spoil is gone:
        assert planned.status == 2 and "XB401" in planned.err, "what is not there is a problem of the spec"

    mend(victim, content)
    said = desk.run("--jobs", jobs)
    assert said.status == 0, said.all
    again = desk.outcomes()
    alone = {name for name, outcome in again.items() if outcome == "done"}
    missing = {name for name, step in steps.items() if step["outcome"] != "done"}
    # tables that went without the observation are made once more with it
    assert missing <= alone and all(name.startswith("summary:") for name in alone - missing)
    assert {again[name] for name in again.keys() - alone} <= {"up to date"}


def test_a_region_file_costs_what_is_made_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    lay_out(desk)
    bad_sector(region_path(desk))
    said = desk.run("--only", "image:*", "--only", "extract:*")
    assert said.status == 1
    outcomes = {name: outcome for name, outcome in desk.outcomes().items() if outcome != "not selected"}
    failed = {name for name, outcome in outcomes.items() if outcome != "done"}
    assert failed == {f"extract:{OBSIDS[0]}/FPMA"}
    assert desk.run("--only", "image:*").status == 0, "what is not asked for is not read"


@pytest.mark.parametrize("jobs", [1, 8])
def test_a_file_of_all_steps_fails_them_all_and_is_told_once(desk: Desk, jobs: int) -> None:
    shared = desk.data / "shared.rmf"
    shutil.copyfile(desk.pha(kind="sr.rmf"), shared)
    content = shared.read_bytes()
    sweep = "sweep: {grid: {binning.min30.counts: [20, 30]}}\n"
    desk.write(
        SPEC.replace("_sr.pha}", "_sr.pha, response: shared.rmf}").replace(
            '_sr.pha"}', '_sr.pha", response: shared.rmf}'
        )
        + sweep
    )
    bad_sector(shared)
    said = desk.run("--only", "group:*", "--jobs", jobs)
    assert said.status == 1
    steps = {name: step for name, step in checked(desk).items() if step["outcome"] != "not selected"}
    spectra = {name for name in steps if name.startswith("spectrum:")}
    assert {name for name, step in steps.items() if step["outcome"] == "failed"} == spectra and len(spectra) == 4
    groups = {step["outcome"] for name, step in steps.items() if name.startswith("group:")}
    assert groups == {"skipped"} and len(steps) == 12
    words = f"{shared}: {BAD_SECTOR}"
    assert {steps[name]["message"] for name in spectra} == {words}
    assert (said.err.count(words), said.err.count("the same as spectrum:"), said.out.count(words)) == (1, 3, 1)
    assert "xbatch logs" not in said.out, "nothing was begun that could have said anything"
    mend(shared, content)
    assert desk.run("--only", "group:*", "--jobs", jobs).status == 0
    assert {outcome for outcome in desk.outcomes().values() if outcome != "not selected"} <= {"done", "up to date"}


def test_a_spectrum_that_cannot_be_read_at_all(desk: Desk) -> None:
    victim = desk.pha()
    content = victim.read_bytes()
    bad_sector(victim)
    planned = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir, "--json")
    verdicts = {step["name"]: step for step in json.loads(planned.out)["steps"]}
    name = f"spectrum:{OBSIDS[0]}/FPMA/src"
    assert planned.status == 0 and verdicts[name]["verdict"] == "blocked"
    assert verdicts[name]["reasons"] == [
        {"kind": "unreadable", "what": str(victim), "old": None, "new": f"{victim}: {BAD_SECTOR}"}
    ]
    assert verdicts[f"fit:pl/{OBSIDS[0]}"]["verdict"] == "blocked"
    assert verdicts[f"spectrum:{OBSIDS[1]}/FPMA/src"]["verdict"] == "run"
    said = desk.run("--only", "group:*", "--only", "summary:*")
    assert said.status == 1
    steps = {name: step["outcome"] for name, step in checked(desk).items() if step["outcome"] != "not selected"}
    group = f"group:{OBSIDS[0]}/FPMA/src/min30"
    assert {name for name, outcome in steps.items() if outcome != "done"} == {name, group}
    mend(victim, content)
    assert desk.run("--only", "group:*", "--only", "summary:*").status == 0
    outcomes = desk.outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == {name, group, "summary:spectra"}


def test_a_raw_observation_that_cannot_be_read(tmp_path: Path, heasoft: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = heasoft.data / RAW[1] / "hk" / f"nu{RAW[1]}A_fpm.hk.gz"
    content = victim.read_bytes()
    heasoft.write(RAW_SPEC)
    with monkeypatch.context() as patched:
        spoil_when_read(patched, victim.absolute(), bad_sector)
        said = heasoft.run("--only", "nupipeline:*")
    assert said.status == 1
    steps = {name: step for name, step in checked(heasoft).items() if step["outcome"] != "not selected"}
    assert {name: step["outcome"] for name, step in steps.items()} == {
        name: outcome
        for obsid in RAW
        for name, outcome in (
            (f"observation:{obsid}", "failed" if obsid == RAW[1] else "done"),
            (f"nupipeline:{obsid}", "skipped" if obsid == RAW[1] else "done"),
        )
    }
    assert steps[f"observation:{RAW[1]}"]["message"] == f"{victim}: {BAD_SECTOR}"
    planned = heasoft.xbatch("plan", heasoft.folder / "desk.yaml", "--out", heasoft.run_dir)
    assert planned.status == 0 and f"blocked: {victim}: {BAD_SECTOR}" in planned.out
    mend(victim, content)
    assert heasoft.run("--only", "nupipeline:*").status == 0
    made = {name for name, outcome in heasoft.outcomes().items() if outcome == "done"}
    assert made == {f"observation:{RAW[1]}", f"nupipeline:{RAW[1]}"}


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder, {obsid: make_nustar_raw(folder, obsid, modules="A") for obsid in RAW}


CLUSTERS = """
here:
  class: distributed.LocalCluster
  options: {n_workers: 0, threads_per_worker: 1, processes: true, dashboard_address: null}
  jobs: 1
"""


def test_on_a_cluster_it_is_the_same(desk: Desk) -> None:
    pytest.importorskip("distributed", reason="Dask's scheduler is not installed (pip install 'xbatch[dask]')")
    (desk.folder / "clusters.yaml").write_text(CLUSTERS)
    bad_sector(desk.pha())
    options = ("--cluster", "here", "--cluster-config", "clusters.yaml", "--only", "spectrum:*", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", "out/desk", *options],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1 and f"{os.fspath(desk.pha())}: {BAD_SECTOR}" in done.stdout
    steps = {name: step["outcome"] for name, step in checked(desk).items() if step["outcome"] != "not selected"}
    assert sorted(steps.values()) == ["done", "done", "done", "failed"]
