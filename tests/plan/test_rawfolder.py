"""What is said of folders of raw observations that are not quite as the archives have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.toolset import Toolset
from xbatch.plan.observation import observation_steps
from xbatch.plan.rawfolder import files_below, mode_trouble, odf_folder
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.spec import load
from xbatch.spec.rawmodel import RawObservation

NU, XMM = "60001110002", "0761220101"
NUSTAR_FILES = (
    f"event_uf/nu{NU}A_uf.evt.gz",
    f"event_uf/nu{NU}B_uf.evt.gz",
    f"hk/nu{NU}A_fpm.hk.gz",
    f"hk/nu{NU}B_fpm.hk",
    f"auxil/nu{NU}_att.fits.gz",
    f"auxil/nu{NU}_orb.fits.gz",
)
BENCH = f"hk/nu{NU}_obeb.hk"
ODF_FILES = tuple(
    f"2345_{XMM}_{name}"
    for name in ("SCX00000SUM.ASC", "SCX00000ATS.FIT.gz", "PNS00304IME.FIT", "M1S00101IME.FIT.gz", "R1S00405SPE.FIT")
)


def made(folder: Path, mission: str, fetch: str = "missing", root: str = "data") -> RawMade:
    obsid = NU if mission == "nustar" else XMM
    (folder / "s.yaml").write_text(
        f'xbatch: 1\nname: s\nmission: {mission}\nobsids: ["{obsid}"]\n'
        f"instruments: {['FPMA', 'FPMB'] if mission == 'nustar' else ['EPN', 'EMOS1']}\n"
        f'data: {{root: "{root}", level: raw, fetch: {fetch}}}\n'
    )
    analysis = load(folder / "s.yaml")
    context = RawContext(analysis, analysis.members[0].spec, Toolset())
    return observation_steps(context, context.raw.observations[0])


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def said(found: RawMade) -> tuple[str, str]:
    """Give what is wrong, and what to do."""
    problem = found.problems[0] if found.problems else found.steps[0].blocked
    assert problem is not None
    assert problem.code == "XB401"
    return problem.message, problem.hint


def test_whole_observations_are_in_order(tmp_path: Path) -> None:
    put(tmp_path / "data" / NU, *NUSTAR_FILES, BENCH)
    put(tmp_path / "data" / XMM / "ODF", *ODF_FILES)
    for mission, count in (("nustar", len(NUSTAR_FILES) + 1), ("xmm", len(ODF_FILES))):
        step = made(tmp_path, mission).steps[0]
        assert (step.task, step.blocked, step.remarks) == ("observation", None, ())
        assert len(step.inputs) == count


@pytest.mark.parametrize("lacking", NUSTAR_FILES)
def test_a_file_that_nupipeline_begins_with_is_missing(tmp_path: Path, lacking: str) -> None:
    put(tmp_path / "data" / NU, *(name for name in NUSTAR_FILES if name != lacking))
    what, cure = said(made(tmp_path, "nustar"))
    assert what == f"{tmp_path / 'data' / NU} has no {lacking.removesuffix('.gz')}"
    assert "fetch: missing" in cure


def test_several_files_are_missing(tmp_path: Path) -> None:
    put(tmp_path / "data" / NU, *NUSTAR_FILES[:4])
    what, _ = said(made(tmp_path, "nustar"))
    assert what.endswith(f"has no auxil/nu{NU}_att.fits, nor auxil/nu{NU}_orb.fits")


def test_housekeeping_of_the_optics_bench_is_missed(tmp_path: Path) -> None:
    put(tmp_path / "data" / NU, *NUSTAR_FILES)
    step = made(tmp_path, "nustar").steps[0]
    assert step.blocked is None
    (remark,) = step.remarks
    assert remark.startswith(f"{tmp_path / 'data' / NU} has no {BENCH}: the ARF of FPMA cannot be corrected")
    put(tmp_path / "data" / NU, f"{BENCH}.gz")
    assert made(tmp_path, "nustar").steps[0].remarks == ()


@pytest.mark.parametrize("lacking", ODF_FILES[:2])
def test_a_file_that_odfingest_needs_is_missing(tmp_path: Path, lacking: str) -> None:
    put(tmp_path / "data" / XMM / "ODF", *(name for name in ODF_FILES if name != lacking))
    what, _ = said(made(tmp_path, "xmm"))
    assert ("summary (*SUM.ASC) in ODF" if "SUM" in lacking else "attitude history (*SC*ATS.FIT) in ODF") in what


def test_a_camera_without_files_is_remarked_on(tmp_path: Path) -> None:
    put(tmp_path / "data" / XMM / "ODF", *(name for name in ODF_FILES if "M1" not in name))
    step = made(tmp_path, "xmm").steps[0]
    assert step.blocked is None
    assert step.remarks == (f"{tmp_path / 'data' / XMM} has no files of EMOS1: leave it out of instruments",)


@pytest.mark.parametrize("folder", ["ODF", "odf", "Odf", ""])
def test_where_the_odf_is(tmp_path: Path, folder: str) -> None:
    root = tmp_path / "data" / XMM
    put(root / folder, *ODF_FILES)
    assert made(tmp_path, "xmm").steps[0].blocked is None
    assert odf_folder(root) == (root / folder if folder else root)


def test_an_odf_to_come(tmp_path: Path) -> None:
    assert odf_folder(tmp_path / "none") == tmp_path / "none" / "ODF"
    assert odf_folder(tmp_path) == tmp_path / "ODF"


def test_what_is_packed_is_to_be_unpacked(tmp_path: Path) -> None:
    put(tmp_path / "data" / XMM / "ODF", f"2345_{XMM}.TAR")
    what, cure = said(made(tmp_path, "xmm"))
    assert what.endswith(f"holds ODF/2345_{XMM}.TAR, which is not unpacked")
    assert cure.startswith(f"unpack it there: tar -xf {tmp_path}/data/{XMM}/ODF/2345_{XMM}.TAR")
    put(tmp_path / "data", f"{NU}.tar.gz")
    fetched = made(tmp_path, "nustar").steps[0]
    assert fetched.task == "fetch"
    assert f"{NU}.tar.gz is not looked into: unpack it" in fetched.remarks[0]
    _, cure = said(made(tmp_path, "nustar", "never"))
    assert f"{NU}.tar.gz is not looked into" in cure


def test_the_files_of_another_observation(tmp_path: Path) -> None:
    put(tmp_path / "data" / NU, "event_uf/nu60001110009A_uf.evt")
    what, _ = said(made(tmp_path, "nustar"))
    assert what.endswith(f"are of observation 60001110009, not of {NU}")
    put(tmp_path / "data" / XMM, "PPS/catalogue.txt")
    what, cure = said(made(tmp_path, "xmm"))
    assert what.endswith("it holds PPS/catalogue.txt")
    assert "ODF" in cure


def test_a_root_that_is_the_observation_itself(tmp_path: Path) -> None:
    put(tmp_path / NU, *NUSTAR_FILES)
    what, cure = said(made(tmp_path, "nustar", root=NU))
    assert "the observation's own folder" in what
    assert cure.startswith(f"write data.root: {tmp_path}")


def test_an_empty_folder_is_fetched_or_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / NU).mkdir(parents=True)
    assert made(tmp_path, "nustar").steps[0].task == "fetch"
    what, _ = said(made(tmp_path, "nustar", "never"))
    assert what.startswith(f"no files of observation {NU}")


def test_links_to_elsewhere_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path / "disk two é", *NUSTAR_FILES)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / NU).symlink_to(tmp_path / "disk two é")
    assert made(tmp_path, "nustar").steps[0].blocked is None
    (tmp_path / "data" / NU).unlink()
    (tmp_path / "data" / NU).mkdir()
    for name in ("event_uf", "hk", "auxil"):
        (tmp_path / "data" / NU / name).symlink_to(tmp_path / "disk two é" / name)
    (tmp_path / "disk two é" / "hk" / "again").symlink_to(tmp_path / "data" / NU)
    put(tmp_path / "data" / NU / ".hidden", "x")
    step = made(tmp_path, "nustar").steps[0]
    assert step.blocked is None
    assert len(step.inputs) == len(NUSTAR_FILES)
    assert [path.suffix for path in files_below(tmp_path / "nothing")] == []


def observed(folder: Path, *names: str) -> tuple[RawObservation, list[Path]]:
    put(folder / XMM / "ODF", *(f"2345_{XMM}_{name}" for name in names))
    one = RawObservation("xmm", XMM, ("EPN", "EMOS1", "RGS1"), folder)
    return one, list(files_below(folder))


@pytest.mark.parametrize(
    ("names", "instrument", "mode", "words", "cure"),
    [
        (("PNS00304BUE.FIT",), "EPN", "timing", "burst mode alone (2345_0761220101_PNS00304BUE.FIT)", "datamode=BURST"),
        (("PNS00304BUE.FIT.gz",), "EPN", "imaging", "burst mode alone", "start from level events"),
        (("PNS00304TIE.FIT",), "EPN", "imaging", "timing mode alone", "write mode: timing for it"),
        (("PNS00304IME.FIT", "PNU01404BUE.FIT"), "EPN", "timing", "imaging and burst mode alone", "mode: imaging"),
        (("M1S00101CTE.FIT",), "EMOS1", "imaging", "compressed timing mode alone", "mode: timing"),
        (
            ("R1S00405HTE.FIT",),
            "RGS1",
            "spectroscopy",
            "high time resolution mode alone",
            "leave RGS1 of 0761220101 out",
        ),
    ],
)
def test_an_instrument_that_has_observed_in_another_mode(
    tmp_path: Path, names: tuple[str, ...], instrument: str, mode: str, words: str, cure: str
) -> None:
    trouble = mode_trouble(*observed(tmp_path, *names), instrument, mode)
    assert trouble is not None and f"{instrument} of {XMM} has observed in {words}" in trouble.what
    assert cure in trouble.cure


@pytest.mark.parametrize(
    ("names", "instrument", "mode"),
    [
        ((), "EPN", "imaging"),
        (("PNS00300AUX.FIT", "PNS00304NOI.FIT"), "EPN", "imaging"),
        (("PNS00304IME.FIT", "PNU01404BUE.FIT"), "EPN", "imaging"),
        (("M1S00101TIE.FIT", "M1S00102IME.FIT"), "EMOS1", "imaging"),
        (("M1S00101RIE.FIT",), "EMOS1", "imaging"),
        (("PNS00304BUE.FIT",), "EMOS1", "imaging"),
        (("R1S00405HTE.FIT", "R1S00405SPE.FIT"), "RGS1", "spectroscopy"),
    ],
)
def test_nothing_is_said_of_a_mode_that_is_there_or_not_known(
    tmp_path: Path, names: tuple[str, ...], instrument: str, mode: str
) -> None:
    assert mode_trouble(*observed(tmp_path, *names), instrument, mode) is None
