"""What of a run is sent to Dask's workers.

Both go by value, so that Dask's scheduler, which looks into what it hands on, needs no xbatch. The workers do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbatch.run.hands import Hands, Probe, Sight

if TYPE_CHECKING:
    from distributed import Worker, WorkerPlugin

__all__ = ["BEGAN", "make_plugin", "make_task", "sight"]

BEGAN = "xbatch-began"


def make_plugin(version: str, probes: Sequence[Probe]) -> WorkerPlugin:
    """Make what gives each Dask worker, also those that join later, the processes of a run."""
    from distributed import WorkerPlugin

    class Steps(WorkerPlugin):  # type: ignore[misc] # Dask is not looked into
        """The steps of one run."""

        hands: Hands

        def setup(self, worker: Worker) -> None:
            folder = Path(tempfile.mkdtemp(prefix="xbatch-", dir=worker.local_directory))
            self.hands = Hands(folder, version, probes)

        def teardown(self, worker: Worker) -> None:
            self.hands.close()

        def transition(self, key: Any, start: Any, finish: Any, **_: Any) -> None:
            # Nobody wants the result any more: the run has cancelled the step, or is gone.
            if start in {"executing", "long-running"} and finish in {"released", "cancelled"}:
                self.hands.end(key)

    return Steps()


def make_task(plugin: str) -> Callable[[bytes], bytes]:
    """Make the function that Dask calls for each step, with a pickled `Order`.

    It tells of the step's beginning under the plugin's name as a topic.
    """
    began = BEGAN

    def step(message: bytes) -> bytes:
        from distributed import get_worker

        worker = get_worker()
        key = worker.get_current_task()
        worker.log_event(plugin, {"action": began, "key": key})
        result: bytes = worker.plugins[plugin].hands.perform(key, message)
        return result

    return step


def sight(dask_worker: Any, plugin: str) -> Sight:
    """Tell what a Dask worker sees; called there."""
    found: Sight = dask_worker.plugins[plugin].hands.sight
    return found
