"""What the work of a member begins with, at any level: its spectra, and the steps that make them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from xbatch.base.errors import Problem
from xbatch.plan.fitting import Installed, following_steps
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

__all__ = ["Beginning", "member_steps"]


@dataclass(frozen=True)
class Beginning:
    """The spectra of a member by `Subject.path`, the steps that make them, and what is wrong with what they are of."""

    sources: Mapping[str, Source]
    steps: Sequence[Step]
    problems: Sequence[Problem] = ()


def member_steps(
    analysis: Analysis,
    spec: Spec,
    shared: Memo | None,
    installed: Installed,
    begin: Callable[[Memo], Beginning],
    parts: Sequence[object],
    values: Sequence[Hashable] = (),
) -> tuple[list[Step], list[Problem]]:
    """Make all steps of one member: those that it begins with, then groupings, fits and plots.

    Parameters
    ----------
    analysis, spec
    shared : Memo or None
        Keeps what other members of a sweep have in common with this one.
    installed : callable
        Says whether a Python package can be imported.
    begin : callable
        Makes the beginning.
    parts : sequence
        The parts of `spec` that it hangs on, known by identity.
    values : sequence
        What else it hangs on, known by value.

    Returns
    -------
    steps : list of Step
        None where there are problems.
    problems : list of Problem
    """
    shared = shared if shared is not None else Memo(1)
    key = (spec.level, *map(id, parts), *values)
    known: Beginning | None = shared.find(key)
    if known is None:
        known = begin(shared)
        shared.keep(key, known, parts)
    following, refused = following_steps(analysis, spec, known.sources, installed, shared)
    problems = [*known.problems, *refused]
    return ([], problems) if problems else ([*known.steps, *following], [])
