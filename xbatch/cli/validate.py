"""``xbatch validate``: check a spec, and show it as resolved."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import SpecError
from xbatch.cli.options import read_spec, spec_argument

if TYPE_CHECKING:
    from xbatch.spec.model import Analysis

__all__ = ["command"]


@click.command(
    "validate",
    epilog="""\b
Examples:
  xbatch validate analysis.yaml
  xbatch validate analysis.yaml --resolved --set binning.min30.counts=20
  xbatch validate analysis.yaml --format json | jq '.problems[].code'
""",
)
@spec_argument
@click.option("--resolved", is_flag=True, help="Print the spec with every default, and where each value came from.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How problems are printed.")
def command(spec: Path, overrides: tuple[str, ...], resolved: bool, form: str) -> None:
    """Check a spec and say everything that is wrong with it, each with its place and a hint. Exit status 2 if any.

    No data are looked at: `xbatch plan` says which files are missing. What events alone cannot give, a response that
    no file is named for, is said here. Of a sweep, the members are counted, and their distinct steps if all files are
    there.
    """
    from xbatch.spec import resolved_text

    try:
        analysis = read_spec(spec, overrides)
        if any(member.spec.level == "events" for member in analysis.members):
            from xbatch.plan.events import what_events_cannot_give

            if lacking := what_events_cannot_give(analysis):
                raise SpecError(lacking)
    except SpecError as error:
        if form == "json":
            click.echo(json.dumps({"valid": False, "problems": [p.as_dict() for p in error.problems]}, indent=2))
        else:
            click.echo(str(error), err=True)
            count = len(error.problems)
            click.echo(f"{spec}: {count} problem{'s' if count > 1 else ''}", err=True)
        sys.exit(error.exit_status)
    if form == "json":
        answer: dict[str, object] = {"valid": True, "problems": [], "notes": [n.as_dict() for n in analysis.notes]}
        answer |= {"members": len(analysis.members), "steps": _distinct_steps(analysis)}
        if resolved:
            answer["resolved"] = analysis.document
        click.echo(json.dumps(answer, indent=2))
        return
    for note in analysis.notes:
        click.echo(f"note: {note}", err=True)
    if resolved:
        click.echo(resolved_text(analysis), nl=False)
        return
    click.echo(f"{spec}: valid ({_content(analysis)}{_sweep(analysis)})")


def _content(analysis: Analysis) -> str:
    """Count what a spec has."""
    first = analysis.members[0].spec
    work, raw = first.work, first.raw
    spectra = len(work.spectra) + len(raw.rgs if raw else ()) if work else len(first.spectra)
    counts = [
        (len(raw.observations) if raw else 0, "raw observation", "raw observations"),
        (len(work.observed) if work else 0, "event list", "event lists"),
        (spectra, "spectrum", "spectra"),
        (len(first.combinations) + len(raw.rgs_sums if raw else ()), "sum", "sums"),
        (len(raw.pileups) if raw else 0, "search for pile-up", "searches for pile-up"),
        (len(raw.detections) if raw else 0, "search for sources", "searches for sources"),
        (len(work.images) if work else 0, "set of images", "sets of images"),
        (len(work.lightcurves) if work else 0, "set of light curves", "sets of light curves"),
        (len(first.fits), "fit", "fits"),
    ]
    shown = [(number, one, many) for number, one, many in counts if number or (one == "fit" and work is None)]
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in shown)


def _sweep(analysis: Analysis) -> str:
    """Count the members of a sweep, and the steps that they are in all."""
    if len(analysis.members) < 2:
        return ""
    steps = _distinct_steps(analysis)
    counted = f", {steps} distinct steps" if steps is not None else "; their steps can be counted where the files are"
    return f", {len(analysis.members)} members{counted}"


def _distinct_steps(analysis: Analysis) -> int | None:
    """Count the steps of a sweep, each once however many members share it; None without a sweep, or without files."""
    if len(analysis.members) < 2:
        return None
    from xbatch.plan.compile import compile_plan

    try:
        return len(compile_plan(analysis))
    except SpecError:
        return None
