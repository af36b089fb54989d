from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.tools.bench import Bench
from xbatch.commands.call import Call
from xbatch.tools.environment import by_hand, find_executable, tool_environment

FOLDER = Path("/tmp/xb-1")


def test_what_a_tool_gets_and_what_it_does_not() -> None:
    base = {
        "HEADAS": "/opt/heasoft",
        "PFILES": "/home/u/pfiles;/opt/heasoft/syspfiles",
        "HOME": "/home/u",
        "DISPLAY": ":0",
        "SAS_CCF": "/home/u/other/ccf.cif",
        "SAS_ODF": "/home/u/other",
        "SAS_CCFPATH": "/ccf",
        "CALDB": "/caldb",
        "LD_LIBRARY_PATH": "/opt/heasoft/lib",
        "LC_ALL": "de_DE.UTF-8",
        "PYTHONSAFEPATH": "1",
    }
    given = tool_environment(base, FOLDER, {"SAS_ODF": "odf"})
    assert given == {
        "HEADAS": "/opt/heasoft",
        "PFILES": "/tmp/xb-1/pfiles;/opt/heasoft/syspfiles",
        "PFCLOBBER": "1",
        "HOME": "/tmp/xb-1/home",
        "TMPDIR": "/tmp/xb-1/tmp",
        "TMP": "/tmp/xb-1/tmp",
        "TEMP": "/tmp/xb-1/tmp",
        "HEADASNOQUERY": "",
        "HEADASPROMPT": "/dev/null",
        "LC_ALL": "C",
        "TERM": "dumb",
        "SAS_RAND_SEED": "1",
        "SAS_ODF": "odf",
        "SAS_CCFPATH": "/ccf",
        "CALDB": "/caldb",
        "LD_LIBRARY_PATH": "/opt/heasoft/lib",
    }


def test_a_seed_of_the_users_own_stays() -> None:
    assert tool_environment({"SAS_RAND_SEED": "7"}, FOLDER, {})["SAS_RAND_SEED"] == "7"
    assert tool_environment({}, FOLDER, {})["PFILES"] == "/tmp/xb-1/pfiles"
    assert "PFCLOBBER" not in tool_environment({}, FOLDER, {})


def test_an_executable_is_found_on_the_path_or_in_its_suite(bench: Bench) -> None:
    path = bench.root / "bin" / bench.tool("nupipeline", "true")
    call = Call("heasoft", "nupipeline", ())
    assert find_executable(call, bench.environ) == str(path)
    assert find_executable(call, {"PATH": "/bin", "HEADAS": str(bench.root)}) == str(path)
    assert find_executable(call, {"PATH": "/bin"}) is None
    relative = os.path.relpath(bench.root / "bin")
    assert find_executable(call, {"PATH": relative}) == str(Path(relative).absolute() / "nupipeline")


def test_a_command_for_a_shell_means_what_it_says(tmp_path: Path) -> None:
    args = (("expression", "(PI in [1:2])&&!(X,Y) 'a' \"b\" $HOME `c` \\"), ("outdir", f"{tmp_path}/out $1"))
    call = Call("heasoft", "show", args, folder="sub", flags=("-V", "5"))
    (tmp_path / "sub").mkdir()
    show = tmp_path / "show"
    show.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$SAS_ODF" "$PFILES"; pwd\n')
    show.chmod(0o755)
    extra = {"SAS_ODF": f"{tmp_path}/my odf"}
    line = by_hand(call, tool_environment({}, tmp_path, extra), tmp_path, extra)
    done = subprocess.run(
        ["sh", "-c", line],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SCRATCH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [f"{name}={value}" for name, value in args]
    assert done.stdout.splitlines() == ["-V", "5", *told, f"{tmp_path}/my odf", f"{tmp_path}/pfiles", f"{tmp_path}/sub"]
