"""The task ``observation``: the files of an observation as the archive has them, listed and looked through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xbatch.base.digest import content_digest, file_mark, is_whole_fits
from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json
from xbatch.base.fitsheader import open_plain, read_headers
from xbatch.registry import Job, Outcome

__all__ = ["LISTED", "list_files", "run"]

LISTED = "observation.json"
_FITS = re.compile(r"\.(fits?|fts|evt|hk|pha|att|orb|mkf|ftz|attorb)(\.(gz|z))?", re.IGNORECASE)
_ROLE = "file/"
_SUMMARY = re.compile(r"SUM\.ASC(\.gz)?$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")


def run(job: Job) -> Outcome:
    """List the files of an observation that is there, by the digests that the run has made of them.

    Raises
    ------
    FileError
        A file is empty or cut short: a download that was broken off looks like that.
    """
    files = {role.removeprefix(_ROLE): path for role, path in job.inputs.items() if role.startswith(_ROLE)}
    digests = {role.removeprefix(_ROLE): digest for role, digest in job.digests.items() if role.startswith(_ROLE)}
    return list_files(job, files, digests)


def list_files(job: Job, files: Mapping[str, Path], digests: Mapping[str, str] = MappingProxyType({})) -> Outcome:
    """Write the list of an observation's files: name below its folder, size and digest of what they hold.

    Parameters
    ----------
    job : Job
        Of ``observation`` or ``fetch``; `LISTED` is written to its folder.
    files : Mapping
        Name, with folders by ``/``, to file.
    digests : Mapping
        Name to content digest, of files that were read already; the others are read.

    Raises
    ------
    FileError
        A file is empty or cut short, or there is none.
    """
    if not files:
        raise FileError(job.params["obsid"], "holds no files")
    listed = []
    for name in sorted(files):
        size = file_mark(files[name]).size
        if size == 0:
            raise FileError(str(files[name]), "is empty", "fetch the observation again")
        digest = digests.get(name) or content_digest(files[name])
        if _FITS.search(name) and not is_whole_fits(digest):
            read_headers(files[name])
        listed.append({"path": name, "size": size, "digest": digest})
    content: dict[str, Any] = {"mission": job.params["mission"], "obsid": job.params["obsid"], "files": listed}
    date = _start(files) if job.params["mission"] == "xmm" else None
    if date is not None:
        content["date"] = date
    (job.out / LISTED).write_text(pretty_json(content), encoding="utf-8")
    return Outcome(facts={"files": len(listed), "bytes": sum(one["size"] for one in listed)})


def _start(files: Mapping[str, Path]) -> str | None:
    """Give the time at which an XMM-Newton observation began, ``YYYY-MM-DDThh:mm:ss``, from the summary of its ODF.

    The summary (``*SUM.ASC``) has one value a line, with a remark; the first date whose remark speaks of a start is the
    observation's. Without one it is the first DATE-OBS of the ODF's files.
    """
    for name in sorted(files):
        if _SUMMARY.search(name):
            with open_plain(files[name]) as stream:
                text = stream.read().decode("ascii", errors="replace")
            starts = [line for line in text.splitlines() if "start" in line.lower()]
            dates = [found[0] for line in starts if (found := _DATE.search(line))]
            if dates:
                return dates[0]
    seen = [str(card) for name in sorted(files) if _FITS.search(name) and (card := _date_obs(files[name]))]
    return min(seen, default=None)


def _date_obs(path: Path) -> str:
    for header in read_headers(path):
        found = _DATE.match(str(header.get("DATE-OBS", "")))
        if found:
            return found[0]
    return ""
