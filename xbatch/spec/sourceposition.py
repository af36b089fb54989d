"""Where the source of a spectrum of EPIC is said to be: in the middle of its region, at the target, or elsewhere."""

from __future__ import annotations

from xbatch.spec.missions import MISSIONS
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, is_said, text_of
from xbatch.spec.positions import place_of
from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import Report

__all__ = ["source_position"]

_TARGET = "target"


def source_position(node: Node | None, subject: Subject, target: bool, report: Report) -> str | tuple[float, float]:
    """Read ``source_position``.

    Parameters
    ----------
    node : Node or None
    subject : Subject
        Whose it is.
    target : bool
        Whether the position of the target is known.
    report : Report
        Each entry is told of once.

    Returns
    -------
    str or tuple of float
        ``target``, ``region``, RA and Dec (degrees, fk5), or empty where nothing is said.
    """
    if node is None or not is_said(node):
        return ""
    heard = any(one.path == node.path for one in report.problems)
    if subject.mission != "xmm" and not heard:
        message = f"'source_position' is of EPIC, and {subject.obsid} is of {MISSIONS[subject.mission].title}"
        report.add(node, "XB222", message, "remove it, or write it in an exception for XMM-Newton")
    if isinstance(node, Items):
        texts = [str(one.value) if isinstance(one, Scalar) else "" for one in node.items]
        try:
            return place_of(texts[0], texts[-1], "fk5")
        except QuantityError as error:
            if not heard:
                report.add(node, error.code, error.message, error.hint)
            return ""
    word = text_of(node) or ""
    if word == _TARGET and not target and not heard:
        hint = 'add target: {name: ..., position: ["14:13:14.9", "-03:12:27.3"]}'
        report.add(node, "XB103", "the source is the target, and its position is not known", hint)
    return word
