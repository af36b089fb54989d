"""XSPEC's own models, computed by the XSPEC that a Sherpa was built with. The one place where that is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import Component, Convolution, Convolver, Evaluator, Kind
from xbatch.xray.components.component import check_edges

__all__ = ["XSPEC_PREFIX", "xspec_components", "xspec_version"]

Floats = NDArray[np.float64]

#: What stands before the name of a model of XSPEC: ``xs:apec``.
XSPEC_PREFIX = "xs:"
# Convolutions that multiply what they enclose by one number.
_SCALING = frozenset({"cflux", "cglumin", "clumin", "cpflux"})
# XSPEC says by itself what goes wrong; what it has to say of every setting is left out.
_QUIET = 5


def xspec_components(components: Mapping[str, str], library: Any = None) -> dict[str, Kind]:
    """Make those components of a model that are XSPEC's.

    Parameters
    ----------
    components : Mapping
        Component name to type, of the whole model; XSPEC's types are ``xs:`` and a name of XSPEC's in any case.
    library : module, optional
        ``sherpa.astro.xspec``, or what has its classes and functions.

    Returns
    -------
    dict of str to Component or Convolution
        By component name; empty, and nothing imported, where no component is XSPEC's.

    Raises
    ------
    ImportError
        Sherpa is not installed, or was not built with XSPEC.
    ValueError
        There is no such model, or this version of XSPEC does not have it.
    """
    wanted = {name: kind for name, kind in components.items() if kind.startswith(XSPEC_PREFIX)}
    if not wanted:
        return {}
    library = library or _library()
    if library.get_xschatter() > _QUIET:
        library.set_xschatter(_QUIET)
    classes = {name[2:].casefold(): getattr(library, name) for name in dir(library) if name.startswith("XS")}
    made: dict[str, Kind] = {}
    for name, kind in wanted.items():
        model = classes.get(kind.removeprefix(XSPEC_PREFIX).casefold())
        if model is None:
            raise ValueError(f"XSPEC has no model {kind.removeprefix(XSPEC_PREFIX)!r} that Sherpa knows")
        made[name] = _kind(kind, model, library)
    return made


def xspec_version(library: Any = None) -> str:
    """Give the version of XSPEC.

    Raises
    ------
    ImportError
        As `xspec_components`.
    """
    return str((library or _library()).get_xsversion())


def _library() -> Any:
    try:
        from sherpa.astro import xspec
    except ImportError as error:
        # Sherpa's own words do not say what XSPEC lacks (often HEADAS).
        raise ImportError(f"{error}: {error.__cause__}" if error.__cause__ else str(error)) from error
    return xspec


def _kind(name: str, model: type[Any], library: Any) -> Kind:
    if not getattr(model, "version_enabled", True):
        raise ValueError(f"{name} needs a later version of XSPEC than {xspec_version(library)}")
    parameters = tuple(str(one.name) for one in model().pars)
    if issubclass(model, library.XSConvolutionKernel):
        convolve = _convolving(name, model, library)
        return Convolution(name, parameters, convolve, name.removeprefix(XSPEC_PREFIX) in _SCALING, rough=True)
    if not issubclass(model, library.XSAdditiveModel | library.XSMultiplicativeModel):
        raise ValueError(f"{name} is neither added nor multiplied, and encloses nothing")
    kind = "add" if issubclass(model, library.XSAdditiveModel) else "mul"
    return Component(name, kind, parameters, _evaluating(name, model, library), rough=True)


def _evaluating(name: str, model: type[Any], library: Any) -> Callable[[Floats, str, str], Evaluator]:
    begun = False

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        check_edges(edges)
        one, low, high = _fresh(model), edges[:-1].copy(), edges[1:].copy()

        def evaluate(params: Sequence[float]) -> Floats:
            nonlocal begun
            found = _computed(name, library, abund, xsect, lambda: one.calc(list(params), low, high))
            # A model whose data XSPEC does not find is 0 everywhere; XSPEC prints that and goes on. Once it was not, it
            # may be: a line outside the band of a flux.
            if not begun and not found.any() and params[-1] != 0:
                where = f"at all energies from {low[0]:.4g} to {high[-1]:.4g} keV"
                raise ValueError(f"{name} is 0 {where}: if XSPEC misses a file of its data, the log says so")
            begun = True
            return found

        return evaluate

    return prepare


def _convolving(name: str, model: type[Any], library: Any) -> Callable[[Floats, str, str], Convolver]:
    def prepare(edges: Floats, abund: str, xsect: str) -> Convolver:
        check_edges(edges)
        one, low, high = _fresh(model), edges[:-1].copy(), edges[1:].copy()

        def convolve(params: Sequence[float], photons: Floats) -> Floats:
            def inside(*_: Any) -> Floats:
                return photons

            return _computed(name, library, abund, xsect, lambda: one.calc(list(params), inside, low, high))

        return convolve

    return prepare


def _fresh(model: type[Any]) -> Any:
    """Make a model without Sherpa's memory of values, which would hash the whole grid each time."""
    one = model()
    one.cache = 0
    return one


def _computed(name: str, library: Any, abund: str, xsect: str, compute: Callable[[], Any]) -> Floats:
    """Compute with the tables of this fit: XSPEC has one set of them, which others may have changed."""
    if library.get_xsabund() != abund:
        library.set_xsabund(abund)
    if library.get_xsxsect() != xsect:
        library.set_xsxsect(xsect)
    try:
        return np.asarray(compute(), dtype=np.float64)
    except (AttributeError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be computed: {error}") from error
