"""What has changed from one result of a step to another: parameter, input, task version, engine or recipe, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from xbatch.base.errors import FileError
from xbatch.plan.keys import plain

__all__ = ["Reason", "ReasonKind", "changes", "reason_text", "unreadable"]

_MOST_FILES = 5

ReasonKind = Literal[
    "new",
    "parameter",
    "input",
    "task version",
    "engine",
    "recipe",
    "forced",
    "output missing",
    "waits",
    "unread",
    "unreadable",
    "cannot",
    "needs",
]


@dataclass(frozen=True)
class Reason:
    """One reason, as data.

    Attributes
    ----------
    kind : str
        ``new``, ``parameter``, ``input``, ``task version``, ``engine``, ``recipe`` (keys are made in another way),
        ``forced``, ``output missing``, ``waits`` (for a step whose result will decide), ``unread`` (its files,
        which will decide), ``unreadable`` (a file of it), ``cannot`` (be done here), ``needs`` (a step that cannot be
        done here).
    what : str
        The dotted path of a parameter, the role of an input, the name of a step, a number of files, or the path of one.
    old, new : JSON-able
        The value before and now; None where there was or is none. Of ``cannot`` and ``unreadable`` `new` says why, and
        what to do.
    """

    kind: ReasonKind
    what: str = ""
    old: Any = None
    new: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Give the reason as JSON-able data."""
        return {"kind": self.kind, "what": self.what, "old": self.old, "new": self.new}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Reason]:
    """Say what differs between the ingredients of two keys: recipe, the task's version, engine, parameters, inputs.

    Entries of a list that have names are matched by them (``parameters[pl.PhoIndex].max``), and so are the calls of
    tools and their parameters (``work.calls[nuproducts].args[lcenergy]``); other entries by their place (``bands[1]``).

    Parameters
    ----------
    before, now : Mapping
        As `xbatch.plan.keys.ingredients_of` gives them.
    """
    if before.get("recipe", 0) != now.get("recipe", 0):
        yield Reason("recipe", "", before.get("recipe", 0), now.get("recipe", 0))
    if before["version"] != now["version"]:
        yield Reason("task version", now["task"], before["version"], now["version"])
    if (before["engine"], before["engine_version"]) != (now["engine"], now["engine_version"]):
        yield Reason(
            "engine",
            "",
            f"{before['engine']} {before['engine_version']}".strip(),
            f"{now['engine']} {now['engine_version']}".strip(),
        )
    found = [] if _same(before, now) else _differences(plain(before["params"]), plain(now["params"]), "")
    yield from (Reason("parameter", what, old, new) for what, old, new in sorted(found, key=lambda one: one[0]))
    old, new = before["inputs"], now["inputs"]
    for role in sorted(old.keys() | new.keys()):
        if old.get(role) != new.get(role):
            yield Reason("input", role, old.get(role), new.get(role))


def _same(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell quickly that all parameters are the same, as those of most steps are."""
    return repr(before["params"]) == repr(now["params"])


class _Absent:
    """Stands for what is not there, which is not the same as null."""


_ABSENT = _Absent()


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Give each leaf that differs by its dotted path, with both values; an empty container is a leaf."""
    if repr(old) == repr(new):  # not ==: keys are made of text, in which 1, 1.0 and true differ
        return
    before, after = _named(old), _named(new)
    if before is not None and after is not None:
        for name in before | after:
            if name in before and name in after:
                yield from _differences(before[name], after[name], f"{path}[{name}]")
            else:
                yield f"{path}[{name}]", before.get(name), after.get(name)
        if before.keys() == after.keys() and list(before) != list(after):
            yield f"{path}[order]", ", ".join(before), ", ".join(after)
        return
    before, after = _parts(old, path), _parts(new, path)
    if before is None or after is None:
        yield path, (None if old is _ABSENT else old), (None if new is _ABSENT else new)
        return
    for key in before | after:
        yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), key)


def _parts(value: Any, path: str) -> dict[str, Any] | None:
    """Give the parts of a container by their paths; None for a leaf. What is absent, or an empty whole, has none."""
    if value is _ABSENT or (not path and not value):
        return {}
    if isinstance(value, dict) and value:
        return {f"{path}.{key}" if path else key: item for key, item in value.items()}
    if isinstance(value, list) and value:
        return {f"{path}[{number}]": item for number, item in enumerate(value)}
    return None


def _named(value: Any) -> dict[str, Any] | None:
    """Give the entries of a list by their names, if each has one of its own.

    A pair has its first text as a name, and stands for the second. Calls have that of their tool, numbered from the
    second on.
    """
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(item, dict) and "args" in item and isinstance(item.get("tool"), str) for item in value):
        tools = [item["tool"] for item in value]
        return {_numbered(tools, number): item for number, item in enumerate(value)}
    if all(isinstance(item, list) and len(item) == 2 and item[0] and isinstance(item[0], str) for item in value):
        named = {item[0]: item[1] for item in value}
    elif all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
        named = {item["name"]: item for item in value}
    else:
        return None
    return named if len(named) == len(value) else None


def _numbered(names: Sequence[str], number: int) -> str:
    """Name one of several: the first of a name by it alone, the others with how many of it have come up to here."""
    count = names[: number + 1].count(names[number])
    return names[number] if count == 1 else f"{names[number]} {count}"


def unreadable(faults: Sequence[FileError]) -> Reason:
    """Give the reason of a step some of whose files cannot be read: why the first cannot, the others by name."""
    first, others = faults[0], [fault.file for fault in faults[1:]]
    shown = ", ".join(others[:_MOST_FILES])
    more = f" and {len(others) - _MOST_FILES} more" if len(others) > _MOST_FILES else ""
    what = f"{first.what}; nor can {shown}{more} be read" if others else first.what
    return Reason("unreadable", first.file, new=str(FileError(first.file, what, first.cure)))


def reason_text(reason: Reason) -> str:
    """Turn a reason into a clause for people."""
    if reason.kind == "input" or isinstance(reason.old, Mapping) or isinstance(reason.new, Mapping):
        name = f"input {reason.what}" if reason.kind == "input" else reason.what
        words = "is there now" if reason.old is None else "is no longer there" if reason.new is None else "changed"
        return f"{name} {words}"
    if reason.kind in {"parameter", "task version", "engine", "recipe"}:
        names = {"parameter": reason.what, "task version": f"task {reason.what}", "recipe": "recipe of keys changed:"}
        return f"{names.get(reason.kind, reason.kind)} {_value(reason.old)} -> {_value(reason.new)}"
    return {
        "new": "new",
        "forced": "forced",
        "output missing": "its result is no longer in the store, or was changed there",
        "waits": f"waits for {reason.what}",
        "unread": f"{reason.what} not read yet",
        "needs": f"needs {reason.what}",
        "unreadable": f"{reason.new}",
        "cannot": f"cannot be done here: {reason.new}",
    }[reason.kind]


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value or "''"
    return repr(value)
