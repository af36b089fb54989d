"""What a worker is told: made of a step, its verdict and what is known of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.plan.keys import plain
from xbatch.plan.steps import FileInput, Step
from xbatch.plan.verdict import Verdict
from xbatch.registry import TaskDef
from xbatch.run.letters import Order
from xbatch.run.reading import SeenFile
from xbatch.run.store import Record, Store

__all__ = ["RECORD_VERSION", "make_order"]

RECORD_VERSION = 1


def make_order(
    step: Step,
    verdict: Verdict,
    task: TaskDef,
    seen: Mapping[str, SeenFile],
    records: Mapping[str, Record],
    store: Store,
    out: Path,
    log: Path,
) -> Order:
    """Make the order for a step.

    Parameters
    ----------
    step : Step
    verdict : Verdict
        With key and ingredients.
    task : TaskDef
    seen : Mapping
        The files from outside, by path.
    records : Mapping
        Step name to record of each step that has a result.
    store : Store
    out, log : Path
    """
    if verdict.ingredients is None:
        raise ValueError(f"{step.name} cannot be ordered before its inputs are known")
    paths: dict[str, Path] = {}
    inputs: dict[str, dict[str, Any]] = {}
    marks = {}
    for role, source in step.inputs.items():
        if role not in verdict.ingredients["inputs"]:
            continue
        if isinstance(source, FileInput):
            file = seen[source.path]
            paths[role] = Path(source.path)
            marks[paths[role]] = file.mark
            inputs[role] = {"digest": file.digest, "size": file.mark.size, "path": source.path}
        else:
            record = records[source.step]
            output = record["outputs"][source.output]
            paths[role] = store.entry(record["key"]) / source.output
            inputs[role] = {
                "digest": output["digest"],
                "size": output["size"],
                "step": source.step,
                "output": source.output,
            }
    head = {
        "record": RECORD_VERSION,
        "step": step.name,
        "task": step.task,
        "task_version": task.version,
        "engine": step.engine,
        "engine_version": verdict.ingredients["engine_version"],
        "key": verdict.key,
        "ingredients": verdict.ingredients,
        "inputs": inputs,
    }
    return Order(
        step=step.name,
        function=task.engines[step.engine],
        params=plain(step.params),
        inputs=paths,
        marks=marks,
        outputs=step.outputs or task.outputs,
        head=head,
        out=out,
        log=log,
        store=store.root,
        replace=any(reason.kind == "forced" for reason in verdict.reasons) or store.is_damaged(verdict.key or ""),
        places={name: Path(folder) for name, folder in step.places.items()},
    )
