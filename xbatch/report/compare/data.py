"""What is compared, as data: runs, one row for each fit of each member, and what makes a row differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xbatch.plan.reasons import Reason

__all__ = ["NO_RESULT", "Comparison", "Difference", "Number", "Row", "Run", "shown_names"]

NO_RESULT = ("failed", "skipped", "cancelled", "not selected", "lost")
"""What may have become of a fit that has no numbers."""


@dataclass(frozen=True)
class Number:
    """A parameter, flux or luminosity of one fit.

    Attributes
    ----------
    value : float
        In `unit`.
    minus, plus : float or None
        Distances to the bounds, positive; None where there is no error.
    state : str
        ``free``, ``frozen`` or ``linked``; empty for what is no parameter.
    note : str
        Why there is no error, and the like.
    confidence, method : float or None, str
        Of the errors.
    """

    value: float
    minus: float | None = None
    plus: float | None = None
    unit: str = ""
    state: str = ""
    note: str = ""
    confidence: float | None = None
    method: str = ""

    @property
    def has_error(self) -> bool:
        """Whether there is an error on either side."""
        return bool(self.minus) or bool(self.plus)


@dataclass(frozen=True)
class Difference:
    """One ingredient that differs between a fit, or a step that it hangs on, and its counterpart.

    Attributes
    ----------
    task : str
        The task of the step at which it differs.
    subject : str
        What the step is about, without the values of a sweep.
    reason : Reason
        The ingredient, with its value there (old) and here (new).
    files : tuple of str
        For an input from outside the plan, its path there and here.
    """

    task: str
    subject: str
    reason: Reason
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One fit of one run.

    Attributes
    ----------
    run : int
        Index of the run.
    members : tuple of str
        The members of the sweep that share the fit; empty where there is no sweep.
    values : Mapping
        Swept path to value, for the paths that have one value in all of those members.
    fit, group, step : str
        Its name in the spec, the group of a `group_by`, the name of the step.
    result : str
        ``good``, ``poor``, ``not converged``, ``left out`` (no spectrum was long enough), or one of `NO_RESULT`;
        ``lost`` is a result whose file is not there any more.
    message : str
        Why there is no result.
    statistic : str
    stat_value, reduced : float or None
    dof, bins, counts : int or None
        Counts are those in the groups that were fitted.
    parameters, fluxes : Mapping of str to Number
        By name; luminosities are among the fluxes.
    notes : tuple of str
        What must be known before the numbers are used.
    reference : int or None
        Index of the row with which this one is compared; None for a reference, or where there is none.
    differs : tuple of Difference
        From the reference: the ingredients that started it.
    through : tuple of str
        The steps on the way from there to the fit whose keys differ, the fit itself last; empty for an equal key.
    """

    run: int
    members: tuple[str, ...]
    values: Mapping[str, Any]
    fit: str
    group: str
    step: str
    result: str
    message: str = ""
    statistic: str = ""
    stat_value: float | None = None
    reduced: float | None = None
    dof: int | None = None
    bins: int | None = None
    counts: int | None = None
    parameters: Mapping[str, Number] = field(default_factory=lambda: MappingProxyType({}))
    fluxes: Mapping[str, Number] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    reference: int | None = None
    differs: tuple[Difference, ...] = ()
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One run: a short name of its own, its folder, its outcome, and the swept paths."""

    label: str
    folder: str
    outcome: str
    axes: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Fits of one run or of several, side by side.

    Attributes
    ----------
    runs : tuple of Run
    rows : tuple of Row
        Fit by fit, within a fit run by run, within a run in the order of its plan.
    axes : tuple of str
        The swept paths on which some fit depends.
    reference : str
        With what the rows are compared, in words; empty where there is nothing to compare with.
    asked : bool
        Whether that reference was asked for, and differences of the numbers are wanted.
    parameters : tuple of str
        The parameters and fluxes that were asked for; empty for all.
    alone : tuple of (str, str)
        Fits that only one of several runs has, with its label; they have no row.
    """

    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    axes: tuple[str, ...]
    reference: str = ""
    asked: bool = False
    parameters: tuple[str, ...] = ()
    alone: tuple[tuple[str, str], ...] = ()

    def fits(self) -> dict[str, list[Row]]:
        """Give the rows of each fit."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.fit, []).append(row)
        return found


def shown_names(rows: list[Row], asked: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Name the parameters and the fluxes of some rows that are worth a column or a plot.

    Parameters
    ----------
    rows : list of Row
        Those of one fit.
    asked : tuple of str
        Names that were asked for; without, a parameter is shown if it is free somewhere, or differs between rows.
    """
    found: dict[str, set[float]] = {}
    wanted = set(asked)
    for row in rows:
        for name, number in row.parameters.items():
            found.setdefault(name, set()).add(number.value)
            if number.state == "free" and not asked:
                wanted.add(name)
    parameters = [name for name, values in found.items() if name in wanted or (len(values) > 1 and not asked)]
    fluxes = dict.fromkeys(name for row in rows for name in row.fluxes)
    return parameters, [name for name in fluxes if not asked or name in wanted]
