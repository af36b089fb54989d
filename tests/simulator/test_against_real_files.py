"""Simulated files have the columns, units, limits and cards of real ones; no value of theirs is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from xbatch.simulator import simulate_config
from xbatch.simulator.config import Background, Observation
from xbatch.simulator.small import small_config

pytestmark = pytest.mark.real_data

NUSTAR, XMM = "99900000001", "0999900001"
SUN = "nustar/80415201001/event_cl/nu80415201001"
#: What the processing leaves of itself, which is not made.
OF_PROCESSING = {
    "CHECKSUM",
    "DATASUM",
    "DATE",
    "CREATOR",
    "SOFTVER",
    "CALDBVER",
    "USER",
    "FILIN001",
    "HISTORY",
    "COMMENT",
    "DATETLM",
    "MJD-OBS",
    "NPIXSOU",
    "NUPSDOUT",
    "DEPTHCUT",
    "ABERRAT",
    "FOLOWSUN",
}
LIMITS = ("TLMIN", "TLMAX", "TNULL", "TCRPX", "TCDLT", "TCTYP", "TCUNI")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    config = small_config(
        products="events",
        observations=(
            Observation(NUSTAR, "2019-01-10T04:20:09", {"FPMA": 500.0}),
            Observation(XMM, "2010-05-03T02:00:00", {"EMOS1": 500.0}),
        ),
        background=Background(1.0, ((0.3, 3.0), (20.0, 1.0))),
        calibration={"FPMA": 1.0, "EMOS1": 1.0},
    )
    simulate_config(config, out)
    return out


def _columns(table: Any) -> list[tuple[str, str, str | None]]:
    # 1D and D are the same form
    return [(each.name, str(each.format).removeprefix("1"), each.unit) for each in table.columns]


def _limits(table: Any) -> dict[tuple[str, str], Any]:
    return {
        (name, key): value
        for number, name in enumerate(table.columns.names, 1)
        for key in LIMITS
        if (value := table.header.get(f"{key}{number}")) is not None
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "extension"),
    [
        (f"event_cl/nu{NUSTAR}A01_cl.evt", "nustar/30101031002/nu30101031002A01_cl.evt", "EVENTS"),
        (f"event_cl/nu{NUSTAR}A01_cl.evt", "nustar/30101031002/nu30101031002A01_cl.evt", "GTI"),
        (f"event_cl/nu{NUSTAR}A01_cl.evt", "nustar/30101031002/nu30101031002A01_cl.evt", "BADPIX"),
        (f"event_cl/nu{NUSTAR}A_bp.fits", f"{SUN}A_bp.fits", "BADPIX"),
        (f"event_cl/nu{NUSTAR}A_det1.fits", f"{SUN}A_det1.fits.gz", "DET1_REFPOINT"),
        (f"event_cl/nu{NUSTAR}A_oa.fits", f"{SUN}A_oa.fits.gz", "OPTICAL_AXIS"),
        (f"hk/nu{NUSTAR}A_fpm.hk", f"{SUN}A_fpm.hk.gz", "HK1FPM"),
        (f"auxil/nu{NUSTAR}_att.fits", f"{SUN}_att.fits.gz", "ATTITUDE"),
    ],
)
def test_tables_of_nustar(made: Path, real_data: Path, ours: str, theirs: str, extension: str) -> None:
    with fits.open(made / NUSTAR / ours) as mine, fits.open(real_data / theirs) as real:
        assert _columns(mine[extension]) == _columns(real[extension])
        found, wanted = _limits(mine[extension]), _limits(real[extension])
        assert set(found) == set(wanted)
        for key, value in wanted.items():
            assert found[key] == (pytest.approx(value) if isinstance(value, float) else value)
        if extension == "EVENTS":
            cards = {key for key in real[extension].header if key and not key.startswith("T")}
            assert cards - set(mine[extension].header) <= OF_PROCESSING


@pytest.mark.parametrize("extension", ["EVENTS", "EXPOSU01", "BADPIX01", "STDGTI01"])
def test_tables_of_mos(made: Path, real_data: Path, extension: str) -> None:
    path = made / XMM / f"P{XMM}M1S001MIEVLI0000.FIT"
    with fits.open(path) as mine, fits.open(real_data / "xmm/0201903501/mos1_exp1_clean_evts.fits.gz") as real:
        assert _columns(mine[extension]) == _columns(real[extension])
        if extension == "EVENTS":
            masks = [key for key in mine[extension].header if key.startswith("XMMEA")]
            assert [real[extension].header[key] for key in masks] == [mine[extension].header[key] for key in masks]
            found, wanted = _limits(mine[extension]), _limits(real[extension])
            assert set(wanted) == set(found)
            for name in "XY":
                for key in LIMITS:
                    assert found[name, key] == pytest.approx(wanted[name, key])
