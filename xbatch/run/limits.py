"""What each step takes while it runs, how long it may, and how much there is in all.

None of it changes a result, and so none of it is part of a key: it stands in the registry, and whoever calls a run may
say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from xbatch.base.errors import UsageError
from xbatch.plan.steps import Plan
from xbatch.registry import TaskDef
from xbatch.run.selection import matching

__all__ = ["AS_REGISTERED", "Room", "Use", "Wishes", "misfit", "uses_and_room"]


@dataclass(frozen=True)
class Use:
    """What a step takes while it runs, and how often it may be started.

    Attributes
    ----------
    cores : int
    memory_mb : int
    limits : tuple of str
        Names of resources of which it takes one each.
    timeout : float or None
        Seconds after which it is killed.
    tries : int
        How often it is started in all when its worker is killed.
    late_tries : int
        How often it is started in all when its time is over.
    """

    cores: int = 1
    memory_mb: int = 0
    limits: tuple[str, ...] = ()
    timeout: float | None = None
    tries: int = 2
    late_tries: int = 1


@dataclass(frozen=True)
class Room:
    """How much there is for all steps that run at once.

    Attributes
    ----------
    slots : int
        Cores; a step takes at least one.
    memory_mb : int or None
        None where nobody counts.
    limits : Mapping of str to int
        Resource to how many there are; of those not named there is always one more.
    """

    slots: int
    memory_mb: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Wishes:
    """What the caller of a run asks for: pairs of a pattern of steps' names and a value, of which the last holds.

    Attributes
    ----------
    timeout : tuple
        Seconds, None for no limit.
    tries : tuple
        How often a step is started in all, whether its worker was killed or its time was over.
    cores, memory_mb : tuple
        What each such step takes.
    limits : tuple
        Resource, or a pattern with a colon in it for the steps themselves, and how many of it there are.
    room_mb : int or None
        The memory for all that runs at once.
    """

    timeout: tuple[tuple[str, float | None], ...] = ()
    tries: tuple[tuple[str, int], ...] = ()
    cores: tuple[tuple[str, int], ...] = ()
    memory_mb: tuple[tuple[str, int], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    room_mb: int | None = None


AS_REGISTERED = Wishes()


def misfit(use: Use, room: Room) -> str:
    """Say why something can never run, even alone; empty if it can."""
    if use.cores > room.slots:
        return f"takes {use.cores} cores, and the run has {room.slots} (--jobs)"
    if room.memory_mb is not None and use.memory_mb > room.memory_mb:
        return f"takes {use.memory_mb} MB, and the run has {room.memory_mb} (--memory)"
    for name in use.limits:
        if room.limits.get(name, 1) < 1:
            return f"takes a {name}, and there is none (--limit)"
    return ""


def uses_and_room(
    whole: Plan, chosen: Plan, registry: Mapping[str, TaskDef], jobs: int, wishes: Wishes
) -> tuple[dict[str, Use], Room]:
    """Give what each chosen step of a plan takes, and what there is.

    Raises
    ------
    UsageError
        A pattern matches no step, nothing takes a resource, or a step can never fit.
    """
    names = [step.name for step in whole]
    tools = {task.limit for task in registry.values() if task.limit is not None}
    limits: dict[str, int] = {}
    patterns: list[str] = []
    for name, count in wishes.limits:
        if ":" in name:
            matching(names, [name], "--limit")
            patterns.append(name)
        elif name not in tools:
            known = f"these are limited: {', '.join(sorted(tools))}" if tools else "a pattern like 'fit:*' limits steps"
            raise UsageError(f"--limit {name!r}: no task here takes that; {known}")
        limits[name] = count
    room = Room(jobs, wishes.room_mb, limits)

    timeout = _last_of(names, wishes.timeout, "--timeout")
    tries = _last_of(names, wishes.tries, "--tries")
    cores = _last_of(names, wishes.cores, "--cores")
    memory = _last_of(names, wishes.memory_mb, "--memory")
    base = {name: _usual(task) for name, task in registry.items()}
    uses: dict[str, Use] = {}
    made: dict[Use, Use] = {}  # equal ones are one object
    for step in chosen:
        use = base[step.task]
        if wishes != AS_REGISTERED:
            further = tuple(pattern for pattern in patterns if fnmatchcase(step.name, pattern))
            use = replace(
                use,
                cores=cores(step.name, use.cores),
                memory_mb=memory(step.name, use.memory_mb),
                limits=(*use.limits, *dict.fromkeys(further)),
                timeout=timeout(step.name, use.timeout),
                tries=tries(step.name, use.tries),
                late_tries=tries(step.name, use.late_tries),
            )
            use = made.setdefault(use, use)
        uses[step.name] = use
    wrong = [name for name, use in uses.items() if misfit(use, room)]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise UsageError(f"{wrong[0]}{more} can never start: it {misfit(uses[wrong[0]], room)}")
    return uses, room


def _usual(task: TaskDef) -> Use:
    limits = (task.limit,) if task.limit is not None else ()
    return Use(task.cores, task.memory_mb or 0, limits, task.timeout, task.tries)


T = TypeVar("T")


def _last_of(names: Collection[str], pairs: tuple[tuple[str, T], ...], option: str) -> Callable[[str, T], T]:
    """Make a function that gives the value of the last pattern that matches a name, else what it is told."""
    found: dict[str, T] = {}
    for pattern, value in pairs:
        found |= dict.fromkeys(matching(names, [pattern], option), value)
    return found.get
