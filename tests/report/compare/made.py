"""Comparisons and steps of manifests made up for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbatch.plan.reasons import Reason
from xbatch.report.compare.data import Comparison, Difference, Number, Row, Run


def fitted(
    counts: float = 20, index: float = 1.9, error: float | None = 0.02, *, run: int = 0, group: str = "", **changes: Any
) -> Row:
    """One good fit of a sweep over the counts of a binning."""
    values = {
        "run": run,
        "members": (f"counts={counts:g}",),
        "values": {"binning.bins.counts": counts},
        "fit": "pl",
        "group": group,
        "step": f"fit:pl~counts={counts:g}",
        "result": "good",
        "statistic": "chi2",
        "stat_value": 82.5 + counts,
        "reduced": 1.071,
        "dof": 77,
        "bins": 80,
        "counts": 12345,
        "parameters": {
            "pl.PhoIndex": Number(index, error, error, "", "free", "", 0.9, "profile"),
            "pl.norm": Number(0.00321, 9.1e-5, 9.9e-5, "photons/keV/cm2/s at 1 keV", "free", "", 0.9, "profile"),
            "fe.LineE": Number(6.4, unit="keV", state="frozen"),
        },
        "fluxes": {"flux 3-79 keV absorbed": Number(3.43e-10, unit="erg/cm2/s")},
    }
    return Row(**{**values, **changes})


def compared(*rows: Row, runs: int = 1, **changes: Any) -> Comparison:
    """A comparison of such rows, each with the first."""
    labels = ("before", "after", "third")[:runs] if runs > 1 else ("sweep",)
    members = tuple(dict.fromkeys(member for row in rows for member in row.members))
    made = tuple(Run(label, f"out/{label}", "complete", ("binning.bins.counts",), members) for label in labels)
    return Comparison(made, rows, ("binning.bins.counts",), **changes)


def differing(old: object, new: object, what: str = "binning.counts", subject: str = "a/FPMA/src/bins") -> Difference:
    return Difference("group", subject, Reason("parameter", what, old, new))


def step(name: str, params: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A step of a manifest that was done; its key is that of its content, its inputs come as role to digest or step."""
    task, _, subject = name.partition(":")
    inputs = changes.pop("inputs", {})
    made: dict[str, Any] = {
        "name": name,
        "task": task,
        "task_version": 1,
        "subject": subject,
        "engine": "native",
        "engine_version": "1",
        "params": dict(params or {}),
        "inputs": {role: dict(item) for role, item in inputs.items()},
        **changes,
    }
    content = {key: made[key] for key in ("task", "task_version", "engine", "engine_version", "params")}
    digests = {role: item["digest"] for role, item in made["inputs"].items() if item.get("digest")}
    made.setdefault("ingredients", {**content, "version": made["task_version"], "inputs": digests})
    made.setdefault("key", repr((sorted(content.items(), key=str), sorted(digests.items()))))
    return made
