"""A raw NuSTAR observation as the archive has it, with a simulated source whose truth is known.

What the fake nupipeline calibrates is there already: the ``_uf.evt`` lists are event lists of the simulator, and
``_met.fits`` holds the files that follow from the metrology, and what the fake nuproducts must know of the source.
"""

from __future__ import annotations

import functools
import gzip
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.fakes.headas.fitsbytes import Part, read_parts, write_parts

__all__ = ["NORM", "make_nustar_raw", "response_files"]

#: Of the power law: photons/keV/cm2/s at 1 keV.
NORM = 0.02
_TEMPLATE = "99900000001"
#: Seconds of mode 06 (spacecraft science) for each of mode 01.
_MORE = 0.15
_RADIUS = 90.0


def make_nustar_raw(
    folder: Path,
    obsid: str = "60001110002",
    seed: int = 1,
    *,
    exposure: float = 8000.0,
    norm: float = NORM,
    modules: Iterable[str] = "AB",
    packed: bool = True,
) -> dict[str, Any]:
    """Make the folder of a raw observation: ``{folder}/{obsid}/`` with ``event_uf``, ``hk`` and ``auxil``.

    Parameters
    ----------
    folder : Path
    obsid : str
        Of 11 digits, as all are.
    seed : int
        Of the simulation; the first of a process takes a second or so, observations that differ in their name alone
        some hundredths.
    exposure : float
        Good time of mode 01, s; mode 06 has 15 percent more.
    norm : float
        Of the power law.
    modules : iterable of str
    packed : bool
        Whether files are ``.gz``, as in the archive.

    Returns
    -------
    truth : dict
        ``model`` (text), ``parameters``, ``calibration`` (by instrument), ``ra``, ``dec`` (of the source, degrees),
        ``exposure``, ``rate`` (counts/s of the source on a whole detector, by instrument).
    """
    if len(obsid) != len(_TEMPLATE) or not obsid.isdigit():
        raise ValueError(f"an obsid of NuSTAR has {len(_TEMPLATE)} digits: {obsid!r}")
    files, truth = _simulated(seed, exposure, norm)
    root = folder / obsid
    for name, content in files.items():
        stem = Path(name).name.removeprefix(f"nu{_TEMPLATE}")[:1]
        if stem in "AB" and stem not in modules:
            continue
        path = root / name.replace(_TEMPLATE, obsid)
        path.parent.mkdir(parents=True, exist_ok=True)
        own = content.replace(_TEMPLATE.encode(), obsid.encode())
        if packed:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(own, 1, mtime=0))
        else:
            path.write_bytes(own)
    return dict(truth)


@functools.cache
def _simulated(seed: int, exposure: float, norm: float) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
    """Simulate an observation, and give the files of its folder."""
    from xbatch.simulator.config import Background, Detector, ListOptions, Observation, Term
    from xbatch.simulator.fpm import simulate_fpm
    from xbatch.simulator.instrument import make_response
    from xbatch.simulator.psf import NUSTAR
    from xbatch.simulator.small import small_config

    values = {"nH": 1.0, "PhoIndex": 1.9, "norm": norm}
    config = small_config(
        seed=seed,
        products="events",
        detector=Detector(),
        observations=(
            Observation(_TEMPLATE, "2019-01-10T04:20:09", dict.fromkeys(("FPMA", "FPMB"), exposure * (1.0 + _MORE))),
        ),
        model=(Term("tbabs", {"nH": 1.0}), Term("powerlaw", {"PhoIndex": 1.9, "norm": norm})),
        background=Background(0.25, ((3.0, 3.0), (20.0, 1.0), (79.0, 0.5))),
        lists=ListOptions(columns="few", radius=_RADIUS),
    )
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        # maps and responses are no part of raw data, and take most of the time
        for unused in ("write_fpm_map", "write_rmf", "write_arf"):
            stack.enter_context(patch(f"xbatch.simulator.fpm.{unused}"))
        _, lists = simulate_fpm(config, 0, Path(scratch), make_response(Detector()))
        made = Path(scratch) / _TEMPLATE
        place = lists[0]["positions"][0]
        shares = {one["instrument"]: one["regions"][0]["share"] / float(NUSTAR.enclosed(_RADIUS)) for one in lists}
        files = _files(made, Path(scratch), place, shares, _split(lists[0]["gti"], exposure))
    truth = {
        "model": "tbabs*powerlaw",
        "parameters": values,
        "calibration": dict(config.calibration),
        "ra": place["ra"],
        "dec": place["dec"],
        "exposure": exposure,
        "rate": {one["instrument"]: one["rates"]["source"] for one in lists},
    }
    return files, truth


def _files(
    made: Path, scratch: Path, place: Mapping[str, float], shares: Mapping[str, float], split: float
) -> dict[str, bytes]:
    """Give the files of the archive's folder by their names, made of what the simulator has made."""
    stem = f"nu{_TEMPLATE}"
    files = {f"auxil/{stem}_att.fits": (made / "auxil" / f"{stem}_att.fits").read_bytes()}
    metrology = list[Part]()
    for module in "AB":
        lists = made / "event_cl"
        files[f"event_uf/{stem}{module}_uf.evt"] = (lists / f"{stem}{module}01_cl.evt").read_bytes()
        files[f"hk/{stem}{module}_fpm.hk"] = (made / "hk" / f"{stem}{module}_fpm.hk").read_bytes()
        files[f"auxil/{stem}{module}_dspx.fits"] = (lists / f"{stem}{module}_bp.fits").read_bytes()
        for what in ("det1", "oa"):
            parts = read_parts(lists / f"{stem}{module}_{what}.fits")
            metrology += parts if not metrology else parts[1:]
    head = metrology[0]
    for keyword, value in (
        ("INSTRUME", "FPM"),
        ("SRC_X", place["x"]),
        ("SRC_Y", place["y"]),
        ("LANDA", shares["FPMA"]),
        ("LANDB", shares["FPMB"]),
        ("TSPLIT", split),
    ):
        head.put(keyword, value)
    write_parts(scratch / "met.fits", metrology)
    files[f"hk/{stem}_met.fits"] = (scratch / "met.fits").read_bytes()
    bare = read_parts(scratch / "met.fits")[:1]
    for name in ("hk/{}_ceb.hk", "hk/{}_chu123.fits", "hk/{}_obeb.hk", "auxil/{}_orb.fits", "auxil/{}_cat.fits"):
        write_parts(scratch / "bare.fits", bare)
        files[name.format(stem)] = (scratch / "bare.fits").read_bytes()
    files["auxil/NUSTAR_TLE_ARCHIVE.txt.2019010"] = b"1 38358U 12031A   19010.00000000\n"
    return files


def _split(gti: Sequence[Sequence[float]], exposure: float) -> float:
    """Give the time at which so much of the good time is over."""
    left = exposure
    for start, stop in gti:
        if left <= stop - start:
            return float(start + left)
        left -= stop - start
    return float(gti[-1][1])


@functools.cache
def response_files() -> Mapping[str, bytes]:
    """Give the files that the fake CALDB has: ``rmf``, and ``arf`` for all the light of a point."""
    from xbatch.ogip.responsewriter import write_arf, write_rmf
    from xbatch.simulator.config import Detector
    from xbatch.simulator.instrument import make_response

    response = make_response(Detector())
    telescope = {"TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "FILTER": "NONE", "CHANTYPE": "PI"}
    with tempfile.TemporaryDirectory() as scratch:
        write_rmf(Path(scratch) / "rmf", response, telescope)
        write_arf(Path(scratch) / "arf", response, telescope)
        return {name: (Path(scratch) / name).read_bytes() for name in ("rmf", "arf")}
