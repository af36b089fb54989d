"""Two pages of the documentation, made of what the program itself holds when the pages are built.

A hook of mkdocs (``hooks`` in mkdocs.yml): the tasks from the registry, the verbs from their own help.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from xbatch.cli.main import cli
from xbatch.registry import TASKS

__all__ = ["PAGES", "commands_page", "on_files", "tasks_page"]


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
        leaves = (
            f"Leaves {outputs}." if outputs else "What it leaves, its steps name: a file for each spectrum or band."
        )
        lines += [f"## {task.name}", "", task.summary[0].upper() + task.summary[1:] + ".", "", leaves, ""]
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


PAGES = {"tasks.md": tasks_page, "commands.md": commands_page}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those of mkdocs."""
    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    return files
