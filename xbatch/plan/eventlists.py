"""Steps at each event list: screening, time selections, the drawing of its regions; and how later steps name these."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from xbatch.base.files import safe_name
from xbatch.plan.steps import FileInput, Input, Step, StepInput
from xbatch.spec.eventmodel import EventSpectrum, EventWork, Gtis, ImageJob, LightCurveJob, Observed, Screening
from xbatch.spec.gtis import members_of
from xbatch.spec.labels import labelled

__all__ = [
    "EventLists",
    "ListInputs",
    "curve_name",
    "file_input",
    "identity",
    "part_of",
    "screenings_of",
    "selected_times",
    "selection_of",
]

_TABLE = "events.bin"
_LIVE_TIME = "livetime.npz"
_GTI = "gti.gti"
_MAIN = "default"


def file_input(path: Any) -> FileInput:
    """Give a file from outside the plan as an input."""
    return FileInput(str(path.absolute()))


def identity(one: Observed) -> dict[str, str]:
    """Give the parameters that say which observation and instrument a step is about."""
    return {"mission": one.mission, "instrument": one.instrument, "obsid": one.obsid}


def curve_name(observed: str, name: str, gti: str) -> str:
    """Name the step that makes a light curve."""
    return f"lightcurve:{observed}/{labelled(name, gti)}"


def part_of(subject: str, chu: str) -> str:
    """Name the part of mode 06 with the aspect of some camera head units; the subject itself where there are none."""
    return f"{subject}/06/chu{chu}" if chu else subject


def _own(one: Observed, screening: str) -> str:
    """Tell what is made of a screening's list from what is made of the first's; empty for that one."""
    return "" if screening == next(iter(screenings_of(one))) else f"/{screening}"


def selection_of(one: Observed, name: str, screening: str) -> StepInput:
    """Give the file with a time selection, within the good times of a screening's list."""
    return StepInput(f"gti:{one.subject}/{name}{_own(one, screening)}", _GTI)


def selected_times(one: Observed, screening: str, gti: str) -> StepInput | None:
    """Give the file with the times that a product is to be made of, for tools; None where all good times are meant.

    Those of a time selection lie within the good times of the screening's list, so that flares are cut out of them too.
    """
    if gti:
        return selection_of(one, gti, screening)
    chosen = screenings_of(one).get(screening)
    return StepInput(_flare_name(one.subject, screening), "flare.gti") if chosen is not None and chosen.flare else None


def _with(screening: str, sign: str) -> str:
    return "" if screening == _MAIN else f"{sign}{screening}"


@dataclass(frozen=True)
class ListInputs:
    """Where the list of an observation and instrument comes from: a file, or a step that makes it.

    Attributes
    ----------
    events : Input
    livetime : Input or None
        Housekeeping with NuSTAR's live time.
    cut : bool
        Whether who made the list has cut flares already.
    sky : bool
        Whether its events have places on the sky: those of a timing mode have none.
    """

    events: Input
    livetime: Input | None = None
    cut: bool = False
    sky: bool = True


@dataclass(frozen=True)
class EventLists:
    """The event lists of a spec, by `Observed.subject` and the name of a screening, and what is made of them."""

    work: EventWork
    lists: Mapping[tuple[str, str], ListInputs]

    @cached_property
    def observed(self) -> dict[str, Observed]:
        """Each observation and instrument by its name."""
        return {one.subject: one for one in self.work.observed}

    @cached_property
    def _spectra(self) -> dict[str, list[EventSpectrum]]:
        found: dict[str, list[EventSpectrum]] = {}
        for spectrum in self.work.spectra:
            found.setdefault(f"{spectrum.subject.obsid}/{spectrum.subject.instrument}", []).append(spectrum)
        return found

    @cached_property
    def _curves(self) -> dict[str, list[LightCurveJob]]:
        found: dict[str, list[LightCurveJob]] = {}
        for job in self.work.lightcurves:
            found.setdefault(job.observed, []).append(job)
        return found

    @cached_property
    def _images(self) -> dict[str, list[ImageJob]]:
        found: dict[str, list[ImageJob]] = {}
        for job in self.work.images:
            found.setdefault(job.observed, []).append(job)
        return found

    # ---- what later steps take -----------------------------------------------------------------------------------

    def events_inputs(self, observed: str, screening: str, gti: str = "") -> dict[str, Input]:
        """Give the table of events, and the time selection if there is one, as inputs."""
        inputs: dict[str, Input] = {"events": StepInput(_events_name(observed, screening), _TABLE)}
        return inputs | ({"gti": selection_of(self.observed[observed], gti, screening)} if gti else {})

    def livetime_inputs(self, observed: str, screening: str) -> dict[str, Input]:
        """Give the live time as an input, where there is a file that has it."""
        if self.lists[observed, screening].livetime is None:
            return {}
        return {"livetime": StepInput(_events_name(observed, screening), _LIVE_TIME)}

    def region_inputs(self, observed: str, names: Iterable[str]) -> dict[str, Input]:
        """Give the files of regions as inputs."""
        regions = self.observed[observed].regions
        files = ((name, regions[name].file) for name in dict.fromkeys(names) if name)
        return {f"region/{name}": file_input(file) for name, file in files if file is not None}

    def region_params(self, observed: str, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Give the parameters of regions by name."""
        regions = self.observed[observed].regions
        return {name: regions[name].params for name in dict.fromkeys(names) if name}

    # ---- the steps ------------------------------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        """Make the steps of all lists: flares and screening, time selections, the drawing of regions."""
        steps: list[Step] = []
        for one in self.work.observed:
            screenings = screenings_of(one)
            for screening in screenings.values():
                mine = self.lists[one.subject, screening.name]
                steps += [_flare_step(one, screening, mine)] if screening.flare and not mine.cut else []
                steps.append(_events_step(one, screening, mine))
            parts: dict[str, Screening] = {}
            for screening in screenings.values():
                parts.setdefault(screening.chu, screening)
            if all(self.lists[one.subject, name].sky for name in screenings):
                steps += [self._preview_step(one, part, len(parts) > 1) for part in parts.values()]
            for name in screenings:  # each has good times of its own
                steps += [self._gti_step(one, gtis, name) for gtis in self._used_gtis(one, name)]
        return steps

    def _products(
        self, one: Observed, screenings: Container[str]
    ) -> Iterator[EventSpectrum | ImageJob | LightCurveJob]:
        """List what is made of the events of an observation by some screenings."""
        spectra, images = self._spectra.get(one.subject, ()), self._images.get(one.subject, ())
        curves = self._curves.get(one.subject, ())
        jobs: Iterable[EventSpectrum | ImageJob | LightCurveJob] = chain(spectra, images, curves)
        yield from (job for job in jobs if job.screening in screenings)

    def _used_gtis(self, one: Observed, screening: str) -> list[Gtis]:
        """List the time selections that something made by a screening uses, and those that these are made of."""
        wanted = list(dict.fromkeys(job.gti for job in self._products(one, {screening}) if job.gti))
        for name in wanted:  # grows while it is read
            wanted += [other for other in dict.fromkeys(members_of(one.gtis[name].params)) if other not in wanted]
        return [one.gtis[name] for name in wanted]

    def _gti_step(self, one: Observed, gtis: Gtis, screening: str) -> Step:
        inputs = self.events_inputs(one.subject, screening)
        if gtis.file is not None:
            inputs["file"] = file_input(gtis.file)
        curve = self._curve_of(one, gtis)
        if curve is not None:
            band = str(gtis.params["flux"]["band"])
            inputs["curve"] = StepInput(curve_name(one.subject, curve.name, ""), f"{safe_name(band)}.lc")
        for other in members_of(gtis.params):
            inputs[f"gti/{other}"] = selection_of(one, other, screening)
        name = selection_of(one, gtis.name, screening).step
        return Step(
            name=name,
            task="gti",
            subject=name.partition(":")[2],
            params={**gtis.params, "name": gtis.name, **identity(one)},
            inputs=inputs,
            product=f"{one.subject}/gti-{gtis.name}{_own(one, screening)}",
            path=gtis.path,
        )

    def _curve_of(self, one: Observed, gtis: Gtis) -> LightCurveJob | None:
        for job in self._curves.get(one.subject, ()):
            if job.name == gtis.lightcurve and not job.gti:
                return job
        return None

    def lonely_gtis(self) -> list[tuple[Observed, Gtis]]:
        """List the time selections by a light curve that is not made for their observation, or not in their band."""
        lonely = []
        for one in self.work.observed:
            used = {gtis.name: gtis for name in screenings_of(one) for gtis in self._used_gtis(one, name)}
            for gtis in used.values():
                job = self._curve_of(one, gtis)
                bands = {name for some in job.bands for name in some.names} if job else set()
                if gtis.lightcurve and str(gtis.params["flux"].get("band")) not in bands:
                    lonely.append((one, gtis))
        return lonely

    def _preview_step(self, one: Observed, screening: Screening, several: bool) -> Step:
        """Draw regions on the list of a screening; of several parts each has those that it is used with."""
        roles = self._roles(one, screening.chu)
        drawn = [name for name in one.regions if name in roles or not several]
        subject = part_of(one.subject, screening.chu)
        return Step(
            name=f"preview:{subject}",
            task="preview",
            subject=subject,
            params={
                **identity(one),
                **({"chu": screening.chu} if screening.chu else {}),
                "regions": self.region_params(one.subject, drawn),
                "roles": {name: "; ".join(roles.get(name, ())) for name in drawn},
            },
            inputs={**self.events_inputs(one.subject, screening.name), **self.region_inputs(one.subject, drawn)},
            product=f"{subject}/preview",
            path=one.path,
        )

    def _roles(self, one: Observed, chu: str) -> dict[str, list[str]]:
        """Say what each region is used for: ``source of agn``, ``background of agn``."""
        roles: dict[str, dict[str, None]] = {}
        mine = {screening.name for screening in screenings_of(one).values() if screening.chu == chu}
        for job in self._products(one, mine):
            if isinstance(job, EventSpectrum):
                roles.setdefault(job.region, {})[f"source of {job.subject.spectrum}"] = None
                roles.setdefault(job.background, {})[f"background of {job.subject.spectrum}"] = None
            elif isinstance(job, LightCurveJob):
                roles.setdefault(job.region, {})[f"light curve {job.name}"] = None
                roles.setdefault(job.background, {})[f"background of light curve {job.name}"] = None
        return {name: list(some) for name, some in roles.items()}


def screenings_of(one: Observed) -> dict[str, Screening]:
    """Give the screenings of a list, the one that regions are drawn by first."""
    screenings = dict(one.screenings) or {_MAIN: Screening(_MAIN, {})}
    first = {_MAIN: screenings[_MAIN]} if _MAIN in screenings else {}
    return first | screenings


def _events_name(observed: str, screening: str) -> str:
    return f"events:{observed}{_with(screening, '/')}"


def _flare_name(observed: str, screening: str) -> str:
    return f"flare:{observed}{_with(screening, '/')}"


def _flare_step(one: Observed, screening: Screening, lists: ListInputs) -> Step:
    return Step(
        name=_flare_name(one.subject, screening.name),
        task="flare",
        subject=f"{one.subject}{_with(screening.name, '/')}",
        params={**identity(one), "flare": screening.flare},
        inputs={"events": lists.events},
        product=f"{one.subject}/flare{_with(screening.name, '-')}",
        path=screening.path or one.path,
    )


def _events_step(one: Observed, screening: Screening, lists: ListInputs) -> Step:
    inputs: dict[str, Input] = {"events": lists.events}
    if screening.flare and not lists.cut:
        inputs["gti"] = StepInput(_flare_name(one.subject, screening.name), "flare.gti")
    if lists.livetime is not None:
        inputs["livetime"] = lists.livetime
    return Step(
        name=_events_name(one.subject, screening.name),
        task="events",
        subject=f"{one.subject}{_with(screening.name, '/')}",
        params={**identity(one), "screening": screening.params},
        inputs=inputs,
        product=f"{one.subject}/events{_with(screening.name, '-')}",
        path=screening.path or one.path,
    )
