"""A connection to Dask's scheduler for one run: who is there, what they see, and what goes with them.

Nothing here imports Dask before a run asks for a cluster.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbatch import __version__
from xbatch.base.errors import FileError, UsageError
from xbatch.run.daskpool import DaskPool
from xbatch.run.hands import Probe, Sight
from xbatch.run.measure import environment
from xbatch.run.plugin import make_plugin, make_task, sight

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Cluster", "connected", "other_pythons", "quiet", "require_dask", "scheduler_address"]

_CONNECT_S = 5.0
_FIRST_S = 30.0
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
_ALL = "all"  # the topic under which Dask's scheduler tells of workers


class Cluster:
    """What a run knows of a cluster.

    Parameters
    ----------
    client : distributed.Client
    address : str
        The scheduler's, for messages.
    plugin : str
        The name that the run's plugin has on the workers.
    most : int or None
        How many steps may run at once at most; None for as many as the workers have threads.
    patience : float or None
        Seconds that a run waits for workers when there are none; None for ever.
    sights : sequence of Sight
        What the workers see that are there at the beginning.
    """

    def __init__(
        self,
        client: Client,
        address: str,
        plugin: str,
        most: int | None,
        patience: float | None,
        sights: Sequence[Sight],
    ) -> None:
        self.address = address
        self.patience = patience
        self._client = client
        self._plugin = plugin
        self._most = most
        self._sights = sights
        self._task = make_task(plugin)
        self._listens = self._dismissed = False
        self._threads: Mapping[str, int] = client.nthreads()

    @property
    def slots(self) -> int:
        """How many steps may run at once now."""
        threads = sum(self._threads.values())
        return threads if self._most is None else min(threads, self._most)

    @property
    def alive(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self._client.status == "running")

    def notes(self) -> tuple[str, ...]:
        """Say what the user should know of the workers: versions that differ from those here."""
        here = Sight("", environment()["python"], __version__, environment()["packages"])
        found: dict[str, set[str]] = {}
        for one in self._sights:
            for name, version in {"python": one.python, **one.packages}.items():
                mine = {"python": here.python, **here.packages}.get(name, "none")
                if version != mine:
                    found.setdefault(f"{name} {version} ({mine} here)", set()).add(one.host)
        if not found:
            return ()
        differing = "; ".join(f"{text} on {', '.join(sorted(hosts))}" for text, hosts in sorted(found.items()))
        return (f"Dask workers have other versions: {differing}. Results may differ in their last digits",)

    def make_workers(self, temporary: Callable[[], Path], wake: int | None) -> AbstractContextManager[DaskPool]:
        """Make what a run starts its steps with; temporary files lie on the workers' own disks."""
        return DaskPool(self, wake)

    def submit(self, key: str, message: bytes) -> Future:
        """Hand a step to Dask."""
        return self._client.submit(self._task, message, key=key, pure=False, retries=0)

    def cancel(self, futures: Sequence[Future]) -> None:
        """Tell the workers to end steps."""
        if futures and self.alive:
            with suppress(OSError, TimeoutError):
                self._client.cancel(list(futures), force=True)

    def listen(self, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Have a function told, in a thread of Dask's, when workers come and go, and when they begin a step."""
        for topic in (_ALL, self._plugin):
            self._client.subscribe_topic(topic, lambda event: hear(event[1]))
        self._listens = True

    def recount(self) -> None:
        """Ask how many threads there are; without an answer all stays as it was."""
        if self.alive:
            with suppress(OSError, TimeoutError):
                self._threads = self._client.nthreads()

    def dismiss(self) -> None:
        """End the run's processes on all workers."""
        if self._dismissed or not self.alive:
            return
        self._dismissed = True
        if self._listens:
            for topic in (_ALL, self._plugin):
                self._client.unsubscribe_topic(topic)
        with suppress(OSError, TimeoutError, KeyError):
            self._client.unregister_worker_plugin(self._plugin)


def require_dask(package: str = "distributed") -> None:
    """Make sure that a package is there.

    Raises
    ------
    UsageError
        It is not installed.
    """
    if find_spec(package) is None:
        extra = "dask" if package == "distributed" else "slurm"
        raise UsageError(f"--cluster needs the Python package {package}: pip install 'xbatch[{extra}]'")


def scheduler_address(path: Path) -> str:
    """Read the address from a file that ``dask scheduler --scheduler-file`` has written.

    Raises
    ------
    FileError
        It is no such file.
    """
    try:
        address = json.loads(path.read_bytes())["address"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            str(path), "is not a scheduler file of Dask", "Give what dask scheduler --scheduler-file has written"
        ) from error
    return str(address)


@contextmanager
def connected(
    address: str, folders: Mapping[str, Path], most: int | None = None, patience: float | None = _FIRST_S
) -> Iterator[Cluster]:
    """Connect to Dask's scheduler, and make sure that all workers can work for the run.

    Parameters
    ----------
    address : str
        As in ``tcp://host:8786``.
    folders : Mapping of str to Path
        Option to folder, of those that all must see; made if they are missing.
    most : int or None
        How many steps may run at once at most.
    patience : float or None
        Seconds to wait for workers when there are none; None for ever.

    Raises
    ------
    UsageError
        Nobody answers, there are no workers, they are of another version, or do not see a folder.
    FileError
        A folder cannot be written here.
    """
    require_dask()
    with quiet(), _client(address) as client, _probes(folders) as probes:
        _wait_for_workers(client, address, patience)
        name = f"xbatch-{secrets.token_hex(4)}"
        try:
            strangers = other_pythons(client.get_versions())
            if strangers:
                raise UsageError(strangers)
            client.register_plugin(make_plugin(__version__, probes), name=name)
            sights = client.run(sight, plugin=name)
            cluster = Cluster(client, address, name, most, patience, list(sights.values()))
        except UsageError:
            raise
        except Exception as error:  # Dask raises what was raised elsewhere, or something with its text
            raise UsageError(
                f"the Dask workers at {address} could not be made ready ({_first_line(error)}). "
                "Start them in the environment of the run"
            ) from error
        try:
            for one in sights.values():
                if one.fault:
                    raise UsageError(one.fault)
            yield cluster
        finally:
            cluster.dismiss()


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_S, name="xbatch", set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address} ({_first_line(error)}). "
            "Start one with: dask scheduler, and name the address that it prints"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=_CONNECT_S)


def _wait_for_workers(client: Client, address: str, patience: float | None) -> None:
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise UsageError(
            f"the Dask scheduler at {address} has no workers. Start some with: dask worker {address}"
        ) from error


def other_pythons(versions: Mapping[str, Any]) -> str:
    """Say whose Python is another than ours, so that code would not mean the same there; empty if nobody's."""
    here = "{}.{}".format(*sys.version_info)
    there = {"the Dask scheduler": versions["scheduler"]}
    there |= {f"the Dask worker {address}": one for address, one in versions["workers"].items()}
    for who, one in there.items():
        theirs = ".".join(str(one["host"]["python"]).split(".")[:2])  # of 3.11.7.final.0
        if theirs != here:
            return f"{who} has Python {theirs}, and the run has {here}. Start it in the environment of the run"
    return ""


@contextmanager
def _probes(folders: Mapping[str, Path]) -> Iterator[list[Probe]]:
    """Leave a file in each folder as long as the context lasts."""
    probes = []
    try:
        for option, folder in folders.items():
            text = secrets.token_hex(16)
            file = folder / f".cluster-{text[:8]}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            except OSError as error:
                raise FileError(
                    str(folder), f"cannot be written: {error.strerror or error}", f"Name another folder with {option}"
                ) from error
            probes.append(Probe(folder, file, text, option))
        yield probes
    finally:
        for probe in probes:
            probe.file.unlink(missing_ok=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to ourselves what Dask logs and warns of here: what matters to a run, the run says."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(dask|distributed|tornado)\b")
        import distributed  # noqa: F401 - it sets its loggers up when it is imported

        loggers = [logging.getLogger(name) for name in _LOGGERS]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
