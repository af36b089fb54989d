"""Quantities that must be above 0: lengths of time, sizes of pixels."""

from __future__ import annotations

from xbatch.spec.nodes import Node, text_of
from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.report import Report, shown

__all__ = ["positive"]


def positive(node: Node | None, kind: str, report: Report, hint: str) -> float | None:
    """Read a quantity above 0.

    Parameters
    ----------
    node : Node or None
        Where it is written, if it is.
    kind : str
        See `quantity`: ``time``, ``angle``.
    report : Report
        Is told what is wrong with it.
    hint : str
        What to write in the place of one that is not above 0.

    Returns
    -------
    float or None
        None where there is none, or it is at fault.
    """
    text = text_of(node)
    if node is None or text is None:
        return None
    try:
        value = quantity(text, kind)
        if not value > 0.0:
            raise QuantityError("XB205", f"{shown(text)} is not above 0", hint)
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    return value
