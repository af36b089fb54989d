"""A whole analysis on a cluster of Dask's, by the command, in a process of its own as Dask leaves some behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.world import Desk

pytest.importorskip("distributed", reason="Dask's scheduler is not installed (pip install 'xbatch[dask]')")

CLUSTERS = """
here:
  class: distributed.LocalCluster
  options: {n_workers: 0, threads_per_worker: 1, processes: true, dashboard_address: null}
  jobs: 2
"""


def digests(run_dir: Path) -> dict[tuple[str, str], str]:
    manifest = json.loads((run_dir / "manifest.json").read_text())
    return {
        (step["name"], file): output["sha256"] for step in manifest["steps"] for file, output in step["outputs"].items()
    }


def test_products_are_the_same_bytes_on_a_cluster(desk: Desk) -> None:
    (desk.folder / "clusters.yaml").write_text(CLUSTERS)
    options = ("--out", "there/r", "--cluster", "here", "--cluster-config", "clusters.yaml", "--only", "group:*", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "xbatch", "run", "desk.yaml", *options],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "waiting for the first worker of here\n")
    desk.xbatch("run", desk.folder / "desk.yaml", "--out", desk.folder / "here" / "r", "--only", "group:*", "--jobs", 2)
    assert digests(desk.folder / "there" / "r") == digests(desk.folder / "here" / "r")
    assert len(digests(desk.folder / "there" / "r")) > 5


def test_a_cluster_that_is_not_there_is_said_before_anything_runs(desk: Desk) -> None:
    said = desk.run("--cluster", desk.folder / "desk.yaml")
    assert said.status == 1
    assert "desk.yaml: is not a scheduler file of Dask" in said.err
    assert not desk.run_dir.exists()
