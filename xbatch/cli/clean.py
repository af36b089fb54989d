"""``xbatch clean``: take out of a store what is no longer needed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import UsageError
from xbatch.cli.amounts import age, size, size_text

if TYPE_CHECKING:
    from xbatch.run.cleaning import Cleaning
    from xbatch.run.entries import Entry

__all__ = ["command"]

_SHOWN = 40


@click.command(
    "clean",
    epilog="""\b
Examples:
  xbatch clean                          what no run folder refers to; only says so
  xbatch clean --older-than 30d --yes   of that, what was not used for 30 days, away with it
  xbatch clean /data/store --to 20GB    the least recently used, until 20 GB are left
""",
)
@click.argument(
    "store", envvar="XBATCH_STORE", default=Path("out/.store"), type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--older-than", callback=age, metavar="AGE", help="What was not used for so long: 12h, 30d, 8w.")
@click.option("--to", callback=size, metavar="SIZE", help="The least recently used, until the store is so small: 20GB.")
@click.option(
    "--keep-referenced/--drop-referenced",
    default=True,
    help="Whether results stay that a run folder refers to  [default: keep].",
)
@click.option("--dry-run/--yes", default=True, help="Only say what would go, or do it  [default: only say].")
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
def command(
    store: Path, older_than: float | None, to: float | None, keep_referenced: bool, dry_run: bool, as_json: bool
) -> None:
    """Take results out of STORE (out/.store by default) by reference, age and size.

    A result stays as long as a run folder refers to it, unless asked otherwise, and as long as a run at work might
    need it. Products in run folders stay in any case. What is gone is made again by the next run that needs it.
    """
    from xbatch.run.cleaning import choose, forget, in_use_since, remove
    from xbatch.run.entries import all_entries, check_is_store, references
    from xbatch.run.store import Store
    from xbatch.run.uses import known_runs

    root = store.absolute()
    check_is_store(root)
    if not keep_referenced and older_than is None and to is None:
        raise UsageError("--drop-referenced without --older-than or --to would take everything; say how much may go")
    referring, gone = references(root) if keep_referenced else ({}, [])
    kept = Store(root)
    cleaning = choose(
        all_entries(kept, referring),
        time.time(),
        in_use_since(known_runs(root)),
        older_than=older_than,
        to=None if to is None else int(to),
        keep_referenced=keep_referenced,
    )
    for folder in gone:
        click.echo(f"note: {folder}, the folder of a run, is not there; what it referred to may go", err=True)
    removed = None
    if not dry_run:
        kept.clean()
        removed = remove(kept, cleaning.going)
        forget(root)
    click.echo(json.dumps(_data(root, cleaning, removed), indent=2) if as_json else _text(root, cleaning, removed))


def _text(root: Path, cleaning: Cleaning, removed: list[Entry] | None) -> str:
    going = cleaning.going if removed is None else removed
    lines = [f"  {_line(entry)}" for entry in going[:_SHOWN]]
    if len(going) > _SHOWN:
        lines.append(f"  and {len(going) - _SHOWN} more (--json has all)")
    whole, freed = sum(entry.size for entry in going), sum(entry.freed for entry in going)
    shared = "" if freed == whole else f"; {size_text(whole - freed)} of it also stand in run folders, and stay there"
    verb = "would go" if removed is None else "are gone"
    lines.append(f"{root}: {len(going)} results, {size_text(whole)}, {verb}{shared}")
    left = len(cleaning.going) - len(going)
    kept_size = cleaning.kept_size + sum(entry.size for entry in cleaning.going) - whole
    lines.append(f"{cleaning.kept + left} results, {size_text(kept_size)}, stay")
    if left:
        lines.append(f"{left} were used meanwhile")
    if cleaning.needed:
        lines.append(
            f"{cleaning.needed} more stay because run folders refer to them (--drop-referenced takes them too)"
        )
    if cleaning.busy:
        lines.append(f"{cleaning.busy} more stay because a run at work might need them")
    if removed is None and going:
        lines.append("Nothing was removed. Do it with --yes")
    return "\n".join(lines)


def _line(entry: Entry) -> str:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
    runs = f"  ({', '.join(run.name for run in entry.runs)})" if entry.runs else ""
    return f"{entry.key[:12]}  {size_text(entry.size):>8}  used {used}  {entry.step or 'damaged'}{runs}"


def _data(root: Path, cleaning: Cleaning, removed: list[Entry] | None) -> dict[str, object]:
    gone = {entry.key for entry in removed or ()}
    return {
        "clean": 1,
        "store": str(root),
        "dry_run": removed is None,
        "entries": [
            {
                "key": entry.key,
                "step": entry.step,
                "size": entry.size,
                "freed": entry.freed,
                "used": entry.used,
                "runs": [str(run) for run in entry.runs],
                "removed": entry.key in gone,
            }
            for entry in cleaning.going
        ],
        "kept": cleaning.kept,
        "kept_size": cleaning.kept_size,
        "needed": cleaning.needed,
        "busy": cleaning.busy,
    }
