import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, read_response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks.group import run

SIZE = 40


def spectrum(**changes: Any) -> Spectrum:
    whole = Spectrum(
        path="x.pha",
        channel=np.arange(SIZE, dtype=np.int64),
        counts=np.arange(SIZE, dtype=np.float64) % 7,
        stat_err=None,
        sys_err=np.zeros(SIZE),
        quality=np.zeros(SIZE, dtype=np.int16),
        grouping=np.ones(SIZE, dtype=np.int16),
        backscal=np.full(SIZE, 0.002),
        areascal=np.ones(SIZE),
        exposure=1234.5678912345,
        poisson=True,
        is_rate=False,
        detchans=SIZE,
        first_channel=0,
        header={"TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "BACKFILE": "background.pha", "CHANTYPE": "PI"},
    )
    return replace(whole, **changes)


def response() -> Response:
    """A response with FWHM of 4 channels; channel i has i / 10 + 1 to i / 10 + 1.1 keV."""
    edges = 1 + np.arange(SIZE + 1) / 10
    channel = np.arange(SIZE)
    dense = np.maximum(0, 1 - np.abs(channel[None] - channel[:, None]) / 4)
    filled = dense > 0
    extent = filled.sum(axis=1)
    return Response(
        energ_lo=edges[:-1],
        energ_hi=edges[1:],
        indptr=np.concatenate([[0], np.cumsum(extent)]).astype(np.int64),
        first=filled.argmax(axis=1).astype(np.int32),
        length=extent.astype(np.int32),
        matrix=dense[filled],
        specresp=np.ones(SIZE),
        channel=channel.astype(np.int64),
        e_min=edges[:-1],
        e_max=edges[1:],
        has_arf=True,
        notes=(),
    )


def group(
    folder: Path,
    binning: Mapping[str, Any],
    source: Spectrum | None = None,
    *,
    background: Spectrum | None = None,
    template: Spectrum | None = None,
    with_response: bool = False,
) -> tuple[Spectrum, dict[str, Any], Outcome]:
    inputs: dict[str, Path] = {}
    for role, held in (("spectrum", source or spectrum()), ("background", background), ("template", template)):
        if held is not None:
            inputs[role] = folder / f"{role}.pha"
            write_pha(inputs[role], held)
    if with_response:
        inputs["response"] = folder / "response.npz"
        save_response(inputs["response"], response())
    out = folder / "out"
    out.mkdir()
    params = {"binning": dict(binning), "obsid": "1", "instrument": "FPMA", "spectrum": "src", "name": "b"}
    outcome = run(Job("group:1/FPMA/src/b", params, inputs, out))
    return read_pha(out / "grouped.pha"), json.loads((out / "grouping.json").read_text("utf-8")), outcome


def test_counts_and_keywords_stay_and_flags_are_new(tmp_path: Path) -> None:
    source = spectrum()
    grouped, facts, outcome = group(tmp_path, {"type": "min", "counts": 20.0, "bad": [[0, 4], [38, 39]]})
    np.testing.assert_array_equal(grouped.counts, source.counts)
    assert grouped.exposure == source.exposure
    assert dict(grouped.header).items() >= {**source.header, "BACKFILE": "../background.pha"}.items()
    assert grouped.quality[:5].tolist() == [5] * 5
    assert grouped.quality[38:].tolist() == [5, 5]
    assert facts == dict(outcome.facts)
    assert facts["good_groups"] == np.count_nonzero((grouped.grouping == 1) & (grouped.quality == 0))
    assert facts["min_counts"] >= 20
    assert facts["first"]["channels"][0] == 5
    assert facts["leftover_channels"] == np.count_nonzero(grouped.quality == 2)
    assert outcome.notes == (
        f"{facts['leftover_channels']} channels at the end reach no minimum and are left out (QUALITY 2)",
    )


def test_same_bytes_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a", "b"):
        group(tmp_path / name, {"type": "min", "counts": 20.0})
    for output in ("grouped.pha", "grouping.json"):
        assert (tmp_path / "a/out" / output).read_bytes() == (tmp_path / "b/out" / output).read_bytes()


def test_range_in_channels_and_keV_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, _, _ = group(
        tmp_path / "a", {"type": "constant", "channels": 4, "range": {"unit": "channel", "lo": 10, "hi": 29}}
    )
    two, facts, _ = group(
        tmp_path / "b",
        {"type": "constant", "channels": 4, "range": {"unit": "keV", "lo": 2.0, "hi": 4.0}},
        with_response=True,
    )
    np.testing.assert_array_equal(one.grouping, two.grouping)
    assert np.flatnonzero(one.grouping == 1).tolist() == [*range(10), 10, 14, 18, 22, 26, *range(30, 40)]
    assert facts["first"] == {"channels": [10, 13], "energy": pytest.approx([2.0, 2.4])}
    assert facts["good_groups"] == 5
    assert facts["groups"] == 25


def test_ranges_none_and_systematic(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    grouped, _, _ = group(tmp_path / "a", {"type": "constant", "ranges": [[0, 19, 5]], "systematic": [[0, 9, 0.03]]})
    assert np.flatnonzero(grouped.grouping == 1).tolist() == [0, 5, 10, 15, *range(20, 40)]
    np.testing.assert_allclose(grouped.sys_err, np.where(np.arange(SIZE) < 10, 0.03, 0))
    grouped, facts, _ = group(tmp_path / "b", {"type": "none"})
    assert facts["good_groups"] == SIZE


def test_file_keeps_the_flags_or_takes_a_template(tmp_path: Path) -> None:
    flags = np.where(np.arange(SIZE) % 5 == 0, 1, -1).astype(np.int16)
    quality = np.where(np.arange(SIZE) > 34, 2, 0).astype(np.int16)
    for name in ("kept", "bad", "template"):
        (tmp_path / name).mkdir()
    own = spectrum(grouping=flags, quality=quality)
    grouped, _, _ = group(tmp_path / "kept", {"type": "file"}, own)
    np.testing.assert_array_equal(grouped.grouping, flags)
    np.testing.assert_array_equal(grouped.quality, quality)
    grouped, _, _ = group(tmp_path / "bad", {"type": "file", "bad": [[0, 1]]}, own)
    assert grouped.grouping[:6].tolist() == [1, 1, 1, -1, -1, 1]
    grouped, facts, _ = group(tmp_path / "template", {"type": "file"}, template=own)
    np.testing.assert_array_equal(grouped.grouping, flags)
    np.testing.assert_array_equal(grouped.quality, quality)
    assert facts["good_groups"] == 7


def test_optimal_types_widen_from_one_to_the_next(tmp_path: Path) -> None:
    sizes = []
    binnings: list[dict[str, Any]] = [
        {"type": "opt"},
        {"type": "optmin", "counts": 15.0},
        {"type": "optsnmin", "snr": 5.0},
    ]
    for binning in binnings:
        folder = tmp_path / binning["type"]
        folder.mkdir()
        _, facts, outcome = group(folder, binning, with_response=True)
        sizes.append(facts["good_groups"])
        assert ("signal-to-noise ratio of all counts, no background subtracted" in outcome.notes) == ("snr" in binning)
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_background_types(tmp_path: Path) -> None:
    background = spectrum(counts=np.full(SIZE, 3.0), backscal=np.full(SIZE, 0.005))
    for name in ("bmin", "net", "all"):
        (tmp_path / name).mkdir()
    _, facts, _ = group(tmp_path / "bmin", {"type": "bmin", "counts": 9.0}, background=background)
    assert facts["good_groups"] == SIZE // 3
    net, _, _ = group(tmp_path / "net", {"type": "snmin", "snr": 4.0, "background": True}, background=background)
    every, _, outcome = group(tmp_path / "all", {"type": "snmin", "snr": 4.0, "background": False})
    assert np.count_nonzero(net.quality == 0) > 0
    assert np.count_nonzero(net.grouping == 1) != np.count_nonzero(every.grouping == 1)
    assert "signal-to-noise ratio of all counts, no background subtracted" in outcome.notes


@pytest.mark.parametrize(
    "binning",
    [
        {"type": "optsnmin", "snr": 2.0},
        {"type": "snmin", "snr": 2.0},
        {"type": "bmin", "counts": 5.0},
        {"type": "specgroup", "snr": 2.0},
        {"type": "ogrppha", "snr": 2.0},
        {"type": "nutools", "net_counts": 5.0, "form": "mended"},
    ],
    ids=lambda binning: binning["type"],
)
def test_channels_that_are_not_seen_have_scales_of_nothing(tmp_path: Path, binning: Mapping[str, Any]) -> None:
    quality = np.zeros(SIZE, dtype=np.int16)
    quality[:3] = quality[20:24] = 1
    seen = (quality == 0).astype(np.float64)
    found = []
    for name, scale in (("none", seen), ("some", np.ones(SIZE))):
        (tmp_path / name).mkdir()
        source = spectrum(quality=quality, areascal=scale, backscal=scale)
        background = spectrum(quality=quality, areascal=scale, backscal=4 * scale)
        found.append(group(tmp_path / name, binning, source, background=background, with_response=True)[0])
    assert np.array_equal(found[0].quality, found[1].quality)
    assert np.array_equal(found[0].grouping, found[1].grouping)


def test_rates_can_be_grouped_by_signal_to_noise(tmp_path: Path) -> None:
    rates = spectrum(counts=np.full(SIZE, 10.5), stat_err=np.full(SIZE, 5.0), poisson=False)
    grouped, _, _ = group(tmp_path, {"type": "snmin", "snr": 4.0, "background": False}, rates)
    assert np.all(np.diff(np.flatnonzero(grouped.grouping == 1)) == 4)


def test_types_of_other_programs(tmp_path: Path) -> None:
    source = spectrum(counts=np.full(SIZE, 9.0))
    background = spectrum(counts=np.full(SIZE, 5.0), backscal=np.full(SIZE, 0.004), exposure=2 * spectrum().exposure)
    cases: list[tuple[dict[str, Any], int, tuple[str, ...]]] = [
        # FWHM 4 channels, so that a group has 2 at least.
        ({"type": "specgroup", "counts": 5.0, "oversample": 2.0}, 2, ()),
        # 9 - 5 / 4 net counts, variance 9 + 5 / 16, in each channel: 7.75 n / sqrt(9.3125 n) >= 6 at n = 6.
        ({"type": "specgroup", "snr": 6.0}, 6, ()),
        # At most 100 channels: a width of 1. 7.75 n / sqrt(10.25 n) >= 6 at n = 7.
        ({"type": "ogrppha", "snr": 6.0, "oversample": 3.0}, 7, ("5 channels at the end",)),
        ({"type": "nutools", "net_counts": 20.0, "form": "mended"}, 3, ("1 channels at the end",)),
        # BACKSCAL alone: 9 - 5 / 2 net counts in each channel, 4 channels. The first group is 1 to 3.
        ({"type": "nutools", "net_counts": 20.0, "form": "faithful"}, 4, ("groups as the GDL scripts",)),
    ]
    for number, (binning, width, notes) in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        grouped, facts, outcome = group(
            tmp_path / str(number), binning, source, background=background, with_response="oversample" in binning
        )
        np.testing.assert_array_equal(grouped.counts, source.counts)
        begins = np.flatnonzero((grouped.grouping == 1) & (grouped.quality == 0))
        assert int(np.median(np.diff(begins))) == width, binning
        assert facts["good_groups"] == begins.size
        assert len(outcome.notes) == len(notes)
        assert all(note.startswith(start) for note, start in zip(outcome.notes, notes, strict=True))


def test_types_of_other_programs_without_a_background(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = {"type": "ogrppha", "snr": 3.0, "counts": 12.0, "oversample": 3.0}
    _, _, outcome = group(tmp_path / "a", both, with_response=True)
    assert outcome.notes[-2:] == (
        "signal-to-noise ratio of all counts, no background subtracted",
        "minimum of all counts, no background subtracted",
    )
    with pytest.raises(StepError, match="needs a background spectrum"):
        group(tmp_path / "b", {"type": "nutools", "net_counts": 20.0, "form": "mended"})


@pytest.mark.parametrize(
    ("binning", "changes", "message"),
    [
        ({"type": "min", "counts": 5.0, "bad": [[0, 99]]}, {}, "all 40 channels are bad"),
        (
            {"type": "min", "counts": 5.0, "bad": [[0, 9]], "range": {"unit": "channel", "lo": 3, "hi": 8}},
            {},
            "all channels inside the binning's range are bad",
        ),
        ({"type": "min", "counts": 5.0, "bad": [[60, 99]]}, {}, "no channel from 60 to 99; .* channels 0 to 39"),
        (
            {"type": "none", "range": {"unit": "channel", "lo": 50, "hi": 60}},
            {},
            r"range 50 to 60 \(channels\) is outside the spectrum, which has channels 0 to 39",
        ),
        (
            {"type": "min", "counts": 30.0},
            {"counts": np.zeros(SIZE)},
            "no group reaches 30 counts: the good channels of the spectrum hold 0 counts in all. .*cstat",
        ),
        (
            {"type": "min", "counts": 30.0, "range": {"unit": "channel", "lo": 3, "hi": 8}},
            {},
            "no group reaches 30 counts: the good channels of the spectrum hold 19 counts in all",
        ),
        (
            {"type": "specgroup", "snr": 300.0, "counts": 900.0},
            {},
            "no group reaches 900 counts and a signal-to-noise ratio of 300: the good channels of the spectrum hold",
        ),
        ({"type": "ogrppha", "snr": 6.0, "oversample": 3.0}, {}, "needs a response"),
        ({"type": "snmin", "snr": 300.0, "background": False}, {}, "no group reaches a signal-to-noise ratio of 300"),
        ({"type": "snmin", "snr": 3.0, "background": True}, {}, "needs a background spectrum"),
        ({"type": "bmin", "counts": 3.0}, {}, "needs a background spectrum"),
        ({"type": "opt"}, {}, "needs a response"),
        ({"type": "none", "range": {"unit": "keV", "lo": 2, "hi": 4}}, {}, "needs a response"),
        (
            {"type": "min", "counts": 3.0},
            {"counts": np.full(SIZE, 0.5), "stat_err": np.ones(SIZE), "poisson": False},
            "needs counts, and the spectrum holds rates .*use type snmin",
        ),
        (
            {"type": "min", "counts": 3.0},
            {"counts": np.full(SIZE, -5.0), "stat_err": np.ones(SIZE), "poisson": False},
            "binning 'b': counts below 0",
        ),
        (
            {"type": "snmin", "snr": 3.0, "background": False},
            {"poisson": False},
            "POISSERR is false and there is no STAT_ERR",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, binning: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StepError, match=message) as caught:
        group(tmp_path, binning, spectrum(**changes))
    assert caught.value.file == "1/FPMA/src"
    assert caught.value.cure
    assert not list((tmp_path / "out").iterdir())


def test_other_channels_are_refused(tmp_path: Path) -> None:
    short = replace(
        spectrum(),
        **{
            name: getattr(spectrum(), name)[:30]
            for name in ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal")
        },
    )
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("template", {"type": "file"}, {"template": short}),
        ("background", {"type": "bmin", "counts": 3.0}, {"background": short}),
    ]
    for what, binning, inputs in cases:
        (tmp_path / what).mkdir()
        with pytest.raises(StepError, match=rf"the {what} has 30 channels \(0 to 29\), the spectrum 40 \(0 to 39\)"):
            group(tmp_path / what, binning, **inputs)
    (tmp_path / "response").mkdir()
    with pytest.raises(StepError, match="the spectrum has channels 1 to 40, its response 0 to 39"):
        group(
            tmp_path / "response",
            {"type": "opt"},
            spectrum(channel=np.arange(1, 41), first_channel=1),
            with_response=True,
        )


def test_templates_and_backgrounds_without_use_are_refused(tmp_path: Path) -> None:
    (tmp_path / "template").mkdir()
    bad = spectrum(quality=np.ones(SIZE, dtype=np.int16))
    with pytest.raises(StepError, match="the template leaves no channel good"):
        group(tmp_path / "template", {"type": "file"}, template=bad)
    (tmp_path / "rates").mkdir()
    rates = spectrum(counts=np.full(SIZE, 0.5), stat_err=np.ones(SIZE), poisson=False)
    with pytest.raises(StepError, match="the background holds rates"):
        group(tmp_path / "rates", {"type": "bmin", "counts": 3.0}, background=rates)
    (tmp_path / "none").mkdir()
    with pytest.raises(StepError, match="the good channels of the background hold 120 counts"):
        group(tmp_path / "none", {"type": "bmin", "counts": 999.0}, background=spectrum(counts=np.full(SIZE, 3.0)))


def test_every_way_the_signal_to_noise_takes_the_scale(tmp_path: Path) -> None:
    # a = AREASCAL BACKSCAL EXPOSURE of the source over that of the background = 2 x 0.1 x 0.5
    source = spectrum(counts=np.full(SIZE, 9.0), areascal=np.full(SIZE, 2.0), exposure=500.0)
    background = spectrum(counts=np.full(SIZE, 50.0), backscal=np.full(SIZE, 0.02), exposure=1000.0)
    grouped, _, _ = group(tmp_path, {"type": "snmin", "snr": 2.5, "background": True}, source, background=background)
    # 4 net counts with variance 9 + 0.5 in each channel: 4 n / sqrt(9.5 n) >= 2.5 at n = 4.
    assert np.all(np.diff(np.flatnonzero(grouped.grouping == 1)) == 4)


@pytest.mark.real_data
def test_real_spectra(real_data: Path, reference: Path, tmp_path: Path) -> None:
    """NuSTAR's own command line, and optimal binning with a width of our own within 2 percent of the HEASP library."""
    folder = real_data / "nustar" / "90402339002"
    matrix = read_response(folder / "nuAdet3_2012.rmf.gz", None)
    save_response(tmp_path / "response.npz", matrix)
    with np.load(reference / "grouping" / "grppha.npz") as theirs, np.load(reference / "grouping" / "heasp.npz") as opt:
        quality, flags = theirs["velaA/nu-bad-min30/quality"], theirs["velaA/nu-bad-min30/grouping"]
        optimal = int(np.count_nonzero(opt["velaB/heasp-opt/flag"] == 1))
    cases: list[tuple[str, dict[str, Any]]] = [
        ("A", {"type": "min", "counts": 30.0, "bad": [[0, 34], [1910, 4095]]}),
        ("B", {"type": "opt"}),
    ]
    for module, binning in cases:
        out = tmp_path / module
        out.mkdir()
        params = {"binning": binning, "obsid": "90402339002", "instrument": module, "spectrum": "src", "name": "b"}
        inputs = {"spectrum": folder / f"nu90402339002{module}01_sr.pha", "response": tmp_path / "response.npz"}
        outcome = run(Job("group", params, inputs, out))
        grouped = read_pha(out / "grouped.pha")
        if module == "A":
            np.testing.assert_array_equal(grouped.quality, quality)
            np.testing.assert_array_equal(grouped.grouping[quality == 0], flags[quality == 0])
        else:
            assert outcome.facts["good_groups"] == pytest.approx(optimal, rel=0.02)


def test_a_spectrum_that_is_too_short_is_left_ungrouped(tmp_path: Path) -> None:
    write_pha(tmp_path / "s.pha", spectrum(counts=np.zeros(SIZE)))
    (tmp_path / "out").mkdir()
    params = {
        "binning": {"type": "min", "counts": 30}, "obsid": "1", "instrument": "FPMA", "spectrum": "src", "name": "b",
        "min_exposure": 5000.0,
    }  # fmt: skip
    outcome = run(Job("group", params, {"spectrum": tmp_path / "s.pha"}, tmp_path / "out"))
    assert np.all(read_pha(tmp_path / "out" / "grouped.pha").grouping == 1)
    assert outcome.notes == ("not grouped: exposure 1234.57 s, less than 5000 s",)
    assert json.loads((tmp_path / "out" / "grouping.json").read_text())["good_groups"] == 0
