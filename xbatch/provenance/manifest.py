"""The manifest of a run: one file that joins the spec, the plan and the records of all steps.

It proves where every number came from, and it is all that the report, an archive and a comparison of two runs need
beside the products themselves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch import __version__
from xbatch.base.conform import compiled
from xbatch.base.digest import DIGESTS, DigestMemo
from xbatch.base.errors import FileError, UsageError
from xbatch.base.files import canonical_json, pretty_json, schema_text, write_atomically
from xbatch.plan.keys import plain
from xbatch.plan.steps import FileInput, Plan, Step
from xbatch.provenance.environment import host, python_environment, toolsets
from xbatch.registry import TASKS, TaskDef
from xbatch.run.result import OUTCOMES as RUN_OUTCOMES
from xbatch.run.result import RunResult, StepResult
from xbatch.spec.model import Analysis

__all__ = ["NAME", "OUTCOMES", "build", "plan_digest", "read", "without_volatile", "write"]

NAME = "manifest.json"
_SCHEMA = "manifest-1"

OUTCOMES = (*RUN_OUTCOMES, "not selected")
"""What may have become of a step: a run's outcomes, and those that it was not asked for."""


def build(
    analysis: Analysis,
    plan: Plan,
    result: RunResult,
    jobs: int,
    command: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    registry: Mapping[str, TaskDef] = TASKS,
) -> dict[str, Any]:
    """Join what is known of a run.

    Parameters
    ----------
    analysis : Analysis
        The spec as it was read.
    plan : Plan
    result : RunResult
        What became of the steps that were selected.
    jobs : int
        How many steps could run at a time.
    command : sequence of str
        The command line as it was given.
    environ : Mapping, optional
        The environment's variables, to find the missions' tools; the process's own by default.
    registry : Mapping
        Task name to its definition.

    Returns
    -------
    dict
        JSON-able, as schema ``manifest-1`` describes it.
    """
    known = {step.name: _Known(step, _record(step)) for step in result.steps}
    sha256s = _Sha256s(DigestMemo(result.store_dir / DIGESTS), {})
    entries = [_step(step, registry[step.task], known, result.run_dir, sha256s) for step in plan]
    counts = Counter(entry["outcome"] for entry in entries)
    return {
        "manifest": 1,
        "xbatch": __version__,
        "name": analysis.name,
        "run": {
            "outcome": _outcome(result, counts),
            "message": result.message,
            "counts": {kind: counts[kind] for kind in OUTCOMES},
            "started": result.started,
            "ended": result.ended,
            "signal": result.signal,
            "jobs": jobs,
            "folder": str(result.run_dir),
            "store": str(result.store_dir),
            "command": list(command),
        },
        "spec": _spec(analysis),
        "plan": {"digest": plan_digest(plan), "steps": len(plan)},
        "steps": entries,
        "environment": python_environment(),
        "toolsets": toolsets(environ),
        "host": host(),
    }


def write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Check a manifest against its schema and write it as ``manifest.json``.

    Raises
    ------
    ValueError
        It does not fit its schema; the message names the place.
    """
    schema = json.loads(schema_text(_SCHEMA))
    if not compiled(schema)(manifest):
        raise ValueError(f"the manifest does not fit its schema at {_fault(schema, manifest)}")
    path = folder / NAME
    write_atomically(path, _text(manifest))
    return path


def _text(manifest: Mapping[str, Any]) -> str:
    """Give a manifest as text: for people, or with a step a line where there are too many for them to read."""
    steps = manifest["steps"]
    if len(steps) <= _READABLE:
        return pretty_json(manifest)
    head, _, tail = pretty_json({**manifest, "steps": []}).partition('"steps": []')
    lines = ",\n".join(f"    {canonical_json(step).decode()}" for step in steps)
    return f'{head}"steps": [\n{lines}\n  ]{tail}'


def _fault(schema: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    import jsonschema

    faults = sorted(jsonschema.Draft7Validator(schema).iter_errors(manifest), key=lambda fault: fault.json_path)
    return "; ".join(f"{fault.json_path}: {fault.message}" for fault in faults[:1])


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises
    ------
    UsageError
        The folder holds none.
    FileError
        It cannot be read, or is of a version that this xbatch does not know.
    """
    path = folder / NAME
    if not path.is_file():
        raise UsageError(f"{folder} holds no {NAME}: it is not the folder of a finished run. Run the spec first")
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise FileError(str(path), f"is not JSON: {error}", "Run the spec again to write it anew") from error
    version = manifest.get("manifest") if isinstance(manifest, dict) else None
    if version != 1:
        raise FileError(str(path), f"is a manifest of version {version}, not 1", "Use the xbatch that wrote it")
    result: dict[str, Any] = manifest
    return result


def plan_digest(plan: Plan) -> str:
    """Give the sha256 of a plan: its steps, their parameters and what they hang on; no paths of files."""
    content = [
        {
            "name": step.name,
            "task": step.task,
            "engine": step.engine,
            "params": plain(step.params),
            "inputs": {
                role: "file" if isinstance(item, FileInput) else f"{item.step} {item.output}"
                for role, item in step.inputs.items()
            },
        }
        for step in plan
    ]
    return hashlib.sha256(canonical_json(content)).hexdigest()


_READABLE = 500
_VOLATILE_RUN = ("counts", "started", "ended", "jobs", "folder", "store", "command")
_VOLATILE_STEP = (
    "outcome", "reasons", "seconds", "started", "ended", "wall_s", "cpu_s", "max_rss_mb", "log", "host", "environment",
)  # fmt: skip


def without_volatile(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what may differ between two runs of one spec that give the same results.

    These are times, resources, folders and paths, the command line, the number of jobs, the host, the environment, and
    whether a step was made or found in the store (``done`` and ``up to date`` become ``there``).
    """
    kept = json.loads(canonical_json(manifest))
    for name in ("environment", "toolsets", "host"):
        del kept[name]
    for name in _VOLATILE_RUN:
        del kept["run"][name]
    del kept["spec"]["path"]
    for file in kept["spec"]["files"]:
        del file["path"]
    for step in kept["steps"]:
        step["state"] = "there" if step["outcome"] in {"done", "up to date"} else step["outcome"]
        for name in _VOLATILE_STEP:
            del step[name]
        for item in step["inputs"].values():
            item.pop("path", None)
    result: dict[str, Any] = kept
    return result


def _spec(analysis: Analysis) -> dict[str, Any]:
    return {
        "path": str(analysis.path),
        "files": [_text_file(path, data) for path, data in analysis.files.items()],
        "overrides": list(analysis.overrides),
        "document": plain(analysis.document),
        "origins": dict(analysis.origins),
        "members": [{"name": member.name, "values": plain(member.values)} for member in analysis.members],
        "notes": [problem.as_dict() for problem in analysis.notes],
    }


def _text_file(path: str, data: bytes) -> dict[str, Any]:
    """Keep a file's bytes: as text where they are UTF-8, else in base64."""
    try:
        encoding, content = "utf-8", data.decode("utf-8")
    except UnicodeDecodeError:
        encoding, content = "base64", base64.b64encode(data).decode("ascii")
    return {
        "path": path,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "encoding": encoding,
        "content": content,
    }


@dataclass(frozen=True)
class _Known:
    """What the run tells of a step, and its record in the store."""

    result: StepResult
    record: Mapping[str, Any] | None


@dataclass(frozen=True)
class _Sha256s:
    """The sha256 of files from outside the plan: those of this manifest, and what is remembered of them."""

    memo: DigestMemo
    found: dict[str, str | None]


def _record(step: StepResult) -> Mapping[str, Any] | None:
    if step.record is None or step.content is not None:
        return step.content
    try:
        record: Mapping[str, Any] = json.loads(step.record.read_bytes())
    except (OSError, ValueError) as error:
        raise FileError(str(step.record), f"cannot be read: {error}", "Run again to make the result anew") from error
    return record


def _outcome(result: RunResult, counts: Mapping[str, int]) -> str:
    """Say in one word what became of the run."""
    if result.signal or result.message:
        return "interrupted"
    if not result.ok:
        return "failed"
    return "partial" if counts["not selected"] else "complete"


def _step(step: Step, task: TaskDef, known: Mapping[str, _Known], run_dir: Path, sha256s: _Sha256s) -> dict[str, Any]:
    found = known.get(step.name)
    run = found.result if found is not None else None
    record: Mapping[str, Any] = (found.record if found is not None else None) or {}
    ingredients = record.get("ingredients")
    facts = record.get("facts", {})
    return {
        "name": step.name,
        "task": step.task,
        "task_version": task.version,
        "subject": step.subject,
        "engine": step.engine,
        "engine_version": record.get("engine_version"),
        "members": list(step.members),
        "spec_path": step.path,
        "outcome": run.outcome if run else "not selected",
        "reasons": [plain(reason.as_dict()) for reason in run.reasons] if run else [],
        "message": run.message if run else "",
        "key": run.key if run else None,
        "params": plain(step.params),
        "ingredients": plain(ingredients) if ingredients is not None else None,
        "inputs": {role: _input(step, role, record, known, sha256s) for role in step.inputs},
        "outputs": {
            name: {"path": _path(step, name), **{k: file[k] for k in ("size", "sha256", "digest")}}
            for name, file in sorted(record.get("outputs", {}).items())
        },
        "facts": plain(facts),
        "notes": list(record.get("notes", ())),
        "commands": [shlex.split(call["command"]) for call in facts.get("calls", ())],
        "tools": plain(facts.get("tools", {})),
        "exit_status": record.get("exit_status"),
        "seconds": round(run.seconds, 3) if run else 0.0,
        "started": record.get("started"),
        "ended": record.get("ended"),
        "wall_s": record.get("wall_s"),
        "cpu_s": record.get("cpu_s"),
        "max_rss_mb": record.get("max_rss_mb"),
        "log": _inside(run.log, run_dir) if run else None,
        "environment": plain(record.get("environment")),
        "host": record.get("host"),
    }


def _path(step: Step, name: str) -> str:
    """Give the place of a step's file in the run's folder; empty where the store alone has it."""
    return f"products/{step.product}/{name}" if step.product else ""


def _input(
    step: Step,
    role: str,
    record: Mapping[str, Any],
    known: Mapping[str, _Known],
    sha256s: _Sha256s,
) -> dict[str, Any]:
    """Describe an input; sizes and digests are None for what was not there."""
    item = step.inputs[role]
    recorded = record.get("inputs", {}).get(role, {})
    digest = recorded.get("digest")
    if isinstance(item, FileInput):
        sha256 = _outside_sha256(item.path, digest, sha256s)
        return {"path": item.path, "size": recorded.get("size"), "sha256": sha256, "digest": digest}
    source = known[item.step].record if item.step in known else None
    made = source["outputs"].get(item.output, {}) if source is not None else {}
    same = made if digest is None or made.get("digest") == digest else {}
    return {
        "step": item.step,
        "output": item.output,
        "size": recorded.get("size", same.get("size")),
        "sha256": same.get("sha256"),
        "digest": digest,
    }


def _outside_sha256(path: str, digest: str | None, sha256s: _Sha256s) -> str | None:
    """Give the sha256 of a file from outside the plan; None if it can no longer be read.

    The content digest of a file that is not FITS is its sha256 already. A file that has none, since nothing was made of
    it, is not read for this: a run that was stopped may have more of them than can be read in an hour.
    """
    if digest is not None and digest.startswith("sha256:"):
        return digest.removeprefix("sha256:")
    if path not in sha256s.found:
        try:
            memo = sha256s.memo
            sha256s.found[path] = memo.recall_sha256(Path(path)) if digest is None else memo.sha256(Path(path))
        except FileError:
            sha256s.found[path] = None
    return sha256s.found[path]


def _inside(path: Path | None, folder: Path) -> str | None:
    """Give a path in a folder as text; a path outside stays whole."""
    if path is None:
        return None
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
