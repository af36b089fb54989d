"""``exposure_map: pipeline``: maps that the mission's tools make of what is reduced here."""

from __future__ import annotations

from collections.abc import Mapping

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Table, text_of
from xbatch.spec.report import Report
from xbatch.spec.rgs import PIPELINE, is_rgs

__all__ = ["check_maps", "is_made"]


def is_made(table: Table) -> bool:
    """Say whether the exposure map of an image or a spectrum is made by the mission's tools."""
    return text_of(table.entries.get("exposure_map")) == PIPELINE


def check_maps(settled: Mapping[Subject, Table], report: Report, *, pairs: bool = False) -> None:
    """Insist on a mission whose tools make exposure maps; the first entry at fault is reported.

    Parameters
    ----------
    settled : Mapping
        Each subject's own table.
    report : Report
    pairs : bool
        Whether the maps are for spectra, which nubackscale weighs together with their backgrounds.
    """
    for subject, table in settled.items():
        if not is_made(table) or is_rgs(subject):
            continue
        node = table.entries["exposure_map"]
        if subject.mission != "nustar":
            message = f"nuexpomap makes maps of NuSTAR, and {subject.obsid}/{subject.instrument} is of XMM-Newton"
            hint = "write exposure_map: pipeline under for: [{where: {mission: nustar}, ...}]"
            report.add(node, "XB237", message, hint)
            return
        if pairs and (text_of(table.entries.get("background")) or "none") == "none":
            message = "nubackscale weighs a spectrum and its background together, and there is no background"
            report.add(node, "XB240", message, "name its region by 'background', or remove the map")
            return
