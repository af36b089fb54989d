"""When a spectrum was taken, from the cards of its header."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from xbatch.base.fitsheader import Value

__all__ = ["observation_mjd"]

_DAY = 86400.0
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


def observation_mjd(header: Mapping[str, Value]) -> tuple[float | None, float | None]:
    """Give the MJD of an observation and the MJD of its end; None where the cards do not say.

    XMM-Newton: the first is the middle, the mean of DATE-OBS and DATE-END (UTC), the second is DATE-END.
    NuSTAR and others: TSTART and TSTOP counted from MJDREF (or MJDREFI + MJDREFF), in the time scale of the file,
    without a shift by leap seconds; without those cards MJD-OBS.
    """
    if header.get("TELESCOP") == "XMM":
        start, end = (_date_mjd(header.get(card)) for card in ("DATE-OBS", "DATE-END"))
        return (None if start is None or end is None else 0.5 * (start + end)), end
    reference = _reference(header)
    unit = 1.0 if str(header.get("TIMEUNIT", "s")).strip().startswith("d") else _DAY
    start, end = (
        None if reference is None or value is None else reference + value / unit
        for value in (_number(header, "TSTART"), _number(header, "TSTOP"))
    )
    return (_number(header, "MJD-OBS") if start is None else start), end


def _reference(header: Mapping[str, Value]) -> float | None:
    whole, part = _number(header, "MJDREFI"), _number(header, "MJDREFF")
    return _number(header, "MJDREF") if whole is None else whole + (part or 0.0)


def _number(header: Mapping[str, Value], card: str) -> float | None:
    value = header.get(card)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _date_mjd(text: Value) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    return (moment.replace(tzinfo=UTC) - _MJD_ZERO).total_seconds() / _DAY
