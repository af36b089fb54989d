"""Further responses of spectra by name: what a spec's ``responses`` give for each subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.spec.model import ResponseFiles, Subject
from xbatch.spec.nodes import Scalar, Table, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.report import Report
from xbatch.spec.templates import check_template, template_path

__all__ = ["check_responses", "further_responses", "laid_over_files"]

_FILES = ("response", "arf")


def further_responses(table: Table, subject: Subject, base: Path) -> Mapping[str, ResponseFiles]:
    """Name the files of a subject's further responses; one whose response is ``none`` is left out.

    Parameters
    ----------
    table : Table
        The spectrum's entry as it holds for the subject.
    subject : Subject
    base : Path
        Where relative names start from.
    """
    listed = table.entries.get("responses")
    found: dict[str, ResponseFiles] = {}
    for name, entry in listed.entries.items() if isinstance(listed, Table) else ():
        texts = [text_of(entry.entries.get(key)) if isinstance(entry, Table) else None for key in _FILES]
        if texts[0] == "none":
            continue
        files = [None if text in {None, "none"} else template_path(str(text), subject, base) for text in texts]
        found[name] = ResponseFiles(*files)
    return found


def check_responses(table: Table, pointings: Sequence[Pointing], report: Report) -> None:
    """Check the templates in ``responses`` of a spectrum, or of an exception of it."""
    listed = table.entries.get("responses")
    for entry in listed.entries.values() if isinstance(listed, Table) else ():
        for key in _FILES:
            value = entry.entries.get(key) if isinstance(entry, Table) else None
            if isinstance(value, Scalar) and isinstance(value.value, str):
                check_template(value, pointings, report)


def laid_over_files(base: Table, changes: Table) -> Table:
    """Lay an exception over a spectrum: key by key, its further responses too."""
    for key, node in changes.entries.items():
        own = base.entries.get(key)
        merged = laid_over_files(own, node) if isinstance(own, Table) and isinstance(node, Table) else node
        base = base.with_entry(key, merged, changes.key_place(key))
    return base
