"""Task `nubackscale`: BACKSCAL of a spectrum and its background, weighted by the exposure of their regions."""

from __future__ import annotations

import json
from pathlib import Path

from xbatch.base.errors import FileError, StepError
from xbatch.base.fitsheader import first_with
from xbatch.commands.call import Work
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import Session

__all__ = ["run"]

_SPECTRA = {"backscal": "source.pha", "background_backscal": "background.pha"}


def run(job: Job) -> Outcome:
    """Have nubackscale weigh both spectra of a pair.

    Inputs: ``pha``, ``background`` and what else the work stages; in place of the first two ``fault``, where
    `xbatch.tasks.extract` could not make them. Outputs: ``source.pha``, ``background.pha``.

    Raises
    ------
    StepError
        The spectra could not be extracted, or nubackscale failed.
    FileError
        It has not weighed one of them, or a region has no exposure.
    """
    if "fault" in job.inputs:
        fault = json.loads(job.inputs["fault"].read_bytes())
        raise StepError(fault["what"], fault["file"], fault["cure"])
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.do(work)
        found = {fact: _weighed(session.folder / work.kept[name]) for fact, name in _SPECTRA.items()}
        session.keep(work.kept)
        return Outcome({**found, **session.facts()})


def _weighed(path: Path) -> float:
    header = first_with(path, lambda cards: cards.get("EXTNAME") == "SPECTRUM") or {}
    value = header.get("BACKSCAL")
    if header.get("NUBACKSC") is not True or not isinstance(value, int | float):
        raise FileError(str(path), "is not said to be weighed (NUBACKSC), though nubackscale ended well", "See the log")
    if not value > 0:
        raise FileError(str(path), "has a BACKSCAL of 0: its region has no exposure", "Draw another region")
    return float(value)
