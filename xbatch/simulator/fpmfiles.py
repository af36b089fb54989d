"""The files beside a NuSTAR event list: housekeeping, GTIs, bad pixels, attitude, optical axis, DET1 reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.rowwriter import Field, Records, record_dtype, write_records
from xbatch.simulator.focalplane import MIDDLE, Aspect

__all__ = ["REFERENCE_CARDS", "bad_pixel_tables", "gti_table", "write_attitude", "write_axis", "write_housekeeping"]

Floats = NDArray[np.float64]

#: The seconds of NuSTAR are counted from 2010-01-01T00:00:00 UTC.
REFERENCE_CARDS = (
    Card("MJDREFI", 55197, "MJD reference day"),
    Card("MJDREFF", 7.6601852e-4, "MJD reference (fraction of day)"),
    Card("CLOCKAPP", False, "TRUE if timestamps corrected by gnd sware"),
)

_GTI = (Field("START", "1D", "s"), Field("STOP", "1D", "s"))
_PIXEL = (("TLMIN", 0), ("TLMAX", 31))
_BAD = (
    Field("RAWX", "1B", "pixel", _PIXEL),
    Field("RAWY", "1B", "pixel", _PIXEL),
    Field("TIME", "1D", "s"),
    Field("TIME_STOP", "1D", "s"),
    Field("BADFLAG", "16X"),
)
#: BADFLAG of a pixel that is switched off on board.
_ON_BOARD = 0x0002
_COUNTERS = (
    "NEV", "NACCEPT", "NREJECT", "NCZT0_A", "NCZT1_A", "NCZT2_A", "NCZT3_A", "NSHLO_A", "NSHHI_A", "NUPTRIG_A",
    "NTPTRIG_A", "NCZT0_R", "NCZT1_R", "NCZT2_R", "NCZT3_R", "NSHLO_R", "NSHHI_R", "NUPTRIG_R", "NTPTRIG_R", "NCEV",
    "NZERO",
)  # fmt: skip
_HOUSEKEEPING = (
    Field("TIME", "D", "s"),
    Field("FRAME24", "J", "s"),
    Field("SHLDLO", "J", "ct/s"),
    Field("SHLDHI", "J", "ct/s"),
    Field("LIVETIME_RAW", "D", "s"),
    Field("LIVETIME", "D", "s"),
    Field("EVTIME", "J", "ct/s"),
    *(Field(name, "I", "ct/s", (), True) for name in _COUNTERS),
    Field("SW_SAA", "1B"),
    Field("SW_TENTACLE", "1B"),
)
_ATTITUDE = (
    Field("TIME", "1D", "s"),
    Field("QPARAM", "4D"),
    Field("POINTING", "3D", "Deg"),
    Field("SOURCE", "1B"),
    Field("SOLUTION", "1B"),
    Field("RESIDUAL", "1B"),
    Field("BBO", "1B"),
    Field("QPARAM_ORIG", "4D"),
)
_DET1 = (Field("TIME", "1D", "s"), Field("X_DET1", "1D", "pixel"), Field("Y_DET1", "1D", "pixel"))
_AXIS = tuple(
    Field(name, "1D", "s" if name == "TIME" else "pixel")
    for name in ("TIME", "X_OA", "Y_OA", "DET2X_APSTOP", "DET2Y_APSTOP", "X_APSTOP", "Y_APSTOP")
)
#: Ticks of the clock within a second, about, in EVTIME.
_TICKS = 14745700


def gti_table(name: str, gti: Floats, cards: Sequence[Card]) -> Records:
    """Make a GTI extension."""
    rows = np.zeros(len(gti), record_dtype(_GTI))
    rows["START"], rows["STOP"] = gti[:, 0], gti[:, 1]
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "GTI"), Card("HDUCLAS2", "STANDARD")]
    return Records(name, _GTI, rows, [*kind, *cards])


def bad_pixel_tables(bad: NDArray[np.bool_], cards: Sequence[Card], start: float, stop: float) -> list[Records]:
    """Make the four BADPIX extensions; bad has the shape (4, 32, 32)."""
    tables = []
    for detector in range(len(bad)):
        rawx, rawy = np.nonzero(bad[detector])
        rows = np.zeros(rawx.size, record_dtype(_BAD))
        rows["RAWX"], rows["RAWY"], rows["TIME"], rows["TIME_STOP"], rows["BADFLAG"] = (
            rawx,
            rawy,
            start,
            stop,
            _ON_BOARD,
        )
        own = [Card("EXTVER", detector + 1), Card("DETNAM", f"DET{detector}", "CZT Detector ID (0,1,2 or 3)")]
        tables.append(Records("BADPIX", _BAD, rows, [*own, *cards]))
    return tables


def write_housekeeping(
    path: Path,
    cards: Sequence[Card],
    start: float,
    live: Floats,
    counted: tuple[NDArray[np.int64], NDArray[np.int64]],
    in_anomaly: NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Write the housekeeping of a module: a row a second.

    Parameters
    ----------
    path : Path
    cards : sequence of Card
    start : float
        s of the first row.
    live : ndarray, shape (n,)
        Live seconds of each row.
    counted : pair of ndarray, shape (n, 4)
        Events by detector that stay, and that the shield vetoed.
    in_anomaly : ndarray of bool, shape (n,)
        Where the detectors are off.
    rng : Generator
    """
    count = live.size
    accepted, rejected = counted
    rows = np.zeros(count, record_dtype(_HOUSEKEEPING))
    rows["TIME"] = start + np.arange(count)
    rows["FRAME24"] = 1_000_000 + np.arange(count)
    rows["SHLDLO"] = rng.poisson(np.where(in_anomaly, 20000.0, 1500.0))
    rows["SHLDHI"] = rng.poisson(np.where(in_anomaly, 300.0, 15.0))
    rows["LIVETIME"] = live
    rows["LIVETIME_RAW"] = np.minimum(live * 1.005, 1.0)
    rows["EVTIME"] = _TICKS + rng.integers(0, 41, count)
    counters: dict[str, NDArray[np.int64]] = {
        "NEV": accepted.sum(axis=1) + rejected.sum(axis=1),
        "NACCEPT": accepted.sum(axis=1),
        "NREJECT": rejected.sum(axis=1),
        "NSHLO_R": rejected.sum(axis=1),
        "NCEV": accepted.sum(axis=1),
    }
    for detector in range(4):
        counters[f"NCZT{detector}_A"] = accepted[:, detector]
        counters[f"NCZT{detector}_R"] = rejected[:, detector]
    for name in _COUNTERS:
        rows[name] = counters.get(name, np.zeros(count, np.int64)) - 32768
    rows["SW_SAA"] = in_anomaly
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "TEMPORALDATA"), Card("HDUCLAS2", "HKP"), Card("TIMEPIXR", 0.0)]
    write_records(path, cards, [Records("HK1FPM", _HOUSEKEEPING, rows, [*kind, *cards])])


def write_attitude(path: Path, cards: Sequence[Card], times: Floats, ra: float, dec: float, roll: float) -> None:
    """Write the attitude: a steady pointing.

    QPARAM (x, y, z, w) turns the axes of the telescope into those of the sky; its third axis is the line of sight, its
    second one lies `roll` degrees from north towards east.
    """
    alpha, delta, angle = np.radians((ra, dec, roll))
    sight = np.array([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)])
    north = np.array([-np.sin(delta) * np.cos(alpha), -np.sin(delta) * np.sin(alpha), np.cos(delta)])
    east = np.array([-np.sin(alpha), np.cos(alpha), 0.0])
    second = np.cos(angle) * north + np.sin(angle) * east
    quaternion = _quaternion(np.stack([np.cross(second, sight), second, sight], axis=1))
    rows = np.zeros(times.size, record_dtype(_ATTITUDE))
    rows["TIME"] = times
    rows["QPARAM"] = rows["QPARAM_ORIG"] = quaternion
    rows["POINTING"] = (ra, dec, roll)
    rows["SOURCE"] = rows["SOLUTION"] = 2
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "TEMPORALDATA"), Card("HDUCLAS2", "HKP"), Card("TIMEPIXR", 0.0)]
    write_records(path, cards, [Records("ATTITUDE", _ATTITUDE, rows, [*kind, *cards])])


def _quaternion(matrix: Floats) -> Floats:
    """Give the quaternion (x, y, z, w) of a rotation matrix."""
    # the eigenvector of the largest eigenvalue (Bar-Itzhack 2000, J. Guidance 23, 1085) knows no special cases
    m = matrix
    symmetric = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    vector = np.linalg.eigh(symmetric)[1][:, -1]
    return np.asarray(vector if vector[3] >= 0 else -vector)


def write_axis(folder: Path, stem: str, cards: Sequence[Card], times: Floats, aspect: Aspect) -> list[Path]:
    """Write where the middle of the sky image is on DET1, and where the optical axis is on the sky."""
    x, y = aspect.reference(times)
    det1 = np.zeros(times.size, record_dtype(_DET1))
    det1["TIME"], det1["X_DET1"], det1["Y_DET1"] = times, x, y
    axis = np.zeros(times.size, record_dtype(_AXIS))
    # the axis of the mirrors is where the middle of the field is on average
    axis["TIME"] = times
    axis["X_OA"], axis["Y_OA"] = aspect.to_sky(np.full(times.size, aspect.x), np.full(times.size, aspect.y), times)
    axis["X_APSTOP"] = axis["Y_APSTOP"] = MIDDLE
    axis["DET2X_APSTOP"] = axis["DET2Y_APSTOP"] = 300.5
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "TEMPORALDATA"), Card("TIMEPIXR", 0.0)]
    paths = [folder / f"{stem}_det1.fits", folder / f"{stem}_oa.fits"]
    write_records(paths[0], cards, [Records("DET1_REFPOINT", _DET1, det1, [*kind, *cards])])
    write_records(paths[1], cards, [Records("OPTICAL_AXIS", _AXIS, axis, [*kind, *cards])])
    return paths
