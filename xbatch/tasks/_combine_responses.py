"""The response of a sum of spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from xbatch.base.errors import StepError
from xbatch.ogip.matrix import find_runs
from xbatch.ogip.response import Response, load_response
from xbatch.xray.responses import combine_responses

__all__ = ["added_response"]

# Energies are 32-bit numbers in files.
_SAME = 1e-6
_MATRIX = ("indptr", "first", "length", "matrix")


@dataclass
class _Shared:
    """A matrix, the effective areas that go with it, each times its weight, and the sum of these weights."""

    response: Response
    area: NDArray[np.float64]
    weight: float


def added_response(
    paths: Sequence[Path], weights: Sequence[float], labels: Sequence[str]
) -> tuple[Response, tuple[str, ...]]:
    """Give the response of a sum of spectra, and what is to be said of it.

    Effective areas are averaged by weight, matrices by weight and area. Matrices that are equal are kept once.

    Parameters
    ----------
    paths : sequence of Path
        Responses that `save_response` wrote.
    weights : sequence of float
        Exposures or counts, of which at least one is above 0.
    labels : sequence of str
        Names for messages.

    Raises
    ------
    StepError
        The responses are not of one energy grid and the same channels.
    """
    shared: list[_Shared] = []
    for path, weight, label in zip(paths, weights, labels, strict=True):
        response = load_response(path)
        if shared:
            _check_grid(shared[0].response, response, labels[0], label)
        if weight <= 0:
            continue
        known = next((one for one in shared if _same_matrix(one.response, response)), None)
        if known is None:
            shared.append(_Shared(response, weight * response.specresp, weight))
        else:
            known.area = known.area + weight * response.specresp
            known.weight += weight
    first = shared[0].response
    notes = tuple(dict.fromkeys(note for one in shared for note in one.response.notes))
    has_arf = any(one.response.has_arf for one in shared)
    if len(shared) == 1:
        return replace(first, specresp=shared[0].area / shared[0].weight, notes=notes, has_arf=has_arf), ()
    matrix, area = combine_responses(
        [_sparse(one.response) for one in shared],
        [one.area / one.weight for one in shared],
        [one.weight for one in shared],
    )
    matrix.sort_indices()
    indptr = matrix.indptr.astype(np.int64)
    begins, length = find_runs(indptr, matrix.indices)
    kind = np.result_type(*(one.response.matrix.dtype for one in shared))
    added = replace(
        first,
        indptr=indptr,
        first=begins,
        length=length,
        matrix=matrix.data.astype(kind),
        specresp=area,
        has_arf=has_arf,
        notes=notes,
    )
    return added, (f"the response is the mean of {len(shared)} different matrices",)


def _sparse(response: Response) -> csr_matrix:
    shape = (response.energ_lo.size, response.channel.size)
    return csr_matrix((response.matrix, response.indices, response.indptr), shape)


def _same_matrix(one: Response, other: Response) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in _MATRIX)


def _check_grid(first: Response, other: Response, first_label: str, label: str) -> None:
    for what, names in (("energies", ("energ_lo", "energ_hi")), ("channels", ("channel", "e_min", "e_max"))):
        for name in names:
            one, two = getattr(first, name), getattr(other, name)
            if one.shape != two.shape or not np.allclose(one, two, rtol=_SAME, atol=0):
                raise StepError(
                    f"the responses of {first_label} and {label} have different {what} ({one.size} and {two.size})",
                    cure="Make them on one grid, or name one response for all under 'spectra'",
                )
