"""``xbatch verify``: is what is kept still what was made?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xbatch.base.errors import UsageError
from xbatch.cli.options import cores

if TYPE_CHECKING:
    from xbatch.run.verifying import Damage

__all__ = ["command"]


@click.command(
    "verify",
    epilog="""\b
Examples:
  xbatch verify                    every result in out/.store, byte for byte
  xbatch verify out/vela-x1        the products of a run, against its manifest
  xbatch verify --remove           what is damaged is set aside, and made anew by the next run

\b
Exit status: 0 all is as it was made, 1 something is damaged, 2 the call is wrong.
""",
)
@click.argument(
    "place", envvar="XBATCH_STORE", default=Path("out/.store"), type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--remove", is_flag=True, help="Set aside what is damaged, so that the next run makes it anew.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
def command(place: Path, remove: bool, as_json: bool) -> None:
    """Read every result of a store, or every product of a run, and compare it with the sha256 that was written down.

    PLACE is a store (out/.store by default) or the folder of a run. Damaged files are named, with what helps.
    """
    place = place.absolute()
    if not place.is_dir():
        raise UsageError(f"{place} is not there; name a store or the folder of a run")
    run = (place / "manifest.json").is_file() or (place / "journal.jsonl").is_file()
    count, damages, removed = _check_run(place, remove) if run else _check_store(place, remove)
    what = "products" if run else "results"
    if as_json:
        found = [{"place": str(one.place), "step": one.step, "what": list(one.what)} for one in damages]
        answer = {"verify": 1, "place": str(place), "kind": what, "checked": count, "damaged": found}
        click.echo(json.dumps({**answer, "removed": [str(path) for path in removed]}, indent=2))
    else:
        _print(place, what, count, damages, removed, run)
    sys.exit(1 if damages else 0)


def _check_store(root: Path, remove: bool) -> tuple[int, list[Damage], list[Path]]:
    from xbatch.run.entries import check_is_store
    from xbatch.run.store import Store
    from xbatch.run.verifying import check_store, set_aside

    check_is_store(root)
    store = Store(root)
    count, damages = check_store(store, cores())
    return count, damages, set_aside(store, [one.place.name for one in damages]) if remove else []


def _check_run(run_dir: Path, remove: bool) -> tuple[int, list[Damage], list[Path]]:
    """Check products; where they are to go, so are the results in the store that they are links to."""
    from xbatch.provenance.checking import check_products
    from xbatch.provenance.manifest import read
    from xbatch.run.lock import hold
    from xbatch.run.store import Store
    from xbatch.run.verifying import set_aside

    manifest = read(run_dir)
    count, damages = check_products(run_dir, manifest)
    if not remove or not damages:
        return count, damages, []
    steps = {one.step for one in damages}
    with hold(run_dir):
        removed = [_aside(one.place) for one in damages if one.place.exists()]
    root = Path(manifest["run"]["store"])
    if root.is_dir():
        removed += set_aside(Store(root), [step["key"] for step in manifest["steps"] if step["name"] in steps])
    return count, damages, removed


def _aside(product: Path) -> Path:
    """Give a product another name; the next run puts the true one where it was."""
    target = product.with_name(f"{product.name}.damaged")
    number = 1
    while target.exists():
        number += 1
        target = product.with_name(f"{product.name}.damaged{number}")
    return product.rename(target)


def _print(place: Path, what: str, count: int, damages: list[Damage], removed: list[Path], run: bool) -> None:
    for one in damages:
        name = one.place.relative_to(place)
        click.echo(f"{name} ({one.step or 'of no known step'}): {'; '.join(one.what)}")
    click.echo(f"{place}: {count} {what}, {f'{len(damages)} damaged' if damages else 'all as they were made'}")
    if removed:
        click.echo(f"{len(removed)} set aside; run the spec again to have them made anew")
    elif damages and run:
        click.echo(
            "What was changed on purpose: keep it under another name. To have it as it was made: xbatch verify "
            f"{place} --remove, and run the spec again"
        )
    elif damages:
        click.echo(f"Set them aside with xbatch verify {place} --remove, and run their specs again")
