"""Tests of the simulator: what it predicts, what it writes, and that it never varies."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from xbatch.base.errors import SpecError
from xbatch.base.files import schema_text
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import check_channels, read_response
from xbatch.ogip.times import observation_mjd
from xbatch.simulator import simulate, simulate_config
from xbatch.simulator.config import Background, Detector, ListOptions, Observation, Term, read_config
from xbatch.simulator.instrument import effective_area, fwhm, make_response
from xbatch.simulator.predict import background_rate, photons, source_rate, true_fluxes
from xbatch.simulator.small import small_config
from xbatch.spec.components import COMPONENTS
from xbatch.xray.components import COMPONENTS as COMPUTED

DEMO = Path(__file__).parents[2] / "examples" / "configs" / "spectra-simulation.yaml"


def test_files_have_the_names_and_links_of_nuproducts(tmp_path: Path) -> None:
    written = simulate_config(small_config(), tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in written}
    assert names == {"truth.json"} | {
        f"99900000001/nu99900000001{module}01_{end}"
        for module in "AB"
        for end in ("sr.pha", "bk.pha", "sr.arf", "sr.rmf")
    }
    folder = tmp_path / "99900000001"
    spectrum = read_pha(folder / "nu99900000001B01_sr.pha")
    background = read_pha(folder / str(spectrum.header["BACKFILE"]))
    response = read_response(folder / str(spectrum.header["RESPFILE"]), folder / str(spectrum.header["ANCRFILE"]))
    check_channels(spectrum, response, "", "")
    assert spectrum.header["INSTRUME"] == "FPMB" and spectrum.header["OBS_ID"] == "99900000001"
    assert background.backscal[0] == 0.014 and background.exposure == spectrum.exposure == 19_500
    assert spectrum.notes == background.notes == response.notes == ()


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    first, second, other = (
        {path.relative_to(folder): path.read_bytes() for path in simulate_config(small_config(seed=seed), folder)}
        for folder, seed in ((tmp_path / "a", 1), (tmp_path / "b", 1), (tmp_path / "c", 2))
    )
    assert first == second
    assert {name.name for name in first if first[name] != other[name]} == {
        "truth.json",
        *(f"nu99900000001{module}01_{end}.pha" for module in "AB" for end in ("sr", "bk")),
    }


def test_another_module_or_observation_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    config = small_config()
    one = config.observations[0]
    more = replace(
        config, observations=(replace(one, exposure={"FPMB": 19_500.0}), Observation("2", one.start, {"FPMA": 5.0}))
    )
    simulate_config(config, tmp_path / "a")
    simulate_config(more, tmp_path / "b")
    name = "99900000001/nu99900000001B01_sr.pha"
    assert np.array_equal(read_pha(tmp_path / "a" / name).counts, read_pha(tmp_path / "b" / name).counts)


def test_the_truth_is_told(tmp_path: Path) -> None:
    config = small_config()
    simulate_config(config, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["seed"] == 1
    assert truth["source"]["model"] == [
        {"type": "tbabs", "nH": 1.0},
        {"type": "powerlaw", "PhoIndex": 1.9, "norm": 0.01},
    ]
    for entry in truth["spectra"]:
        counts = read_pha(tmp_path / entry["files"][0]).counts.sum()
        assert counts == entry["counts"]["source_region"]
        mean = entry["expected"]["source"] + entry["expected"]["background_in_source_region"]
        assert abs(counts - mean) < 5 * np.sqrt(mean)
    by_module = {entry["instrument"]: entry["expected"]["source"] / entry["exposure"] for entry in truth["spectra"]}
    assert by_module["FPMB"] / by_module["FPMA"] == pytest.approx(1.05, rel=1e-12)


def test_predicted_counts_are_sherpas_fold(tmp_path: Path) -> None:
    pytest.importorskip("sherpa")
    from sherpa.astro.instrument import RSPModelNoPHA
    from sherpa.astro.io import read_arf, read_rmf
    from sherpa.models.basic import PowLaw1D

    config = small_config(model=(Term("powerlaw", {"PhoIndex": 1.7, "norm": 0.02}),))
    simulate_config(config, tmp_path)
    stem = tmp_path / "99900000001" / "nu99900000001A01_sr"
    arf, rmf = read_arf(f"{stem}.arf"), read_rmf(f"{stem}.rmf")
    model = PowLaw1D("pl")
    model.gamma, model.ampl = 1.7, 0.02
    theirs = RSPModelNoPHA(arf, rmf, model)(np.arange(512))
    ours = source_rate(config, read_response(Path(f"{stem}.rmf"), Path(f"{stem}.arf")))
    assert np.allclose(ours, theirs, rtol=1e-10, atol=0)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["spectra"][0]["expected"]["source"] == pytest.approx(20_000 * theirs.sum(), rel=1e-10)


def test_drawn_counts_follow_what_is_expected(tmp_path: Path) -> None:
    config = small_config()
    simulate_config(config, tmp_path)
    response = make_response(config.detector)
    expected = 20_000 * (source_rate(config, response) + background_rate(config.background, response))
    counts = read_pha(tmp_path / "99900000001" / "nu99900000001A01_sr.pha").counts
    many = expected > 25
    value = ((counts - expected)[many] ** 2 / expected[many]).sum()
    assert 1e-4 < chi2.sf(value, many.sum()) < 1 - 1e-4
    background = read_pha(tmp_path / "99900000001" / "nu99900000001A01_bk.pha").counts
    mean = 20_000 * background_rate(config.background, response).sum() * 4
    assert abs(background.sum() - mean) < 5 * np.sqrt(mean)


def test_background_rate_is_that_of_the_band() -> None:
    response = make_response(Detector())
    rate = background_rate(Background(0.5, ((3.0, 2.0), (79.0, 1.0))), response)
    inside = (response.e_min >= 2.99) & (response.e_max <= 79.01)
    assert rate[inside].sum() == pytest.approx(0.5, rel=2e-3)
    assert rate[0] / rate[-1] == pytest.approx(2, rel=1e-12)


def test_the_instrument_has_nustars_shape() -> None:
    energy = np.array([3.0, 9.0, 20.0, 60.0, 78.0, 79.0])
    area = effective_area(energy)
    assert np.all(area > 0) and area.argmax() == 1
    assert area[4] > 3 * area[5]  # the K edge of platinum
    assert np.allclose(fwhm(np.array([6.0, 60.0])), [0.4, 0.9])


def test_lines_have_the_width_and_the_place_they_should() -> None:
    response = make_response(Detector())
    middle = 0.5 * (response.e_min + response.e_max)
    for number in (110, 1460):
        span = slice(response.indptr[number], response.indptr[number + 1])
        share, at = response.matrix[span].astype(float), middle[response.indices[span]]
        mean = (share * at).sum()
        deviation = np.sqrt((share * (at - mean) ** 2).sum() - 0.04**2 / 12)
        assert share.sum() == pytest.approx(1, abs=1e-6)
        assert mean == pytest.approx(middle[number], abs=1e-6)
        assert 2.3548200450309493 * deviation == pytest.approx(fwhm(middle[number : number + 1])[0], rel=1e-3)


def test_true_fluxes_of_a_power_law() -> None:
    config = small_config(model=(Term("phabs", {"nH": 5.0}), Term("powerlaw", {"PhoIndex": 2.0, "norm": 0.1})))
    fluxes = {(one["lo"], one["hi"], one["absorbed"]): one for one in true_fluxes(config)}
    bare = fluxes[3.0, 10.0, False]
    assert bare["photon_flux"] == pytest.approx(0.1 * (1 / 3 - 1 / 10), rel=1e-10)
    assert bare["energy_flux"] == pytest.approx(0.1 * np.log(10 / 3) * 1.602176634e-9, rel=1e-6)
    assert fluxes[3.0, 10.0, True]["energy_flux"] < 0.9 * bare["energy_flux"]


def test_components_are_added_then_multiplied() -> None:
    line = Term("gaussian", {"LineE": 6.4, "Sigma": 0.1, "norm": 1e-3})
    edges = np.linspace(5, 8, 301)
    terms = (Term("constant", {"factor": 2.0}), line, line)
    assert photons(small_config(model=terms), edges)[1].sum() == pytest.approx(4e-3, rel=1e-9)


def test_the_demo(tmp_path: Path) -> None:
    written = simulate(DEMO, tmp_path, seed=None)
    assert len(written) == 17
    spectrum = read_pha(tmp_path / "99900000001" / "nu99900000001A01_sr.pha")
    assert (spectrum.detchans, spectrum.first_channel) == (4096, 0)
    # 2019-01-10T04:20:09 UTC is 69.184 s earlier than the same reading in TT; MJDREFF holds 66.184 s of them.
    assert observation_mjd(spectrum.header)[0] == pytest.approx(
        58493 + (4 * 3600 + 20 * 60 + 9 + 69.184) / 86400, abs=1e-8
    )
    assert spectrum.header["DATE-END"] == "2019-01-10T21:00:09"


def test_a_seed_takes_the_place_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    text = re.sub(r"obsid: \"99900000001\"", "obsid: 0099900001", DEMO.read_text())
    path.write_text(text + "\ndetector: {channels: 64, width: 1.28}\n")
    simulate(path, tmp_path / "out", seed=7)
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert truth["seed"] == 7
    assert (tmp_path / "out" / "0099900001" / "nu0099900001A01_sr.pha").is_file()


def test_a_config_is_read_whole() -> None:
    config = read_config(DEMO)
    assert [one.obsid for one in config.observations] == ["99900000001", "99900000002"]
    assert config.calibration == {"FPMA": 1.0, "FPMB": 1.04} and config.detector == Detector()
    assert config.model[0] == Term("tbabs", {"nH": 2.0})
    assert (config.backscal_source, config.backscal_background) == (0.0035, 0.014)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 20260101", "sed: 20260101", r"unknown key 'sed'.*did you mean 'seed'"),
        ("nH: 2.0", "nh: 2.0", "unknown key 'nh'"),
        ("norm: 0.008", "norm: -1", "norm is -1; it must be at least 0"),
        ("type: tbabs", "type: babs", "type is 'babs'"),
        ("FPMA: 30000", "FPMC: 30000", "unknown key 'FPMC'"),
        ("rate: 0.02", "rate: lots", "rate must be a number"),
        ('start: "2019-01-10T04:20:09"', "start: yesterday", "'yesterday' is not a time"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = DEMO.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(SpecError, match=message) as caught:
        simulate(path, tmp_path / "out")
    assert any(problem.place.line == line for problem in caught.value.problems)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("products", "cameras", "message"),
    [
        ("spectra", "EMOS1: 10", "EMOS1 make event lists only"),
        ("events", "EPN: 10, FPMA: 10", "cannot have modules of NuSTAR and cameras of XMM-Newton"),
    ],
)
def test_instruments_that_do_not_fit_are_refused(products: str, cameras: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        f"simulate: 1\nname: a\nseed: 1\nproducts: {products}\nbackground: {{rate: 1}}\n"
        f"source: {{model: [{{type: powerlaw, PhoIndex: 2, norm: 1.0e-3}}]}}\n"
        f'observations: [{{obsid: "1", exposure: {{{cameras}}}}}]\n'
    )
    with pytest.raises(SpecError, match=message):
        simulate(path, tmp_path / "out")


def test_a_template_that_cannot_be_filled_in_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(DEMO.read_text() + 'lists: {response: "{obsid}/{camera}"}\n')
    with pytest.raises(SpecError, match="something to fill in that there is not"):
        simulate(path, tmp_path / "out")


def test_event_lists_are_asked_for() -> None:
    config = read_config(DEMO.with_name("demo-simulation.yaml"))
    assert config.products == "events" and config.sky.neighbour == (-150, 120)
    assert config.calibration["FPMB"] == 1.04 and config.calibration["EPN"] == 1
    assert config.background.stray == (0.1, 210) and config.lists == ListOptions()


@pytest.mark.parametrize("name", ["demo-simulation.yaml", "spectra-simulation.yaml"])
def test_the_schema_is_one_and_takes_the_examples(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    import yaml

    schema = json.loads(schema_text("simulate-1"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load(DEMO.with_name(name).read_text()))


NATIVE = {name: one for name, one in COMPONENTS.items() if one.kind != "con"}


def test_every_component_may_be_simulated() -> None:
    """The schema has the components of fits, with their parameters; what is frozen there has a default here."""
    model = json.loads(schema_text("simulate-1"))["properties"]["source"]["properties"]["model"]["items"]
    assert set(model["properties"]["type"]["enum"]) == set(NATIVE)
    rules: dict[str, dict[str, Any]] = {}
    for one in model["allOf"]:
        said = one["if"]["properties"]["type"]
        rules |= dict.fromkeys(said.get("enum") or [said["const"]], one["then"])
    assert set(rules) == set(NATIVE)
    for name, rule in rules.items():
        own = {one.name: one for one in NATIVE[name].parameters}
        assert list(rule["properties"]) == ["type", *own]
        assert rule["required"] == [one.name for one in own.values() if not one.frozen]
        for one in own.values():
            said = rule["properties"][one.name]
            assert said.get("default", one.value) == one.value
            assert ("default" in said) is one.frozen


@pytest.mark.parametrize("name", NATIVE)
def test_components_are_those_of_fits(tmp_path: Path, name: str) -> None:
    component = NATIVE[name]
    values = {one.name: one.value for one in component.parameters if not one.frozen}
    term = ", ".join(f"{key}: {value}" for key, value in {"type": name, **values}.items())
    power_law = "    - {type: powerlaw, PhoIndex: 1.7, norm: 0.01}\n" if component.kind == "mul" else ""
    text = DEMO.read_text()
    head, _, tail = text.partition("  model:")
    tail = tail[tail.index("calibration:") :]
    path = tmp_path / "one.yaml"
    path.write_text(f"{head}  model:\n{power_law}    - {{{term}}}\n{tail}")
    config = read_config(path)
    assert dict(config.model[-1].values) == {one.name: one.value for one in component.parameters}
    edges = np.geomspace(3.0, 79.0, 200)
    _, seen = photons(config, edges)
    expected = COMPUTED[name].evaluate(edges, [one.value for one in component.parameters])
    if component.kind == "mul":
        expected = expected * COMPUTED["powerlaw"].evaluate(edges, (1.7, 0.01))
    np.testing.assert_allclose(seen, expected, rtol=1e-12)
