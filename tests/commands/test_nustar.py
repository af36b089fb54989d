"""The calls of NuSTAR's tools but nuproducts, argument by argument as pipelines in use give them."""

from __future__ import annotations

import pytest

from xbatch.commands import nustar
from xbatch.commands.nuproducts import Area, spectrum_call
from xbatch.commands.nustar import Module

TUTORIAL = Module("60001110002", "FPMA", "60001110002_p/event_cl")


def test_reduction_of_the_tutorial() -> None:
    call = nustar.nupipeline("60001110002", "60001110002_p/event_cl", instrument="FPMA", clobber=True)
    assert call.command == (
        "nupipeline",
        "indir=60001110002",
        "outdir=60001110002_p/event_cl",
        "steminputs=nu60001110002",
        "instrument=FPMA",
        "clobber=yes",
    )
    assert call.expects == ("60001110002_p/event_cl/nu60001110002A01_cl.evt",)


def test_reduction_of_ngc5506() -> None:
    call = nustar.nupipeline("60061323002", "60061323002_p/event_cl", stages=(1, 2), pointing="OBJECT")
    assert call.command == (
        "nupipeline",
        "indir=60061323002",
        "outdir=60061323002_p/event_cl",
        "steminputs=nu60061323002",
        "entrystage=1",
        "exitstage=2",
        "pntra=OBJECT",
        "pntdec=OBJECT",
    )
    assert len(call.expects) == 2


def test_reduction_of_a_bright_source() -> None:
    screening = {
        "saamode": "strict",
        "statusexpr": "STATUS==b0000xx00xx0xx000",
        "cleanflick": False,
        "hkevtexpr": "NONE",
    }
    call = nustar.nupipeline("60061323002", "out", screening=screening)
    assert call.args[3:] == (
        ("saamode", "STRICT"),
        ("statusexpr", "STATUS==b0000xx00xx0xx000"),
        ("cleanflick", "no"),
        ("hkevtexpr", "NONE"),
    )


def test_exposure_map_and_backscale() -> None:
    expomap = nustar.nuexpomap(TUTORIAL, "exposure.img")
    assert dict(expomap.args) == {
        "infile": "60001110002_p/event_cl/nu60001110002A01_cl.evt",
        "vignflag": "no",
        "mastaspectfile": "60001110002_p/event_cl/nu60001110002_mast.fits",
        "attfile": "60001110002_p/event_cl/nu60001110002_att.fits",
        "det1reffile": "60001110002_p/event_cl/nu60001110002A_det1.fits",
        "expomapfile": "exposure.img",
    }
    scaled = nustar.nubackscale(TUTORIAL, "s.pha", "b.pha", "so.pha", "bo.pha", exposure_map="exposure.img")
    assert dict(scaled.args)["inexpomapfile"] == "exposure.img"


def test_unknown_screening_is_refused() -> None:
    with pytest.raises(ValueError, match="no pattern"):
        nustar.nupipeline("60001110002", "out", screening={"pattern": "0-4"})


def test_a_list_of_mode_06_is_split_by_camera_head_units() -> None:
    call = nustar.nusplitsc("nu1A06_cl.evt", "nu1_chu123.fits", "nu1A_fpm.hk", "split")
    assert call.command == (
        "nusplitsc",
        "infile=nu1A06_cl.evt",
        "chu123hkfile=nu1_chu123.fits",
        "hkfile=nu1A_fpm.hk",
        "outdir=split",
        "clobber=yes",
    )
    assert call.expects == ()


def test_a_part_of_mode_06_is_named_as_nusplitsc_names_it() -> None:
    part = Module("80610208001", "FPMA", "p", chu="12")
    assert (part.events, part.products) == ("nu80610208001A06_chu12_N_cl.evt", "nu80610208001A06_chu12_N")
    assert dict(nustar.nuexpomap(part, "exposure.img").args)["infile"] == "p/nu80610208001A06_chu12_N_cl.evt"


def test_a_frozen_seed_is_told_to_every_tool_that_draws() -> None:
    module = Module("60001110002", "FPMA", "p", frozen_seed=True)
    calls = [
        nustar.nupipeline("60001110002", "p", frozen_seed=True),
        spectrum_call(module, "out", Area("src.reg")),
        nustar.nuexpomap(module, "exposure.img"),
    ]
    assert all(("initseed", "yes") in call.args for call in calls)
    assert not any(name == "initseed" for name, _ in nustar.nupipeline("60001110002", "p").args)
