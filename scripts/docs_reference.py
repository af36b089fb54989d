"""The reference pages of the documentation, made of what the program itself holds when the pages are built.

A hook of mkdocs (``hooks`` in mkdocs.yml): the spec's keys from its JSON schema, the components from their metadata,
the tasks from the registry, the verbs from their own help.
"""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from xbatch.base.files import schema_text
from xbatch.cli.main import cli
from xbatch.registry import TASKS
from xbatch.spec.components import COMPONENTS

__all__ = ["PAGES", "commands_page", "components_page", "on_files", "spec_page", "tasks_page"]

Schema = Mapping[str, Any]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(value: Any) -> str:
    return "`" + _cell(json.dumps(value, ensure_ascii=False)) + "`"


def _reference(schema: Schema) -> str:
    """Name the definition that a schema is, or holds the members or values of."""
    for part in (schema, *schema.get("allOf", ())):
        if "$ref" in part:
            return str(part["$ref"]).rsplit("/", 1)[-1]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            found = _reference(schema[key])
            if found:
                return found
    return ""


def _kind(schema: Schema) -> str:
    """Say in a word or two what a value may be."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    name = _reference(schema)
    link = f"[{name}](#{name})" if name else ""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    if kinds == ["array"]:
        return f"list of {link}" if link else "list"
    if kinds == ["object"] and link:
        return f"names to {link}"
    return link or " or ".join({"object": "map", "array": "list"}.get(kind, kind) for kind in kinds)


def _keys(schema: Schema) -> Iterator[str]:
    """Write the table of an object's keys."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if not properties:
        return
    required = set(schema.get("required", ()))
    yield "| key | what it is | value | default | example |"
    yield "| --- | --- | --- | --- | --- |"
    for key, value in properties.items():
        default = "required" if key in required else _code(value["default"]) if value.get("default") is not None else ""
        example = _code(value["examples"][0]) if value.get("examples") else ""
        yield f"| `{key}` | {_cell(value.get('description', ''))} | {_kind(value)} | {default} | {example} |"
    yield ""


def spec_page(schema: Schema) -> str:
    """Write the page of the spec's keys."""
    lines = ["# The spec", "", schema["description"], "", *_keys(schema)]
    for key, value in schema["properties"].items():
        if value.get("type") == "object" and "properties" in value:
            lines += [f"## {key}", "", value.get("description", ""), "", *_keys(value)]
    for name, definition in schema["definitions"].items():
        lines += [f"## {name}", "", definition.get("description", ""), ""]
        lines += _keys(definition)
        variants = [_reference(part["then"]) for part in definition.get("allOf", ()) if "then" in part]
        if any(variants):
            lines += ["One of " + ", ".join(f"[{variant}](#{variant})" for variant in variants if variant) + ".", ""]
    return "\n".join(lines) + "\n"


def components_page() -> str:
    """Write the page of the model's components."""
    lines = ["# Components", "", "Names, parameters, units and limits are XSPEC's.", ""]
    for name, component in COMPONENTS.items():
        kind = {"add": "additive", "mul": "multiplicative"}[component.kind]
        lines += [f"## {name}", "", f"An {kind} component." if kind == "additive" else f"A {kind} component.", ""]
        lines += ["| parameter | unit | value | least | largest | frozen |", "| --- | --- | --- | --- | --- | --- |"]
        lines += [
            f"| `{p.name}` | {p.unit} | {p.value:g} | {p.min:g} | {p.max:g} | {'yes' if p.frozen else ''} |"
            for p in component.parameters
        ]
        lines.append("")
    return "\n".join(lines) + "\n"


def _docstring(module: str) -> str:
    """Read a module's docstring without running the module."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ""
    return ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""


def tasks_page() -> str:
    """Write the page of the tasks."""
    lines = ["# Tasks", "", "What steps do. A step is one task on one subject; its name is `task:subject`.", ""]
    for task in TASKS.values():
        outputs = ", ".join(
            f"`{name.removesuffix('?')}`" + (" (where there is one)" if name.endswith("?") else "")
            for name in task.outputs
        )
        lines += [f"## {task.name}", "", task.summary[0].upper() + task.summary[1:] + ".", "", f"Leaves {outputs}.", ""]
        for engine, function in task.engines.items():
            lines += [f"Engine `{engine}`, version {task.version}.", "", _docstring(function.partition(":")[0]), ""]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Write the page of the verbs."""
    context = click.Context(cli, info_name="xbatch", terminal_width=100)
    lines = ["# Commands", "", "```", cli.get_help(context), "```", ""]
    for verb in cli.list_commands(context):
        command = cli.get_command(context, verb)
        if command is not None:
            text = command.get_help(click.Context(command, context, info_name=verb, terminal_width=100))
            lines += [f"## {verb}", "", "```", text, "```", ""]
    return "\n".join(lines) + "\n"


PAGES = {
    "reference/spec.md": lambda: spec_page(json.loads(schema_text("analysis-1"))),
    "reference/components.md": components_page,
    "reference/tasks.md": tasks_page,
    "reference/commands.md": commands_page,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those of mkdocs."""
    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    return files
