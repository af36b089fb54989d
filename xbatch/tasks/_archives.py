"""One download from one archive, as a program of its own: ``python -m xbatch.tasks._archives ARCHIVE MISSION OBSID``.

It works in the current folder, which it leaves to whoever called it, and goes on where an earlier call was broken off.
Archives' client libraries print, cache, and write into the current folder: all of it stays in this process.

Sources of the folders' names: HEASARC's archive, ``nustar/data/obs/NN/C/OBSID`` with the second and third digit of an
obsid and its first, and ``xmm/data/rev0/OBSID``; the same below the public bucket ``nasa-heasarc``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

__all__ = ["ARCHIVES", "archive_folder", "main"]

BUCKET = "nasa-heasarc"
ARCHIVES = {"nustar": ("aws", "heasarc"), "xmm": ("esa", "aws")}
"""Where the observations of a mission are, in the order in which they are asked."""
_CATALOGUES = {"nustar": "numaster", "xmm": "xmmmaster"}


def archive_folder(mission: str, obsid: str) -> str:
    """Give the folder of an observation's raw data in HEASARC's archive, with ``/`` at its end."""
    if mission == "nustar":
        return f"nustar/data/obs/{obsid[1:3]}/{obsid[0]}/{obsid}/"
    return f"xmm/data/rev0/{obsid}/ODF/"


def _from_aws(mission: str, obsid: str, folder: Path) -> None:
    """Copy an observation's files, but for those that are there whole."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    client: Any = boto3.client("s3", config=Config(signature_version=UNSIGNED))
    prefix = archive_folder(mission, obsid)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    found = [one for page in pages for one in page.get("Contents", ())]
    if not found:
        sys.exit(f"no files below {prefix} in the bucket {BUCKET}: the observation is not public, or does not exist")
    root = folder / obsid / "ODF" if mission == "xmm" else folder / obsid
    for one in found:
        target = root / one["Key"].removeprefix(prefix)
        if one["Key"].endswith("/") or (target.is_file() and target.stat().st_size == one["Size"]):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        client.download_file(BUCKET, one["Key"], str(part))
        if part.stat().st_size != one["Size"]:
            sys.exit(f"{target.name} came with {part.stat().st_size} bytes of {one['Size']}")
        part.replace(target)


def _from_heasarc(mission: str, obsid: str, folder: Path) -> None:
    """Let HEASARC pack an observation's folder, and unpack it here."""
    from astroquery.heasarc import Heasarc

    catalogue = _CATALOGUES[mission]
    rows = Heasarc.query_tap(f"SELECT __row, obsid FROM {catalogue} WHERE obsid = '{obsid}'").to_table()  # noqa: S608
    if not len(rows):
        sys.exit(f"{catalogue} has no observation {obsid}")
    links = Heasarc.locate_data(rows, catalog_name=catalogue)
    Heasarc.download_data(links, host="heasarc", location=str(folder))


def _from_esa(mission: str, obsid: str, folder: Path) -> None:
    """Take the packed ODF from the XMM-Newton archive; a file that is there in part is gone on with."""
    from astroquery.esa.xmm_newton import XMMNewton

    # It goes to the current folder whatever the name's folder is.
    XMMNewton.download_data(obsid, level="ODF", filename=f"{obsid}.tar", cache=False)


_FROM = {"aws": _from_aws, "heasarc": _from_heasarc, "esa": _from_esa}


def main(archive: str, mission: str, obsid: str) -> None:
    """Download an observation into the current folder; what comes packed is unpacked by the caller."""
    _FROM[archive](mission, obsid, Path())


if __name__ == "__main__":
    main(*sys.argv[1:])
