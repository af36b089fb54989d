"""Golden tests of the calls that look for sources, beside those of a published script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.commands.published import differences
from xbatch.commands.detect import (
    CameraBands,
    DetectBand,
    atthkgen,
    edetect_chain,
    emosaic,
    image_calls,
)

EDGES = ((200, 500), (500, 1000), (1000, 2000), (2000, 4500), (4500, 12000))
ECF = {
    "EMOS1": (1.734, 1.746, 2.041, 0.737, 0.145),
    "EMOS2": (0.991, 1.387, 1.789, 0.703, 0.15),
    "EPN": (9.525, 8.121, 5.867, 1.953, 0.578),
}
SHORT = {"EMOS1": "mos1", "EMOS2": "mos2", "EPN": "pn"}


def bands_of(camera: str) -> CameraBands:
    data: list[dict[str, Any]] = []
    for number, ((lo, hi), ecf) in enumerate(zip(EDGES, ECF[camera], strict=True), 1):
        first = camera == "EPN" and number == 1
        pattern = [0, 0] if first else [0, 4] if camera == "EPN" else [0, 12]
        data.append({"name": f"b{number}", "lo": 300 if first else lo, "hi": hi, "pattern": pattern, "ecf": ecf})
    return CameraBands.of(camera, data)


def names_of(camera: str) -> dict[str, str]:
    short = SHORT[camera]
    names = {f"{short}_image_b{number}.fits": f"{camera}_image_b{number}.fits" for number in range(1, 6)}
    names |= {f"{short}_clean.fits": f"{camera}_clean.fits", f"{short}_image_full.fits": f"{camera}_full.fits"}
    return names | {
        "AttHk.ds": "attitude.ds",
        f"coords/{short}_eboxlist_l.fits": "eboxlist_l.fits",
        f"coords/{short}_eboxlist_m.fits": "eboxlist_m.fits",
        f"coords/{short}_emllist.fits": "emllist.fits",
    }


#: ``imageSize`` makes 600 pixels along a side, and heeds no size of a bin.
SIZES = {
    "ximagebinsize": ("600", None),
    "yimagebinsize": ("600", None),
    "ximagesize": (None, "600"),
    "yimagesize": (None, "600"),
}


@pytest.mark.parametrize("camera", ["EMOS1", "EMOS2", "EPN"])
def test_images_are_those_of_the_published_commands(camera: str) -> None:
    flag = "#XMMEA_EP" if camera == "EPN" else "#XMMEA_EM"
    made = image_calls(bands_of(camera), 600)
    full = (300 if camera == "EPN" else 200, 12000)
    for call, name, (lo, hi) in zip(
        made, [*(f"b{number}" for number in range(1, 6)), "full"], [*EDGES, full], strict=True
    ):
        first = camera == "EPN" and name == "b1"
        pattern = "(PATTERN==0)" if first else f"(PATTERN IN [0:{4 if camera == 'EPN' else 12}])"
        expression = f"{flag}&&(PI IN [{300 if first else lo}:{hi}])&&{pattern}&&(FLAG==0)"
        published = (
            f"evselect table={SHORT[camera]}_clean.fits:EVENTS imagebinning=imageSize "
            f"imageset={SHORT[camera]}_image_{name}.fits withimageset=yes xcolumn=X ycolumn=Y ximagebinsize=600 "
            f"yimagebinsize=600 'expression={expression}'"
        )
        # an event at 500 eV would be in two images
        mended = expression.replace(f":{hi}]", f":{hi})")
        assert differences(call, published, names_of(camera)) == SIZES | {"expression": (expression, mended)}


def chain_of(camera: str) -> str:
    short = SHORT[camera]
    images = " ".join(f'"{short}_image_b{number}.fits"' for number in range(1, 6))
    lows = [300 if camera == "EPN" and number == 0 else lo for number, (lo, _) in enumerate(EDGES)]
    return (
        f"edetect_chain imagesets='{images}' eventsets={short}_clean.fits:EVENTS attitudeset=AttHk.ds "
        f"pimin='{' '.join(map(str, lows))}' pimax='{' '.join(str(hi) for _, hi in EDGES)}' "
        f"ecf='{' '.join(map(str, ECF[camera]))}' eboxl_list=coords/{short}_eboxlist_l.fits "
        f"eboxm_list=coords/{short}_eboxlist_m.fits esp_nsplinenodes=16 eml_list=coords/{short}_emllist.fits "
        "esen_mlmin=15"
    )


#: The task's own defaults, said aloud.
SAID = {"likemin": (None, "10"), "witheexpmap": (None, "yes")}


@pytest.mark.parametrize("camera", ["EMOS1", "EMOS2", "EPN"])
def test_search_with_one_camera_is_the_published_command(camera: str) -> None:
    call = edetect_chain([bands_of(camera)], likelihood=10.0, splines=16, sensitivity=15.0)
    assert differences(call, chain_of(camera), names_of(camera)) == SAID


def test_maps_have_the_names_of_the_manual() -> None:
    bands = bands_of("EMOS2")
    made = {what: list(bands.maps(what).items()) for what in ("exposure", "background", "sensitivity")}
    assert made["exposure"][0] == ("exposure-EMOS2-b1.img", "EMOS2_image_b1exp.fits")
    assert made["background"][4] == ("background-EMOS2-b5.img", "EMOS2_image_b5bkg.fits")
    assert made["sensitivity"][1] == ("sensitivity-EMOS2-b2.img", "EMOS2_image_b2sen.fits")
    assert {len(maps) for maps in made.values()} == {5}


def test_each_task_of_the_chain_must_have_left_its_maps() -> None:
    bands = CameraBands("EPN", (DetectBand("soft", 500, 2000, (0, 4), 7.0),))
    asked = edetect_chain([bands], likelihood=10.0, splines=16, sensitivity=15.0)
    ending = ("exp", "bkg", "sen")
    assert asked.expects == ("emllist.fits", *(f"EPN_image_soft{one}.fits" for one in ending))
    given = edetect_chain([bands], likelihood=10.0, splines=16, exposure_maps=False)
    assert given.expects == ("emllist.fits", "EPN_image_softbkg.fits")


def test_joint_search_is_the_published_command() -> None:
    cameras = ["EMOS1", "EMOS2", "EPN"]
    images = " ".join(f'"{SHORT[camera]}_image_b{number}.fits"' for camera in cameras for number in range(1, 6))
    lists = " ".join(f'"{SHORT[camera]}_clean.fits:EVENTS"' for camera in cameras)
    low, high = (" ".join(str(edges[n]) for _ in cameras for edges in EDGES) for n in (0, 1))
    ecf = " ".join(str(value) for camera in cameras for value in ECF[camera])
    published = (
        f"edetect_chain imagesets='{images}' eventsets='{lists}' attitudeset=AttHk.ds pimin='{low}' pimax='{high}' "
        f"ecf='{ecf}' eboxl_list=eboxlist_l.fits eboxm_list=eboxlist_m.fits esp_nsplinenodes=16 "
        "eml_list=emllist.fits esen_mlmin=15"
    )
    names = {old: new for camera in cameras for old, new in names_of(camera).items()}
    call = edetect_chain([bands_of(camera) for camera in cameras], likelihood=10.0, splines=16, sensitivity=15.0)
    # the image of pn's first band begins at 300 eV, and so does what is said of it
    mended = "200 500 1000 2000 4500 200 500 1000 2000 4500 300 500 1000 2000 4500"
    assert differences(call, published, names) == SAID | {"pimin": (low, mended)}
    assert len(dict(call.args)["imagesets"].split()) == len(dict(call.args)["ecf"].split()) == 15


def test_mosaic_and_attitude() -> None:
    files = [names_of(camera)[f"{SHORT[camera]}_image_full.fits"] for camera in ("EMOS1", "EMOS2", "EPN")]
    published = "emosaic imagesets='mos1_image_full.fits mos2_image_full.fits pn_image_full.fits' mosaicedset=mosaic.ds"
    names = {old: new for camera in SHORT for old, new in names_of(camera).items()}
    assert differences(emosaic(files), published, names) == {}
    assert atthkgen().command == ("atthkgen", "atthkset=attitude.ds", "timestep=1")


def test_other_wishes() -> None:
    bands = CameraBands("EPN", (DetectBand("soft", 500, 2000, (0, 4), 7.0),))
    call = edetect_chain([bands], likelihood=6.5, splines=20, exposure_maps=False)
    assert "likemin=6.5" in call.command and "witheexpmap=no" in call.command
    assert not any(word.startswith("esen_mlmin") for word in call.command)
    assert bands.full.lo == 500 and bands.full.pattern == (0, 4)
