"""Reading a spec with all that it includes, and ``--set``: text to one tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xbatch.base.errors import Place, SpecError
from xbatch.spec.merge import PathError, find_path, laid_over, set_at
from xbatch.spec.nodes import Node, Scalar, Table, items_of, text_of
from xbatch.spec.reader import read_bytes, read_document, read_value
from xbatch.spec.report import Report, shown
from xbatch.spec.schema import Schema

__all__ = ["Sources", "apply_overrides", "read_with_includes"]

_MOST_FILES = 50


@dataclass
class Sources:
    """The files read so far, by path, as bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0


def read_with_includes(path: Path, report: Report) -> tuple[Table, Sources]:
    """Read a spec and lay each file it includes over it, in order.

    Raises
    ------
    SpecError
        The spec itself cannot be read. What is wrong with an included file goes to the report.
    """
    sources = Sources()
    root = _read(path, None, sources, report)
    return _included(root, path, (path.resolve(),), sources, report), sources


def _read(path: Path, at: Place | None, sources: Sources, report: Report) -> Table:
    raw = read_bytes(path, at)
    sources.files[str(path)] = raw
    sources.reads += 1
    return read_document(raw, str(path), report)


def _included(root: Table, path: Path, chain: tuple[Path, ...], sources: Sources, report: Report) -> Table:
    named = root.entries.get("include")
    result = root if named is None else root.without("include")
    for node in items_of(named):
        name = text_of(node)
        if name is None:
            report.add(node, "XB203", "include must be a file name or a list of them", "", "include")
            continue
        over = _overlay(node, path.parent / name, chain, sources, report)
        if over is not None:
            laid = laid_over(result, over)
            assert isinstance(laid, Table)
            result = laid
    if isinstance(named, Table):
        report.add(named, "XB203", "include must be a file name or a list of them, not a map", "", "include")
    return result


def _overlay(node: Node, path: Path, chain: tuple[Path, ...], sources: Sources, report: Report) -> Table | None:
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError):
        report.add(node, "XB001", f"cannot read {path}: its links form a circle", "name another file", "include")
        return None
    if resolved in chain:
        circle = " -> ".join(one.name for one in (*chain[chain.index(resolved) :], resolved))
        report.add(node, "XB020", f"{shown(path.name)} includes itself: {circle}", "remove one include", "include")
        return None
    if sources.reads >= _MOST_FILES:
        report.add(node, "XB021", f"more than {_MOST_FILES} files are included", "include fewer", "include")
        return None
    try:
        table = _read(path, node.place, sources, report)
    except SpecError as error:
        report.problems.extend(error.problems)
        return None
    return _included(table, path, (*chain, resolved), sources, report)


def apply_overrides(root: Table, overrides: Sequence[str], schema: Schema, report: Report) -> Table:
    """Set each ``path=value``, in order; the value is read as YAML.

    Places are ``--set:number:column`` of the text given. A relative ``data.root`` starts from the current folder.
    """
    for number, text in enumerate(overrides, 1):
        place = Place("--set", number, 1)
        name, equals, value = text.partition("=")
        if not equals:
            report.add(place, "XB022", f"{shown(text)} sets nothing", "write --set PATH=VALUE")
            continue
        if name.strip() in {"include", "xbatch"} or name.strip().startswith("include["):
            report.add(place, "XB024", f"{shown(name)} cannot be set", "write it in the file")
            continue
        try:
            keys = find_path(root, name, schema)
            node = read_value(value, Place("--set", number, len(name) + 2), report)
        except PathError as error:
            report.add(place, "XB023", error.message, error.hint, name.strip())
        except SpecError as error:
            report.problems.extend(error.problems)
        else:
            root = set_at(root, keys, _from_here(node) if keys == ("data", "root") else node, place)
    return root


def _from_here(node: Node) -> Node:
    """Take a folder that is named on the command line from the current folder, as a shell completes it."""
    if not isinstance(node, Scalar) or not node.text or Path(node.text).expanduser().is_absolute():
        return node
    absolute = str(Path.cwd() / node.text)
    return replace(node, value=absolute, text=absolute)
