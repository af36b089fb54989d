"""``xbatch status``: how the run of a folder goes, or how the last one went."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.cli.options import find_run_dir, run_folder

if TYPE_CHECKING:
    from xbatch.report.state import Looker

__all__ = ["command"]

_LOOK_S = 0.5
_PIPED_COLUMNS = 160


@click.command(
    "status",
    epilog="""\b
Examples:
  xbatch status                  the newest run below out/
  xbatch status --watch          go on looking until it ends
  xbatch status out/vela-x1 --json | jq '.running[].name'

\b
Exit status: 0; with --watch 1 if a step has no result when the run is over.
""",
)
@run_folder
@click.option("--json", "as_json", is_flag=True, help="Print the same as data; with --watch a line for each change.")
@click.option("--watch", "-w", is_flag=True, help="Go on until the run ends.")
@click.option("--all", "-a", "everything", is_flag=True, help="Name each step that has ended.")
def command(run: Path | None, as_json: bool, watch: bool, everything: bool) -> None:
    """Show what runs in a folder, from any terminal: steps with elapsed time and the last line of their logs, how many
    ended and how, the expected end, and who runs it. Afterwards: how the last run went.
    """
    from xbatch.report.state import Looker

    looker = Looker(find_run_dir(run))
    looker.look()
    if not watch:
        _print_once(looker, as_json, everything)
        return
    try:
        _go_on(looker, as_json, everything)
    except KeyboardInterrupt:  # enough seen; the run goes on
        sys.exit(0)
    sys.exit(0 if looker.ok else 1)


def _print_once(looker: Looker, as_json: bool, everything: bool) -> None:
    from xbatch.report.screen import size_of, styled, uses_colour
    from xbatch.report.statustext import status_lines

    if as_json:
        click.echo(json.dumps(looker.as_dict(), indent=2))
        return
    is_terminal = sys.stdout.isatty()
    columns = size_of(sys.stdout)[0] if is_terminal else _PIPED_COLUMNS
    for line in status_lines(looker, columns, everything):
        click.echo(styled(line, is_terminal and uses_colour()))


def _go_on(looker: Looker, as_json: bool, everything: bool) -> None:
    """Show the run until it is over."""
    from xbatch.report.screen import can_draw

    if as_json:
        _as_data(looker)
    elif can_draw(sys.stdout):
        _drawn(looker)
        _print_once(looker, as_json, everything)
    else:
        _print_once(looker, as_json, everything)
        _as_lines(looker)


def _drawn(looker: Looker) -> None:
    from xbatch.report.liveview import live_lines
    from xbatch.report.screen import Line, Screen, cut, size_of, uses_colour
    from xbatch.report.statustext import head_text

    screen = Screen(sys.stdout, time.monotonic, lambda: size_of(sys.stdout), uses_colour())
    while not looker.over:
        columns, rows = size_of(sys.stdout)
        head: Line = [(cut(head_text(looker, columns - 1), columns - 1), "bold")]
        lines = [head]
        for step, end in list(looker.watch.failed().items())[-max(1, rows // 4) :]:
            lines.append([(cut(f"✗ {step}: {end.message}", columns - 1), "red")])
        room = rows - len(lines)
        screen.draw([*lines, *live_lines(looker.watch, looker.said, looker.now(), columns, room)])
        time.sleep(_LOOK_S)
        looker.look()
    screen.draw(())


def _as_lines(looker: Looker) -> None:
    from xbatch.report.progress import entry_line
    from xbatch.report.statustext import head_text

    while not looker.over:
        time.sleep(_LOOK_S)
        for entry in looker.look():
            line = entry_line(entry, len(looker.watch.steps), looker.watch.total)
            if line:
                click.echo(line)
        sys.stdout.flush()
    click.echo(head_text(looker))


def _as_data(looker: Looker) -> None:
    known: object = None
    while True:
        data = looker.as_dict()
        shown = {key: value for key, value in data.items() if key not in {"remaining_s", "expected_end"}}
        shown["running"] = [(step["name"], step["last_line"]) for step in data["running"]]
        if shown != known:
            known = shown
            click.echo(json.dumps(data))
            sys.stdout.flush()
        if looker.over:
            return
        time.sleep(_LOOK_S)
        looker.look()
