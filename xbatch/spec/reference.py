"""The pages ``docs/spec.md``, ``docs/errors.md`` and ``docs/components.md``, made of the schema and of tables.

``python -m xbatch.spec.reference docs`` writes them; a test holds them up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from xbatch.base.files import write_atomically
from xbatch.spec.codes import CODES
from xbatch.spec.component_page import COMPONENT_MARK, component_page
from xbatch.spec.schema import Rule, Schema, load_schema
from xbatch.spec.wording import flow, kinds_text

__all__ = ["MARK", "errors_page", "spec_reference", "write_pages"]

MARK = "<!-- what follows is made from schemas/analysis-1.json -->"
_CHAPTERS = {
    "0": "Reading",
    "1": "References, selectors, sweeps",
    "2": "Keys and values",
    "3": "Models and fits",
    "4": "What a plan finds missing",
    "5": "XSPEC's files",
}


def errors_page() -> str:
    """Write the page of all codes, a section for each."""
    lines = [
        "# Problems of a spec",
        "",
        "Every problem is one line: `file:line:column: code what is wrong; what to do`. All problems are told at once,",
        "and `xbatch validate --format json` gives them as data. Codes are stable.",
        "",
    ]
    chapter = ""
    for name, code in CODES.items():
        if name[2] != chapter:
            chapter = name[2]
            lines += [f"## {_CHAPTERS[chapter]}", ""]
        lines += [f"### {name}: {code.title}", "", code.meaning, "", f"What to do: {code.cure}", ""]
    return "\n".join(lines)


def spec_reference(schema: Schema) -> str:
    """Write the reference of all keys, a section for each block."""
    lines = [MARK, "", "## All keys", "", "Keys in bold must be there.", ""]
    lines += _table(schema, schema.root)
    for key, rule in schema.root["properties"].items():
        lines += _section(schema, key, key, rule, 3, ())
    return "\n".join(lines).rstrip() + "\n"


def _section(schema: Schema, title: str, path: str, rule: Rule, level: int, around: tuple[Rule, ...]) -> list[str]:
    """Write the section of a block and those of the blocks in it; a block that may stand within itself has one."""
    inner = _inner(schema, rule)
    if inner is None or any(inner[0] is one for one in around):
        return []
    path = f"{path}{inner[1]}"
    lines = [f"{'#' * level} `{path}`", "", *_described(schema, inner[0])]
    kinds = _kinds(schema, inner[0])
    for kind in kinds or (inner[0],):
        if kinds:
            lines += [f"**{kind['title']}.** {kind['description']}", ""]
        lines += _table(schema, kind)
    for key, child in _below(inner[0], schema).items():
        if not kinds:
            lines += _section(schema, key, f"{path}.{key}", child, level, (*around, inner[0]))
    return lines


def _inner(schema: Schema, rule: Rule) -> tuple[Rule, str] | None:
    """Find the map that a rule speaks of, through lists and named entries; with what to add to the path."""
    free = schema.free_names(rule)
    member = schema.member(rule)
    target = free[1] if free is not None else member
    if target is not None:
        suffix = ".NAME" if free is not None else "[n]"
        found = _inner(schema, target)
        return (found[0], suffix + found[1]) if found is not None else None
    whole = next((part for part in schema.parts(rule) if "properties" in part), None)
    return (_with_conditions(schema, rule), "") if whole is not None else None


def _with_conditions(schema: Schema, rule: Rule) -> Rule:
    """Give the part of a rule that lists keys or cases, whatever it is wrapped in."""
    for part in schema.parts(rule):
        if "properties" in part or "allOf" in part.get("then", {}):
            return part
    return rule


def _kinds(schema: Schema, rule: Rule) -> list[Rule]:
    """List the closed cases of a map that has a type."""
    parts = (*rule.get("allOf", ()), *rule.get("then", {}).get("allOf", ()))
    return [schema.follow(part["then"]) for part in parts if "$ref" in part.get("then", {})]


def _below(rule: Rule, schema: Schema) -> dict[str, Rule]:
    return {key: child for key, child in rule.get("properties", {}).items() if key != "where"}


def _described(schema: Schema, rule: Rule) -> list[str]:
    text = rule.get("description") or next((p["description"] for p in schema.parts(rule) if "description" in p), "")
    return [str(text), ""] if text else []


def _table(schema: Schema, rule: Rule) -> Iterator[str]:
    required = rule.get("required", ())
    yield "| key | value | what it is |"
    yield "| --- | --- | --- |"
    for key, child in rule.get("properties", {}).items():
        name = f"**`{key}`**" if key in required else f"`{key}`"
        default = child.get("default")
        said = f" Default: {_code(default)}." if default not in (None, "", [], {}) else ""
        example = f" Example: {_code(child['examples'][0])}." if child.get("examples") else ""
        description = str(child.get("description", "")).rstrip(".")
        yield f"| {name} | {_value(schema, child)} | {_cell(description)}.{said}{example} |"
    yield ""


def _value(schema: Schema, rule: Rule) -> str:
    for part in schema.parts(rule):
        if "enum" in part:
            return ", ".join(_code(value) for value in part["enum"])
        if "const" in part:
            return _code(part["const"])
        if "type" in part:
            kinds = [part["type"]] if isinstance(part["type"], str) else list(part["type"])
            if part.get("x-text"):
                kinds = ["string", *(kind for kind in kinds if kind == "array")]
            return kinds_text(kinds)
    return ""


def _code(value: object) -> str:
    return f"`{_cell(flow(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write_pages(folder: Path) -> None:
    """Write the pages; what stands in ``spec.md`` and ``components.md`` before their marks is kept."""
    write_atomically(folder / "errors.md", errors_page())
    _write_after(folder / "spec.md", MARK, spec_reference(load_schema()))
    _write_after(folder / "components.md", COMPONENT_MARK, component_page())


def _write_after(page: Path, mark: str, text: str) -> None:
    before = page.read_text(encoding="utf-8").partition(mark)[0] if page.is_file() else ""
    write_atomically(page, before + text)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
