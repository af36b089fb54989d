"""Flares in the spectra of the RGS: what a screening says of them, told apart from what it says of EPIC's lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from xbatch.spec.espfilt import ESPFILT, ESPFILT_KEYS
from xbatch.spec.nodes import Node, Scalar, Table, is_said, items_of, text_of
from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.rates import rate_limit
from xbatch.spec.report import Report

__all__ = ["exceptions_for_rgs", "rgs_flare"]

#: The CCD next to the optical axis, and the bins that SAS's thread on the RGS has.
_CCD, _BIN = 9, "100 s"
#: CCDs that failed early in the mission: nothing is seen with them.
_LOST = {"RGS1": 7, "RGS2": 4}
_FOREIGN = ("band", "pattern", "flag", "sigma", *ESPFILT_KEYS)


def exceptions_for_rgs(root: Table) -> Iterator[Table]:
    """Give the exceptions of screenings that are for the RGS alone."""
    block = root.entries.get("screening")
    for screening in block.entries.values() if isinstance(block, Table) else ():
        listed = screening.entries.get("for") if isinstance(screening, Table) else None
        for one in items_of(listed):
            where = one.entries.get("where") if isinstance(one, Table) else None
            named = where.entries.get("instrument") if isinstance(where, Table) else None
            values = [text_of(value) or "" for value in items_of(named)]
            if isinstance(one, Table) and values and all(value.startswith("RGS") for value in values):
                yield one


def rgs_flare(
    flare: Table, instrument: str, own: Collection[str], cameras: bool, report: Report
) -> dict[str, Any] | None:
    """Give the cut of flares of an RGS.

    A cut that is written for all instruments is of EPIC where it has what EPIC alone has (a band, a pattern), and then
    the RGS has what an exception for it says; otherwise it is of the RGS too.

    Parameters
    ----------
    flare : Table
        As it holds for the instrument.
    instrument : str
        RGS1 or RGS2.
    own : collection of str
        Paths of the exceptions that are for the RGS alone.
    cameras : bool
        Whether there are lists that such a cut can be of.
    report : Report

    Returns
    -------
    dict or None
        ``{"rate": ["<", 0.1], "bin": s, "ccd": 9}``; None where there is no cut, or it is at fault.
    """
    said = {key: node for key, node in flare.entries.items() if is_said(node)}
    mine = {key: node for key, node in said.items() if _within(node, own)}
    if any(_is_foreign(key, node) for key, node in said.items() if key not in mine):
        if not mine and not _within(flare, own) and cameras:
            return None
        said = mine if mine or cameras else said
    for key, node in said.items():
        if _is_foreign(key, node):
            what = "method: espfilt" if key == "method" else f"'{key}'"
            message = f"flares of the RGS are cut by the rate of a CCD, and {what} is of lists of events"
            report.add(node, "XB228", message, 'write rate: "< 0.1 ct/s", and bin and ccd if need be')
            return None
    rate, width, number = (said.get(key) for key in ("rate", "bin", "ccd"))
    if rate is None:
        report.add(flare, "XB228", "flare of the RGS has no 'rate'", 'for example rate: "< 0.1 ct/s"')
        return None
    ccd = number.value if isinstance(number, Scalar) and isinstance(number.value, int) else _CCD
    if ccd == _LOST.get(instrument):
        report.add(number or flare, "XB228", f"CCD {ccd} of {instrument} has failed", f"name another, such as {_CCD}")
        return None
    at: Node = rate
    try:
        limit = rate_limit(text_of(rate) or "")
        at = width or flare
        seconds = quantity(_text(width) or _BIN, "time")
        if seconds <= 0.0:
            raise QuantityError("XB205", "the bin of flare is not above 0", f"write it as {_BIN}")
    except QuantityError as error:
        report.add(at, error.code, error.message, error.hint)
        return None
    return {"rate": limit, "bin": seconds, "ccd": ccd}


def _within(node: Node, paths: Collection[str]) -> bool:
    return any(node.path.startswith(f"{path}.") for path in paths)


def _is_foreign(key: str, node: Node) -> bool:
    return key in _FOREIGN or (key == "method" and text_of(node) == ESPFILT)


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, Scalar) else ""
