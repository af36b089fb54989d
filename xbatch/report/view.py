"""A run as a page shows it: the manifest and the products, shaped into what stands where."""

from __future__ import annotations

import base64
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from xbatch.plan.verdict import Reason, reason_text
from xbatch.report.observations import band_views, mosaic_views, observation_views, sum_views
from xbatch.report.source import RunSource, Step, Table
from xbatch.report.toolfinds import tool_calls
from xbatch.report.warned import warnings_of

if TYPE_CHECKING:
    from xbatch.report.fits import FitView

__all__ = ["Download", "StepView", "page_view", "reproduce", "step_views"]

OUTCOME_WORDS = {
    "complete": "Complete",
    "partial": "Complete for the steps that were asked for",
    "failed": "Some steps failed",
    "interrupted": "Interrupted",
}
_MEDIA = {".csv": "text/csv", ".ecsv": "text/plain", ".tex": "text/x-tex", ".yaml": "text/plain"}
_FEW = 40


@dataclass(frozen=True)
class Link:
    """A file beside the page: what it is, and its address."""

    name: str
    address: str


@dataclass(frozen=True)
class StepView:
    """One step as a line of a table, with its log; `files` are those to look at where it has failed."""

    step: Step
    why: str
    log: str
    is_bad: bool
    files: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Download:
    """A small file carried in the page."""

    name: str
    uri: str


def page_view(source: RunSource) -> dict[str, Any]:
    """Shape a run for the page's template."""
    manifest = source.manifest
    fits = _fits(source)
    steps = step_views(source)
    document = manifest["spec"]["document"]
    return {
        "manifest": manifest,
        "linked": source.linked,
        "run": manifest["run"],
        "spec": manifest["spec"],
        "title": str(document.get("title") or manifest["name"]),
        "outcome_words": OUTCOME_WORDS[manifest["run"]["outcome"]],
        "summary_line": summary_line(manifest["run"]["counts"]),
        "warnings": warnings_of(fits, steps),
        "observations": observation_views(source),
        "mosaics": mosaic_views(source),
        "sums": sum_views(source),
        "bands": band_views(source),
        "fits": fits,
        "troubled": sum(bool(fit.trouble) for fit in fits),
        "comparison": _comparison(fits),
        "spectra": _tables(source, "summary"),
        "downloads": _downloads(source),
        "texts": _texts(manifest),
        "resolved": _resolved(document, manifest["spec"]["origins"]),
        "steps": steps,
        "groups": _groups(steps),
        "many_steps": len(steps) > _FEW,
        "outside": _outside(manifest),
        "calls": tool_calls(manifest["steps"]),
        "commands": reproduce(manifest),
    }


def _fits(source: RunSource) -> list[FitView]:
    if not any(source.steps("fit")):
        return []  # and what shows fits is not even loaded
    from xbatch.report.fits import fit_views

    return fit_views(source)


def summary_line(counts: Mapping[str, int]) -> str:
    """Count a run's steps in words: ``14 steps: 12 done, 2 up to date``."""
    total = sum(counts.values())
    parts = [f"{number} {outcome}" for outcome, number in counts.items() if number]
    return f"{total} step{'' if total == 1 else 's'}: {', '.join(parts)}" if parts else "no steps"


def step_views(source: RunSource) -> list[StepView]:
    """Shape every step, in the plan's order."""
    views = []
    for step in source.manifest["steps"]:
        why = "; ".join(reason_text(Reason(**reason)) for reason in step["reasons"])
        files = tuple(Link(*one) for one in source.files_of(step)) if step["outcome"] == "failed" else ()
        is_bad = step["outcome"] in {"failed", "skipped", "cancelled"}
        views.append(StepView(step, why, source.log_of(step), is_bad, files))
    return views


def reproduce(manifest: Mapping[str, Any]) -> list[str]:
    """Give the commands that make a run again from the files it names."""
    spec = manifest["spec"]
    name = PurePosixPath(spec["path"]).name
    sets = " ".join(f"--set {shlex.quote(override)}" for override in spec["overrides"])
    run = " ".join(part for part in ("xbatch run", shlex.quote(name), sets) if part)
    fit = "[fit]" if any(step["task"] == "fit" for step in manifest["steps"]) else ""
    return [f"pip install 'xbatch{fit}=={manifest['xbatch']}'", run]


def _comparison(fits: Sequence[FitView]) -> list[dict[str, Any]]:
    """Put the fits of one name into one table each, where a sweep or a group has made several of it."""
    named: dict[str, list[FitView]] = {}
    for fit in fits:
        named.setdefault(str(fit.title).partition("/")[0], []).append(fit)
    tables = []
    for name, members in named.items():
        if len(members) < 2:
            continue
        parameters = dict.fromkeys(row.name for fit in members for row in fit.parameters if row.state == "free")
        fluxes = dict.fromkeys(row.label for fit in members for row in fit.fluxes)
        rows = [
            {
                "fit": fit,
                "group": fit.title.partition("/")[2],
                "values": dict(fit.values),
                "parameters": {row.name: row for row in fit.parameters},
                "fluxes": {row.label: row.energy for row in fit.fluxes},
            }
            for fit in members
        ]
        tables.append(
            {
                "name": name,
                "grouped": any(row["group"] for row in rows),
                "axes": list(dict.fromkeys(axis for fit in members for axis, _ in fit.values)),
                "parameters": list(parameters),
                "fluxes": list(fluxes),
                "rows": rows,
            }
        )
    return tables


def _tables(source: RunSource, task: str) -> list[Table]:
    found = (source.table_of(step, task) for step in source.steps(task))
    return [table for table in found if table is not None and table.rows]


def _downloads(source: RunSource) -> list[Download]:
    """Carry the tables in the page, so that whoever gets it has the numbers as files too."""
    found = []
    for task in ("parameters", "summary"):
        for step in source.steps(task):
            for name in sorted(step["outputs"]):
                uri = source.data_uri(step, name, _MEDIA.get(PurePosixPath(name).suffix, "application/octet-stream"))
                if uri is not None:
                    found.append(Download(name, uri))
    return found


def _texts(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the spec and what it includes as text to read, and as bytes to keep."""
    texts = []
    for file in manifest["spec"]["files"]:
        raw = base64.b64decode(file["content"]) if file["encoding"] == "base64" else file["content"].encode()
        uri = f"data:text/plain;base64,{base64.b64encode(raw).decode('ascii')}"
        texts.append(
            {
                "name": PurePosixPath(file["path"]).name,
                "text": raw.decode("utf-8", "replace"),
                "sha256": file["sha256"],
                "download": Download(PurePosixPath(file["path"]).name, uri),
            }
        )
    return texts


def _resolved(document: Mapping[str, Any], origins: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Flatten the resolved spec: dotted path, value, where the value came from."""
    rows: list[tuple[str, str, str]] = []

    def walk(value: Any, path: str, origin: str) -> None:
        origin = origins.get(path, origin)
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                walk(item, f"{path}.{key}" if path else str(key), origin)
        elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
            for number, item in enumerate(value):
                walk(item, f"{path}[{number}]", origin)
        else:
            rows.append((path, _plain(value), origin))

    walk(document, "", "")
    return rows


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value) or "(empty)"
    if isinstance(value, Mapping):
        return "(empty)"
    return str(value)


def _groups(steps: Sequence[StepView]) -> list[dict[str, Any]]:
    """Put the steps under their tasks, in the order in which the plan first names each."""
    groups: dict[str, list[StepView]] = {}
    for view in steps:
        groups.setdefault(view.step["task"], []).append(view)
    return [
        {
            "task": task,
            "steps": views,
            "counts": ", ".join(
                f"{number} {outcome}" for outcome, number in Counter(v.step["outcome"] for v in views).items()
            ),
            "bad": any(view.is_bad for view in views),
        }
        for task, views in groups.items()
    ]


def _outside(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the files from outside, each once."""
    files = {item["path"]: item for step in manifest["steps"] for item in step["inputs"].values() if "path" in item}
    return list(files.values())
