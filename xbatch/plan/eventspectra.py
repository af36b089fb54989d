"""Steps that make spectra of events: one pass over a table for all its regions, then one spectrum step each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xbatch.base.errors import Problem
from xbatch.base.files import safe_name
from xbatch.base.fitsheader import find_file
from xbatch.plan.archive import optional_gz
from xbatch.plan.eventlists import EventLists, file_input, identity
from xbatch.plan.links import missing_file
from xbatch.plan.sources import Source, spectrum_name
from xbatch.plan.spectra import further_inputs, spectrum_outputs, spectrum_params
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.eventmodel import EventSpectrum
from xbatch.spec.model import Analysis

__all__ = ["backscale_name", "event_source", "extracted", "extraction_steps", "named_file_problems", "spectrum_step"]

_FACTS = "extract.json"


def event_source(one: EventSpectrum) -> Source:
    """Say what an extracted spectrum comes with, by what the spec says of it."""
    return Source(
        subject=one.subject,
        step=spectrum_name(one.subject),
        background=bool(one.background),
        response=isinstance(one.response, Path),
        title=one.subject.path,
        note=one.note,
        path=one.path,
        background_name=f"the background region {one.background!r}",
        no_response=" (events bring none)",
        response_cure=(
            " (and 'arf: FILE' where it is apart); a response for this source and region is made by the mission's "
            "tools: they make it at level: raw"
        ),
        responses=tuple(
            name for name, files in one.responses.items() if files.response or isinstance(one.response, Path)
        ),
    )


def named_file_problems(spectra: tuple[EventSpectrum, ...], analysis: Analysis) -> list[Problem]:
    """Say which responses, ARFs and exposure maps are named and missing."""
    problems = []
    for one in spectra:
        named = {
            "response": one.response,
            "arf": one.arf,
            "exposure_map": one.exposure_map,
            **{f"responses.{name}.response": further.response for name, further in one.responses.items()},
            **{f"responses.{name}.arf": further.arf for name, further in one.responses.items()},
        }
        for key, path in named.items():
            if isinstance(path, Path) and find_file(optional_gz(path)) is None:
                kind = f"files of spectra.{one.subject.spectrum}"
                problems.append(missing_file(optional_gz(path), analysis, f"{one.path}.{key}", one.subject.path, kind))
    return problems


def extraction_steps(lists: EventLists, spectra: Sequence[EventSpectrum]) -> list[Step]:
    """Make one extraction for all of some spectra of a table and time selection, and a step that reads each."""
    groups: dict[tuple[str, str, str], list[EventSpectrum]] = {}
    for one in spectra:
        observed = f"{one.subject.obsid}/{one.subject.instrument}"
        groups.setdefault((observed, one.screening, one.gti), []).append(one)
    steps = []
    for (observed, screening, gti), some in groups.items():
        extract = _extract_step(lists, observed, screening, gti, some)
        steps += [extract, *(_spectrum_step(one) for one in some)]
    return steps


def backscale_name(one: EventSpectrum) -> str:
    """Name the step of the mission's tools that weighs the BACKSCAL of a natively counted pair."""
    return f"nubackscale:{one.subject.path}"


def extracted(one: EventSpectrum) -> dict[str, Input]:
    """Give what the extraction of a spectrum leaves: ``pha``, ``background`` if it has one; or ``fault``."""
    extract = f"extract:{_extraction(one)}"
    source, *background = _files(one)
    inputs: dict[str, Input] = {"pha": StepInput(extract, source), "fault": StepInput(extract, _fault(one))}
    if background:
        inputs["background"] = StepInput(extract, background[0])
    return inputs


def _extraction(one: EventSpectrum) -> str:
    """Name what an extraction is about: a list, a screening, a time selection."""
    observed = f"{one.subject.obsid}/{one.subject.instrument}"
    return f"{observed}{'' if one.screening == 'default' else f'/{one.screening}'}{f'@{one.gti}' if one.gti else ''}"


def _there(path: Path) -> Path:
    """Give a file under the name it has, packed or not."""
    return find_file(optional_gz(path)) or path


def _extract_step(lists: EventLists, observed: str, screening: str, gti: str, some: list[EventSpectrum]) -> Step:
    names = [name for one in some for name in (one.region, one.background)]
    inputs = {
        **lists.events_inputs(observed, screening, gti),
        **lists.livetime_inputs(observed, screening),
        **lists.region_inputs(observed, names),
    }
    for one in some:
        if one.exposure_map is not None:
            inputs[f"expmap/{one.subject.label}"] = file_input(_there(one.exposure_map))
    subject = _extraction(some[0])
    return Step(
        name=f"extract:{subject}",
        task="extract",
        subject=subject,
        params={
            **identity(lists.observed[observed]),
            "regions": lists.region_params(observed, names),
            "spectra": [_entry(one) for one in some],
        },
        inputs=inputs,
        path=some[0].path,
        outputs=(*(f"{name}?" for one in some for name in (*_files(one), _fault(one))), _FACTS),
    )


def _entry(one: EventSpectrum) -> dict[str, Any]:
    return {
        "name": one.subject.label,
        "region": one.region,
        "background": one.background,
        "source_type": one.source_type,
        **({"wmap": True} if one.map_made else {}),
    }


def _files(one: EventSpectrum) -> tuple[str, ...]:
    stem = safe_name(one.subject.label)
    return (f"{stem}.pha", f"{stem}.bak.pha") if one.background else (f"{stem}.pha",)


def _fault(one: EventSpectrum) -> str:
    """Name the file that says why a spectrum could not be extracted, which is there in place of the spectrum."""
    return f"{safe_name(one.subject.label)}.fault.json"


def _spectrum_step(one: EventSpectrum) -> Step:
    if not one.map_made:
        return spectrum_step(one, extracted(one))
    weighed = backscale_name(one)
    return spectrum_step(
        one, {"pha": StepInput(weighed, "source.pha"), "background": StepInput(weighed, "background.pha")}
    )


def spectrum_step(one: EventSpectrum, inputs: Mapping[str, Input]) -> Step:
    """Make the step that brings a spectrum together with its background and responses.

    Parameters
    ----------
    one : EventSpectrum
    inputs : Mapping
        ``pha`` and, where they are made by other steps, ``background``, ``rmf``, ``arf``; files that the spec names are
        added.
    """
    inputs = dict(inputs)
    if isinstance(one.response, Path):
        inputs["rmf"] = file_input(_there(one.response))
    if isinstance(one.arf, Path) and "rmf" in inputs:  # also beside a matrix that a tool makes
        inputs["arf"] = file_input(_there(one.arf))
    further = _further(one)
    inputs |= further_inputs(further)
    return Step(
        name=spectrum_name(one.subject),
        task="spectrum",
        subject=one.subject.path,
        params=spectrum_params(one.subject, one.note),
        inputs=inputs,
        product=one.subject.path,
        path=one.path,
        outputs=spectrum_outputs(further),
    )


def _further(one: EventSpectrum) -> dict[str, tuple[Path | None, Path | None]]:
    """Give RMF and ARF of each further response; the RMF of the first where none is named, if there is one."""
    own = _there(one.response) if isinstance(one.response, Path) else None
    return {
        name: (
            own if files.response is None else _there(files.response),
            None if files.arf is None else _there(files.arf),
        )
        for name, files in one.responses.items()
    }
