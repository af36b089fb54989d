"""Images smoothed with a Gaussian, for the eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["smoothed"]

#: The kernel ends at so many sigma.
_REACH = 4.0


def smoothed(image: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Smooth an image with a Gaussian, along one axis and then along the other; beyond its edges there is nothing.

    The numbers are those of ``scipy.ndimage.gaussian_filter(image, sigma, mode="constant")``, whose import costs more
    memory than the pictures that are smoothed.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
    sigma : float
        In pixels, above 0.
    """
    reach = int(_REACH * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    weights /= weights[0] + 2.0 * weights[1:].sum()
    found = np.asarray(image, dtype=np.float64)
    for _ in range(2):
        summed = weights[0] * found
        for step, weight in enumerate(weights[1 : len(found)], 1):
            part = weight * found
            summed[step:] += part[:-step]
            summed[:-step] += part[step:]
        found = summed.T
    return found
