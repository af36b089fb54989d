"""Clusters that a run starts for itself, as the user has described them by name.

A file of them is YAML as specs are: what looks like a time or has leading zeros stays text.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, SpecError, UsageError, XbatchError
from xbatch.run.cluster import quiet, require_dask
from xbatch.spec.nodes import data_of
from xbatch.spec.reader import read_bytes, read_document
from xbatch.spec.report import Report, did_you_mean

__all__ = ["Deployment", "read_deployment", "started"]

_KEYS = ("class", "options", "jobs")
_CURE = "Each entry is NAME: {class: MODULE.CLASS, options: {...}, jobs: N}"


@dataclass(frozen=True)
class Deployment:
    """A cluster to be started.

    Attributes
    ----------
    name : str
    maker : str
        ``module.Class`` of one of Dask's clusters.
    jobs : int
        How many workers are asked for: jobs of a batch system.
    options : Mapping
        What the class is made with.
    """

    name: str
    maker: str
    jobs: int
    options: Mapping[str, Any] = field(default_factory=dict)


def read_deployment(path: Path, name: str) -> Deployment:
    """Read a user's description of a cluster.

    Raises
    ------
    SpecError
        The file cannot be read, or is not YAML.
    FileError
        An entry is not as it should be.
    UsageError
        There is none of that name.
    """
    if not path.is_file():
        raise UsageError(
            f"--cluster {name!r} is no address and no file, and there is no {path} that describes clusters by name. "
            "Give tcp://HOST:PORT, the file of dask scheduler --scheduler-file, or --cluster-config"
        )
    report = Report()
    entries = data_of(read_document(read_bytes(path), str(path), report))
    if report.problems:
        raise SpecError(report.problems)
    if name not in entries:
        raise UsageError(f"--cluster {name!r}: {path} has no such cluster; {did_you_mean(name, entries)}")
    entry = entries[name]
    if not isinstance(entry, dict):
        raise FileError(str(path), f"{name} is not a map", _CURE)
    unknown = [key for key in entry if key not in _KEYS]
    if unknown:
        raise FileError(str(path), f"{name} has an unknown key {unknown[0]!r}", _CURE)
    maker, jobs, options = entry.get("class"), entry.get("jobs", 1), entry.get("options") or {}
    if not isinstance(maker, str) or not maker.rpartition(".")[0]:
        raise FileError(str(path), f"{name} needs a class, such as dask_jobqueue.SLURMCluster", _CURE)
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise FileError(str(path), f"{name}: jobs must be a number from 1 on, not {jobs!r}", _CURE)
    if not isinstance(options, dict):
        raise FileError(str(path), f"{name}: options must be a map", _CURE)
    return Deployment(name, maker, jobs, options)


@contextmanager
def started(deployment: Deployment) -> Iterator[str]:
    """Start a cluster as long as the context lasts; give the address of its scheduler.

    Workers come when the batch system gives them.

    Raises
    ------
    UsageError
        There is no such class here, or it could not be made with these options.
    """
    require_dask()
    make = _maker(deployment)
    with quiet():
        try:
            cluster = make(**deployment.options)
        except XbatchError:
            raise
        except Exception as error:
            raise UsageError(
                f"--cluster {deployment.name}: {deployment.maker} could not be started: {type(error).__name__}: {error}"
            ) from error
        try:
            # a job of a batch system may hold several workers
            by_jobs = "jobs" in inspect.signature(cluster.scale).parameters
            cluster.scale(**{"jobs" if by_jobs else "n": deployment.jobs})
            yield str(cluster.scheduler_address)
        finally:
            cluster.close()


def _maker(deployment: Deployment) -> Any:
    module, _, name = deployment.maker.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        package = (error.name or module).replace("_", "-")
        extra = " (it comes with: pip install 'xbatch[slurm]')" if package == "dask-jobqueue" else ""
        raise UsageError(
            f"--cluster {deployment.name}: {deployment.maker} needs the Python package {package}, "
            f"which is not installed{extra}"
        ) from error
    except AttributeError as error:
        raise UsageError(f"--cluster {deployment.name}: {module} has no {name}") from error
