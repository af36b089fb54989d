"""Spectra of EPIC cameras that SAS makes, with responses of their own; and what comes before: regions, pile-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from xbatch.base.files import safe_name
from xbatch.commands import epic
from xbatch.commands.call import Call, Staged, Work
from xbatch.plan.eventlists import file_input, identity, selection_of
from xbatch.plan.raw_epiccurves import why_sas
from xbatch.plan.raw_sas import SasSteps, events_name, filter_name, selection_name
from xbatch.plan.rawmade import RawMade, SpectrumInputs
from xbatch.plan.sourceposition import source_arguments, sources_looked_for
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.eventmodel import EventSpectrum, LightCurveJob, Observed
from xbatch.spec.rawmodel import PileUp

__all__ = ["epic_spectra"]

_Product = EventSpectrum | LightCurveJob
_NONE: Mapping[str, Any] = MappingProxyType({})
_SELECTION = "selection.json"
_LIST = "events.fits"
_NO_MAP = "backscale of SAS counts pixels, and does not weigh them by the 'exposure_map' that the spec names"


def epic_spectra(common: SasSteps, observed: Observed) -> RawMade:
    """Make the steps of the spectra of one camera that SAS makes, and of its searches for pile-up.

    Who makes a spectrum: xbatch counts where the spec names a response, since counting needs no calibration; SAS does
    where the response is to be made too, where the region's inner radius is found by a search, and where the spec says
    so. A source and its background are made by one and the same, so that their BACKSCAL mean the same.
    """
    return _Camera(common, observed).made()


@dataclass(frozen=True)
class _Camera:
    common: SasSteps
    observed: Observed

    def made(self) -> RawMade:
        searches = list(self.searches.values())
        spectra = {one.subject.path: (one, because) for one in self.spectra if (because := self._because(one))}
        steps = [step for one in searches for step in (self._selection(_start(one), [one.region]), self._search(one))]
        steps += self._selections([*(one for one, _ in spectra.values()), *self._curves])
        steps += [self._spectrum(one, because) for one, because in spectra.values()]
        inputs = {path: _spectrum_inputs(one) for path, (one, _) in spectra.items()}
        return RawMade(tuple(steps), spectra=inputs)

    @cached_property
    def spectra(self) -> list[EventSpectrum]:
        """Those of this camera."""
        return self.common.context.spectra_of([self.observed.subject])

    @cached_property
    def searches(self) -> dict[str, PileUp]:
        """Searches for pile-up by the region that they enlarge."""
        return {one.region: one for one in self.common.context.raw.pileups if one.observed == self.observed.subject}

    @property
    def _curves(self) -> list[LightCurveJob]:
        """Light curves that SAS makes."""
        context = self.common.context
        return [job for job in context.curves_of([self.observed.subject]) if why_sas(context, job)]

    def _because(self, one: EventSpectrum) -> str:
        """Say why SAS makes a spectrum; empty where it does not."""
        engine = self.common.context.engine("spectra")
        enlarged = next((name for name in (one.region, one.background) if name in self.searches), None)
        if enlarged is not None:
            return f"the inner radius of {enlarged!r} is what the search {self.searches[enlarged].name!r} finds"
        if engine == "sas":
            return "the spec says so"
        if engine == "native" or one.response is not None:
            return ""
        return "its response is made by rmfgen and arfgen, for this source and region"

    # ---- regions and pile-up ---------------------------------------------------------------------------------------

    def _selections(self, products: Sequence[_Product]) -> list[Step]:
        """Make the steps of the regions of some products; those of the same regions share one."""
        sharing: dict[str, list[_Product]] = {}
        for one in products:
            sharing.setdefault(selection_name(self.observed.subject, (one.region, one.background)), []).append(one)
        steps = []
        for name, some in sharing.items():
            regions = [region for region in (some[0].region, some[0].background) if region]
            found: dict[str, Input] = {
                f"pileup/{region}": StepInput(
                    f"pileup:{self.observed.subject}/{self.searches[region].name}", "pileup.json"
                )
                for region in regions
                if region in self.searches
            }
            corrected = [one for one in some if _is_corrected(one)]
            sources = sources_looked_for(self.observed, corrected, self.common.one.target)
            steps.append(self._selection(name, regions, found, sources))
        return steps

    def _selection(
        self,
        step: str,
        names: Sequence[str],
        found: Mapping[str, Input] = _NONE,
        sources: Mapping[str, list[float]] = _NONE,
    ) -> Step:
        regions = {name: self.observed.regions[name] for name in names}
        files: dict[str, Input] = {
            f"region/{name}": file_input(region.file) for name, region in regions.items() if region.file is not None
        }
        subject = step.partition(":")[2]
        return Step(
            name=step,
            task="selection",
            subject=subject,
            params={
                **identity(self.observed),
                "regions": {name: one.params for name, one in regions.items()},
                **({"sources": dict(sources)} if sources else {}),
            },
            inputs={"events": self._list(), **files, **found},
            product=f"{self.observed.subject}/sas/selection-{subject.rpartition('/')[2]}",
            path=self.observed.path,
        )

    def _search(self, one: PileUp) -> Step:
        subject = f"{self.observed.subject}/{one.name}"
        number = "pattern-{loop:number}"
        calls = (
            epic.evselect_filter(_LIST, f"{number}.fits", "{loop:expression}"),
            epic.epatplot(f"{number}.fits", number, one.params["band"], self.common.version),
        )
        filtered = one.params["events"] == "filtered"
        events = self._filtered(one.screening) if filtered else self._list()
        return self.common.step(
            "pileup",
            subject,
            one.path,
            Work(
                calls,
                {**self.common.staged(), _LIST: Staged("events")},
                kept={"pileup.gif": f"{number}.gif", "pileup.pdf": f"{number}.pdf"},
                environment=self.common.environment,
            ),
            {
                **self.common.calibration,
                "events": events,
                "selection": StepInput(_start(one), _SELECTION),
            },
            params={
                **identity(self.observed),
                "region": one.region,
                "pileup": dict(one.params),
                **({} if one.figure else {"figure": False}),
                "loop": {"number": "00", "expression": f"{{selection:{one.region}.expression}}"},
            },
            product=f"{self.observed.subject}/sas/pileup-{safe_name(one.name)}",
            because="epatplot has the patterns that single photons make",
        )

    def _list(self) -> StepInput:
        return StepInput(events_name(self.observed.subject), _LIST)

    def _filtered(self, screening: str) -> StepInput:
        return StepInput(filter_name(self.observed.subject, screening), "filtered.fits")

    # ---- spectra ---------------------------------------------------------------------------------------------------

    def _spectrum(self, one: EventSpectrum, because: str) -> Step:
        inputs: dict[str, Input] = {
            **self.common.calibration,
            "events": self._filtered(one.screening),
            "selection": StepInput(selection_name(self.observed.subject, (one.region, one.background)), _SELECTION),
        }
        staged = {**self.common.staged(), _LIST: Staged("events")}
        if one.gti:
            inputs["gti"] = selection_of(self.observed, one.gti, one.screening)
            staged["times.gti"] = Staged("gti")
        kept = _kept(one)
        step = self.common.step(
            "epicspectrum",
            f"{self.observed.subject}/{one.subject.label}",
            one.path,
            Work(tuple(self._calls(one)), staged, kept=kept, environment=self.common.environment),
            inputs,
            params=identity(self.observed),
            outputs=tuple(kept),
            product=f"{self.observed.subject}/sas/spectrum-{safe_name(one.subject.label)}",
            because=because,
        )
        return step if one.exposure_map is None else replace(step, remarks=(*step.remarks, _NO_MAP))

    def _calls(self, one: EventSpectrum) -> list[Call]:
        camera = self.observed.instrument
        calls = []
        for region, out in ((one.region, "source.pha"), (one.background, "background.pha")):
            if region:
                times = epic.gti_expression("times.gti") if one.gti else ""
                condition = epic.all_of(f"{{selection:{region}.expression}}", times)
                calls += [epic.evselect_spectrum(_LIST, out, condition, camera), epic.backscale(out, _LIST)]
        kept = _kept(one)
        if "response.rmf" in kept:
            calls.append(epic.rmfgen("source.pha", "response.rmf"))
        if "response.arf" in kept:
            position = source_arguments(self.observed, one, self.common.one.target)
            arfgen = epic.arfgen("source.pha", "response.arf", "response.rmf", _LIST, one.source_type, position)
            calls.append(arfgen)
        return calls


def _start(one: PileUp) -> str:
    """Name the step that writes a region as it is before a search."""
    return f"selection:{one.observed}/{one.region}@{one.name}"


def _is_corrected(one: _Product) -> bool:
    """Say whether a product has an effective area, for which SAS has to know where the source is."""
    if isinstance(one, EventSpectrum):
        return "response.arf" in _kept(one)
    return "area" in one.params.get("corrections", ())


def _kept(one: EventSpectrum) -> dict[str, str]:
    """Name what is made of a spectrum: a response that the spec names, or does not want, is not made."""
    names = ["source.pha", *(["background.pha"] if one.background else [])]
    if one.response is None:
        names += ["response.rmf", *(["response.arf"] if one.arf is None else [])]
    return {name: name for name in names}


def _spectrum_inputs(one: EventSpectrum) -> SpectrumInputs:
    step = f"epicspectrum:{one.subject.obsid}/{one.subject.instrument}/{one.subject.label}"
    made: dict[str, Any] = {name: StepInput(step, name) for name in _kept(one)}
    return SpectrumInputs(
        made["source.pha"], made.get("background.pha"), made.get("response.rmf"), made.get("response.arf")
    )
