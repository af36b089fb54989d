"""The images and light curves of a spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import EVENTS, TWO_MISSIONS, problems, work

REST = (
    "regions:\n  src: {shape: annulus, center: [10, 20], inner: 5 arcsec, outer: 50 arcsec}\n"
    "  bkg: {shape: annulus, center: src, inner: 60 arcsec, outer: 90 arcsec}\n"
    "gtis: {low: {file: low.gti}, high: {file: high.gti}}\n"
    "spectra: {agn: {region: src, background: bkg}, states: {region: src, gti: [low, high], screening: hard}}\n"
    "screening: {hard: {grade: 0}, all: {grade: none}}\n"
    "bands: {full: 3-10 keV, two: {scheme: list, edges: 3 5 9 keV}}\n"
)


def test_images_of_each_observation(tmp_path: Path) -> None:
    text = TWO_MISSIONS + (
        "images:\n"
        "  sky: {bands: [3-10 keV],\n"
        "    for: [{where: {instrument: EPN}, bin: 87, origin: [3649, 3649], size: [512, 512]}]}\n"
        '  det: {bands: 3-10 keV, frame: det, where: {mission: nustar}, exposure_map: "{module}.img", gti: low}\n'
        "gtis: {low: {file: low.gti}}\n"
    )
    found = work(tmp_path, text)
    sky = {one.observed: one.params for one in found.images if one.name == "sky"}
    assert sky == {
        "90402339002/FPMA": {"frame": "sky", "bin": 1},
        "90402339002/FPMB": {"frame": "sky", "bin": 1},
        "0201430201/EPN": {"frame": "sky", "bin": 87, "origin": [3649, 3649], "size": [512, 512]},
        "0201430201/EMOS1": {"frame": "sky", "bin": 80},
    }
    detector = [one for one in found.images if one.name == "det"]
    assert [one.exposure_map for one in detector] == [tmp_path / "A.img", tmp_path / "B.img"]
    assert [one.gti for one in detector] == ["low", "low"]
    first = found.observed[0]
    assert first.screenings["default"].params == {"grade": [0, 26], "keep": ["DET1X", "DET1Y"]}
    assert "keep" not in found.observed[2].screenings["default"].params
    assert list(first.gtis) == ["low"]
    assert not found.spectra


def test_mosaics(tmp_path: Path) -> None:
    head = EVENTS.replace("[90402339002]", "[90402339002, 90402339004]")
    text = head + (
        "images:\n  each: {bands: [3-10 keV], mosaic: true}\n"
        "  all: {bands: [3-10 keV], mosaic: {over: [obsid, instrument], pixel: 4 arcsec, grid: first}}\n"
        "  modules: {bands: [3-10 keV], bin: 2, mosaic: {over: instrument}}\n  none: {bands: [3-10 keV]}\n"
    )
    found = {(one.name, one.group): one for one in work(tmp_path, text).mosaics}
    assert list(found) == [
        ("each", "FPMA"),
        ("each", "FPMB"),
        ("all", ""),
        ("modules", "90402339002"),
        ("modules", "90402339004"),
    ]
    assert found["each", "FPMA"].members == ("90402339002/FPMA", "90402339004/FPMA")
    assert found["all", ""].params == {"bin": 1, "grid": "first", "pixel": 4.0}
    assert len(found["all", ""].members) == 4
    assert found["modules", "90402339004"].params["bin"] == 2


def test_each_mosaic_has_its_pixels(tmp_path: Path) -> None:
    found = work(tmp_path, TWO_MISSIONS + "images: {sky: {bands: [3-10 keV], mosaic: true}}\n").mosaics
    assert {one.group: one.params["bin"] for one in found} == {"FPMA": 1, "FPMB": 1, "EPN": 80, "EMOS1": 80}
    text = TWO_MISSIONS + "images: {sky: {bands: [3-10 keV], mosaic: {over: [obsid, instrument]}}}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.code == "XB216" and "or the mosaic a 'pixel'" in problem.hint
    (whole,) = work(tmp_path, text.replace("instrument]", "instrument], pixel: 5 arcsec")).mosaics
    assert len(whole.members) == 4 and whole.params["pixel"] == 5.0


def test_light_curves_take_what_their_spectrum_has(tmp_path: Path) -> None:
    text = EVENTS + REST + (
        "lightcurves:\n  one: {spectrum: agn, bands: [full, two, 3-79 keV], dt: 256 s, min_fracexp: 0.5}\n"
        "  two: {spectrum: states, bands: two, dt: 1 ks, corrections: [gti], where: {module: A, gti: high}}\n"
        "  three: {spectrum: agn, bands: [full], dt: 1 s, screening: all, for: [{where: {module: B}, dt: 100 ms}]}\n"
    )  # fmt: skip
    found = work(tmp_path, text)
    first = found.lightcurves[0]
    assert (first.region, first.background, first.screening, first.gti) == ("src", "bkg", "default", "")
    assert [one.names for one in first.bands] == [("full",), ("two.1", "two.2"), ("3-79 keV",)]
    assert first.params == {"dt": 256.0, "min_fracexp": 0.5, "corrections": ["gti", "livetime"]}
    (second,) = [one for one in found.lightcurves if one.name == "two"]
    assert (second.observed, second.gti, second.screening) == ("90402339002/FPMA", "high", "hard")
    assert second.params["corrections"] == ["gti"]
    assert [one.params["dt"] for one in found.lightcurves if one.name == "three"] == [1.0, 0.1]
    assert list(found.observed[0].screenings) == ["default", "hard", "all"]


def test_a_region_of_a_light_curve_alone(tmp_path: Path) -> None:
    text = EVENTS + REST + (
        "lightcurves:\n"
        "  core: {spectrum: agn, bands: [full], dt: 1 s, region: {src.inner: 0 arcsec, src.outer: 40 arcsec}}\n"
        "  same: {spectrum: agn, bands: [full], dt: 1 s, region: {src.inner: 5 arcsec}}\n"
    )  # fmt: skip
    found = work(tmp_path, text)
    assert [one.region for one in found.lightcurves] == ["src.core", "src.core", "src", "src"]
    assert found.lightcurves[0].background == "bkg"
    observed = found.observed[0].regions
    assert list(observed) == ["src", "bkg", "src.core"]
    assert observed["src.core"].params["shapes"][0]["sizes"] == [0.0, 40.0]
    assert observed["src"].params["shapes"][0]["sizes"] == [5.0, 50.0]
    assert observed["src.core"].path == "lightcurves.core.region"


def test_edges_go_to_the_channels_of_those_who_use_them(tmp_path: Path) -> None:
    bands = "bands: {b: {scheme: linear, range: 3-9 keV, n: 2, snap: channel}}\n"
    image = "images: {sky: {bands: [b], where: {mission: xmm}}}\n"
    assert work(tmp_path, TWO_MISSIONS + bands + image).images[0].bands[0].bands[0].lo == 3.0
    (problem,) = problems(tmp_path, TWO_MISSIONS + bands + image.replace(", where: {mission: xmm}", ""))
    assert problem.code == "XB217"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("images: {a: {bands: [ful]}}", "XB102"),
        ("images: {a: {bands: [full, full]}}", "XB123"),
        ("images: {a: {bands: [full, 3-10 keV]}}", ""),
        ("images: {a: {bands: [3-10 keV, 3.0 - 10 keV]}}", "XB123"),
        ("images: {a: {bands: [full, 200-300 keV]}}", "XB211"),
        ("images: {a: {bands: [3.00-3.01 keV]}}", "XB211"),
        ("images: {a: {bands: [full], gti: lo}}", "XB116"),
        ("images: {a: {bands: [full], screening: soft}}", "XB117"),
        ("images: {a: {bands: [full], frame: det, mosaic: true}}", "XB216"),
        ("images: {a: {bands: [full], mosaic: {pixel: 4 s}}}", "XB212"),
        ("images: {a: {bands: [full], mosaic: {pixel: 0 arcsec}}}", "XB205"),
        ("images: {a: {bands: [full], mosaic: {over: spectrum}}}", "XB204"),
        ("images: {a: {bands: [full], bin: 0}}", "XB205"),
        ('images: {a: {bands: [full], exposure_map: "{spectrum}.img"}}', "XB112"),
        ("images: {a: {bands: [full], where: {instrument: EPN}}}", "XB105"),
        ("lightcurves: {a: {spectrum: agm, bands: [full], dt: 1 s}}", "XB101"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1}}", "XB212"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 0 s}}", "XB205"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, corrections: [area]}}", "XB220"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, corrections: live}}", "XB204"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, min_fracexp: 1}}", "XB205"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, region: {src: 3}}}", "XB208"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, region: {scr.inner: 3}}}", "XB103"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, region: {src.iner: 3 deg}}}", "XB201"),
        ("lightcurves: {a: {spectrum: agn, bands: [full], dt: 1 s, region: {src.inner: 90 arcsec}}}", "XB211"),
    ],
)
def test_what_is_no_product(tmp_path: Path, text: str, code: str) -> None:
    assert [one.code for one in problems(tmp_path, f"{EVENTS}{REST}{text}\n")] == ([code] if code else [])
