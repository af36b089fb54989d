from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.tools.bench import Bench, call, work
from xbatch.base.errors import StepError
from xbatch.commands.call import Call
from xbatch.tools.execute import run
from xbatch.tools.heasoftpy import through_heasoftpy

# what of heasoftpy's interface is used; as it does, this changes the environment and writes a parameter file
HEASOFTPY = """
import os, subprocess
from types import SimpleNamespace

class Config:
    allow_failure = False

class HSPTask:
    def __init__(self, name):
        self.name = name
        self.par_names = ["n", *(["noprompt"] if name == "odd" else [])]
        self.pfiles = os.environ["PFILES"].split(";")[0]

    def __call__(self, params, noprompt=False, stderr=False, py_noprompt=False):
        assert Config.allow_failure and stderr
        assert (noprompt, py_noprompt) == (self.name != "odd", self.name == "odd")
        os.environ["HEADASNOQUERY"] = ""
        with open(f"{self.pfiles}/{self.name}.par", "w") as stream:
            stream.write("through heasoftpy")
        command = [f"{os.environ['HEADAS']}/bin/{self.name}", *(f"{name}={value:<1}" for name, value in params.items())]
        done = subprocess.run(command, capture_output=True, text=True)
        return SimpleNamespace(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)
"""


@pytest.fixture
def heasoftpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heasoftpy.py").write_text(HEASOFTPY)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


@pytest.mark.usefixtures("heasoftpy")
def test_a_call_through_heasoftpy_has_the_same_record(bench: Bench) -> None:
    text = "cat ${PFILES%%;*}/ftool.par > out.txt; echo said; echo aside >&2"
    bench.tool("ftool", text)
    bench.parameters("ftool", 'n,i,h,1,,,"number"\n')
    job = work(bench.job(), call("ftool", "out.txt", n="3"), kept={"out.txt": "out.txt"})
    outcome = run(job)
    assert (job.out / "out.txt").read_text() == "through heasoftpy"
    assert outcome.facts == {"calls": [{"command": "ftool n=3", "exit_status": 0}], "tools": {"heasoft": "6.35.1"}}
    assert "heasoftpy" not in sys.modules


@pytest.mark.usefixtures("heasoftpy")
def test_a_task_with_a_parameter_called_as_heasoftpys_own(bench: Bench) -> None:
    bench.tool("odd", "echo $2 > out.txt")
    bench.parameters("odd", 'n,i,h,1,,,"number"\nnoprompt,b,h,no,,,"?"\n')
    job = work(bench.job(), call("odd", "out.txt", n="3", noprompt="no"), kept={"out.txt": "out.txt"})
    run(job)
    assert (job.out / "out.txt").read_text() == "noprompt=no\n"


@pytest.mark.usefixtures("heasoftpy")
def test_a_failure_through_heasoftpy(bench: Bench) -> None:
    bench.tool("ftool", "echo 'ERROR: no such file' >&2; exit 7")
    bench.parameters("ftool", 'n,i,h,1,,,"number"\n')
    with pytest.raises(StepError, match="ftool failed with exit status 7; it said: ERROR: no such file"):
        run(work(bench.job(), call("ftool", n="3")))


@pytest.mark.usefixtures("heasoftpy")
def test_the_command_and_what_heasoftpy_cannot_say() -> None:
    command = through_heasoftpy(Call("heasoft", "ftool", (("n", "3"),)), ["/a"])
    assert command is not None
    assert json.loads(command[-1]) == {"path": ["/a"], "task": "ftool", "params": {"n": "3"}}
    assert through_heasoftpy(Call("heasoft", "ftool", (), flags=("-x",)), ["/a"]) is None
    assert through_heasoftpy(Call("heasoft", "ftool", (("n", ""),)), ["/a"]) is None


def test_without_heasoftpy_the_executable_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert through_heasoftpy(Call("heasoft", "ftool", ()), ["/a"]) is None
