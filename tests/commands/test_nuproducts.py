"""The calls of nuproducts, argument by argument as pipelines in use give them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands.call import Call
from xbatch.commands.nuproducts import Area, Barycentre, Curves, energy_of_curve, pi_of_energy, spectrum_call
from xbatch.commands.nustar import Module

TUTORIAL = Module("60001110002", "FPMA", "60001110002_p/event_cl")


def _args(call: Call, *without: str) -> dict[str, str]:
    return {name: value for name, value in call.args if name not in without}


def test_light_curve_of_the_tutorial() -> None:
    call = Curves(TUTORIAL, Area("src.reg", "bgd.reg"), 256).call("60001110002_p/lc")
    assert call.command == (
        "nuproducts",
        "indir=60001110002_p/event_cl",
        "outdir=60001110002_p/lc",
        "instrument=FPMA",
        "steminputs=nu60001110002",
        "binsize=256",
        "bkgextract=yes",
        "srcregionfile=src.reg",
        "bkgregionfile=bgd.reg",
        "imagefile=none",
        "phafile=DEFAULT",
        "bkgphafile=DEFAULT",
        "runbackscale=yes",
        "correctlc=yes",
        "runmkarf=no",
        "runmkrmf=no",
    )
    assert call.expects == tuple(
        f"60001110002_p/lc/nu60001110002A01_{kind}" for kind in ("sr.lc", "bk.lc", "sr.pha", "bk.pha")
    )


def test_spectrum_of_the_tutorial() -> None:
    call = spectrum_call(TUTORIAL, "60001110002_p/spec", Area("src.reg", "bgd.reg"))
    assert call.command == (
        "nuproducts",
        "indir=60001110002_p/event_cl",
        "outdir=60001110002_p/spec",
        "instrument=FPMA",
        "steminputs=nu60001110002",
        "bkgextract=yes",
        "srcregionfile=src.reg",
        "bkgregionfile=bgd.reg",
        "phafile=DEFAULT",
        "bkgphafile=DEFAULT",
        "runbackscale=yes",
        "runmkarf=yes",
        "runmkrmf=yes",
        "imagefile=NONE",
        "lcfile=NONE",
        "bkglcfile=NONE",
    )
    stem = "60001110002_p/spec/nu60001110002A01"
    assert call.expects == (f"{stem}_sr.pha", f"{stem}_bk.pha", f"{stem}_sr.arf", f"{stem}_sr.rmf")


NGC5506 = Module("60061323002", "FPMB", "60061323002_p/event_cl")


def test_spectrum_of_ngc5506() -> None:
    call = spectrum_call(NGC5506, ".", Area("src.reg", "bgd.reg"))
    # The stem of the outputs is not that of the source: names are given when they are kept. No light curve of the
    # background is made that nobody asked for.
    assert _args(call, "bkglcfile") == {
        "bkgextract": "yes",
        "imagefile": "NONE",
        "lcfile": "NONE",
        "phafile": "DEFAULT",
        "bkgphafile": "DEFAULT",
        "runbackscale": "yes",
        "runmkarf": "yes",
        "runmkrmf": "yes",
        "srcregionfile": "src.reg",
        "bkgregionfile": "bgd.reg",
        "indir": "60061323002_p/event_cl",
        "outdir": ".",
        "instrument": "FPMB",
        "steminputs": "nu60061323002",
    }


def test_spectrum_of_selected_barycentred_times() -> None:
    barycentre = Barycentre((213.312, -3.2075), "nu60061323002B.attorb", times=False)
    call = spectrum_call(NGC5506, ".", Area("src.reg", "bgd.reg", "high.gti"), barycentre=barycentre)
    assert call.args[-6:] == (
        ("usrgtifile", "high.gti"),
        ("barycorr", "yes"),
        ("srcra_barycorr", "213.312"),
        ("srcdec_barycorr", "-3.2075"),
        ("orbitfile", "nu60061323002B.attorb"),
        ("usrgtibarycorr", "no"),
    )


@pytest.mark.parametrize(
    ("band", "first", "pis", "energy"),
    [
        ((3.0, 79.0), True, ("35", "1934"), "41"),
        # By rounding down 20 keV would begin at 459.
        ((20.0, 30.0), False, ("460", "709"), "25"),
        ((2.0, 3.0), False, ("10", "34"), "3.1"),
        ((3.0, 10.0), False, ("35", "209"), "6.5"),
    ],
)
def test_light_curves_of_ngc5506(band: tuple[float, float], first: bool, pis: tuple[str, str], energy: str) -> None:
    call = Curves(NGC5506, Area("src.reg", "bgd.reg"), 128).call(".", band, spectra=first)
    pha = "DEFAULT" if first else "NONE"
    assert _args(call) == {
        "indir": "60061323002_p/event_cl",
        "outdir": ".",
        "instrument": "FPMB",
        "steminputs": "nu60061323002",
        "bkgextract": "yes",
        "srcregionfile": "src.reg",
        "bkgregionfile": "bgd.reg",
        "imagefile": "none",
        "phafile": pha,
        "bkgphafile": pha,
        "runbackscale": "yes",
        "runmkarf": "no",
        "runmkrmf": "no",
        "correctlc": "yes",
        "binsize": "128",
        "pilow": pis[0],
        "pihigh": pis[1],
        "lcenergy": energy,
    }


def test_spectrum_of_an_extended_source() -> None:
    module = Module("30001002001", "FPMA", "30001002001_p/event_cl")
    call = spectrum_call(module, "products", Area("Source_NE.reg", "bg_30001002001A.reg"), extended=True)
    own = ("phafile", "bkgphafile", "runbackscale", "runmkarf", "runmkrmf", "bkgextract")  # at the tool's defaults
    assert _args(call, *own) == {
        "indir": "30001002001_p/event_cl",
        "outdir": "products",
        "instrument": "FPMA",
        "steminputs": "nu30001002001",
        "srcregionfile": "Source_NE.reg",
        "bkgregionfile": "bg_30001002001A.reg",
        "imagefile": "NONE",
        "lcfile": "NONE",
        "bkglcfile": "NONE",
        "correctlc": "no",
        "extended": "yes",
    }
    assert {call_value for name, call_value in call.args if name in own} == {"DEFAULT", "yes"}


@pytest.mark.parametrize(
    ("given", "told"),
    [({}, True), ({"ghost_rays": True}, False), ({"arf": False}, False), ({"extended": True}, False)],
)
def test_ghost_rays_are_left_out_of_the_arf_of_a_point_alone(given: dict[str, bool], told: bool) -> None:
    call = spectrum_call(TUTORIAL, "out", Area("src.reg"), **{"ghost_rays": False, **given})
    assert (("grflag", "no") in call.args) is told


SOURCE = Area("src.reg")
BOTH = Area("src.reg", "bgd.reg")


@given(st.integers(0, 4095), st.floats(0.0, 0.999))
def test_a_channel_holds_its_energies(channel: int, part: float) -> None:
    assert pi_of_energy(1.6 + 0.04 * (channel + part)) == channel


@given(st.lists(st.integers(160, 16000), min_size=3, max_size=6, unique=True).map(sorted))
def test_bands_that_touch_share_the_channels_out(edges: list[int]) -> None:
    bands = [(lo / 100, hi / 100) for lo, hi in pairwise(edges)]
    calls = [dict(Curves(TUTORIAL, BOTH, 64.0).call("lc", band).args) for band in bands]
    for one, two in pairwise(calls):
        assert int(one["pihigh"]) + 1 == int(two["pilow"])


@given(st.floats(1.6, 160.0), st.floats(1.6, 160.0))
def test_energy_of_a_curve_is_in_its_band_or_the_lowest_that_is_known(one: float, two: float) -> None:
    lo, hi = sorted((one, two))
    energy = energy_of_curve(lo, hi)
    assert lo - 1e-6 <= energy <= hi + 1e-6 or energy == 3.1 >= 0.5 * (lo + hi)


def test_products_are_those_that_are_asked_for() -> None:
    whole = spectrum_call(TUTORIAL, "out", SOURCE, arf=False, rmf=False)
    assert whole.expects == ("out/nu60001110002A01_sr.pha",)
    given = dict(whole.args)
    assert [given[name] for name in ("bkgextract", "runmkarf", "runmkrmf", "runbackscale")] == ["no", "no", "no", "yes"]
    assert not {"bkgregionfile", "bkgphafile", "usrgtifile", "barycorr", "extended", "initseed"} & set(given)
    curves = Curves(TUTORIAL, SOURCE, 64.0)
    assert curves.call("lc", spectra=False).expects == ("lc/nu60001110002A01_sr.lc",)
    assert Curves(TUTORIAL, BOTH, 64.0).call("lc", spectra=False).expects == (
        "lc/nu60001110002A01_sr.lc",
        "lc/nu60001110002A01_bk.lc",
    )
    assert "pilow" not in dict(curves.call("lc").args)


@pytest.mark.parametrize("wanted", [True, False])
def test_corrections_of_a_curve_are_said_together(wanted: bool) -> None:
    call = Curves(TUTORIAL, BOTH, 64.0, corrected=wanted, effective_area=wanted).call("lc", (3, 10))
    said = {dict(call.args)[name] for name in ("correctlc", "lcpsfflag", "lcexpoflag", "lcvignflag")}
    assert said == {"yes" if wanted else "no"}
    assert not any(
        name.startswith("lc") and name.endswith("flag") for name, _ in Curves(TUTORIAL, BOTH, 1.0).call("lc").args
    )


def test_curves_of_selected_times_of_an_extended_source() -> None:
    selected = Curves(TUTORIAL, Area("src.reg", times="t.gti"), 64.0, extended=True)
    given = dict(selected.call("lc").args)
    assert (given["usrgtifile"], given["extended"], given["runbackscale"]) == ("t.gti", "yes", "yes")
    # the spectra are made unless they are said not to be, and named so
    assert given["phafile"] == "DEFAULT"
    assert selected.products("lc") == ("lc/nu60001110002A01_sr.lc", "lc/nu60001110002A01_sr.pha")
    assert not {"usrgtifile", "extended"} & set(dict(Curves(TUTORIAL, SOURCE, 64.0).call("lc").args))


def test_each_band_but_the_first_has_a_folder_by_its_name() -> None:
    curves = Curves(TUTORIAL, BOTH, 64.0)
    assert curves.folder("p/lc", "b3.2", first=True) == "p/lc"
    # what stands behind a point would be taken for an ending
    assert curves.folder("p/lc", "b3.2", first=False) == "p/lc_b3_2"


_barycentres = st.builds(
    Barycentre, st.tuples(st.floats(0, 360), st.floats(-90, 90)), st.just("o.attorb"), st.booleans()
)
_curves = st.builds(
    Curves,
    st.builds(Module, st.just("60001110002"), st.sampled_from(["FPMA", "FPMB"]), st.just("p"), st.booleans()),
    st.builds(Area, st.just("src.reg"), st.sampled_from(["", "bgd.reg"]), st.sampled_from(["", "t.gti"])),
    st.floats(0.1, 1e5),
    st.booleans(),
    st.none() | st.booleans(),
    st.booleans(),
    st.none() | _barycentres,
)


@given(_curves)
def test_curves_survive_json(curves: Curves) -> None:
    assert Curves.of(json.loads(json.dumps(curves.params()))) == curves


def test_a_background_is_subtracted_by_lcmath() -> None:
    curves = Curves(NGC5506, Area("src.reg", "bgd.reg"), 100, lcmath=True)
    stem = "60061323002_p/lc/nu60061323002B01"
    call = curves.subtraction("60061323002_p/lc", "{backscal:ratio}")
    # The published words, and that dead time is left alone and the error scaled as the rate is.
    assert call.command == (
        "lcmath",
        f"infile={stem}_sr.lc",
        f"bgfile={stem}_bk.lc",
        f"outfile={stem}_net.lc",
        "multi=1.0",
        "multb={backscal:ratio}",
        "addsubr=no",
        "docor=no",
        "err_mode=4",
    )
    assert call.expects == (f"{stem}_net.lc",)
    assert dict(curves.subtraction("lc", 0.125).args)["multb"] == "0.125"


def test_what_curves_do_not_ask_for_is_not_in_their_parameters() -> None:
    plain = Curves(TUTORIAL, Area("src.reg", "bgd.reg"), 256)
    assert not {"energy", "lcmath"} & set(plain.params())
    for asked in (plain, Curves(TUTORIAL, Area("src.reg", "bgd.reg"), 256, energy=10.0, lcmath=True)):
        assert Curves.of(json.loads(json.dumps(asked.params()))) == asked
    energies = [dict(curves.call("lc", (3, 5)).args)["lcenergy"] for curves in (plain, asked)]
    assert energies == ["4", "10"]


def test_a_part_of_mode_06_is_given_by_name() -> None:
    part = Module("80415201001", "FPMA", "80415201001_p/event_cl", chu="2")
    call = spectrum_call(part, "80415201001_p/spec", Area("src.reg"))
    assert _args(call)["infile"] == "80415201001_p/event_cl/nu80415201001A06_chu2_N_cl.evt"
    assert _args(call)["stemout"] == "nu80415201001A06_chu2_N"
    assert call.expects[0] == "80415201001_p/spec/nu80415201001A06_chu2_N_sr.pha"
    assert not {"infile", "stemout"} & set(_args(spectrum_call(TUTORIAL, "out", Area("src.reg"))))
    curves = Curves(part, Area("src.reg"), 100.0)
    assert _args(curves.call("lc"))["infile"].endswith("06_chu2_N_cl.evt")
    assert Curves.of(json.loads(json.dumps(curves.params()))) == curves
    # steps of mode 01 are what they were
    assert set(Curves(TUTORIAL, Area("src.reg"), 100.0).params()["module"]) == {
        "obsid",
        "instrument",
        "folder",
        "frozen_seed",
    }
