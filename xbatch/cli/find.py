"""``xbatch find``: the observations of a target, from HEASARC's catalogues, as lines of a spec."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import click

from xbatch.base.errors import UsageError

__all__ = ["command"]

_CATALOGUES = {"nustar": "numaster", "xmm": "xmmmaster"}
_COLUMNS = ("obsid", "name", "ra", "dec", "time", "exposure_a", "duration", "public_date")
_FIRST_TIME = 40000.0  # MJD: earlier ones stand for observations that have not been made


@click.command(
    "find",
    epilog="""\b
Examples:
  xbatch find "NGC 5506" --mission nustar
  xbatch find "14:13:14.9 -03:12:27.3" --mission xmm --radius "10 arcmin"

\b
Needs the network and the packages of: pip install 'xbatch[fetch]'
""",
)
@click.argument("target")
@click.option("--mission", type=click.Choice(sorted(_CATALOGUES)), required=True, help="Whose observations.")
@click.option("--radius", default="5 arcmin", show_default=True, help="How far from the target a pointing may be.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
def command(target: str, mission: str, radius: str, as_json: bool) -> None:
    """List the observations that point at TARGET, a name or a position, and give them as lines for a spec.

    A spec names its observations, so that it means the same next year: this finds them once.
    """
    found = sorted(_search(target, mission, radius), key=lambda one: (one.get("time") or 0.0, one["obsid"]))
    if as_json:
        click.echo(json.dumps({"find": 1, "target": target, "mission": mission, "observations": found}, indent=2))
        return
    if not found:
        click.echo(f"# no observation of {mission} within {radius} of {target}")
        return
    click.echo(f"mission: {mission}\nobsids:")
    for one in found:
        click.echo(f'  - "{one["obsid"]}"  # {_remark(one)}')


def _search(target: str, mission: str, radius: str) -> list[dict[str, Any]]:
    try:
        from astropy.units import Quantity
        from astroquery.heasarc import Heasarc
    except ImportError as error:
        raise UsageError(f"needs the Python package {error.name}: pip install 'xbatch[fetch]'") from error
    try:
        within = Quantity(radius).to("arcmin")
    except (TypeError, ValueError) as error:
        raise UsageError(f"--radius {radius!r} is not an angle; write it as '5 arcmin'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the catalogue's units, and that nothing was found
            table = Heasarc.query_region(target, catalog=_CATALOGUES[mission], radius=within, columns="*")
    except _refusals() as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"HEASARC cannot be asked for {target!r}: {why}") from error
    names = [name for name in _COLUMNS if name in table.colnames]
    return [{name: _plain(row[name]) for name in names} for row in table if str(row["obsid"]).strip()]


def _refusals() -> tuple[type[Exception], ...]:
    """Give what the clients raise: a name is not known, there is no network, or the archive does not answer."""
    from astropy.coordinates.name_resolve import NameResolveError

    kinds: tuple[type[Exception], ...] = (OSError, ValueError, NameResolveError)
    try:
        from pyvo.dal.exceptions import DALAccessError
    except ImportError:
        return kinds
    return (*kinds, DALAccessError)


def _plain(value: Any) -> Any:
    """Give a value of a table as JSON has it; masked ones are None."""
    if getattr(value, "mask", False):
        return None
    item = value.item() if hasattr(value, "item") else value
    return item.strip() if isinstance(item, str) else item


def _remark(one: Mapping[str, Any]) -> str:
    from astropy.time import Time

    date = Time(one["time"], format="mjd").iso[:10] if (one.get("time") or 0.0) > _FIRST_TIME else "not observed yet"
    seconds = one.get("exposure_a") or one.get("duration")
    length = f", {seconds / 1e3:.1f} ks" if seconds else ""
    return f"{one.get('name') or 'unnamed'}, {date}{length}"
