"""A telescope like NuSTAR: a smooth effective area and a Gaussian energy resolution, for simulations only.

Neither is a calibration. The area of a module is a curve of our own through a few rounded figures, set by hand with
the ARFs of real observations in view and read off no paper: between 3 and 60 keV its shape, whatever the scale, stays
within 0.87 and 1.10 of those of a point source and of the template of the NuSTAR background tools, and its scale is
about a tenth above the template's. The edges of the mirrors' coating are at the W and Pt edges (10.207, 11.564, 69.525,
78.395 keV). The energy resolution (FWHM) is set to 0.4 keV at 6 keV and 0.9 keV at 60 keV, in a straight line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from xbatch.ogip.response import Response
from xbatch.simulator.config import Detector

__all__ = ["effective_area", "fwhm", "gaussian_response", "make_response"]

Floats = NDArray[np.float64]

_AREA = np.array(
    [
        (1.6, 1.0),
        (2.0, 8.0),
        (3.0, 95.0),
        (4.0, 200.0),
        (5.0, 280.0),
        (6.0, 340.0),
        (8.0, 405.0),
        (10.206, 420.0),
        (10.208, 375.0),
        (11.563, 345.0),
        (11.565, 310.0),
        (14.0, 275.0),
        (20.0, 190.0),
        (30.0, 115.0),
        (40.0, 80.0),
        (50.0, 56.0),
        (60.0, 40.0),
        (69.524, 28.0),
        (69.526, 24.0),
        (78.394, 14.0),
        (78.396, 2.0),
        (165.0, 1.0),
    ]
)
_SIGMAS = 6.0
_FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def effective_area(energy: Floats) -> Floats:
    """Give a module's effective area in cm2 at energies in keV, with straight lines between the logarithms."""
    return np.asarray(np.exp(np.interp(np.log(energy), np.log(_AREA[:, 0]), np.log(_AREA[:, 1]))))


def fwhm(energy: Floats) -> Floats:
    """Give the full width at half maximum of a line in keV."""
    return np.asarray(0.4 + (0.9 - 0.4) * (energy - 6.0) / (60.0 - 6.0))


def make_response(detector: Detector) -> Response:
    """Make the response: each line a Gaussian about the middle of its energy bin, cut at 6 sigma, with the sum 1."""
    edges: Floats = detector.first_energy + detector.width * np.arange(detector.channels + 1, dtype=np.float64)
    middle = 0.5 * (edges[:-1] + edges[1:])
    return gaussian_response(edges, edges, fwhm(middle), effective_area(middle))


def gaussian_response(energies: Floats, channels: Floats, width: Floats, area: Floats) -> Response:
    """Make a response of Gaussian lines, each about the middle of its energy bin, cut at 6 sigma, with the sum 1.

    Parameters
    ----------
    energies, channels : ndarray, shape (m + 1,) and (c + 1,)
        Edges in keV; channels are counted from 0.
    width : ndarray, shape (m,)
        Full width at half maximum in keV.
    area : ndarray, shape (m,)
        cm2.
    """
    middle = 0.5 * (energies[:-1] + energies[1:])
    sigma = width * _FWHM_TO_SIGMA
    count = channels.size - 1
    first = np.maximum(np.searchsorted(channels, middle - _SIGMAS * sigma) - 1, 0)
    last = np.minimum(np.searchsorted(channels, middle + _SIGMAS * sigma), count)
    length = last - first
    indptr = np.concatenate([[0], np.cumsum(length)])
    row = np.repeat(np.arange(middle.size), length)
    column = np.arange(indptr[-1]) - np.repeat(indptr[:-1] - first, length)
    low, high = (
        ndtr(np.clip((channels[column + side] - middle[row]) / sigma[row], -_SIGMAS, _SIGMAS)) for side in (0, 1)
    )
    share = high - low
    matrix = (share / np.add.reduceat(share, indptr[:-1])[row]).astype(np.float32)
    return Response(
        energ_lo=energies[:-1],
        energ_hi=energies[1:],
        indptr=indptr,
        first=first.astype(np.int32),
        length=length.astype(np.int32),
        matrix=matrix,
        specresp=area,
        channel=np.arange(count, dtype=np.int64),
        e_min=channels[:-1],
        e_max=channels[1:],
        has_arf=True,
        notes=(),
    )
