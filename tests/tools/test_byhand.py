from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

from xbatch.commands.call import Call, Staged
from xbatch.registry import Job
from xbatch.tools.byhand import Told, script
from xbatch.tools.staging import Staging


def test_the_script_puts_everything_where_the_step_had_it(tmp_path: Path) -> None:
    raw, folder = tmp_path / "raw", tmp_path / "work"
    (raw / "hk").mkdir(parents=True)
    folder.mkdir()
    (raw / "a.evt.gz").write_bytes(gzip.compress(b"events"))
    (raw / "hk" / "b.hk").write_text("b")
    (raw / "hk" / "b.hk.gz").write_bytes(gzip.compress(b"of the archive"))
    (raw / "SUM.txt").write_text("FILES 1\nPATH /home/u/odf/\n")
    (raw / "ccf.cif").write_text("of another analysis")
    (raw / "c.gz").write_bytes(gzip.compress(b"c"))
    inputs = {"list": raw / "hk" / "b.hk", "summary": raw / "SUM.txt", "packed": raw / "c.gz"}
    staging = Staging(Job("a:b", {}, inputs, folder, {"raw": raw}), folder)
    staging.put("odf", Staged("raw", "tree-unpack"))
    staging.put("all", Staged("raw", "tree"))
    staging.put("my files/list", Staged("list"))
    staging.put("odf/1SUM.SAS", Staged("summary", "summary", "odf"))
    staging.put("c", Staged("packed", "unpack"))
    staging.put("d", Staged("raw", "part", "a.evt"))
    staging.put("e", Staged("raw", "part", "hk/b.hk"))
    show = Call(
        "sas", "sh", (), flags=("-c", "echo $SAS_ODF; find -L . -type f | sort; cat odf/1SUM.SAS c odf/a.evt d e; echo")
    )
    below = Call("sas", "sh", (), folder="a/b", flags=("-c", "pwd; echo $MORE"))
    variables = {"SAS_ODF": f"{folder}/odf"}
    calls = [(show, variables), (below, {**variables, "MORE": "of the second alone"})]
    text = script(Told("a:b", folder, staging.sources, {"src.reg": "circle(1,2,3)"}, calls))
    path = tmp_path / "a.sh"
    path.write_text(text)
    done = subprocess.run(["sh", path], capture_output=True, text=True, check=True, cwd="/")
    said = done.stdout.splitlines()
    scratch = said[0].removesuffix("/odf")
    assert (raw / "hk" / "b.hk").read_text() == "b"
    assert said[1:] == [
        "./all/SUM.txt",
        "./all/a.evt.gz",
        "./all/c.gz",
        "./all/hk/b.hk",
        "./all/hk/b.hk.gz",
        "./c",
        "./d",
        "./e",
        "./my files/list",
        "./odf/1SUM.SAS",
        "./odf/SUM.txt",
        "./odf/a.evt",
        "./odf/c",
        "./odf/hk/b.hk",
        "./src.reg",
        "FILES 1",
        f"PATH {scratch}/odf/",
        "ceventseventsb",
        f"{scratch}/a/b",
        "of the second alone",
        f"in {scratch}",
    ]
    shutil.rmtree(scratch)


def test_the_script_stops_where_a_tool_fails(tmp_path: Path) -> None:
    calls = [(Call("sas", "sh", (), flags=("-c", text)), {}) for text in ("exit 3", "echo and on")]
    done = subprocess.run(
        ["sh", "-c", script(Told("a:b", tmp_path, calls=calls))],
        env={"PATH": os.environ["PATH"], "XBATCH_SCRATCH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert done.stdout.startswith(f"in {tmp_path}/xb-")
    assert "and on" not in done.stdout
