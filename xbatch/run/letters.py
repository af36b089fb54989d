"""What the run and its workers send each other: an order, and what has become of it.

They stand apart from what a worker does with them, so that the run need not load that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.base.digest import FileMark

__all__ = ["Answer", "Order"]


@dataclass(frozen=True)
class Order:
    """All that a worker must know to do a step.

    Attributes
    ----------
    step, function : str
        The step's name, and ``module:function`` of its task.
    params : Mapping
    inputs : Mapping
        Role to path.
    marks : Mapping
        Path to mark of each input from outside the plan, as it was digested.
    outputs : tuple of str
        As the task declares them.
    head : Mapping
        The part of the record that is known before the step runs.
    places : Mapping
        Name to folder, as `Job.places`.
    out, log, store : Path
        An empty folder on the store's disk to work in, the log file, and the store.
    replace : bool
        Whether the result takes the place of one that is there.
    """

    step: str
    function: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Path]
    marks: Mapping[Path, FileMark]
    outputs: tuple[str, ...]
    head: Mapping[str, Any]
    out: Path
    log: Path
    store: Path
    replace: bool = False
    places: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What has become of a step.

    Attributes
    ----------
    record : Mapping or None
        The published record; None for a failure.
    message : str
        What went wrong, in one paragraph.
    hopeless : bool
        No other step can succeed either: the store's disk is full or read-only.
    seconds : float
        Wall-clock time.
    """

    record: Mapping[str, Any] | None
    message: str = ""
    hopeless: bool = False
    seconds: float = 0.0
