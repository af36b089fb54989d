"""Options of a run on a cluster: ``--cluster``, ``--cluster-config``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from xbatch.run.cluster import Cluster

__all__ = ["cluster_options", "joined"]

_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+|\[[\da-fA-F:]+\]:\d+")
_DEFAULT = Path("~/.config/xbatch/clusters.yaml")

F = TypeVar("F", bound=Callable[..., object])


def cluster_options(function: F) -> F:
    """Add the options to a verb, which makes something of them by `joined`."""
    function = click.option(
        "--cluster-config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help=f"Where clusters are described by name  [default: {_DEFAULT}].",
    )(function)
    return click.option(
        "--cluster",
        metavar="WHERE",
        help="Have the steps done by Dask workers: tcp://HOST:PORT, a scheduler file, or a name of --cluster-config.",
    )(function)


@contextmanager
def joined(where: str, config: Path | None, folders: Mapping[str, Path], jobs: int | None) -> Iterator[Cluster]:
    """Join or start a cluster for a run.

    Parameters
    ----------
    where : str
        An address, the path of a scheduler file, or a name.
    config : Path or None
        The file with names; None for the user's own.
    folders : Mapping of str to Path
        Option to folder, of those that all workers must see.
    jobs : int or None
        How many steps may run at once at most.

    Raises
    ------
    UsageError, FileError, SpecError
        There is no such cluster, or it cannot work for the run.
    """
    from xbatch.run.cluster import connected, scheduler_address
    from xbatch.run.deployments import read_deployment, started

    with ExitStack() as stack:
        if "://" in where:
            cluster = connected(where, folders, jobs)
        elif _HOST_AND_PORT.fullmatch(where):
            cluster = connected(f"tcp://{where}", folders, jobs)
        elif Path(where).is_file():
            cluster = connected(scheduler_address(Path(where)), folders, jobs)
        else:
            deployment = read_deployment((config or _DEFAULT).expanduser(), where)
            address = stack.enter_context(started(deployment))
            click.echo(f"waiting for the first worker of {where}", err=True)
            cluster = connected(address, folders, jobs, patience=None)
        yield stack.enter_context(cluster)
