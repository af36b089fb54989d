"""The recipe of level ``events``: from event lists to images, light curves, spectra and fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xbatch.base.errors import Problem
from xbatch.base.fitsheader import find_file
from xbatch.plan.archive import Lists, find_lists, optional_gz
from xbatch.plan.beginnings import Beginning, member_steps
from xbatch.plan.eventlists import EventLists, ListInputs, file_input, screenings_of
from xbatch.plan.eventproducts import image_file_problems, product_steps
from xbatch.plan.eventspectra import event_source, extraction_steps, named_file_problems
from xbatch.plan.fitting import Installed, is_installed, response_problems
from xbatch.plan.links import missing_file, unreadable
from xbatch.plan.regionfiles import region_problems
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step
from xbatch.plan.sums import edge_steps, sum_steps, with_sums
from xbatch.spec.eventmodel import EventWork
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

__all__ = ["events_steps", "file_problems", "what_events_cannot_give"]


def events_steps(
    analysis: Analysis, spec: Spec, shared: Memo | None = None, installed: Installed = is_installed
) -> tuple[list[Step], list[Problem]]:
    """Make the steps of one member whose work starts at event lists, as `member_steps`.

    Its problems are lists and other files that are missing, regions that cannot serve all their observations, and
    responses that events do not bring.
    """
    parts = (spec.work, spec.combinations, spec.fakes, spec.equal_bands)
    values = (spec.engines.get("combine"),)
    return member_steps(analysis, spec, shared, installed, lambda memo: _made(analysis, spec, memo), parts, values)


def _made(analysis: Analysis, spec: Spec, shared: Memo) -> Beginning:
    work = _work(spec)
    found, problems = find_lists(work.observed, analysis)
    lists = EventLists(work, _inputs(work, found))
    problems += file_problems(lists, found, analysis)
    sources = _sources(spec)
    if problems:
        return Beginning(sources, [], problems)
    steps = [
        *lists.steps(),
        *extraction_steps(lists, work.spectra),
        *sum_steps(analysis, spec, sources, shared),
        *edge_steps(spec, sources),
        *product_steps(lists),
    ]
    return Beginning(sources, steps)


def what_events_cannot_give(analysis: Analysis) -> list[Problem]:
    """Say which fits and groupings need responses that nothing gives, without a look at any file."""
    problems: list[Problem] = []
    for member in analysis.members:
        if member.spec.level == "events":
            problems += response_problems(analysis, member.spec, _sources(member.spec))
    return list(dict.fromkeys(problems))


def _work(spec: Spec) -> EventWork:
    if spec.work is None:
        raise ValueError(f"{spec.name}: a spec of level events says what is to be done with them")
    return spec.work


def _sources(spec: Spec) -> Mapping[str, Source]:
    """Give all spectra, with sums and what is drawn."""
    return with_sums(spec, {one.subject.path: event_source(one) for one in _work(spec).spectra})


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
