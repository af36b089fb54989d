"""Responses of instruments of one kind: what to say where the spec names one for one of them alone, or one for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from xbatch.plan.steps import Step, StepInput
from xbatch.spec.model import Analysis, Spec, Subject

__all__ = ["remarked"]

#: Instruments that are built alike and observe at once, each with calibration of its own.
_TWINS = {"FPMA": "FPMB", "EMOS1": "EMOS2"}
_KEYS = ("response", "arf")


class _Named(Protocol):
    """A spectrum with the responses that the spec names for it, whatever it is made of."""

    @property
    def subject(self) -> Subject: ...
    @property
    def response(self) -> Path | str | None: ...
    @property
    def arf(self) -> Path | str | None: ...
    @property
    def note(self) -> str: ...


def remarked(steps: Iterable[Step], analysis: Analysis) -> list[Step]:
    """Say of spectra of twins (FPMA and FPMB, EMOS1 and EMOS2) what may be a slip in their responses.

    A response that is named for one of them, while nothing is said of the other's: what the other has in its place. One
    file that is named for both, where the spectrum has no `note` that would say so.
    """
    specs = {member.name: member.spec for member in analysis.members}
    known: dict[int, Mapping[str, list[tuple[str, str]]]] = {}
    return [
        _remarked(step, specs[step.members[0] if step.members else ""], known) if step.task == "spectrum" else step
        for step in steps
    ]


def _remarked(step: Step, spec: Spec, known: dict[int, Mapping[str, list[tuple[str, str]]]]) -> Step:
    spectra: Sequence[_Named] = spec.spectra if spec.work is None else spec.work.spectra
    slips = known.get(id(spectra))
    if slips is None:
        slips = known[id(spectra)] = _slips(spectra)
    path = "/".join(str(step.params[key]) for key in ("obsid", "instrument", "spectrum"))
    said = tuple(f"{text}{_instead(step, key) if key else ''}" for text, key in slips.get(path, ()))
    return replace(step, remarks=(*step.remarks, *said)) if said else step


def _slips(spectra: Iterable[_Named]) -> Mapping[str, list[tuple[str, str]]]:
    """Give remarks by the path of the subject, and the key for which another file than one of the spec's is taken."""
    pairs: dict[tuple[str, str], dict[str, _Named]] = {}
    for one in spectra:
        pairs.setdefault((one.subject.obsid, one.subject.label), {})[one.subject.instrument] = one
    found: dict[str, list[tuple[str, str]]] = {}
    for by_instrument in pairs.values():
        for first, second in _TWINS.items():
            if first in by_instrument and second in by_instrument:
                for path, text, key in _of_pair(by_instrument[first], by_instrument[second]):
                    found.setdefault(path, []).append((text, key))
    return found


def _of_pair(one: _Named, two: _Named) -> Iterator[tuple[str, str, str]]:
    name = f"spectra.{one.subject.spectrum}"
    for key in _KEYS:
        for has, lacks in ((one, two), (two, one)):
            if isinstance(getattr(has, key), Path) and getattr(lacks, key) is None:
                whose, others = has.subject.instrument, lacks.subject.instrument
                yield lacks.subject.path, f"{name} names '{key}' for {whose} and not for {others}, which has ", key
        file = getattr(one, key)
        if isinstance(file, Path) and file == getattr(two, key) and not (one.note and two.note):
            field = "{module}" if one.subject.instrument == "FPMA" else "{instrument}"
            text = f"{name} names one file as '{key}' of {one.subject.instrument} and {two.subject.instrument}: write "
            text += f"{field} in its name where each has its own, or a 'note' that says why"
            yield one.subject.path, text, ""
            yield two.subject.path, text, ""


def _instead(step: Step, key: str) -> str:
    item = step.inputs.get("rmf" if key == "response" else "arf")
    if item is None:
        return "none"
    if isinstance(item, StepInput):
        maker = f"that of {item.step.partition(':')[0]}"
        return maker if key == "arf" else f"{maker}, which makes its spectrum too, and xbatch the other's"
    return f"the {'RESPFILE' if key == 'response' else 'ANCRFILE'} of its own header"
