"""The recipe of level ``events``: from event lists to images, light curves, spectra and fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import Problem
from xbatch.base.fitsheader import find_file
from xbatch.plan.archive import Lists, find_lists, optional_gz
from xbatch.plan.eventlists import EventLists, ListInputs, file_input, screenings_of
from xbatch.plan.eventproducts import image_file_problems, product_steps
from xbatch.plan.eventspectra import event_source, extraction_steps, named_file_problems
from xbatch.plan.fitting import Installed, following_steps, is_installed, response_problems
from xbatch.plan.links import missing_file, unreadable
from xbatch.plan.regionfiles import region_problems
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step
from xbatch.plan.sums import edge_steps, sums
from xbatch.spec.eventmodel import EventWork
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

__all__ = ["events_steps", "file_problems", "what_events_cannot_give"]


def events_steps(
    analysis: Analysis, spec: Spec, shared: Memo | None = None, installed: Installed = is_installed
) -> tuple[list[Step], list[Problem]]:
    """Make the steps of one member whose work starts at event lists.

    Parameters
    ----------
    analysis : Analysis
        For places of errors.
    spec : Spec
        The member's spec.
    shared : Memo or None
        Keeps what other members of a sweep have in common with this one.
    installed : callable
        Says whether a Python package can be imported.

    Returns
    -------
    steps : list of Step
        None where there are problems with files.
    problems : list of Problem
        Everything that makes the plan impossible: lists and other files that are missing, regions that cannot serve
        all their observations, responses that events do not bring.
    """
    shared = shared if shared is not None else Memo(1)
    parts = (spec.work, spec.combinations, spec.fakes, spec.equal_bands)
    key = ("events", *map(id, parts), spec.engines.get("combine"))
    known: _Made | None = shared.find(key)
    if known is None:
        known = _made(analysis, spec)
        shared.keep(key, known, parts)
    following, refused = following_steps(analysis, spec, known.sources, installed, shared)
    problems = [*known.problems, *refused]
    return ([*known.steps, *following], []) if not problems else ([], problems)


@dataclass(frozen=True)
class _Made:
    """What is made of the event lists of a member, and what is wrong with them."""

    sources: Mapping[str, Source]
    steps: list[Step]
    problems: list[Problem]


def _made(analysis: Analysis, spec: Spec) -> _Made:
    work = _work(spec)
    found, problems = find_lists(work.observed, analysis)
    lists = EventLists(work, _inputs(work, found))
    problems += file_problems(lists, found, analysis)
    sources, added = _sources(analysis, spec)
    if problems:
        return _Made(sources, [], problems)
    steps = [
        *lists.steps(),
        *extraction_steps(lists, work.spectra),
        *added,
        *edge_steps(spec, sources),
        *product_steps(lists),
    ]
    return _Made(sources, steps, [])


def what_events_cannot_give(analysis: Analysis) -> list[Problem]:
    """Say which fits and groupings need responses that nothing gives, without a look at any file."""
    problems: list[Problem] = []
    for member in analysis.members:
        if member.spec.level == "events":
            problems += response_problems(analysis, member.spec, _sources(analysis, member.spec)[0])
    return list(dict.fromkeys(problems))


def _work(spec: Spec) -> EventWork:
    if spec.work is None:
        raise ValueError(f"{spec.name}: a spec of level events says what is to be done with them")
    return spec.work


def _sources(analysis: Analysis, spec: Spec) -> tuple[Mapping[str, Source], list[Step]]:
    """Give all spectra, with sums, and the steps that make the sums."""
    extracted = {one.subject.path: event_source(one) for one in _work(spec).spectra}
    return sums(analysis, spec, extracted)


def _inputs(work: EventWork, found: Mapping[str, Lists]) -> dict[tuple[str, str], ListInputs]:
    """Give the files that were found as inputs; all screenings of a list take the same."""
    return {
        (one.subject, screening): ListInputs(
            file_input(mine.events), None if mine.livetime is None else file_input(mine.livetime)
        )
        for one in work.observed
        if (mine := found.get(one.subject)) is not None
        for screening in screenings_of(one)
    }


def file_problems(lists: EventLists, found: Mapping[str, Lists], analysis: Analysis) -> list[Problem]:
    """Say what is wrong with files other than event lists; `found` are those lists that are there already."""
    work = lists.work
    try:
        return [
            *region_problems(work.observed, found, analysis),
            *named_file_problems(work.spectra, analysis),
            *image_file_problems(work.images, analysis),
            *_gti_problems(lists, analysis),
        ]
    except PermissionError as error:
        return [unreadable(Path(error.filename), analysis, "data.root")]


def _gti_problems(lists: EventLists, analysis: Analysis) -> list[Problem]:
    """Say which files of time selections are missing, and which have no light curve to be taken from."""
    problems = []
    for one in lists.work.observed:
        for gtis in one.gtis.values():
            if gtis.file is not None and find_file(optional_gz(gtis.file)) is None:
                where = f"{gtis.path}.file"
                problems.append(missing_file(optional_gz(gtis.file), analysis, where, one.subject, "files of gtis"))
    for one, gtis in lists.lonely_gtis():
        band = gtis.params.get("flux", {}).get("band")
        message = (
            f"the time selection {gtis.name!r} of {one.subject} is by the light curve {gtis.lightcurve!r} in the band "
            f"{band!r}, which is not made for all times there"
        )
        hint = f"give lightcurves.{gtis.lightcurve} the band {band!r}, and make it for {one.subject} without a gti"
        problems.append(Problem(analysis.place(gtis.path), "XB408", message, hint, gtis.path))
    return problems
