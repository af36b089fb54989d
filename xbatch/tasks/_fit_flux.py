"""The fluxes of a fitted model, with errors from draws and luminosities where these are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.tasks._fit_data import FitData
from xbatch.xray.components import Convolution
from xbatch.xray.fit.draws import draw_free, spread
from xbatch.xray.fit.engine import FitResult
from xbatch.xray.fit.model import ABSORBERS, GridModel, without
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.fit.several import component_names
from xbatch.xray.flux import band_flux, band_grid, padded_grid

__all__ = ["fluxes"]

_CM_PER_MPC = 3.0856775814913673e24
#: Values of all parameters to energy flux and photon flux.
_Flux = Callable[[Sequence[float]], tuple[float, float]]


def fluxes(
    params: Mapping[str, Any], model: ModelSpec, problem: Problem, result: FitResult, data: Sequence[FitData]
) -> list[dict[str, Any]]:
    """Give the fluxes asked for, once for all datasets whose model is the same: of the first model, or of a further.

    Models are the same that would be for other values of the free parameters too: two that have come to the same
    values, at a limit for one, are models of two subjects.

    Raises
    ------
    ValueError
        A band is empty, or the errors of the fit cannot be drawn from.
    """
    rows = []
    points = (result.values, problem.parameters.values(_elsewhere(result.free)))
    for request in params["flux"]:
        name = request.get("model") or ""
        tree = model.further.get(name) if name else model.tree
        if tree is None:
            raise ValueError(f"there is no {f'model {name!r}' if name else 'first model'} to give a flux of")
        grids = {
            number: one.dataset.further[name].edges if name else one.dataset.edges
            for number, one in enumerate(data)
            if not name or name in one.dataset.further
        }
        same: dict[Any, list[int]] = {}
        for number in grids:
            found = [problem.dataset_values(values, number) for values in points]
            own = tuple((part, *(values[part] for values in found)) for part in component_names(tree))
            same.setdefault(own, []).append(number)
        for band in request["bands"]:
            for numbers in same.values():
                source = _Source(model, tree, problem, grids[numbers[0]], numbers[0], request)
                rows.append(_row(params, request, band, numbers, source, result))
    return rows


def _elsewhere(free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give other values of the free parameters, each changed in a way of its own."""
    change = np.linspace(1e-3, 2e-3, free.size)
    return np.asarray(free * (1.0 + change) + change, dtype=np.float64)


class _Source:
    """The model of one dataset, without its absorption where that is to be taken off."""

    def __init__(
        self,
        model: ModelSpec,
        tree: Mapping[str, Any],
        problem: Problem,
        edges: NDArray[np.float64],
        number: int,
        request: Mapping[str, Any],
    ) -> None:
        self.problem = problem
        self._model, self._edges, self._number = model, edges, number
        self._tree, self._kinds = tree, {name: problem.kinds[name] for name in component_names(tree)}
        if not request["absorbed"]:
            absorbers = {name for name, kind in self._kinds.items() if kind.name in ABSORBERS}
            self._kinds = {name: kind for name, kind in self._kinds.items() if name not in absorbers}
            self._tree = without(tree, absorbers) or tree

    def flux(self, low: float, high: float) -> _Flux:
        """Make the flux in a band a function of the values of all parameters."""
        grid = band_grid(self._edges, low, high)
        abundances, cross_sections = self._model.abundances, self._model.cross_sections
        whole, inside = grid, slice(None)
        if any(isinstance(kind, Convolution) for kind in self._kinds.values()):
            whole, inside = padded_grid(self._edges, grid)
        plain = GridModel(self._tree, self._kinds, whole, abundances, cross_sections)

        def flux(values: Sequence[float]) -> tuple[float, float]:
            # A scaling's number is that of the fit: of the whole model, on the response's energies.
            scales = self.problem.scales(values, self._number)
            source = plain
            if scales:
                source = GridModel(self._tree, self._kinds, whole, abundances, cross_sections, scales)
            return band_flux(source.flux(self.problem.dataset_values(values, self._number))[inside], grid)

        return flux


def _row(
    params: Mapping[str, Any],
    request: Mapping[str, Any],
    band: Mapping[str, Any],
    numbers: Sequence[int],
    source: _Source,
    result: FitResult,
) -> dict[str, Any]:
    flux = source.flux(band["lo"], band["hi"])
    energy, photons = flux(result.values)
    row: dict[str, Any] = {
        "dataset": numbers[0],
        "datasets": list(numbers),
        "band": band["name"],
        "lo": band["lo"],
        "hi": band["hi"],
        "absorbed": request["absorbed"],
        **({"model": request["model"]} if request.get("model") else {}),
        "energy_flux": energy,
        "energy_flux_unit": "erg / (cm2 s)",
        "photon_flux": photons,
        "photon_flux_unit": "ph / (cm2 s)",
    }
    confidence = float(params["errors"]["confidence"])
    drawn = _drawn(request, source.problem, result)
    if request.get("errors") == "sample":
        row |= _sampled(request, confidence, source.problem, result, drawn)
        row |= _errors("energy_flux", energy, drawn, lambda values: flux(values)[0], confidence)
        row |= _errors("photon_flux", photons, drawn, lambda values: flux(values)[1], confidence)
    wanted = request.get("luminosity")
    if wanted:
        row |= _luminosity(wanted, band, source, result, drawn, confidence)
    return row


def _drawn(request: Mapping[str, Any], problem: Problem, result: FitResult) -> list[list[float]]:
    """Draw values of all parameters; none where no errors are wanted or the fit has none to draw from."""
    if request.get("errors") != "sample" or result.covariance is None or result.free.size == 0:
        return []
    parameters = problem.parameters
    free = draw_free(
        result.free, result.covariance, parameters.low, parameters.high, int(request["n"]), int(request["seed"])
    )
    return [parameters.values(one) for one in free]


def _sampled(
    request: Mapping[str, Any], confidence: float, problem: Problem, result: FitResult, drawn: Sequence[Any]
) -> dict[str, Any]:
    """Say what the errors are made of."""
    if not drawn:
        note = "no free parameter" if result.free.size == 0 else "no covariance to draw from"
        return {"sample": None, "error_note": note}
    assert result.covariance is not None
    unknown = ~np.isfinite(np.diag(result.covariance))
    held = [name for name, no_error in zip(problem.parameters.free_names, unknown, strict=True) if no_error]
    sample = {"n": len(drawn), "seed": request["seed"], "confidence": confidence, "held": held}
    return {"sample": sample, "error_note": f"{', '.join(held)} held at the best value" if held else ""}


def _errors(
    name: str, best: float, drawn: Sequence[Any], of: Callable[[Sequence[float]], float], confidence: float
) -> dict[str, float | None]:
    """Give the distances from the best value to the quantiles of the draws, and the median of these."""
    values: NDArray[np.float64] = np.array([of(one) for one in drawn])
    keys = (f"{name}_minus", f"{name}_plus", f"{name}_median")
    if not drawn or not np.all(np.isfinite(values)):
        return dict.fromkeys(keys)
    low, middle, high = spread(values, confidence)
    return dict(zip(keys, (max(best - low, 0.0), max(high - best, 0.0), middle), strict=True))


def _luminosity(
    wanted: Mapping[str, Any],
    band: Mapping[str, Any],
    source: _Source,
    result: FitResult,
    drawn: Sequence[Any],
    confidence: float,
) -> dict[str, Any]:
    """Give the luminosity in the band as the source's own frame has it, as XSPEC's ``lumin`` does."""
    from astropy.cosmology import FlatLambdaCDM

    redshift = float(wanted["redshift"])
    distance = float(FlatLambdaCDM(H0=wanted["H0"], Om0=wanted["Om0"]).luminosity_distance(redshift).value)
    factor = 4 * math.pi * (distance * _CM_PER_MPC) ** 2
    flux = source.flux(band["lo"] / (1 + redshift), band["hi"] / (1 + redshift))
    value = factor * flux(result.values)[0]
    row = {
        "luminosity": value,
        "luminosity_unit": "erg / s",
        "redshift": redshift,
        "H0": wanted["H0"],
        "Om0": wanted["Om0"],
        "distance": distance,
        "distance_unit": "Mpc",
    }
    return row | _errors("luminosity", value, drawn, lambda values: factor * flux(values)[0], confidence)
