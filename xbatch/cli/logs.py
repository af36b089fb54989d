"""``xbatch logs``: what steps said, or say."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import UsageError
from xbatch.cli.options import find_run_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xbatch.report.state import Looker

__all__ = ["command"]

_LOOK_S = 0.3
_LAST = 10


@click.command(
    "logs",
    epilog="""\b
Examples:
  xbatch logs                       the names of the steps that have logs
  xbatch logs 'fit:*'               the logs of all fits
  xbatch logs out/vela-x1 fit:powerlaw
  xbatch logs -f                    what all running steps say, until the run ends
  xbatch logs -f -n 0 'fit:*'       what fits say from now on
""",
)
@click.argument("names", metavar="[RUN] [STEP]...", nargs=-1)
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), help="The run's folder  [default: newest].")
@click.option("--follow", "-f", is_flag=True, help="Go on with what running steps say, until the run ends.")
@click.option("--lines", "-n", type=click.IntRange(min=0), help="The last N lines of each  [default: all; 10 with -f].")
def command(names: tuple[str, ...], run: Path | None, follow: bool, lines: int | None) -> None:
    """Print the log of each STEP (a name, or a pattern with * in quotes) in the folder RUN; without a step, the names
    of those there are.
    """
    from xbatch.report.state import Looker

    if run is None and names and _is_folder(names[0]):
        run, names = Path(names[0]), names[1:]
    looker = Looker(find_run_dir(run))
    looker.look()
    if follow:
        _follow(looker, names, _LAST if lines is None else lines)
        return
    if not names and lines is None:
        for name in [*looker.watch.steps, *looker.watch.running]:
            click.echo(name)
        return
    steps = _matching(looker, names)
    for step in steps:
        if len(steps) > 1:
            click.echo(f"==> {step} ({_state(looker, step)}) <==")
        _print_log(looker, step, lines)


def _is_folder(name: str) -> bool:
    """Tell a folder from a step: each step has a colon in its name, and a folder is there."""
    return Path(name).is_dir() or (":" not in name and "*" not in name and "/" in name)


def _state(looker: Looker, step: str) -> str:
    ending = looker.watch.steps.get(step)
    return ending.outcome if ending else "running" if looker.owner else "cut off"


def _matching(looker: Looker, names: tuple[str, ...]) -> list[str]:
    from xbatch.report.logfollow import matches

    steps = [*looker.watch.steps, *looker.watch.running]
    for name in names:
        if not any(matches(step, (name,)) for step in steps):
            import difflib

            near = difflib.get_close_matches(name, steps, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"no step {name!r} in {looker.run_dir}{hint}")
    return [step for step in steps if matches(step, names)]


def _print_log(looker: Looker, step: str, lines: int | None) -> None:
    from xbatch.report.follow import tail_lines
    from xbatch.run.products import log_path

    path = log_path(looker.run_dir, step)
    ending = looker.watch.steps.get(step)
    if not path.is_file():
        click.echo(ending.message if ending else "", nl=bool(ending and ending.message))
    elif lines is None:
        with path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                click.echo(line, nl=False)
    else:
        for line in tail_lines(path, lines):
            click.echo(line)


def _follow(looker: Looker, names: tuple[str, ...], lines: int) -> None:
    from xbatch.report.logfollow import Follower
    from xbatch.report.statustext import head_text

    if looker.over:
        for step in _matching(looker, names) if names else []:
            click.echo(f"==> {step} ({_state(looker, step)}) <==", err=True)
            _print_log(looker, step, lines)
        click.echo(head_text(looker), err=True)
        return
    follower = Follower(looker, names, lines)
    alone = len(names) == 1 and names[0] in (*looker.watch.running, *looker.watch.steps)
    try:
        _say(follower.go_on(lambda: time.sleep(_LOOK_S)), alone)
    except KeyboardInterrupt:  # enough read; the run goes on
        sys.exit(0)
    click.echo(head_text(looker), err=True)


def _say(lines: Iterable[tuple[str, str]], alone: bool) -> None:
    """Print lines as they come, each with its step before it unless there is only one; ends go to standard error."""
    for step, line in lines:
        if not step:
            click.echo(line, err=True)
        else:
            click.echo(line if alone else f"{step} | {line}")
            sys.stdout.flush()
