"""Task `image` by HEASoft or SAS: extractor or evselect counts, all else is as in the native task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.commands.call import Call, Work
from xbatch.commands.epic import all_of, evselect_image, expression_of, gti_expression
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

    Inputs: those of `xbatch.tasks.image.run`, and ``list``, the event list that the tool reads, and where there is a
    time selection ``times``. Parameters, outputs: as of that task, with ``work``.

    Raises
    ------
    StepError
        The tool failed, or made an image of another size.
    FileError
        A file cannot be used.
    """
    tool = _Tool(job)
    outcome = imaged(job, tool.count)
    return Outcome({**outcome.facts, **tool.facts}, outcome.notes)


@dataclass
class _Tool:
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
        times = next((name for name, one in work.staged.items() if one.role == "times"), "")
        binning = bin_of(self.job.params, str(self.job.params["mission"]))
        images = []
        with Session(self.job, work.environment) as session:
            session.stage(work.staged)
            for band in bands:
                made = f"{band.stem}.img"
                call = self._call(name, made, band, times, binning, grid.names)
                session.call(call)
                data = read_image(session.folder / made).data
                if data.shape != grid.shape:
                    raise StepError(
                        f"{call.tool} made an image of {data.shape[1]} x {data.shape[0]} pixels, and "
                        f"{grid.shape[1]} x {grid.shape[0]} are wanted",
                        cure="Use another bin, or engine: {images: native}",
                    )
                images.append(np.rint(data).astype(np.int64))
            self.facts = session.facts()
        whole = np.stack(images)
        outside = np.zeros(len(bands), np.int64)  # the tools do not tell
        return Counted(whole, outside, int(whole.sum()), None)

    def _call(self, name: str, made: str, band: StepBand, times: str, binning: int, columns: tuple[str, str]) -> Call:
        if self.job.params["mission"] == "xmm":
            expression = all_of(expression_of({"pi_range": band.pi}), gti_expression(times) if times else "")
            return evselect_image(name, made, expression, binsize=binning, columns=columns)
        return extractor_image(name, made, channels=band.pi, times=times or "NONE", binning=binning, columns=columns)
