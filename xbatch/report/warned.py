"""What must be known before any number of a run is used: failures, poor fits, and what steps have noted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xbatch.report.fits import FitView
    from xbatch.report.view import Link, StepView

__all__ = ["Warned", "warnings_of"]

_ABOUT = re.compile(r"([^/\s]+/[^/\s]+/[^/\s:]+): (.+)", re.DOTALL)  # a note of one spectrum of a fit
_LEFT_OUT = re.compile(r"(\S+) is (left out of sums and fits: .+)")
#: Notes that are not told again on top of a page, by the task whose results it shows with its observation.
_SHOWN: Mapping[str, re.Pattern[str]] = {
    "events": re.compile(r"\d+ of \d+ events dropped: "),
    "epicevents": re.compile(r"exposure .+ taken: "),
    "rgsproc": re.compile(r"RGS\d: exposure \S+ taken, "),
    "pileup": re.compile(r"no pile-up from an inner radius of "),
    "selection": re.compile(r"\S+: an inner radius of .+ leaves no pile-up"),
    "preview": re.compile(r"\S+: an inner radius of .+ leaves no pile-up"),
}
_BY_HAND = " To repeat it by hand: sh "
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAMED_NUMBER = re.compile(rf"(?:\b[A-Z]+)?{_NUMBER.pattern}")  # RGS2 is told as such, and not as 2


@dataclass(frozen=True)
class Warned:
    """One thing that must be known, and whom it concerns."""

    text: str
    about: tuple[str, ...]
    severe: bool
    files: tuple[Link, ...] = ()


def warnings_of(fits: Sequence[FitView], steps: Sequence[StepView]) -> list[Warned]:
    """Collect what must be known before any number is used: failures first; each once, with whom it concerns."""
    found: dict[tuple[str, bool], list[str]] = {}
    for text, about in (*_failures(steps), *((fit.trouble, _label(fit)) for fit in fits if fit.trouble)):
        found.setdefault((text, True), []).append(about)
    for text, about in (*_notes_of_fits(fits), *_notes_of_steps(steps)):
        found.setdefault((text, False), []).append(about)
    files = {view.step["name"]: view.files for view in steps}
    return _joined(
        [
            Warned(text, tuple(dict.fromkeys(about)), severe, files.get(about[0], ()) if len(about) == 1 else ())
            for (text, severe), about in found.items()
        ]
    )


def _failures(steps: Sequence[StepView]) -> Iterator[tuple[str, str]]:
    """Give what failed, without what a tool was called by where a script has that."""
    for view in steps:
        if view.step["outcome"] == "failed":
            text = str(view.step["message"] or "failed; see its log")
            yield text.partition(_BY_HAND)[0] if view.files else text, view.step["name"]


def _notes_of_fits(fits: Sequence[FitView]) -> Iterator[tuple[str, str]]:
    for fit in fits:
        for note in fit.notes:
            named = _ABOUT.fullmatch(note)
            yield (named[2], named[1]) if named else (note, _label(fit))
        for row in fit.parameters:
            if row.note and not fit.trouble and not any(note.startswith(f"{row.name} is at its") for note in fit.notes):
                text = f"the error {row.note}" if row.note.startswith("reaches beyond") else row.note
                yield text, f"{row.name} of {_label(fit)}"


def _notes_of_steps(steps: Sequence[StepView]) -> Iterator[tuple[str, str]]:
    for view in steps:
        task = view.step["task"]
        if task in {"fit", "parameters"}:
            continue
        about, shown = view.step["subject"] if task == "spectrum" else view.step["name"], _SHOWN.get(task)
        for note in view.step["notes"]:
            left_out = _LEFT_OUT.fullmatch(note)
            if left_out is not None:
                yield left_out[2], left_out[1]
            elif shown is None or not shown.match(note):
                yield note, about


def _joined(warnings: Sequence[Warned]) -> list[Warned]:
    """Join warnings that differ in their numbers only; the numbers that differ from the first's stand in brackets."""
    joined: dict[tuple[str, bool], Warned] = {}
    for warned in warnings:
        kind = (_NUMBER.sub("#", warned.text), warned.severe)
        first = joined.get(kind)
        if first is None:
            joined[kind] = warned
            continue
        pairs = zip(_NAMED_NUMBER.findall(first.text), _NAMED_NUMBER.findall(warned.text), strict=True)
        other = ", ".join(dict.fromkeys(mine for theirs, mine in pairs if mine != theirs))
        about = (*first.about, *(f"{name} ({other})" for name in warned.about))
        joined[kind] = Warned(first.text, about, first.severe)
    return list(joined.values())


def _label(fit: FitView) -> str:
    return fit.title + "".join(f", {axis.rpartition('.')[2]} {value}" for axis, value in fit.values)
