"""The recipe of level ``spectra``: from PHA files to fits. One function makes the steps of one member of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.base.errors import Problem
from xbatch.plan.beginnings import Beginning, member_steps
from xbatch.plan.fitting import Installed, is_installed
from xbatch.plan.links import Links, follow
from xbatch.plan.sources import Source, response_file, spectrum_name
from xbatch.plan.steps import FileInput, Input, Step
from xbatch.plan.sums import edge_steps, sum_steps, with_sums
from xbatch.registry import TASKS
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec, Subject

__all__ = ["further_inputs", "spectra_steps", "spectrum_outputs", "spectrum_params"]


def spectra_steps(
    analysis: Analysis, spec: Spec, shared: Memo | None = None, installed: Installed = is_installed
) -> tuple[list[Step], list[Problem]]:
    """Make the steps of one member whose work starts at spectra: one that reads each, then as `member_steps`."""
    parts = (spec.spectra, spec.combinations, spec.fakes, spec.equal_bands)
    values = (spec.engines.get("combine"),)
    return member_steps(analysis, spec, shared, installed, lambda memo: _read(analysis, spec, memo), parts, values)


def _read(analysis: Analysis, spec: Spec, shared: Memo) -> Beginning:
    read: dict[str, Source] = {}
    steps: list[Step] = []
    problems: list[Problem] = []
    for files in spec.spectra:
        links, missing = follow(files, analysis)
        problems += missing
        if links is not None:
            read[files.subject.path] = _source(links)
            steps.append(_spectrum_step(links))
    sources = with_sums(spec, read)
    steps += [*sum_steps(analysis, spec, sources, shared), *edge_steps(spec, sources)]
    return Beginning(sources, steps, problems)


def spectrum_params(subject: Subject, note: str) -> dict[str, Any]:
    """Give the parameters of a step that reads a spectrum."""
    return {
        "obsid": subject.obsid,
        "instrument": subject.instrument,
        "mission": subject.mission,
        "spectrum": subject.label,
        "note": note,
    }


def _source(links: Links) -> Source:
    files = links.files

    def there(role: str, path: Path | None) -> bool | None:
        unknown = path is None and (links.unreadable or role in links.missing)
        return None if unknown else path is not None

    return Source(
        subject=files.subject,
        step=spectrum_name(files.subject),
        background=there("background", links.background),
        response=there("response", links.response),
        title=f"{links.pha.name} of {files.subject.path}",
        note=files.note,
        path=files.path,
        background_name=links.background.name if links.background else "",
        no_response=" (no RESPFILE)",
        responses=tuple(name for name, (rmf, _) in links.responses.items() if rmf is not None),
    )


def _spectrum_step(links: Links) -> Step:
    files = links.files
    named = {"pha": links.pha, "background": links.background, "rmf": links.response, "arf": links.arf}
    inputs: dict[str, Input] = {
        role: FileInput(str(path.absolute())) for role, path in named.items() if path is not None
    }
    inputs |= further_inputs(links.responses)
    subject = files.subject
    return Step(
        name=spectrum_name(subject),
        task="spectrum",
        subject=subject.path,
        params=spectrum_params(subject, files.note),
        inputs=inputs,
        product=subject.path,
        path=files.path,
        outputs=spectrum_outputs(links.responses),
    )


def further_inputs(responses: Mapping[str, tuple[Path | None, Path | None]]) -> dict[str, Input]:
    """Give the files of further responses as inputs of the step that reads a spectrum."""
    found: dict[str, Input] = {}
    for name, (rmf, arf) in responses.items():
        for role, path in (("rmf", rmf), ("arf", arf)):
            if rmf is not None and path is not None:
                found[f"{role}/{name}"] = FileInput(str(path.absolute()))
    return found


def spectrum_outputs(responses: Mapping[str, tuple[Path | None, Path | None]]) -> tuple[str, ...]:
    """Name the files of that step where there are further responses; none where it leaves what the task says."""
    further = [response_file(name) for name, (rmf, _) in responses.items() if rmf is not None]
    return (*TASKS["spectrum"].outputs, *further) if further else ()
