"""The fake HEASoft's NuSTAR tasks: what they insist on, what they write, and that the truth comes out again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import make_headas
from tests.fakes.conftest import CLEAN, OBSID, PIPELINE, PRODUCTS, SPECTRA, STEM
from tests.fakes.core import calls, set_faults
from tests.fakes.headas.fitsbytes import part_named, read_parts
from tests.fakes.headas.inside import Tools
from tests.fakes.headas.products import COLD
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.ogip.response import read_response
from xbatch.registry import Job
from xbatch.tasks import events
from xbatch.xray.components import COMPONENTS

CURVES = (*PRODUCTS, "phafile=NONE", "bkgphafile=NONE", "imagefile=NONE", "runmkarf=no", "runmkrmf=no", "binsize=256")


def cards(path: Path, extension: str) -> Any:
    return part_named(read_parts(path), extension)


# nupipeline


@pytest.mark.parametrize("module", ["A", "B"])
@pytest.mark.parametrize("mode", ["01", "06"])
def test_clean_lists_are_read_by_the_native_task(
    bench: tuple[Tools, dict[str, Any]], tmp_path: Path, module: str, mode: str
) -> None:
    clean = bench[0].folder / "clean"
    inputs = {"events": clean / f"{STEM}{module}{mode}_cl.evt", "livetime": clean / f"{STEM}{module}_fpm.hk"}
    params = {"mission": "nustar", "instrument": f"FPM{module}", "obsid": OBSID, "screening": {}}
    facts = events.run(Job("events", params, inputs, tmp_path)).facts
    assert facts["obs_id"] == OBSID
    assert facts["instrume"] == f"FPM{module}"
    assert facts["ontime"] == pytest.approx(8000.0 if mode == "01" else 1200.0, abs=0.01)
    assert facts["dropped"]["outside the GTIs"] == 0
    assert facts["kept"] == facts["events"] > 1000


def test_the_pipeline_leaves_things_in_the_working_folder(bench: tuple[Tools, dict[str, Any]]) -> None:
    names = {path.name for path in bench[0].folder.iterdir()}
    assert {"nuAhkrange01.fits", "nuBcutevt.fits", "nuCal.fits", "nuCmk.fits", "nuCpre.fits"} <= names
    assert not any("_tmp_" in name for name in names)


def test_one_module_one_mode_and_one_stage(tools: Tools) -> None:
    made = tools(*PIPELINE, "outdir=one", "instrument=FPMA", "obsmode=SCIENCE").made
    names = {path.name for path in made}
    assert f"{STEM}A01_cl.evt" in names
    assert not any("06" in name.removeprefix(STEM) or name.startswith(f"{STEM}B") for name in names)
    made = tools(*PIPELINE, "outdir=two", "exitstage=1").made
    assert not any(path.name.endswith("_cl.evt") for path in made)
    made = tools(*PIPELINE, "outdir=two", "entrystage=2").made
    assert {path.name for path in made} == {name for name in CLEAN if "_cl" in name or "_gti" in name}


def test_screening_costs_time_and_events(tools: Tools) -> None:
    found = {}
    for name, *args in (
        ("plain",),
        ("strict", "saamode=STRICT"),
        ("both", "saamode=OPTIMIZED", "tentacle=yes"),
        ("single", "gradeexpr=GRADE==0"),
    ):
        tools(*PIPELINE, "instrument=FPMA", f"outdir={name}", *args)
        table = cards(tools.folder / name / f"{STEM}A01_cl.evt", "EVENTS")
        found[name] = (table.number("ONTIME"), int(table.number("NAXIS2")))
        history = " ".join(table.cards)
        assert "hkevtexpr=" in history
    assert found["strict"][0] == pytest.approx(0.9 * found["plain"][0])
    assert found["both"][0] == pytest.approx(0.92 * found["plain"][0])
    assert found["strict"][1] < found["both"][1] < found["plain"][1]
    assert found["single"][0] == found["plain"][0]
    assert 0 < found["single"][1] < found["plain"][1]


def test_mode_06_is_split_by_the_star_trackers(tools: Tools) -> None:
    tools(*PIPELINE, "outdir=split", "runsplitsc=yes", "instrument=FPMB")
    names = sorted(path.name for path in (tools.folder / "split").glob("*chu*"))
    assert names == [f"{STEM}B06_chu12_N_cl.evt", f"{STEM}B06_chu3_N_cl.evt"]
    made = tools(
        "nusplitsc",
        f"infile=split/{STEM}B06_cl.evt",
        f"chu123hkfile={OBSID}/hk/{STEM}_chu123.fits",
        f"hkfile=split/{STEM}B_fpm.hk",
        "outdir=own",
        "splitmode=STRICT",
    ).made
    assert [path.name for path in made] == [f"{STEM}B06_chu12_S_cl.evt", f"{STEM}B06_chu3_S_cl.evt"]


def test_products_of_a_part_of_mode_06_are_of_the_list_that_is_named(tools: Tools) -> None:
    tools(*PIPELINE, "outdir=split", "runsplitsc=yes", "instrument=FPMA")
    split = tools.folder / "split"
    part = f"{STEM}A06_chu12_N"
    (split / f"{STEM}A01_cl.evt").unlink()  # what is taken where none is named
    arguments = [text.replace("indir=clean", "indir=split") for text in SPECTRA]
    assert "A01_cl.evt not found" in tools.fails(*arguments, "instrument=FPMA", "outdir=x")
    made = tools(*arguments, "instrument=FPMA", "outdir=x", f"infile=split/{part}_cl.evt").made
    assert [path.name for path in made] == [f"{part}_{name}" for name in ("sr.pha", "bk.pha", "sr.arf", "sr.rmf")]
    assert 0 < read_pha(made[0]).exposure < 600.0
    (split / f"{STEM}A_fpm.hk").unlink()  # its live time is the module's
    assert "A_fpm.hk not found" in tools.fails(*arguments, "instrument=FPMA", "outdir=y", f"infile=split/{part}_cl.evt")


def test_the_pipeline_refuses_what_the_real_one_refuses(tools: Tools) -> None:
    assert "already exists, use clobber=yes" in tools.fails(*PIPELINE)
    assert tools(*PIPELINE, "clobber=yes").made
    fresh = (*PIPELINE, "outdir=fresh")
    assert "CALDB environment variable not set" in tools.fails(*fresh, CALDB=None)
    assert "nothing_ceb.hk not found" in tools.fails(*fresh, "steminputs=nothing")
    assert "out of range: 1 to 2" in tools.fails(*fresh, "entrystage=3")
    assert "not one of SCIENCE|OCCULTATION" in tools.fails(*fresh, "obsmode=ALWAYS")
    assert "invalid saamode" in tools.fails(*fresh, "saamode=STRICTEST")
    (tools.folder / "pfiles" / "nupipeline.par").unlink()  # which has learned what indir was
    assert "parameter indir is not set" in tools.fails("nupipeline", "outdir=x", f"steminputs={STEM}")
    (tools.folder / OBSID / "hk" / f"{STEM}_met.fits.gz").unlink()
    assert f"{STEM}_met.fits not found" in tools.fails(*fresh)


def test_parameter_names_may_be_cut_short_and_are_learned(tools: Tools) -> None:
    made = tools("nupipeline", f"indir={OBSID}", "outdir=cut", f"steminput={STEM}", "instr=FPMA", "exitst=1").made
    assert made
    assert "outdir is given twice" in tools.fails(*PIPELINE, "outd=again")
    assert "parameter name fpm is ambiguous" in tools.fails(*PIPELINE, "fpm=1")
    kept = (tools.folder / "pfiles" / "nupipeline.par").read_text().splitlines()
    assert f"indir,s,a,{OBSID},,,indir" in kept
    # hidden values are not learned
    assert "instrument,s,h,ALL,,,instrument" in kept


def test_stale_values_of_a_folder_of_parameters_are_used(tools: Tools) -> None:
    tools(*PIPELINE, "outdir=first", "exitstage=1")
    par = tools.folder / "pfiles" / "nupipeline.par"
    par.write_text(par.read_text().replace("instrument,s,h,ALL", "instrument,s,h,FPMB"))
    made = tools(*PIPELINE, "outdir=second", "exitstage=1").made
    assert not any(path.name.startswith(f"{STEM}A") for path in made)


def test_nuproducts_takes_its_parameters_from_the_first_folder_alone(tools: Tools) -> None:
    asked = (*SPECTRA, "instrument=FPMA", "outdir=out")
    assert "nuproducts.par' not found" in tools.fails(*asked, PFCLOBBER=None)
    assert tools(*asked).made
    assert tools(*asked, "outdir=again", PFCLOBBER=None).made


def test_a_prompt_that_nobody_answers_is_an_error(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        message = tools.fails("nupipeline", f"indir={OBSID}", "outdir=x", HEADASNOQUERY=None)
    assert message == "end of file where the value of steminputs was asked for"


def test_long_paths_are_too_long_even_behind_links(tools: Tools) -> None:
    deep = tools.folder / ("d" * 120) / "clean"
    deep.parent.mkdir()
    (tools.folder / "clean").rename(deep)
    (tools.folder / "clean").symlink_to(deep)
    assert "unable to open" in tools.fails(*SPECTRA, "instrument=FPMA", "outdir=out")


# nuproducts


def _expected(folder: Path, module: str, truth: dict[str, Any]) -> tuple[Spectrum, Any, np.ndarray]:
    """Give the spectrum, its response, and the counts that the truth leads to."""
    spectrum = read_pha(folder / f"{module}_sr.pha")
    response = read_response(folder / f"{module}_sr.rmf", folder / f"{module}_sr.arf")
    edges = np.append(response.energ_lo, response.energ_hi[-1])
    values = truth["parameters"]
    photons = COMPONENTS["powerlaw"].evaluate(edges, [values["PhoIndex"], values["norm"]], "wilm", "vern")
    photons = photons * COMPONENTS["tbabs"].evaluate(edges, [values["nH"]], "wilm", "vern") * response.specresp
    row = np.repeat(np.arange(photons.size), np.diff(response.indptr))
    folded = np.bincount(response.indices, response.matrix * photons[row], response.channel.size)
    return spectrum, response, folded * spectrum.exposure * truth["calibration"][f"FPM{module.upper()}"]


@pytest.mark.parametrize("module", ["a", "b"])
def test_spectra_have_the_truth_in_them(bench: tuple[Tools, dict[str, Any]], spectra: Path, module: str) -> None:
    spectrum, response, expected = _expected(spectra, module, bench[1])
    background = read_pha(spectra / f"{module}_bk.pha")
    scale = spectrum.backscal / background.backscal
    net = spectrum.counts - scale * background.counts
    variance = spectrum.counts + scale**2 * background.counts
    for lo, hi in ((3.0, 10.0), (10.0, 79.0), (3.0, 79.0)):
        band = (response.e_min >= lo - 1e-6) & (response.e_min < hi - 1e-6)
        # 1 percent of the source's light falls into the background's region
        slack = 4.0 * float(np.sqrt(variance[band].sum())) + 0.015 * float(expected[band].sum())
        assert float(net[band].sum()) == pytest.approx(float(expected[band].sum()), abs=slack)


def test_spectra_name_what_goes_with_them(spectra: Path) -> None:
    header = read_pha(spectra / "a_sr.pha").header
    links = (header["BACKFILE"], header["RESPFILE"], header["ANCRFILE"])
    assert links == ("a_bk.pha", "a_sr.rmf", "a_sr.arf")
    assert header["INSTRUME"] == "FPMA"
    assert cards(spectra / "b_sr.arf", "SPECRESP").get("INSTRUME") == "FPMB"
    names = {path.name for path in spectra.glob("a_*")}
    assert names == {"a_sr.pha", "a_bk.pha", "a_sr.arf", "a_sr.rmf", "a_ph.gif"}


def test_the_arf_holds_the_light_of_the_region(tools: Tools, spectra: Path) -> None:
    (tools.folder / "src.reg").write_text((tools.folder / "src.reg").read_text().replace('100"', '30"'))
    tools(*SPECTRA, "instrument=FPMA", "outdir=.", "stemout=small", "bkgextract=no", "runmkrmf=no")
    small, large = (
        cards(path, "SPECRESP").column("SPECRESP") for path in (tools.folder / "small_sr.arf", spectra / "a_sr.arf")
    )
    king = [1.0 - (1.0 + (radius / 10.9) ** 2) ** -0.33 for radius in (30.0, 100.0)]
    assert float(small[200] / large[200]) == pytest.approx(king[0] / king[1], rel=0.01)
    header = read_pha(tools.folder / "small_sr.pha").header
    assert (header["BACKFILE"], header["RESPFILE"]) == ("none", "none")
    assert not (tools.folder / "small_bk.pha").exists()


def test_light_curves_and_images(tools: Tools, spectra: Path, bench: tuple[Tools, dict[str, Any]]) -> None:
    made = tools(*CURVES, "instrument=FPMA", "outdir=curves", "pilow=85", "pihigh=209").made
    stem = f"{STEM}A01"
    assert [path.name for path in made] == [f"{stem}_sr.lc", f"{stem}.flc", f"{stem}_bk.lc"]
    curve = read_curve(made[0])
    assert curve.width == 256.0
    counts = read_pha(spectra / "a_sr.pha").counts[85:210].sum()
    share = float(cards(spectra / "a_sr.arf", "SPECRESP").column("SPECRESP")[200]) / _area(tools)
    whole = curve.fracexp > 0.99
    # rates are those of all the source's light
    assert float(curve.rate[whole].mean()) == pytest.approx(counts / 7917.0 / share, rel=0.03)
    flc = cards(made[1], "RATE")
    assert {"TIME", "RATE1", "ERROR1", "FRACEXP"} <= {flc.get(f"TTYPE{number}") for number in range(1, 6)}
    plain = tools(*CURVES, "instrument=FPMA", "outdir=plain", "pilow=85", "pihigh=209", "lcpsfflag=no").made[0]
    assert float(read_curve(plain).rate[whole].mean()) == pytest.approx(counts / 7917.0, rel=0.03)
    image = tools(*PRODUCTS, "phafile=NONE", "bkgphafile=NONE", "lcfile=none", "bkglcfile=none", "instrument=FPMA",
                  "runmkarf=no", "runmkrmf=no", "outdir=img", "pilow=0", "pihigh=4095").made  # fmt: skip
    assert [path.name for path in image] == [f"{stem}_sk.img"]
    table = cards(tools.folder / "clean" / f"{stem}_cl.evt", "EVENTS")
    assert int(read_image(image[0]).data.sum()) == int(table.number("NAXIS2"))


def _area(tools: Tools) -> float:
    arf = Path(tools.environment["CALDB"]) / "data" / "nustar" / "fpm" / "cpf" / "arf" / "point.arf"
    return float(cards(arf, "SPECRESP").column("SPECRESP")[200])


def test_spectra_are_grouped_on_demand(tools: Tools) -> None:
    made = tools(*SPECTRA, "instrument=FPMA", "outdir=grp", "rungrppha=yes", "grpmincounts=50", "runmkrmf=no").made
    grouped = read_pha(made[-1])
    assert made[-1].name == f"{STEM}A01_sr_grp.pha"
    assert np.all(grouped.quality[:35] == 5)
    assert np.all(grouped.quality[1910:] == 5)
    sums = np.add.reduceat(grouped.counts[35:1910], np.flatnonzero(grouped.grouping[35:1910] == 1))
    assert np.all(sums[:-1][grouped.quality[35:1910][np.flatnonzero(grouped.grouping[35:1910] == 1)][:-1] == 0] >= 50)
    assert grouped.header["RESPFILE"] == "none"
    assert "GTI" in {part.name for part in read_parts(made[-1])}


def test_good_times_of_the_user_and_of_the_barycentre(tools: Tools) -> None:
    plain = read_pha(tools(*SPECTRA, "instrument=FPMA", "outdir=p", "stemout=p", "runmkrmf=no").made[0])
    strict = (*PIPELINE, "outdir=strict", "saamode=STRICT", "instrument=FPMA")
    tools(*strict)
    usr = f"usrgtifile=strict/{STEM}A01_gti.fits"
    cut = read_pha(tools(*SPECTRA, "instrument=FPMA", "outdir=c", "stemout=c", usr, "runmkrmf=no").made[0])
    assert cut.exposure == pytest.approx(0.9 * plain.exposure, rel=0.01)
    assert 0.8 * plain.counts.sum() < cut.counts.sum() < plain.counts.sum()
    bary = ("barycorr=yes", "srcra_barycorr=150.0", "srcdec_barycorr=2.2")
    assert "parameter orbitfile is not set" in tools.fails(*SPECTRA, "instrument=FPMA", "outdir=b", *bary)
    orbit = f"orbitfile={OBSID}/auxil/{STEM}_orb.fits"
    later = tools(*SPECTRA, "instrument=FPMA", "outdir=b", "stemout=b", "runmkrmf=no", *bary, orbit).made[0]
    assert cards(later, "SPECTRUM").get("TIMESYS") == "TDB"
    assert read_pha(later).counts.sum() == plain.counts.sum()


@pytest.mark.parametrize("missing", ["_mast.fits", "_att.fits", "A_det1.fits", "A_oa.fits", "A_fpm.hk", "A01_cl.evt"])
def test_products_need_all_files_of_the_pipeline(tools: Tools, missing: str) -> None:
    (tools.folder / "clean" / f"{STEM}{missing}").unlink()
    assert f"{STEM}{missing} not found" in tools.fails(*SPECTRA, "instrument=FPMA", "outdir=out")


@pytest.mark.parametrize(("version", "told", "corrected"), [
    ("6.20", "", False), ("6.28", "", True), ("6.28", "arfmlicorr=no", False), ("6.29", "", False),
    ("6.35.1", "arfmlicorr=yes", True),
])  # fmt: skip
def test_releases_correct_the_area_for_temperature(
    tools: Tools, tmp_path: Path, version: str, told: str, corrected: bool
) -> None:
    own = Tools(make_headas(tmp_path / "tools", version), tools.folder)
    spectra = (*SPECTRA, "indir=again", *([told] if told else []), "runmkrmf=no")
    made = [path.name for path in own(*PIPELINE, "outdir=again").made]
    assert (f"{STEM}_obeb.hk.gz" in made) is (version != "6.20")
    areas = {}
    for name, instrument in (("a", "FPMA"), ("b", "FPMB"), ("bare", "FPMA")):
        if name == "bare":
            (tools.folder / "again" / f"{STEM}_obeb.hk.gz").unlink(missing_ok=True)
        own(*spectra, f"instrument={instrument}", f"outdir={name}", f"stemout={name}")
        areas[name] = cards(tools.folder / name / f"{name}_sr.arf", "SPECRESP")
    low = areas["a"].column("ENERG_LO") < 5.0
    ratio = areas["a"].column("SPECRESP") / areas["bare"].column("SPECRESP")
    assert np.allclose(ratio[low], 1.0 + COLD if corrected else 1.0, rtol=1e-6)
    assert np.allclose(ratio[~low], 1.0)
    between = areas["b"].column("SPECRESP") / areas["bare"].column("SPECRESP")
    assert np.allclose(between, between[-1])  # of FPMB nothing is corrected


def test_products_refuse_what_the_real_ones_refuse(tools: Tools, bench: tuple[Tools, dict[str, Any]]) -> None:
    call = (*SPECTRA, "instrument=FPMA", "outdir=out", "runmkrmf=no")
    assert "invalid instrument FPMC" in tools.fails(*call, "instrument=FPMC")
    assert "none.reg not found" in tools.fails(*call, "srcregionfile=none.reg")
    (tools.folder / "odd.reg").write_text("fk5\nheart(1,2,3)\n")
    assert "odd.reg" in tools.fails(*call, "srcregionfile=odd.reg", "extended=yes")
    ra, dec = bench[1]["ra"], bench[1]["dec"]
    (tools.folder / "box.reg").write_text(f'fk5\nbox({ra},{dec},100",100",0)\n')
    assert "Region shape 'BOX' not supported" in tools.fails(*call, "srcregionfile=box.reg")
    assert "Region shape 'BOX' not supported" in tools.fails(*CURVES, "instrument=FPMA", "srcregionfile=box.reg")
    assert tools(*call, "srcregionfile=box.reg", "extended=yes").made
    (tools.folder / "ring.reg").write_text(f'fk5\nannulus({ra},{dec},10",60")\n')
    ring = (*call, "outdir=ring", "srcregionfile=ring.reg")
    assert "Ghost Rays correction is supported only for circular" in tools.fails(*ring)
    assert tools(*ring, "grflag=no").made
    (tools.folder / "hole.reg").write_text(f'fk5\ncircle({ra},{dec},60")\n-circle({ra},{dec},10")\n')
    hole = (*call, "outdir=hole", "srcregionfile=hole.reg")
    assert "not yet implemented" in tools.fails(*hole)
    assert tools(*hole, "extended=yes").made
    assert "already exists, use clobber=yes" in tools.fails(*call)
    assert tools(*call, "clobber=yes").made
    assert "CALDB environment variable not set" in tools.fails(*call, CALDB=None)
    default = ("nuproducts", "indir=clean", f"steminputs={STEM}", "instrument=FPMA", "outdir=default", "bkgextract=no")
    assert "parameter srcra is not set" in tools.fails(*default)
    assert tools(*default, f"srcra={ra}", f"srcdec={dec}", "lcfile=NONE", "imagefile=NONE").made
    assert not list(tools.folder.glob("*_tmp_nuproducts"))


# as processes of their own


def test_faults_are_done_to_products(tools: Tools) -> None:
    root = Path(tools.environment["HEADAS"])
    call = [str(root / "bin" / "nuproducts"), *SPECTRA[1:], "instrument=FPMA", "bkgextract=no", "runmkarf=no"]
    call += ["runmkrmf=no"]
    faults = [{"kind": kind, "match": f"stemout={kind}"} for kind in ("partial", "no-product", "fails", "full-disk")]
    set_faults(root, {"nuproducts": faults})
    found = {}
    for kind in ("well", *(fault["kind"] for fault in faults)):
        done = subprocess.run(
            [*call, f"outdir={kind}", f"stemout={kind}"],
            cwd=tools.folder,
            env=tools.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        path = tools.folder / kind / f"{kind}_sr.pha"
        size = path.stat().st_size if path.exists() else 0
        found[kind] = (done.returncode, "Exit with success" in done.stdout, size)
        assert ("nuproducts_0.3.3: Error: " in done.stderr) == (done.returncode != 0)
    set_faults(root, {})
    whole = found["well"][2]
    assert whole > 28800
    assert found == {
        "well": (0, True, whole),
        "partial": (0, True, whole // 2),
        "no-product": (0, True, 0),
        "fails": (1, False, 0),
        "full-disk": (1, False, whole // 2),
    }
    assert [one["cwd"] for one in calls(root, "nuproducts")][-5:] == [str(tools.folder)] * 5
