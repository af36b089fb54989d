"""Which steps a run is about: names and patterns of names, as ``--only``, ``--from`` and ``--force`` take them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from xbatch.base.errors import UsageError
from xbatch.plan.steps import Plan

__all__ = ["matching", "selected"]


def matching(names: Collection[str], patterns: Sequence[str], option: str) -> frozenset[str]:
    """Give the names that one of some patterns (``fit:*``) matches.

    Raises
    ------
    UsageError
        A pattern matches none; the nearest name is given.
    """
    found: set[str] = set()
    for pattern in patterns:
        hits = {name for name in names if name == pattern or fnmatchcase(name, pattern)}
        if not hits:
            import difflib

            near = difflib.get_close_matches(pattern, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; `xbatch plan` lists the steps"
            raise UsageError(f"{option} {pattern!r} matches no step{hint}")
        found |= hits
    return frozenset(found)


def selected(
    plan: Plan, only: Sequence[str], force: Sequence[str], begin: Sequence[str] = ()
) -> tuple[Plan, frozenset[str]]:
    """Take from a plan the steps asked for with all that they wait for, and name those to be run in any case.

    Parameters
    ----------
    plan : Plan
    only : sequence of str
        The last steps wanted; none for all.
    force : sequence of str
    begin : sequence of str
        The first ones: they and all that hangs on them; none for all.

    Raises
    ------
    UsageError
        A pattern matches no step, or no step of `only` hangs on one of `begin`.
    """
    names = [step.name for step in plan]
    if only or begin:
        wanted = _with_needs(plan, matching(names, only, "--only")) if only else set(names)
        if begin:
            wanted &= _with_users(plan, matching(names, begin, "--from"))
            if not wanted:
                raise UsageError("no step of --only hangs on one of --from; `xbatch plan` lists the steps")
            wanted = _with_needs(plan, wanted)
        plan = Plan(plan.name, tuple(step for step in plan if step.name in wanted))
    fresh = {step.name for step in plan if step.fresh}
    return plan, matching([step.name for step in plan], force, "--force") | fresh


def _with_needs(plan: Plan, steps: Collection[str]) -> set[str]:
    """Add all that some steps wait for."""
    wanted = set(steps)
    for step in reversed(plan.steps):
        if step.name in wanted:
            wanted.update(step.waits_for())
    return wanted


def _with_users(plan: Plan, steps: Collection[str]) -> set[str]:
    """Add all that waits for some steps."""
    wanted = set(steps)
    for step in plan:
        if not wanted.isdisjoint(step.waits_for()):
            wanted.add(step.name)
    return wanted
