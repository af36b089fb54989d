"""Which step made two fits differ: the way back from both, input by input, to where they part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbatch.plan.reasons import Reason, changes
from xbatch.report.compare.data import Difference
from xbatch.report.source import Step

__all__ = ["Origins"]

Found = tuple[tuple[Difference, ...], tuple[str, ...]]
_SAID_BY_TEXT = ("model.", "components.")


class Origins:
    """What makes steps of two runs, or of one run's members, differ.

    Two steps with one key have one result. Where the keys differ, an ingredient does: a parameter, the version of the
    task, the engine, or the content of an input. An input that another step has made leads on to that step and its
    counterpart, until something differs by itself: a difference is told where it began, once.

    Parameters
    ----------
    theirs, mine : Mapping
        The steps of both manifests by name; the same twice for members of one run.
    """

    def __init__(self, theirs: Mapping[str, Step], mine: Mapping[str, Step]) -> None:
        self._theirs = theirs
        self._mine = mine
        self._known: dict[tuple[str, str], Found] = {}

    def of(self, theirs: str, mine: str) -> Found:
        """Compare two steps.

        Returns
        -------
        tuple of Difference
            Where they began to differ; empty for steps with one key.
        tuple of str
            The steps of this side whose keys differ, each after those that it needs, the step itself last.
        """
        pair = theirs, mine
        if pair not in self._known:
            self._known[pair] = ((), ())  # plans have no circles, but damaged manifests may
            self._known[pair] = self._compare(self._theirs[theirs], self._mine[mine])
        return self._known[pair]

    def _compare(self, old: Step, new: Step) -> Found:
        if old["key"] is not None and old["key"] == new["key"]:
            return (), ()
        found: dict[str, Difference] = {}
        through: dict[str, None] = {}

        def add(*differences: Difference) -> None:
            found.update((repr(difference), difference) for difference in differences)

        for reason in changes(_own(old, new), _own(new, old)):
            if not _is_said(reason, old, new):
                add(_difference(new, reason))
        for role in sorted(old["inputs"].keys() | new["inputs"].keys()):
            differences, steps = self._input(old, new, role)
            add(*differences)
            through.update(dict.fromkeys(steps))
        through[new["name"]] = None
        return tuple(found.values()), tuple(through)

    def _input(self, old: Step, new: Step, role: str) -> Found:
        """Compare one input; go on to the steps that made it, if steps did on both sides."""
        there, here = _Input(old, role), _Input(new, role)
        if there.known and here.known and there.digest == here.digest:
            return (), ()
        sure = there.known and here.known
        if there.step in self._theirs and here.step in self._mine:
            differences, steps = self.of(there.step, here.step)
            if differences or not sure:
                return differences, steps
            # One key, two results: libraries of other versions, or an engine that does not repeat itself.
            words = Reason("input", f"{role}: equal key, another result", there.digest, here.digest)
            return (_difference(new, words),), ()
        files = there.path, here.path
        old_content, new_content = (there.digest, here.digest) if sure else (there.sha256, here.sha256)
        if old_content == new_content or (not sure and None in (old_content, new_content)):
            return (), ()
        reason = Reason("input", role, old_content, new_content)
        return (_difference(new, reason, files if all(files) else ()),), ()


class _Input:
    """One input of a step: its content as far as it is known, and where it came from."""

    def __init__(self, step: Step, role: str) -> None:
        item = step["inputs"].get(role, {})
        ingredients = step["ingredients"]
        self.known = ingredients is not None or role not in step["inputs"]
        self.digest: str | None = ingredients["inputs"].get(role) if ingredients is not None else None
        self.sha256: str | None = item.get("sha256")
        self.step = str(item.get("step", ""))
        self.path = str(item.get("path", ""))


def _difference(step: Step, reason: Reason, files: tuple[str, ...] = ()) -> Difference:
    return Difference(str(step["task"]), _bare(step["subject"]), reason, files)


def _own(step: Step, other: Step) -> dict[str, Any]:
    """Give what a step's key is made of, but its inputs; a step without a record has no version of its engine."""
    return {
        "task": step["task"],
        "version": step["task_version"],
        "engine": step["engine"],
        "engine_version": step["engine_version"] or other["engine_version"] or "",
        "params": step["params"],
        "inputs": {},
    }


def _is_said(reason: Reason, old: Step, new: Step) -> bool:
    """Leave out what another parameter says already: the tree of a model stands in its text."""
    texts = old["params"].get("model_text"), new["params"].get("model_text")
    return reason.kind == "parameter" and reason.what.startswith(_SAID_BY_TEXT) and texts[0] != texts[1]


def _bare(subject: str) -> str:
    """Leave the values of a sweep out of a subject."""
    return str(subject).partition("~")[0]
