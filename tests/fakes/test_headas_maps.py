"""The fake HEASoft's nuexpomap, barycorr and nubackscale."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.conftest import OBSID, STEM
from tests.fakes.headas.fitsbytes import Part, part_named, read_parts, write_parts
from tests.fakes.headas.inside import Tools
from tests.fakes.headas.maps import write_map
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha


def cards(path: Path, extension: str) -> Part:
    return part_named(read_parts(path), extension)


def test_exposure_maps_cover_the_events(tools: Tools) -> None:
    call = (
        "nuexpomap",
        f"infile=clean/{STEM}A01_cl.evt",
        f"mastaspectfile=clean/{STEM}_mast.fits",
        f"attfile=clean/{STEM}_att.fits",
        f"det1reffile=clean/{STEM}A_det1.fits",
        "expomapfile=a.img",
    )
    values = read_image(tools(*call, "vignflag=no").made[0]).data
    assert values.shape == (1000, 1000)
    assert float(values.max()) == pytest.approx(7917.0, rel=1e-3)
    assert "already exists" in tools.fails(*call)
    table = cards(tools.folder / "clean" / f"{STEM}A01_cl.evt", "EVENTS")
    x, y = table.column("X"), table.column("Y")
    on = (x > 0) & (y > 0)
    assert np.all(values[y[on] - 1, x[on] - 1] > 0)


def test_barycentred_lists_have_other_times(tools: Tools) -> None:
    source = f"clean/{STEM}A01_cl.evt"
    call = ("barycorr", f"infile={source}", "outfile=bc.evt", "ra=150.0", "dec=2.2")
    orbit = f"orbitfiles={OBSID}/auxil/{STEM}_orb.fits"
    assert "parameter orbitfiles is not set" in tools.fails(*call)
    assert "needs refframe=ICRS" in tools.fails(*call, orbit, "ephem=JPLEPH.430")
    assert "decimal degrees" in tools.fails(*call, orbit, "ra=10:00:00")
    tools(*call, orbit, "refframe=ICRS", "ephem=JPLEPH.430")
    before, after = (cards(tools.folder / name, "EVENTS") for name in (source, "bc.evt"))
    shift = after.column("TIME") - before.column("TIME")
    assert np.all((shift > 250.0) & (shift < 255.0))
    assert np.all(np.diff(shift) >= -1e-6)
    assert (after.get("TIMESYS"), after.get("TIMEREF")) == ("TDB", "SOLARSYSTEM")
    assert "already exists" in tools.fails(*call, orbit)
    assert "barycentred before" in tools.fails("barycorr", "infile=bc.evt", "outfile=again.evt", orbit)


def test_nubackscale_writes_new_spectra(tools: Tools, spectra: Path) -> None:
    for name in ("a_sr.pha", "a_bk.pha"):
        shutil.copy(spectra / name, tools.folder / name)
    made = tools(
        "nubackscale",
        "srcphafile=a_sr.pha",
        "bkgphafile=a_bk.pha",
        "srcoutfile=s.pha",
        "bkgoutfile=b.pha",
        f"evtfile=clean/{STEM}A01_cl.evt",
        f"mastaspectfile=clean/{STEM}_mast.fits",
        f"attfile=clean/{STEM}_att.fits",
        f"det1reffile=clean/{STEM}A_det1.fits",
    ).made
    assert [path.name for path in made] == ["b.pha", "s.pha"]
    assert read_pha(made[1]).counts.sum() == read_pha(spectra / "a_sr.pha").counts.sum()


def test_nubackscale_weighs_by_the_map_of_events(tools: Tools, spectra: Path) -> None:
    for name in ("a_sr.pha", "a_bk.pha"):
        shutil.copy(spectra / name, tools.folder / name)
    own = ("mastaspectfile=clean/x", "attfile=clean/x", "det1reffile=clean/x")
    (tools.folder / "clean" / "x").write_bytes(b"")
    events = tools.folder / "clean" / f"{STEM}A01_cl.evt"
    call = ("nubackscale", "a_sr.pha", "a_bk.pha", "s.pha", "b.pha", f"evtfile={events}", *own, "inexpomapfile=e.img")
    write_map(tools.folder / "e.img", events, 1000)
    parts = read_parts(tools.folder / "e.img")
    values = np.frombuffer(parts[0].data, ">f4", 1000 * 1000).reshape(1000, 1000).copy()
    values[:, ::2] = 0.0  # every second column sees nothing
    parts[0].data = values.tobytes()
    write_parts(tools.folder / "e.img", parts)
    made = tools(*call).made
    for name in ("s.pha", "b.pha"):
        before, after = (
            read_pha(tools.folder / one) for one in (name.replace("s.", "a_sr.").replace("b.", "a_bk."), name)
        )
        assert after.header["NUBACKSC"] is True
        exposed = after.backscal[0] / before.backscal[0] * after.exposure / float(values.max())
        assert 0.4 < exposed <= 0.55
    assert len(made) == 2
    parts[0].put("VIGNAPP", True)
    write_parts(tools.folder / "e.img", parts)
    assert "corrected for vignetting" in tools.fails(*call, "clobber=yes")
    bare = read_parts(tools.folder / "a_sr.pha")
    bare[0].drop("X-OFFSET")
    write_parts(tools.folder / "a_sr.pha", bare)
    parts[0].put("VIGNAPP", False)
    write_parts(tools.folder / "e.img", parts)
    assert "Unable to read X-OFFSET" in tools.fails(*call, "clobber=yes")
