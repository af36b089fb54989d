"""Task `image` by HEASoft: extractor counts, all else is as in the native task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.commands.call import Work
from xbatch.commands.ftools import extractor_image
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.imagefile import ImageGrid, read_image
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand
from xbatch.tasks._grids import bin_of
from xbatch.tasks._times import Selection
from xbatch.tasks.image import Counted, imaged
from xbatch.tools.execute import Session

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Make images.

    Inputs: those of `xbatch.tasks.image.run`, and ``list``, the event list that extractor reads, and where there is a
    time selection ``times``. Parameters, outputs: as of that task, with ``work``.

    Raises
    ------
    StepError
        extractor failed, or made an image of another size.
    FileError
        A file cannot be used.
    """
    tool = _Extractor(job)
    outcome = imaged(job, tool.count)
    return Outcome({**outcome.facts, **tool.facts}, outcome.notes)


@dataclass
class _Extractor:
    """Counts by calls, and keeps what is to be recorded of them."""

    job: Job
    facts: dict[str, Any] = field(default_factory=dict)

    def count(
        self,
        table: EventTable,
        bands: list[StepBand],
        grid: ImageGrid,
        columns: tuple[str, str],
        selection: Selection,
    ) -> Counted:
        """Give the images of all bands."""
        work = Work.of(self.job.params["work"])
        (name,) = (name for name, one in work.staged.items() if one.role == "list")
        times = next((name for name, one in work.staged.items() if one.role == "times"), "NONE")
        binning = bin_of(self.job.params, str(self.job.params["mission"]))
        images = []
        with Session(self.job, work.environment) as session:
            session.stage(work.staged)
            for band in bands:
                made = f"{band.stem}.img"
                session.call(
                    extractor_image(name, made, channels=band.pi, times=times, binning=binning, columns=grid.names)
                )
                data = read_image(session.folder / made).data
                if data.shape != grid.shape:
                    raise StepError(
                        f"extractor made an image of {data.shape[1]} x {data.shape[0]} pixels, and "
                        f"{grid.shape[1]} x {grid.shape[0]} are wanted",
                        cure="Use another bin, or engine: {images: native}",
                    )
                images.append(np.rint(data).astype(np.int64))
            self.facts = session.facts()
        whole = np.stack(images)
        outside = np.zeros(len(bands), np.int64)  # extractor does not tell
        return Counted(whole, outside, int(whole.sum()), None)
