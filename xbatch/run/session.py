"""One run of a plan from beginning to end, and what a run would do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from xbatch.base.digest import DIGESTS, DigestMemo
from xbatch.base.errors import FileError, UsageError
from xbatch.base.files import clear_parts
from xbatch.plan.steps import Plan
from xbatch.plan.verdict import Evidence, Verdict, judge_plan
from xbatch.registry import TASKS, TaskDef
from xbatch.run.conductor import Conductor
from xbatch.run.inputs import digest_files, outside_files
from xbatch.run.intake import Intake
from xbatch.run.journal import Journal
from xbatch.run.limits import AS_REGISTERED, Wishes, uses_and_room
from xbatch.run.lock import hold
from xbatch.run.measure import now
from xbatch.run.products import Products
from xbatch.run.result import Event, RunResult
from xbatch.run.selection import selected
from xbatch.run.store import Record, Store
from xbatch.run.uses import registered
from xbatch.run.workers import MakeWorkers

__all__ = ["GRACE_S", "execute", "survey"]

GRACE_S = 5.0


def survey(
    plan: Plan,
    run_dir: Path,
    store_dir: Path,
    *,
    only: Sequence[str] = (),
    begin: Sequence[str] = (),
    force: Sequence[str] = (),
    paranoid: bool = False,
    most: int | None = None,
    registry: Mapping[str, TaskDef] = TASKS,
) -> list[Verdict]:
    """Say what `execute` would do, in the plan's order. Nothing is written but digests, in a store that is there.

    If the files that are not remembered have more bytes than `most`, they are not read, and their steps wait for them.

    Raises
    ------
    UsageError
        A pattern matches no step, nothing lies between those asked for, or nobody here knows a step's task.
    """
    chosen, forced = selected(plan, only, force, begin)
    _check_tasks(chosen, registry)
    store = Store(store_dir, paranoid)
    files = outside_files(chosen)
    found = digest_files(files, _memo(store_dir, paranoid), os.cpu_count() or 1, most=most)
    digests = {path: file.digest for path, file in found.seen.items()}
    evidence = _evidence(registry, digests, found.faults, store, Products(run_dir), forced)
    return judge_plan(chosen, replace(evidence, unread=found.unread))


def execute(
    plan: Plan,
    run_dir: Path,
    store_dir: Path,
    *,
    jobs: int,
    only: Sequence[str] = (),
    begin: Sequence[str] = (),
    force: Sequence[str] = (),
    fail_fast: bool = False,
    paranoid: bool = False,
    wishes: Wishes = AS_REGISTERED,
    grace: float = GRACE_S,
    on_event: Callable[[Event], None] = lambda event: None,
    registry: Mapping[str, TaskDef] = TASKS,
    make_workers: MakeWorkers | None = None,
    leave: Callable[[RunResult], None] = lambda result: None,
) -> RunResult:
    """Run a plan: do the steps that have no result in the store, and place the products.

    Parameters
    ----------
    plan : Plan
    run_dir, store_dir : Path
        Made if they are missing.
    jobs : int
        How many steps may run at once, each in a process of its own.
    only, begin, force : sequence of str
        Names or patterns: of the steps to do (with all they wait for), of those to begin with (with all that hangs on
        them), and of those to do in any case. With both `only` and `begin`, what lies between.
    fail_fast : bool
        Start nothing more after the first failure.
    paranoid : bool
        Read every file again instead of trusting its size and times.
    wishes : Wishes
        What steps take and how long they may, other than the registry says.
    grace : float
        Seconds that running steps are given when the run is asked to stop (SIGINT, SIGTERM, SIGHUP); asked twice, none.
    on_event : callable
        Told of everything that happens, in the caller's thread.
    registry : Mapping
        Task name to its definition.
    make_workers : callable or None
        Makes those who do the steps; None for processes of this machine.
    leave : callable
        Writes what the run leaves beside its products; called when all is over, and no other run may begin here yet.

    Raises
    ------
    FileError
        Another run holds the folder, or folder or store cannot be written.
    UsageError
        A pattern matches no step, nobody here knows a step's task, a step can never start, or `jobs` is less than one.
    """
    if jobs < 1:
        raise UsageError(f"a run needs at least one job, not {jobs}")
    chosen, forced = selected(plan, only, force, begin)
    _check_tasks(chosen, registry)
    uses, room = uses_and_room(plan, chosen, registry, jobs, wishes)
    run_dir, store_dir = run_dir.absolute(), store_dir.absolute()
    started = now()
    store = Store(store_dir, paranoid, uses=True)
    with hold(run_dir):
        clear_parts(run_dir)
        with ExitStack() as stack:
            journal = stack.enter_context(Journal(run_dir))
            products = Products(run_dir)

            def tell(event: Event) -> None:
                journal.add(event)
                on_event(event)

            def flush() -> None:
                journal.flush()
                store.rest()

            run = stack.enter_context(
                Conductor(chosen, store, products, run_dir, room, uses, fail_fast, grace, tell, flush, make_workers)
            )
            stack.callback(products.save)
            run.tell("begin", facts=_facts(plan, chosen, jobs))
            store.clean()
            memo = _memo(store_dir, paranoid, make=True)
            intake = stack.enter_context(Intake(chosen, memo, jobs, run.asked_to_stop))
            stack.enter_context(registered(store_dir, run_dir))
            run.conduct(_evidence(registry, intake.digests, intake.faults, store, products, forced), intake)
            products.forget_others([step.name for step in plan])
            products.save()
            run.tell("end", message=run.message, facts={"signal": run.signal})
            steps = tuple(run.results[step.name] for step in chosen)
            result = RunResult(plan.name, run_dir, store_dir, started, now(), steps, run.signal, run.message)
        leave(result)
    return result


def _facts(plan: Plan, chosen: Plan, jobs: int) -> dict[str, Any]:
    """Say what those who look on want to know of a run when it begins."""
    tasks = dict(Counter(step.task for step in chosen))
    return {"name": plan.name, "jobs": jobs, "tasks": tasks, "process": os.getpid(), "host": os.uname().nodename}


def _check_tasks(plan: Plan, registry: Mapping[str, TaskDef]) -> None:
    for step in plan:
        if step.task not in registry or step.engine not in registry[step.task].engines:
            raise UsageError(f"{step.name}: no engine {step.engine!r} here does the task {step.task!r}")


def _memo(store_dir: Path, paranoid: bool, make: bool = False) -> DigestMemo:
    return DigestMemo(store_dir / DIGESTS, paranoid, make)


def _evidence(
    registry: Mapping[str, TaskDef],
    digests: Mapping[str, str],
    faults: Mapping[str, FileError],
    store: Store,
    products: Products,
    forced: frozenset[str],
) -> Evidence:
    def previous(step: str) -> Record | None:
        key = products.last_key(step)
        return store.record(key) if key else None

    return Evidence(registry, digests, store.lookup, previous, forced, faults=faults)
