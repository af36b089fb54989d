from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.errors import UsageError
from xbatch.cli.cluster import joined
from xbatch.run.deployments import Deployment


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been asked of Dask."""
    asked: list[Any] = []

    @contextmanager
    def connected(address: str, folders: Mapping[str, Path], most: int | None, **more: Any) -> Iterator[str]:
        asked.append((address, most, more))
        yield "cluster"

    @contextmanager
    def started(deployment: Deployment) -> Iterator[str]:
        asked.append(deployment)
        yield "tcp://made:1"
        asked.append("closed")

    monkeypatch.setattr("xbatch.run.cluster.connected", connected)
    monkeypatch.setattr("xbatch.run.deployments.started", started)
    return asked


@pytest.mark.parametrize(
    ("where", "address"),
    [
        ("tcp://head:8786", "tcp://head:8786"),
        ("tls://head:8786", "tls://head:8786"),
        ("head.cluster.org:8786", "tcp://head.cluster.org:8786"),
        ("[::1]:8786", "tcp://[::1]:8786"),
    ],
)
def test_addresses_are_taken_as_they_are(asked: list[Any], where: str, address: str) -> None:
    with joined(where, None, {}, 3) as cluster:
        assert cluster == "cluster"  # type: ignore[comparison-overlap]
    assert asked == [(address, 3, {})]


def test_a_scheduler_file_names_an_address(asked: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"type": "Scheduler", "address": "tcp://head:4711"}))
    with joined(str(path), None, {}, None):
        pass
    assert asked == [("tcp://head:4711", None, {})]


@pytest.mark.parametrize("named", [True, False])
def test_a_name_starts_a_cluster_and_waits_for_it(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ("mine.yaml" if named else ".config/xbatch/clusters.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("slurm: {class: a.B, jobs: 2}\n")
    with joined("slurm", path if named else None, {}, None):
        pass
    assert asked == [Deployment("slurm", "a.B", 2), ("tcp://made:1", None, {"patience": None}), "closed"]
    assert capsys.readouterr().err == "waiting for the first worker of slurm\n"
    with pytest.raises(UsageError, match="slurm"), joined("sge", path if named else None, {}, None):
        pass
