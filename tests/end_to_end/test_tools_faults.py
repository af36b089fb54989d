"""What a user sees when the missions' tools go wrong: one message everywhere, and nothing repeated after the cure."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.world import Desk, Said
from tests.fakes import make_headas, make_sas
from tests.fakes.core import calls, children, processes, set_faults
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas.raw import make_xmm_raw
from tests.run.processes import begun_by, gone
from xbatch.base.digest import content_digest
from xbatch.base.files import safe_name

OBSIDS = ("60001110001", "60001110002", "60001110003")
ONE = OBSIDS[0]
SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: [OBSIDS]
instruments: [FPMA]
data: {root: data, level: raw, fetch: never}
regions:
  src: {shape: circle, CENTER, radius: 60 arcsec}
  bkg: {shape: annulus, center: src, inner: 100 arcsec, outer: 200 arcsec}
spectra:
  agn: {region: src, background: bkg}
binning: {min20: {type: min, counts: 20}}
"""
CENTER = "center: [150.01667882, 2.1874999], frame: fk5"
#: Fault of nuproducts, what is said of it, what the tool has said, and how the advice begins.
FAULTS: tuple[tuple[str, str, str, str], ...] = (
    ("no-product", "has not made 60001110001_p/spec/nu60001110001A01_sr.pha", "Exit with success", "The log says how"),
    ("error-line", "printed an error, and exit status 0", "Error: something went wrong", "Mend what it says"),
    ("fails", "failed with exit status 1", "Error: something went wrong", "Mend what it says"),
    ("partial", "has made 60001110001_p/spec/nu60001110001A01_sr.pha, which is truncated", "Exit with", "Run again"),
    ("killed", "was killed (SIGKILL, perhaps for want of memory)", "Running nuproducts", "Run fewer steps at once"),
    ("full-disk", "failed with exit status 1", "No space left on device", "Make room on the disk"),
)
NUPRODUCTS = f"nuproducts:{ONE}/FPMA/agn"


def spec(*obsids: str) -> str:
    return SPEC.replace("CENTER", CENTER).replace("OBSIDS", ", ".join(f'"{obsid}"' for obsid in obsids))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three raw observations, by one module each."""
    folder = tmp_path_factory.mktemp("archive")
    for obsid in OBSIDS:
        make_nustar_raw(folder, obsid, exposure=1000.0, modules="A")
    return folder


@pytest.fixture
def desk(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A desk with a fake HEASoft; afterwards nothing has changed, runs, or is left."""
    for name, value in make_headas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("XBATCH_SCRATCH", raising=False)
    shutil.copytree(archive, tmp_path / "data")
    found = Desk(tmp_path, capsys)
    found.write(spec(ONE))
    before = surroundings(tmp_path)
    yield found
    assert surroundings(tmp_path) == before
    assert found.leftovers() == [] and list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "tools" / "pfiles").iterdir()) == []
    assert alive(root(found)) == []


def surroundings(folder: Path) -> tuple[Any, ...]:
    """Give what no run may change: environment, folder, raw data."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    files = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    return environment, Path.cwd(), [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def root(desk: Desk) -> Path:
    return next((desk.folder / "tools").glob("heasoft-*/*"))


def alive(toolset: Path) -> list[int]:
    """Give the processes of tools, and those that they have started, that do not end."""
    return [pid for pid, seen in processes(toolset).items() if not gone(pid, seen=seen)]


def tools_of(toolset: Path, since: int = 0) -> list[str]:
    return [call["tool"] for call in calls(toolset)][since:]


def step(desk: Desk, name: str) -> Mapping[str, Any]:
    return next(one for one in desk.manifest()["steps"] if one["name"] == name)


def flat(text: str) -> str:
    """A text without the line breaks that a terminal makes."""
    return "".join(text.split())


def said_everywhere(desk: Desk, said: Said, name: str) -> str:
    """Give the message of a step that has failed, which is the same wherever it is shown; the whole of it once."""
    message: str = step(desk, name)["message"]
    assert "\n" not in message and "Traceback" not in said.all and "internal error" not in said.all
    assert said.all.count(f"{name} failed: {message}") == 1
    log = str(desk.run_dir / step(desk, name)["log"])
    assert f"log: {log}" in said.all and f"xbatch logs {desk.run_dir} {name}" in said.all
    assert flat(message) in flat(desk.xbatch("status", desk.run_dir).out)
    assert message in desk.xbatch("logs", desk.run_dir, name).out
    place = ("--out", desk.run_dir, "--store", desk.folder / "out" / ".store")
    explained = desk.xbatch("explain", desk.folder / "desk.yaml", name, *place).out
    assert explained.startswith(f"{name}: run\n  failed in the last run here: {message}\n")
    assert message in html.unescape((desk.run_dir / "report.html").read_text())
    return message


@pytest.mark.parametrize(("kind", "happened", "told", "advice"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_one_message_and_can_be_repeated_and_cured(
    desk: Desk, kind: str, happened: str, told: str, advice: str
) -> None:
    set_faults(root(desk), {"nuproducts": {"kind": kind}})
    said = desk.run()
    assert said.status == 1
    message = said_everywhere(desk, said, NUPRODUCTS)
    assert message.startswith(f"nuproducts {happened}")
    assert told in message.partition("it said: ")[2]
    assert f". {advice}" in message
    assert message.count(f"{ONE}A01_cl.evt.") == 1  # the file that it worked on
    # the command that the message names does by hand what the step will do
    script = desk.run_dir / "logs" / f"nuproducts.{ONE}+FPMA+agn.sh"
    assert f"To repeat it by hand: sh {script}; it ran: nuproducts indir={ONE}_p/event_cl outdir=" in message
    set_faults(root(desk), {})
    done = subprocess.run(["sh", script], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    by_hand = Path(done.stdout.splitlines()[-1].removeprefix("in "))
    found = content_digest(by_hand / f"{ONE}_p/spec/nu{ONE}A01_sr.pha")
    shutil.rmtree(by_hand)
    before = len(tools_of(root(desk)))
    assert desk.run().status == 0
    assert tools_of(root(desk), before) == ["nuproducts"]
    assert step(desk, NUPRODUCTS)["outputs"]["source.pha"]["digest"] == found
    assert not script.exists()


def test_a_tool_that_hangs_is_stopped_by_the_time_that_its_step_is_given(desk: Desk) -> None:
    set_faults(root(desk), {"nuproducts": {"kind": "hang"}})
    for limit in begun_by(root(desk) / "children.jsonl"):
        said = desk.run("--timeout", f"nuproducts:*={limit:g}")
        assert said.status == 1
    message = said_everywhere(desk, said, NUPRODUCTS)
    assert message.startswith(f"took longer than {limit:g} s and was stopped. ")
    assert f"--timeout 'nuproducts:*={2 * limit:g}'" in message and "tried again" not in said.all
    script = desk.run_dir / "logs" / f"nuproducts.{ONE}+FPMA+agn.sh"
    assert message.endswith(f"; to repeat it by hand: sh {script}") and script.is_file()
    assert len(children(root(desk))) == 1 and alive(root(desk)) == []


def test_a_tool_that_is_not_there(desk: Desk) -> None:
    away = (root(desk) / "bin" / "nuproducts").rename(root(desk) / "nuproducts")
    said = desk.run()
    assert said.status == 1
    words = f"needs nuproducts, which is neither on PATH nor in {root(desk)}/bin: this HEASoft was installed without it"
    assert f"{NUPRODUCTS} failed: cannot be done here: {desk.folder}/desk.yaml:" in said.all
    assert words in said.all
    assert words in desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir).all
    away.rename(root(desk) / "bin" / "nuproducts")
    assert desk.run().status == 0
    assert tools_of(root(desk)) == ["nupipeline", "nuproducts"]


def test_a_region_file_without_a_region_is_named(desk: Desk) -> None:
    (desk.folder / "regions").mkdir()
    region = desk.folder / "regions" / "agn.reg"
    region.write_text("# nothing drawn yet\n")
    text = spec(ONE).replace("center: src", f"{CENTER}")
    desk.write(text.replace(f"{{shape: circle, {CENTER}, radius: 60 arcsec}}", f"{{file: {region}}}"))
    said = desk.run("--only", "spectrum:*")
    assert said.status == 1
    message = said_everywhere(desk, said, NUPRODUCTS)
    assert (
        f"no region found in src.reg | nuproducts_0.3.3: Exit with error; src.reg is {region}. Look at the" in message
    )


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HEADAS", None, "needs HEASoft: HEADAS is not set, though "),
        (
            "CALDB",
            "/nowhere",
            "needs NuSTAR's files of CALDB: CALDB=/nowhere does not exist; export CALDB with its folder, and source ",
        ),
    ],
)
def test_a_toolset_that_is_not_set_up_is_said_before_it_is_needed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, words: str
) -> None:
    with monkeypatch.context() as changed:
        changed.delenv(variable) if value is None else changed.setenv(variable, value)
        assert words in desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir).all
        said = desk.run()
    assert said.status == 1
    assert said.all.count(words) == 2  # as it comes, and at the end
    assert f"nupipeline:{ONE} failed: cannot be done here: {desk.folder}/desk.yaml:" in said.all
    assert desk.outcomes()[f"observation:{ONE}"] == "done"
    assert desk.run().status == 0
    assert tools_of(root(desk)) == ["nupipeline", "nuproducts"]


def test_calibration_files_that_are_not_there_are_said_before_sas_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in make_sas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    make_xmm_raw(tmp_path / "data", "0761220101", 1, ("EPN",), seconds=500.0, events=500)
    text = spec("0761220101").replace("nustar", "xmm").replace("FPMA", "EPN")
    desk = Desk(tmp_path, capsys)
    desk.write(text)
    monkeypatch.delenv("SAS_CCFPATH")
    said = desk.run()
    assert said.status == 1
    assert "XB411 needs the calibration files of XMM-Newton: SAS_CCFPATH is not set; mirror them" in said.all
    assert calls(Path(os.environ["SAS_DIR"])) == []


def test_a_parameter_that_the_installed_version_does_not_have_is_refused_by_the_plan(desk: Desk) -> None:
    path = root(desk) / "syspfiles" / "nuproducts.par"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("runbackscale,")))
    said = desk.run()
    assert said.status == 2
    assert f"XB413 nuproducts has no parameter runbackscale in the version installed here ({path})" in said.all
    assert tools_of(root(desk)) == []


def test_raw_data_that_are_damaged_or_not_there(desk: Desk) -> None:
    path = desk.data / ONE / "event_uf" / f"nu{ONE}A_uf.evt.gz"
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(whole[:3000])
    said = desk.run()
    assert said.status == 1
    message = said_everywhere(desk, said, f"observation:{ONE}")
    assert message.startswith(f"{path}: is gzipped and damaged: ")
    path.write_bytes(whole)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    desk.write(spec(ONE, "60001110009"))
    said = desk.run()
    assert said.status == 2
    assert f"XB401 no files of observation 60001110009 in {desk.data}/60001110009" in said.all
    assert tools_of(root(desk)) == []


def test_one_of_three_observations_fails(desk: Desk) -> None:
    desk.write(spec(*OBSIDS))
    set_faults(root(desk), {"nupipeline": {"kind": "fails", "match": OBSIDS[1], "message": "no good time"}})
    said = desk.run("--jobs", 2)
    assert said.status == 1
    assert "no good time" in said_everywhere(desk, said, f"nupipeline:{OBSIDS[1]}")
    outcomes = desk.outcomes()
    for obsid in OBSIDS:
        whole = obsid != OBSIDS[1]
        assert outcomes[f"group:{obsid}/FPMA/agn/min20"] == ("done" if whole else "skipped")
        assert (desk.run_dir / "products" / obsid / "FPMA" / "agn" / "min20" / "grouped.pha").exists() == whole
    set_faults(root(desk), {})
    before = len(tools_of(root(desk)))
    assert desk.run("--jobs", 2).status == 0
    assert tools_of(root(desk), before) == ["nupipeline", "nuproducts"]
    assert all(OBSIDS[1] in " ".join(call["args"]) for call in calls(root(desk))[before:])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_takes_its_tools_along(desk: Desk, number: signal.Signals) -> None:
    set_faults(root(desk), {"nuproducts": {"kind": "hang"}})
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", str(desk.run_dir)]
    run = subprocess.Popen(command, cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 120
    while not children(root(desk)) and time.monotonic() < end:
        time.sleep(0.02)
    for _ in range(2):  # the second does not wait for what runs
        run.send_signal(number)
        time.sleep(0.2)
    out, _ = run.communicate(timeout=120)
    assert "Traceback" not in out
    assert len(children(root(desk))) == 1 and alive(root(desk)) == []
    set_faults(root(desk), {})
    before = len(tools_of(root(desk)))
    said = desk.run()
    assert said.status == 0, said.all
    assert tools_of(root(desk), before) == ["nuproducts"]


@pytest.fixture
def plain(desk: Desk) -> dict[str, Mapping[str, Any]]:
    """The record of an undisturbed run."""
    assert desk.run().status == 0
    return {one["name"]: one for one in desk.manifest()["steps"]}


def test_the_users_own_folders_decide_nothing(
    desk: Desk, plain: Mapping[str, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = desk.folder / "a folder's name" / ("long" * 30) / ("path" * 30)
    shutil.copytree(desk.data, far / "my data")
    for path in sorted((far / "my data").rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    where = far / "desk.yaml"
    where.write_text(spec(ONE).replace("root: data", f'root: "{far / "my data"}"'))
    with monkeypatch.context() as changed:
        changed.setenv("PFILES", "/no/such/folder;;")
        changed.delenv("HOME")
        said = desk.xbatch("run", where, "--out", far / "out", "--store", far / "store")
    assert said.status == 0, said.all
    found = {one["name"]: one for one in json.loads((far / "out" / "manifest.json").read_text())["steps"]}
    for name, one in plain.items():
        assert digests(found[name]) == digests(one), name
        assert found[name]["key"] == one["key"], name
    shutil.rmtree(far, onerror=_writable)


def _writable(remove: Any, path: str, _error: Any) -> None:
    Path(path).parent.chmod(0o755)
    remove(path)


def digests(step: Mapping[str, Any]) -> dict[str, str]:
    return {name: output["digest"] for name, output in step["outputs"].items()}


# what matters of heasoftpy: it keeps to the names that it knows without a word, and changes the environment
HEASOFTPY = """
import json, os, subprocess
from pathlib import Path
from types import SimpleNamespace

class Config:
    allow_failure = False

class HSPTask:
    def __init__(self, name):
        self.name = name
        system = Path(os.environ["PFILES"].split(";")[1])
        lines = (system / f"{name}.par").read_text().splitlines()
        self.par_names = [line.split(",")[0] for line in lines if "," in line]

    def __call__(self, params, **options):
        os.environ["HEADASNOQUERY"] = ""
        words = [f"{name}={value}" for name, value in params.items() if name in self.par_names]
        with open(f"{os.environ['HEADAS']}/through-heasoftpy", "a") as stream:
            stream.write(f"{self.name}\\n")
        done = subprocess.run([self.name, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return SimpleNamespace(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)
"""


def test_heasoftpy_makes_the_same_products_and_record(desk: Desk, plain: Mapping[str, Mapping[str, Any]]) -> None:
    (desk.folder / "python").mkdir()
    (desk.folder / "python" / "heasoftpy.py").write_text(HEASOFTPY)
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", "second/run"]
    search = os.pathsep.join([str(desk.folder / "python"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run(command, cwd=desk.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (root(desk) / "through-heasoftpy").read_text().split() == ["nupipeline", "nuproducts"]
    found = {one["name"]: one for one in json.loads((desk.folder / "second/run/manifest.json").read_text())["steps"]}
    for name, one in plain.items():
        assert digests(found[name]) == digests(one), name
        assert all(found[name][key] == one[key] for key in ("key", "facts", "notes", "engine_version")), name


def test_the_plans_script_makes_the_same_by_bash(desk: Desk, plain: Mapping[str, Mapping[str, Any]]) -> None:
    said = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir, "--script")
    path, work = desk.folder / "plan.sh", desk.folder / "tmp" / "w"
    path.write_text(said.out)
    done = subprocess.run(["bash", path], env={**os.environ, "WORK": str(work)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in (f"nupipeline:{ONE}", NUPRODUCTS):
        made = work / "products" / safe_name(name)
        assert {output: content_digest(made / output) for output in digests(plain[name])} == digests(plain[name])
    shutil.rmtree(work)
