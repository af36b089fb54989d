"""The page of a run: one HTML file that needs nothing else, no network and no script."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbatch import __version__
from xbatch.base.files import write_atomically
from xbatch.report.source import open_run
from xbatch.report.spans import span_text
from xbatch.report.view import page_view

if TYPE_CHECKING:
    import jinja2

__all__ = ["NAME", "render", "templates", "write_page"]

NAME = "report.html"


def write_page(run_dir: Path) -> Path:
    """Write ``report.html`` into a run's folder, from its manifest and products alone.

    Parameters
    ----------
    run_dir : Path
        A folder with a ``manifest.json``. Products that are missing leave gaps in the page, and it says so.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        The folder holds no manifest.
    FileError
        The manifest cannot be read.
    """
    path = run_dir / NAME
    write_atomically(path, render(run_dir))
    return path


def render(run_dir: Path) -> str:
    """Give the page of a run as text; see `write_page`."""
    view: dict[str, Any] = page_view(open_run(run_dir))
    return templates().get_template("report.html.j2").render(**view, version=__version__)


def templates() -> jinja2.Environment:
    """Open the templates of all pages, with the filters that they share."""
    import jinja2

    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        bytecode_cache=_compiled(folder / "__pycache__"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["when"] = _when
    environment.filters["span"] = lambda seconds: "" if seconds is None else span_text(seconds)
    environment.filters["size"] = _size
    environment.filters["command"] = shlex.join
    environment.filters["minus"] = lambda text: str(text).replace("-", "\N{MINUS SIGN}")
    return environment


def _compiled(folder: Path) -> jinja2.BytecodeCache | None:
    """Keep compiled templates as Python keeps compiled modules, if it may: compiling takes longer than a page."""
    import jinja2

    if sys.dont_write_bytecode:
        return None
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return jinja2.FileSystemBytecodeCache(str(folder), "%s.jinja") if os.access(folder, os.W_OK) else None


def _when(time: str | None) -> str:
    """Give an ISO time to the second, for people."""
    return "" if not time else f"{time[:19].replace('T', ' ')} UTC"


def _size(count: int | None) -> str:
    """Give a number of bytes in the unit that suits it."""
    if count is None:
        return ""
    number = float(count)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
