"""The model that is not folded, averaged over the energies of each group: what an unfolded spectrum is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.tasks._fit_data import FitData
from xbatch.xray.components import Convolution
from xbatch.xray.fit.engine import FitResult
from xbatch.xray.fit.model import GridModel
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.fit.several import component_names
from xbatch.xray.flux import band_grid, padded_grid

__all__ = ["unfolded"]


def unfolded(
    model: ModelSpec, problem: Problem, result: FitResult, data: Sequence[FitData]
) -> list[Mapping[str, NDArray[Any]]]:
    """Give photons / cm2 / s / keV of the first model (``source``) and its additive components (``source_NAME``).

    Returns
    -------
    list of Mapping of str to ndarray, shape (g,)
        For each dataset, the mean over each of its groups.

    Raises
    ------
    ValueError
        There is no first model.
    """
    if model.tree is None:
        raise ValueError("there is no first model to unfold with")
    kinds = {name: problem.kinds[name] for name in component_names(model.tree)}
    columns: list[Mapping[str, NDArray[Any]]] = []
    for number, one in enumerate(data):
        low, high = one.energies
        low = np.maximum(low, 1e-3)
        grid = band_grid(one.dataset.edges, float(low.min()), float(high.max()))
        grid = np.unique(np.concatenate([grid, low, high]))
        if any(isinstance(kind, Convolution) for kind in problem.kinds.values()):
            grid, _ = padded_grid(one.dataset.edges, grid)
        scales = problem.scales(result.values, number)
        source = GridModel(model.tree, kinds, grid, model.abundances, model.cross_sections, scales)
        values = problem.dataset_values(result.values, number)
        first, last = np.searchsorted(grid, low), np.searchsorted(grid, high)

        def mean(
            flux: NDArray[np.float64],
            first: NDArray[np.int64] = first,
            last: NDArray[np.int64] = last,
            width: NDArray[np.float64] = high - low,
        ) -> NDArray[np.float64]:
            total = np.concatenate([[0.0], np.cumsum(flux)])
            return np.asarray((total[last] - total[first]) / width)

        parts = {f"source_{name}": mean(part) for name, part in source.parts(values).items()}
        columns.append({"source": mean(source.flux(values)), **parts})
    return columns
