"""What is wrong with the folder of a raw observation, told from the names of its files before anything reads them.

Names are those of the archives: NuSTAR's folders ``event_uf``, ``hk`` and ``auxil``, with files ``nuOBSID...``, and the
files of XMM-Newton's ODF, ``RRRR_OBSID_...``, of which odfingest needs the summary and the attitude history.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.commands.nustardas import bench_file
from xbatch.spec.rawmodel import RawObservation

__all__ = ["Trouble", "files_below", "folder_remarks", "folder_trouble", "has_bench", "mode_trouble", "odf_folder"]

_PACKED = re.compile(r"\.(tar|tar\.gz|tgz|tar\.z|zip)$", re.IGNORECASE)
_ODF = "ODF"
_CODES = {"EPN": "PN", "EMOS1": "M1", "EMOS2": "M2", "RGS1": "R1", "RGS2": "R2"}
#: Lists of raw events by their last letters (XMM-Newton Data Files Handbook, ODF; epframes 8.87, *Input Files*).
_MODES = {
    "IME": "imaging",
    "RIE": "reduced imaging",
    "TIE": "timing",
    "CTE": "compressed timing",
    "BUE": "burst",
    "SPE": "spectroscopy",
    "HTE": "high time resolution",
}
_OF_MODE = {"imaging": ("IME", "RIE"), "timing": ("TIE", "CTE"), "spectroscopy": ("SPE",)}
_SHOWN = 3
_GONE = "put it there, or move the folder away and write fetch: missing"


@dataclass(frozen=True)
class Trouble:
    """What keeps an observation from being reduced, and what to do."""

    what: str
    cure: str


def files_below(folder: Path) -> Iterator[Path]:
    """Give all files below a folder, in a fixed order; links to folders are followed, each folder once.

    What begins with a dot is left out.

    Raises
    ------
    PermissionError
        A folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    if not folder.is_dir():
        return
    seen = set()
    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(root, name) for name in sorted(names) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def odf_folder(folder: Path) -> Path:
    """Find the folder with the files of an XMM-Newton observation.

    It is ``ODF`` as the archive names it, in whatever letters; else the observation's own folder, where files lie in
    that; else ``ODF``, which is to be fetched.
    """
    if (folder / _ODF).is_dir() or not folder.is_dir():
        return folder / _ODF
    below = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.upper() == _ODF)
    if below:
        return below[0]
    own = any(re.match(r"\d{4}_\d{10}_", path.name) for path in folder.iterdir())
    return folder if own else folder / _ODF


def folder_trouble(one: RawObservation, files: Sequence[Path]) -> Trouble | None:
    """Say why the files of an observation cannot be reduced; None if nothing is seen to be wrong.

    Parameters
    ----------
    one : RawObservation
    files : sequence of Path
        Those of its folder.
    """
    names = [path.relative_to(one.folder).as_posix() for path in files]
    mine = "nu" + one.obsid if one.mission == "nustar" else f"_{one.obsid}_"
    if not any(mine in Path(name).name for name in names):
        return _of_others(one, names)
    missing = _lacking_nustar(one, names) if one.mission == "nustar" else _lacking_xmm(one, files)
    if not missing:
        return None
    return Trouble(f"{one.folder} has no {missing[0]}{_and_more(missing[1:])}", _GONE)


def has_bench(one: RawObservation) -> bool:
    """Say whether an observation of NuSTAR is here, with the housekeeping of its optics bench, packed or not."""
    path = one.folder / "hk" / bench_file(one.obsid)
    return one.fetch != "always" and (path.is_file() or path.with_name(f"{path.name}.gz").is_file())


def _and_more(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f", nor {', '.join(names[:_SHOWN])}{more}"


def _of_others(one: RawObservation, names: Sequence[str]) -> Trouble:
    """Say what a folder holds that has no file of the observation."""
    packed = [name for name in names if _PACKED.search(name)]
    if packed:
        path = one.folder / packed[0]
        what = f"{one.folder} holds {packed[0]}, which is not unpacked"
        return Trouble(what, f"unpack it there: tar -xf {path} -C {path.parent}")
    pattern = r"^nu(\d{11})" if one.mission == "nustar" else r"^\d{4}_(\d{10})_"
    others = sorted({found[1] for name in names if (found := re.match(pattern, Path(name).name))})
    if others:
        what = f"the files in {one.folder} are of observation {', '.join(others[:_SHOWN])}, not of {one.obsid}"
        return Trouble(what, "give the folder the name of its observation, or mend obsids")
    shown = ", ".join(names[:_SHOWN])
    what = f"{one.folder} has no raw data of observation {one.obsid}: it holds {shown}"
    wanted = "event_uf, hk and auxil" if one.mission == "nustar" else _ODF
    return Trouble(what, f"put the archive's folders there ({wanted}), or move it away and write fetch: missing")


def _lacking_nustar(one: RawObservation, names: Sequence[str]) -> list[str]:
    """Name what nupipeline begins with and the folder does not have."""
    stem = f"nu{one.obsid}"
    modules = [instrument[-1] for instrument in ("FPMA", "FPMB") if instrument in one.instruments]
    wanted = [
        *(f"event_uf/{stem}{module}_uf.evt" for module in modules),
        *(f"hk/{stem}{module}_fpm.hk" for module in modules),
        f"auxil/{stem}_att.fits",
        f"auxil/{stem}_orb.fits",
    ]
    there = {name.removesuffix(".gz") for name in names}
    return [name for name in wanted if name not in there]


def _lacking_xmm(one: RawObservation, files: Sequence[Path]) -> list[str]:
    """Name what odfingest needs and the ODF does not have."""
    odf = odf_folder(one.folder)
    there = [path.name.upper() for path in files if path.is_relative_to(odf)]
    wanted = {"summary (*SUM.ASC)": r"SUM\.ASC", "attitude history (*SC*ATS.FIT)": r"_SC\w*ATS\.FIT"}
    return [
        f"{name} in {odf.name}"
        for name, pattern in wanted.items()
        if not any(re.search(pattern, file) for file in there)
    ]


def mode_trouble(one: RawObservation, files: Sequence[Path], instrument: str, mode: str) -> Trouble | None:
    """Say that an instrument of XMM-Newton has observed in other modes than the one that is asked for.

    Parameters
    ----------
    one : RawObservation
    files : sequence of Path
        Those of its folder.
    instrument : str
    mode : str
        ``imaging``, ``timing`` or ``spectroscopy``.

    Returns
    -------
    Trouble or None
        None where it has exposures in that mode, or no file whose mode is known.
    """
    listed = re.compile(rf"\d{{4}}_{one.obsid}_{_CODES[instrument]}[SU]\d{{5}}({'|'.join(_MODES)})\.FIT(\.GZ)?")
    found = {match[1]: path.name for path in files if (match := listed.fullmatch(path.name.upper()))}
    if not found or any(kind in found for kind in _OF_MODE[mode]):
        return None
    modes = " and ".join(_MODES[kind] for kind in found)
    what = f"{instrument} of {one.obsid} has observed in {modes} mode alone ({next(iter(found.values()))})"
    cure = f"leave {instrument} of {one.obsid} out, with 'where' or 'instruments'"
    other = next((name for name in ("imaging", "timing") if any(kind in found for kind in _OF_MODE[name])), "")
    if other:
        cure += f", or write mode: {other} for it under data.pipeline"
    elif "BUE" in found:
        cure += ", or make its list by epchain with datamode=BURST and start from level events"
    return Trouble(what, cure)


def folder_remarks(one: RawObservation, files: Sequence[Path]) -> Iterator[str]:
    """Say what is odd with the files of an observation."""
    if not files:
        for path in sorted(one.folder.parent.glob(f"{one.obsid}.*")):
            if _PACKED.search(path.name):
                yield f"{path} is not looked into: unpack it, so that its files are in {one.folder}"
        return
    if one.mission == "xmm":
        for instrument in one.instruments:
            code = _CODES.get(instrument, "")
            if code and not any(f"_{one.obsid}_{code}" in path.name.upper() for path in files):
                yield f"{one.folder} has no files of {instrument}: leave it out of instruments"
    elif "FPMA" in one.instruments and not has_bench(one):
        lacking = f"{one.folder} has no hk/{bench_file(one.obsid)}: the ARF of FPMA cannot be corrected for temperature"
        yield f"{lacking}, as HEASoft 6.28 does without being asked, and later releases where they are told to"
