"""Bad event lists and regions: one clear error that names file and cure, or the treatment that is promised."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.eventworld import SPEC, lay_out, list_path, put, put_xmm, region_path
from tests.end_to_end.world import OBSIDS, Desk
from tests.ogip.eventfiles import GTIS, T0, EventFile

FIRST = f"{OBSIDS[0]}/FPMA"
SECOND = f"{OBSIDS[1]}/FPMA"
STEPS = tuple(part for name in ("summary:*", "image:*", "lightcurve:*") for part in ("--only", name))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    made = Desk(tmp_path, capsys)
    lay_out(made)
    return made


def no_gtis(file: EventFile) -> None:
    file.gtis = {}


def gtis_elsewhere(file: EventFile) -> None:
    file.gtis = {"GTI": [(T0 + 1e6, T0 + 2e6)]}


def empty_gtis(file: EventFile) -> None:
    file.gtis = {"GTI": np.empty((0, 2))}


def no_events(file: EventFile) -> None:
    file.columns = {name: values[:0] for name, values in file.columns.items()}


def no_sky(file: EventFile) -> None:
    file.sky = False


def on_the_sun(file: EventFile) -> None:
    file.cards["TCTYP7"], file.cards["TCTYP8"] = "HPLN-TAN", "HPLT-TAN"


def no_grades(file: EventFile) -> None:
    del file.columns["GRADE"]


def bad_times(file: EventFile) -> None:
    file.columns["TIME"][7] = np.nan


def no_pi(file: EventFile) -> None:
    del file.columns["PI"], file.nulls["PI"]


def far_away(file: EventFile) -> None:
    file.columns["X"][:] = 3


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9000])


def truncated_gz(path: Path) -> None:
    packed = gzip.compress(path.read_bytes(), mtime=0)
    path.with_name(f"{path.name}.gz").write_bytes(packed[: len(packed) // 2])
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def texted(path: Path) -> None:
    path.write_text("TIME,PI\n1,2\n")


CHANGES: list[tuple[Callable[[EventFile], None], list[str], set[str]]] = [
    (no_gtis, ["has no GTI extension", "Use a list with its GTIs"], {"events"}),
    (gtis_elsewhere, ["none of them in the GTIs", "barycentred"], {"events"}),
    (empty_gtis, ["GTIs that hold no time"], {"events"}),
    (no_events, ["holds no events", "leave this list out"], {"events"}),
    (no_grades, ["has no column GRADE", "it has TIME"], {"events"}),
    (bad_times, ["TIME that is no number", "row 8"], {"events"}),
    (no_pi, ["has no column PI"], {"events"}),
    (no_sky, ["a region on the sky cannot be placed", "no sky coordinates", "physical"], {"extract", "lightcurve"}),
    (on_the_sun, ["HPLN-TAN", "not right ascension and declination", "physical"], {"extract", "lightcurve"}),
]
BYTES: list[tuple[Callable[[Path], None], list[str]]] = [
    (truncated, ["is truncated", "rows"]),
    (truncated_gz, ["gzipped and damaged"]),
    (emptied, ["is empty"]),
    (texted, ["not a FITS file"]),
]


def check_failed(desk: Desk, names: list[str], words: list[str], failed: set[str]) -> None:
    """A run with a bad first observation must say so, leave nothing of it, and finish the second."""
    said = desk.run(*STEPS)
    assert said.status == 1, said.all
    for word in [*names, *words]:
        assert word in said.err, said.err
    assert "Traceback" not in said.all and "internal error" not in said.all
    outcomes = desk.outcomes()
    for step in ("events", "extract", "spectrum", "image", "lightcurve"):
        ending = {"spectrum": "/agn", "image": "/full", "lightcurve": "/slow"}.get(step, "")
        assert outcomes[f"{step}:{SECOND}{ending}"] == "done"
        first = outcomes[f"{step}:{FIRST}{ending}"]
        if step in failed:
            assert first == "failed", (step, said.err)
        elif "events" in failed or step == "spectrum":
            assert first == "skipped", step
        else:
            assert first == "done", (step, said.err)
    assert outcomes["summary:spectra"] == "done"
    made = [path.name for path in (desk.run_dir / "products" / OBSIDS[0]).rglob("*") if path.is_file()]
    assert "spectrum.pha" not in made and ("events.bin" in made) == ("events" not in failed)
    assert desk.leftovers() == []


@pytest.mark.parametrize(("change", "words", "failed"), CHANGES, ids=[case[0].__name__ for case in CHANGES])
def test_a_bad_list_stops_only_what_needs_it(
    desk: Desk, change: Callable[[EventFile], None], words: list[str], failed: set[str]
) -> None:
    path = put(desk, change)
    check_failed(desk, [path.name] if "events" in failed else [OBSIDS[0]], words, failed)


@pytest.mark.parametrize(("spoil", "words"), BYTES, ids=[case[0].__name__ for case in BYTES])
def test_a_damaged_list_stops_only_what_needs_it(desk: Desk, spoil: Callable[[Path], None], words: list[str]) -> None:
    path = list_path(desk)
    spoil(path)
    check_failed(desk, [path.name], words, {"events"})


def test_an_empty_region_is_named(desk: Desk) -> None:
    region_path(desk).write_text('fk5\ncircle(10,-20,30")\n')
    check_failed(desk, [region_path(desk).name], ["bkg"], {"extract", "lightcurve"})


def test_an_empty_region_leaves_the_other_spectra_of_its_list(desk: Desk) -> None:
    more = "regions:\n  off: {shape: circle, center: [323 deg, 56.944 deg], radius: 1 arcmin}\n"
    spec = SPEC.replace("regions:\n", more).replace("spectra:\n", "spectra:\n  void: {region: off, background: bkg}\n")
    desk.write(spec)
    said = desk.run(*STEPS)
    assert said.status == 1, said.all
    outcomes = desk.outcomes()
    assert said.err.count("the region 'off' selects no pixel of the field") == 1
    assert len(re.findall(r"failed +(\S+) .*: the same as (?!\1)spectrum:\d+/FPMA/void\n", said.err)) == len(OBSIDS) - 1
    for one in (FIRST, SECOND):
        assert f"spectrum:{one}/void" in said.err and outcomes[f"spectrum:{one}/void"] == "failed"
        assert outcomes[f"extract:{one}"] == outcomes[f"spectrum:{one}/agn"] == "done"
    assert outcomes["summary:spectra"] == "done"
    desk.write(spec.replace("323 deg", "321.9 deg"))
    assert desk.run(*STEPS).status == 0
    assert (desk.run_dir / "products" / FIRST / "void" / "spectrum.pha").exists()


def test_a_garbled_region_file_is_named_with_its_line(desk: Desk) -> None:
    region_path(desk).write_text("fk5\ncircle(321.9,56.9,\n")
    check_failed(desk, [region_path(desk).name], ["line 2"], {"extract", "lightcurve"})


def notes(desk: Desk, step: str) -> str:
    return "\n".join(next(each["notes"] for each in desk.manifest()["steps"] if each["name"] == step))


def products(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_positions_that_are_no_numbers_are_dropped_and_counted(desk: Desk) -> None:
    def change(file: EventFile) -> None:
        file.nulls = {}
        for axis in ("X", "Y"):
            file.columns[axis] = file.columns[axis].astype(np.float32)
        good = np.flatnonzero((file.columns["TIME"] < GTIS[0][1]) & (file.columns["GRADE"] <= 26))
        file.columns["X"][good[:5]] = np.nan
        file.columns["Y"][good[3:9]] = np.inf

    put(desk, change)
    said = desk.run(*STEPS)
    assert said.status == 0, said.err
    assert "9 of 2000 events dropped: no sky position" in notes(desk, f"events:{FIRST}")


def test_a_list_that_is_not_in_order_gives_the_same_products(desk: Desk) -> None:
    assert desk.run(*STEPS).status == 0
    before = products(desk.run_dir / "products")
    order = np.random.default_rng(5).permutation(2000)

    def change(file: EventFile) -> None:
        file.columns = {name: values[order] for name, values in file.columns.items()}

    put(desk, change)
    assert desk.run(*STEPS).status == 0
    assert "it has been sorted" in notes(desk, f"events:{FIRST}")
    after = products(desk.run_dir / "products")
    different = {path.rpartition("/")[2] for path in before if before[path] != after[path]}
    assert set(before) == set(after) and different == {"events.json"}  # it says that the list was sorted


def test_workers_make_no_difference(desk: Desk) -> None:
    for jobs in (1, 2):
        out = desk.folder / f"out{jobs}"
        said = desk.xbatch(
            "run", desk.folder / "desk.yaml", "--out", out / "run", "--store", out / "store", "--jobs", jobs, *STEPS
        )
        assert said.status == 0, said.err
    one, two = (products(desk.folder / name / "run" / "products") for name in ("out1", "out2"))
    assert one == two and len(one) > 10


def test_missing_lists_and_regions_are_all_named_before_anything_runs(desk: Desk) -> None:
    list_path(desk, OBSIDS[1]).unlink()
    region_path(desk).unlink()
    said = desk.run()
    assert said.status == 2
    assert f"nu{OBSIDS[1]}A01_cl.evt" in said.err and region_path(desk).name in said.err
    assert not (desk.run_dir / "products").exists()


def test_a_ccd_without_gtis_is_told_of(desk: Desk) -> None:
    def change(file: EventFile) -> None:
        del file.gtis["STDGTI02"]

    put_xmm(desk, change)
    said = desk.run("--only", "summary:*", "--only", "image:*")
    assert said.status == 0, said.err
    told = notes(desk, "events:0999000001/EMOS1")
    assert "2" in told and "CCD" in told, told


def test_a_selection_that_the_header_lacks_is_named(desk: Desk) -> None:
    def change(file: EventFile) -> None:
        del file.cards["XMMEA_EM"]

    put_xmm(desk, change)
    said = desk.run("--only", "summary:*")
    assert said.status == 1
    assert "#XMMEA_EM" in said.err and "0999000001.evt" in said.err and "internal error" not in said.all


def test_a_full_disk_ends_the_run_and_leaves_nothing_half_made(desk: Desk) -> None:
    """Files of more than 20 kB cannot be written: the table of events is larger."""
    import resource
    import subprocess
    import sys

    put(desk, lambda file: None)
    done = subprocess.run(
        [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", "out/desk", "--store", "out/.store", *STEPS],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr or "File too large" in done.stderr, done.stderr
    assert not list(desk.run_dir.rglob("events.bin")) and desk.leftovers() == []


def test_a_killed_worker_is_told_of_and_its_step_done_again(desk: Desk) -> None:
    """A worker is killed while it screens the first list, which is long and out of order."""
    import signal
    import subprocess
    import sys
    import time

    import psutil

    rng = np.random.default_rng(1)

    def change(file: EventFile) -> None:
        for name, values in file.columns.items():
            file.columns[name] = np.repeat(values[rng.permutation(2000)], 600, axis=0)

    put(desk, change)
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", "out/desk", "--store", "out/.store", *STEPS]
    child = subprocess.Popen(
        [*command, "--jobs", "1"], cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def has_begun() -> bool:
        places = (folder for folder, _, names in os.walk(desk.folder / "out") if "events.bin.part" in names)
        try:
            return any(Path(folder, "events.bin.part").stat().st_size for folder in places)
        except FileNotFoundError:  # it has its name now
            return False

    deadline = time.monotonic() + 120
    while not has_begun() and time.monotonic() < deadline and child.poll() is None:
        pass
    for worker in psutil.Process(child.pid).children(recursive=True):
        if os.getpgid(worker.pid) == worker.pid:  # unlike the process they are forked from, workers lead a group
            worker.send_signal(signal.SIGKILL)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert f"events:{FIRST}: its worker process was killed (SIGKILL 9); tried again" in err and "Traceback" not in err
    assert set(desk.outcomes().values()) == {"done", "not selected"} and desk.leftovers() == []


def test_the_spec_itself_is_sound_and_makes_no_pictures_it_was_told_not_to(desk: Desk) -> None:
    desk.write(SPEC)
    said = desk.run(*STEPS)
    assert said.status == 0, said.all
    assert set(desk.outcomes().values()) == {"done", "not selected"}
    assert not list((desk.run_dir / "products").rglob("*.png"))
    assert "not among the products" not in (desk.run_dir / "report.html").read_text()
