"""A fit from start to errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.contours import Contour, contours
from xbatch.xray.fit.curvature import Curvature, newton
from xbatch.xray.fit.optimise import Minimum, minimise
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Problem
from xbatch.xray.fit.profile import LowerMinimumError, profile_limit
from xbatch.xray.fit.starts import NEAR, Starts, chosen_start
from xbatch.xray.statistics import delta_statistic

__all__ = ["WORST_REDUCED", "ErrorRequest", "Errors", "FitResult", "Starts", "run_fit"]

Floats = NDArray[np.float64]

_LOGGER = logging.getLogger(__name__)

#: Above this reduced chi-squared errors mean nothing; XSPEC's `error` refuses them too.
WORST_REDUCED = 2.0
_RESTARTS = 8
# Fits with weights from the one before: how many, and to what fraction of an error they must agree.
_ITERATIONS = 50
_SAME = 1e-4
# The optimiser starts again from its own end as long as the statistic falls by more than this, so often at most.
_SETTLED = 1e-6
_POLISHES = 10
# How near to the minimum an optimiser is to come that starts again from its own end.
_NEARER = 1e-9
# What of the statistic the rounding of values of 32 bits may hide; no more than errors ask for.
_HIDDEN = 1e-3


@dataclass(frozen=True)
class ErrorRequest:
    """Which errors are wanted.

    Attributes
    ----------
    parameters : tuple of str
        ``("free",)`` for all free ones; else names of values (``cal.factor[FPMB]``) or of parameters (``cal.factor``,
        ``*.norm``).
    method : str
        ``covariance`` or ``profile``.
    confidence : float
        Of one parameter.
    contours : tuple of pairs of str
        Names of two free values each.
    """

    parameters: tuple[str, ...] = ("free",)
    method: str = "covariance"
    confidence: float = 0.6826894921370859
    contours: tuple[tuple[str, str], ...] = ()

    def wants(self, parameter: FitParameter) -> bool:
        """Tell whether the errors of a parameter are asked for."""
        short = f"{parameter.component}.{parameter.parameter}"
        return parameter.free and any(
            name in ("free", parameter.name) or fnmatchcase(short, name) for name in self.parameters
        )


@dataclass(frozen=True)
class Errors:
    """Distances from the best value to the ends of its interval, both positive; None where there is none, with why."""

    minus: float | None = None
    plus: float | None = None
    note: str = ""


@dataclass(frozen=True)
class FitResult:
    """What a fit found.

    Attributes
    ----------
    free : ndarray, shape (f,)
    values : list of float
        Of all parameters, in their order.
    statistic : float
    dof : int
        Bins less free parameters.
    converged : bool
    message : str
        The optimiser's.
    restarts : int
        How often the search for errors met a lower minimum.
    fallen : float
        By how much the statistic fell from the first minimum to this one.
    good : bool
        Chi-squared is not above twice the degrees of freedom. A likelihood has no such test: True.
    covariance : ndarray, shape (f, f), or None
        NaN for parameters at a limit or not determined; None for a poor fit.
    errors : Mapping
        Parameter name to errors.
    contours : tuple of Contour
    notes : tuple of str
    """

    free: Floats
    values: list[float]
    statistic: float
    dof: int
    converged: bool = True
    message: str = ""
    restarts: int = 0
    fallen: float = 0.0
    good: bool = True
    covariance: Floats | None = None
    errors: Mapping[str, Errors] = field(default_factory=dict)
    contours: tuple[Contour, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def aic(self) -> float:
        """Akaike's information criterion: the statistic and twice the number of free parameters."""
        return self.statistic + 2 * self.free.size

    @property
    def bic(self) -> float:
        """The Bayesian information criterion: the statistic and ln(bins) for each free parameter."""
        return self.statistic + float(np.log(max(self.dof + self.free.size, 1))) * self.free.size

    @property
    def reduced(self) -> float | None:
        """The statistic over the degrees of freedom."""
        return self.statistic / self.dof if self.dof > 0 else None


def run_fit(
    problem: Problem,
    optimiser: str = "levmar",
    errors: ErrorRequest | None = None,
    chi2: bool = True,
    starts: Starts | None = None,
) -> FitResult:
    """Fit, and find the errors.

    Parameters
    ----------
    problem : Problem
    optimiser : str
        See `xbatch.xray.fit.optimise.minimise`.
    errors : ErrorRequest or None
    chi2 : bool
        The statistic is chi-squared, which says by itself whether the fit is good.
    starts : Starts or None
        More places to start from; the lowest minimum is taken.

    Raises
    ------
    ImportError
        Sherpa is not installed.
    ValueError
        There are more free parameters than bins, the model has no value at the start, the search for errors meets
        one lower minimum after the other, or an unknown optimiser or method.
    """
    wanted = errors or ErrorRequest(())
    if wanted.method not in ("covariance", "profile"):
        raise ValueError(f"there is no method {wanted.method!r} for errors; there are covariance, profile")
    parameters = problem.parameters
    dof = problem.bins - parameters.start.size
    if dof < 0:
        raise ValueError(f"{parameters.start.size} free parameters cannot be fitted to {problem.bins} bins")
    _check_start(problem)
    if parameters.start.size == 0:
        statistic = problem.statistic(parameters.start)
        good = not chi2 or _acceptable(statistic, dof)
        return FitResult(
            parameters.start, parameters.values(()), statistic, dof, message="no free parameter", good=good
        )
    start, note = chosen_start(problem, optimiser, starts or Starts())
    restarts = 0
    first: float | None = None
    while True:
        result, shape = _best(problem, start, optimiser if restarts == 0 else "levmar", chi2)
        first = result.statistic if first is None else first
        fallen = first - result.statistic
        result = replace(result, notes=(*note, *result.notes), restarts=restarts, fallen=fallen)
        _LOGGER.info("minimum: statistic %.6g for %d degrees of freedom", result.statistic, dof)
        try:
            return _with_errors(problem, wanted, result, shape)
        except LowerMinimumError as lower:
            if restarts == _RESTARTS:
                raise ValueError(
                    f"the search for errors has met a lower minimum {restarts + 1} times; start nearer to the best "
                    "values, or freeze a parameter that the data do not determine"
                ) from lower
            start, restarts = lower.free, restarts + 1


def _best(problem: Problem, start: Floats, optimiser: str, chi2: bool) -> tuple[FitResult, Curvature]:
    """Go down to the minimum, with new weights again and again where the statistic asks for that."""
    parameters = problem.parameters
    minimum, shape = _bottom(problem, start, optimiser)
    settled = not problem.iterated
    for _ in range(_ITERATIONS):
        if settled:
            break
        problem.reweigh(parameters.values(minimum.free))
        before = minimum.free
        minimum, shape = _bottom(problem, before, "levmar")
        settled = _near(before, minimum.free, shape)
    dof = problem.bins - minimum.free.size
    result = FitResult(
        free=minimum.free,
        values=parameters.values(minimum.free),
        statistic=minimum.statistic,
        dof=dof,
        converged=minimum.converged and settled,
        message=minimum.message if settled else "the weights of the statistic were still changing",
        good=not chi2 or _acceptable(minimum.statistic, dof),
        notes=(*_limit_notes(parameters, minimum.free, shape), *_singular_note(parameters, shape)),
    )
    return result, shape


def _bottom(problem: Problem, start: Floats, optimiser: str) -> tuple[Minimum, Curvature]:
    """Go down until the statistic falls no more.

    An optimiser may stop on a slope that is too flat for it. Where the parabola at its end does not say that nothing
    is left to gain, it starts again from there.
    """
    low, high = problem.parameters.low, problem.parameters.high
    previous, tolerance = np.inf, NEAR
    for _ in range(_POLISHES):
        minimum = minimise(problem, start, low, high, optimiser, tolerance)
        free, statistic, shape = newton(problem, minimum.free, low, high)
        minimum = replace(minimum, free=free, statistic=statistic)
        if shape.fall <= _SETTLED or previous - statistic <= _SETTLED:
            break
        start, previous, optimiser, tolerance = free, statistic, "levmar", _NEARER
    if problem.rough and shape.fall <= _HIDDEN:
        minimum = replace(minimum, converged=True)
    return minimum, shape


def _acceptable(statistic: float, dof: int) -> bool:
    return dof == 0 or statistic <= WORST_REDUCED * dof


def _near(one: Floats, other: Floats, shape: Curvature) -> bool:
    """Tell whether two points agree to a small fraction of the errors."""
    error = np.sqrt(np.nan_to_num(np.diag(shape.covariance), nan=np.inf))
    return bool(np.all(np.abs(one - other) <= _SAME * error))


def _check_start(problem: Problem) -> None:
    if np.isfinite(problem.statistic(problem.parameters.start)):
        return
    pairs = list(zip(problem.parameters.all, problem.parameters.values(problem.parameters.start), strict=True))
    for parameter, value in pairs:
        if parameter.link and not np.isfinite(value):
            raise ValueError(f"the link {parameter.link!r} of {parameter.name} has no value at the start")
    shown = ", ".join(f"{parameter.name} = {value:g}" for parameter, value in pairs)
    raise ValueError(f"the statistic is not a number at the start ({shown})")


def _with_errors(problem: Problem, wanted: ErrorRequest, result: FitResult, shape: Curvature) -> FitResult:
    """Add covariance and errors.

    Raises
    ------
    LowerMinimumError
        The result is not the minimum.
    """
    parameters = problem.parameters
    names = [
        (place, parameters.all[number].name)
        for place, number in enumerate(parameters.free)
        if wanted.wants(parameters.all[number])
    ]
    if not result.good:
        note = f"not computed: reduced chi-squared {result.reduced or 0:.3g} > {WORST_REDUCED:g}"
        no_contours = (f"contours {note}",) if wanted.contours else ()
        notes = (*result.notes, *no_contours)
        return replace(result, errors={name: Errors(note=note) for _, name in names}, notes=notes)
    delta = delta_statistic(wanted.confidence)
    if wanted.method == "profile":
        errors = {name: _profile_errors(problem, result, shape, place, delta) for place, name in names}
    else:
        errors = {name: _covariance_errors(problem, result, shape, place, delta) for place, name in names}
    places, low, high = parameters.free_names, parameters.low, parameters.high
    found, lacking = contours(problem, result.free, result.statistic, shape, wanted.contours, places, low, high)
    notes = (*result.notes, *lacking)
    return replace(result, covariance=shape.covariance, errors=errors, contours=found, notes=notes)


def _covariance_errors(problem: Problem, result: FitResult, shape: Curvature, place: int, delta: float) -> Errors:
    if shape.at_limit[place]:
        return Errors(note=f"at its limit {_wall(problem.parameters, result.free, place)[1]:g}")
    if not np.isfinite(shape.covariance[place, place]):
        return Errors(note="not computed: the data do not determine it")
    error = float(np.sqrt(delta * shape.covariance[place, place]))
    best, low, high = float(result.free[place]), problem.parameters.low[place], problem.parameters.high[place]
    beyond = [end for end, out in (("min", best - error < low), ("max", best + error > high)) if out]
    return Errors(error, error, f"reaches beyond {' and '.join(beyond)}" if beyond else "")


def _profile_errors(problem: Problem, result: FitResult, shape: Curvature, place: int, delta: float) -> Errors:
    parameters = problem.parameters
    low, high = parameters.low, parameters.high
    _LOGGER.info("error of %s, free parameter %d of %d", parameters.free_names[place], place + 1, low.size)
    ends = [
        profile_limit(problem, result.free, result.statistic, shape, place, sign, low, high, delta) for sign in (-1, 1)
    ]
    minus, plus = (None if end.value is None else abs(end.value - float(result.free[place])) for end in ends)
    return Errors(minus, plus, "; ".join(end.note for end in ends if end.note))


def _limit_notes(parameters: Parameters, free: Floats, shape: Curvature) -> tuple[str, ...]:
    notes = []
    for place in np.flatnonzero(shape.at_limit):
        word, wall = _wall(parameters, free, int(place))
        notes.append(f"{parameters.free_names[place]} is at its {word} limit, {wall:g}")
    return tuple(notes)


def _singular_note(parameters: Parameters, shape: Curvature) -> tuple[str, ...]:
    """Say where the statistic has no minimum in some direction."""
    known = np.isfinite(shape.covariance.diagonal())
    if (known | shape.at_limit).all():
        return ()
    inside = np.flatnonzero(~shape.at_limit)
    if known[inside].any():
        idle = [parameters.free_names[place] for place in inside if not np.isfinite(shape.reach[place])]
        return tuple(f"the statistic does not depend on {name}" for name in idle)
    names = ", ".join(parameters.free_names[place] for place in inside)
    return (f"the covariance is singular: the data do not determine all of {names} together",)


def _wall(parameters: Parameters, free: Floats, place: int) -> tuple[str, float]:
    """Give the nearer of a parameter's limits."""
    low, high = float(parameters.low[place]), float(parameters.high[place])
    return ("lower", low) if free[place] - low <= high - free[place] else ("upper", high)
