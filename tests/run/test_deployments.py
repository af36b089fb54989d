from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xbatch.base.errors import FileError, SpecError, UsageError
from xbatch.run.deployments import Deployment, read_deployment, started


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "clusters.yaml"
    path.write_text(text)
    return path


def test_a_description_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "slurm:\n  class: dask_jobqueue.SLURMCluster\n  jobs: 4\n"
        "  options: {cores: 8, memory: 16GB, walltime: 02:00:00, job_extra_directives: [--mail-type=no]}\n"
        "here: {class: distributed.LocalCluster}\n",
    )
    options = {"cores": 8, "memory": "16GB", "walltime": "02:00:00", "job_extra_directives": ["--mail-type=no"]}
    assert read_deployment(path, "slurm") == Deployment("slurm", "dask_jobqueue.SLURMCluster", 4, options)
    assert read_deployment(path, "here") == Deployment("here", "distributed.LocalCluster", 1, {})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("5", "a is not a map"),
        ("{class: a.B, job: 3}", "a has an unknown key 'job'"),
        ("{jobs: 3}", "a needs a class, such as dask_jobqueue.SLURMCluster"),
        ("{class: LocalCluster}", "a needs a class"),
        ("{class: a.B, jobs: 0}", "jobs must be a number from 1 on, not 0"),
        ("{class: a.B, jobs: true}", "jobs must be a number from 1 on, not True"),
        ("{class: a.B, options: [1]}", "options must be a map"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(FileError, match=said) as error:
        read_deployment(written(tmp_path, f"a: {entry}\n"), "a")
    assert "clusters.yaml" in str(error.value)
    assert "jobs: N}" in str(error.value)


def test_names_that_are_not_there_are_said(tmp_path: Path) -> None:
    path = written(tmp_path, "slurm: {class: a.B}\n")
    with pytest.raises(UsageError, match=r"--cluster 'slum': .*clusters\.yaml has no such cluster; .*slurm"):
        read_deployment(path, "slum")
    with pytest.raises(UsageError, match=r"'slurm' is no address and no file, and there is no .*none\.yaml"):
        read_deployment(tmp_path / "none.yaml", "slurm")
    with pytest.raises(SpecError, match="XB"):
        read_deployment(written(tmp_path, "a: {class: a.B}\na: {class: a.C}\n"), "a")


class Made:
    """A cluster as dask-jobqueue's are."""

    scheduler_address = "tcp://there:1"
    calls: list[Any]

    def __init__(self, **options: Any) -> None:
        if options.get("bad"):
            raise ValueError("no queue")
        Made.calls = [options]

    def scale(self, n: int | None = None, jobs: int = 0) -> None:
        Made.calls.append((n, jobs))

    def close(self) -> None:
        Made.calls.append("close")


class Plain(Made):
    """A cluster as Dask's own are."""

    def scale(self, n: int) -> None:  # type: ignore[override]
        Made.calls.append(n)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask's scheduler is not installed (pip install 'xbatch[dask]')")
    monkeypatch.setitem(sys.modules, "batches", SimpleNamespace(Made=Made, Plain=Plain))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "scaled"), [("Made", (None, 3)), ("Plain", 3)])
@pytest.mark.usefixtures("module")
def test_a_cluster_lives_as_long_as_the_run(name: str, scaled: object) -> None:
    with started(Deployment("a", f"batches.{name}", 3, {"cores": 2})) as address:
        assert address == "tcp://there:1"
        assert Made.calls == [{"cores": 2}, scaled]
    assert Made.calls[-1] == "close"


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("deployment", "said"),
    [
        (Deployment("a", "batches.Made", 1, {"bad": True}), "batches.Made could not be started: ValueError: no queue"),
        (Deployment("a", "batches.None", 1), "batches has no None"),
        (Deployment("a", "no_such_module.A", 1), "needs the Python package no-such-module, which is not installed"),
    ],
)
def test_a_cluster_that_cannot_be_started_is_said(deployment: Deployment, said: str) -> None:
    with pytest.raises(UsageError, match=said), started(deployment):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.run.cluster.find_spec", lambda name: None)
    with (
        pytest.raises(UsageError, match=r"needs the Python package distributed: pip install 'xbatch\[dask\]'"),
        started(Deployment("a", "distributed.LocalCluster", 1)),
    ):
        pass
