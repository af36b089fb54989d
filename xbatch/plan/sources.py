"""What groupings and fits start from: a spectrum, whichever step has made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xbatch.base.errors import Problem
from xbatch.plan.steps import StepInput
from xbatch.spec.model import Analysis, Subject

__all__ = ["BACKGROUND", "RESPONSE", "SPECTRUM", "Source", "response_file", "spectrum_name", "without_response"]

SPECTRUM, BACKGROUND, RESPONSE = "spectrum.pha", "background.pha", "response.npz"
"""What a step that makes a spectrum leaves, whichever it is."""


@dataclass(frozen=True)
class Source:
    """A spectrum with what it comes with.

    Attributes
    ----------
    subject : Subject
    step : str
        The step that leaves `SPECTRUM`, `BACKGROUND` and `RESPONSE`.
    background, response : bool or None
        Whether there is one; None where that cannot be told, because something is wrong that is said elsewhere.
    title : str
        What messages call it.
    note : str
        The user's remark on it.
    path : str
        The dotted path of its entry in the spec.
    background_name : str
        The background's file, for messages.
    no_response : str
        Why there is no response, in brackets after a blank, or empty.
    lacking : tuple of str
        The entries of ``spectra`` that a response would be named in; its own where empty.
    response_cure : str
        What else is worth saying of how it gets one.
    responses : tuple of str
        Names of its further responses.
    """

    subject: Subject
    step: str
    background: bool | None
    response: bool | None
    title: str = ""
    note: str = ""
    path: str = ""
    background_name: str = "a background"
    no_response: str = ""
    lacking: tuple[str, ...] = ()
    response_cure: str = ""
    responses: tuple[str, ...] = ()

    def spectrum_input(self, optional: bool = False) -> StepInput:
        """Give the spectrum as an input."""
        return StepInput(self.step, SPECTRUM, optional)

    def background_input(self, optional: bool = False) -> StepInput:
        """Give the background as an input."""
        return StepInput(self.step, BACKGROUND, optional)

    def response_input(self, optional: bool = False) -> StepInput:
        """Give the response as an input."""
        return StepInput(self.step, RESPONSE, optional)

    def further_input(self, name: str, optional: bool = False) -> StepInput:
        """Give a further response as an input."""
        return StepInput(self.step, response_file(name), optional)


def response_file(name: str) -> str:
    """Name the file of a further response that a step leaves beside `RESPONSE`."""
    return f"response_{name}.npz"


def spectrum_name(subject: Subject) -> str:
    """Name the step that reads a subject's spectrum."""
    return f"spectrum:{subject.path}"


def without_response(analysis: Analysis, who: str, path: str, sources: Sequence[Source]) -> list[Problem]:
    """Say that something needs responses that some spectra have not: one problem, whatever their number.

    Parameters
    ----------
    analysis : Analysis
        For the place.
    who : str
        ``fit 'pl'``.
    path : str
        Its dotted path; empty for that of the spectrum.
    sources : sequence of Source
        The spectra that it is about.
    """
    wrong = list({source.subject.path: source for source in sources if source.response is False}.values())
    if not wrong:
        return []
    first = wrong[0]
    others = f", nor have {len(wrong) - 1} more of its spectra" if len(wrong) > 1 else ""
    message = f"{who} needs a response, and {first.title or first.subject.path} has none{first.no_response}{others}"
    names = dict.fromkeys(name for source in wrong for name in source.lacking or (source.subject.spectrum,))
    hint = f"give 'response: FILE' under {', '.join(f'spectra.{name}' for name in names)}{first.response_cure}"
    where = path or first.path
    return [Problem(analysis.place(where), "XB403", message, hint, where)]
