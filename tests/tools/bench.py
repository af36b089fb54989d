"""A small toolset that a test makes: executables, parameter files, and jobs for them."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xbatch.commands.call import HEASOFT, Call, Staged, Work
from xbatch.registry import Job

CARD = 80
BLOCK = 2880


def fits(path: Path, rows: int = 100) -> Path:
    """Write a FITS file with one table of bytes."""
    primary = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0")
    table = (
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        "NAXIS1  =                  100",
        f"NAXIS2  = {rows:20d}",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        "TFIELDS =                    1",
        "TFORM1  = '100B    '",
    )
    path.write_bytes(_header(primary) + _header(table) + _padded(rows * 100 * b"\x01", b"\0"))
    return path


def _header(cards: Sequence[str]) -> bytes:
    return _padded("".join(card.ljust(CARD) for card in (*cards, "END")).encode(), b" ")


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % BLOCK)


def appears(path: Path, seconds: float = 60.0) -> str:
    """Wait until a file is there and holds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path} has not appeared")


class Bench:
    """A toolset in a folder, and what is needed to run it.

    `environ` is what a user's shell would have; `root` is its HEADAS.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "heasoft-6.35.1" / "x86_64"
        (self.root / "bin").mkdir(parents=True)
        (self.root / "syspfiles").mkdir()
        self.environ: dict[str, str] = {
            "HEADAS": str(self.root),
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "user"),
            "DISPLAY": ":0",
            "PFILES": f"{folder / 'user' / 'pfiles'};{self.root / 'syspfiles'}",
        }
        self._count = 0

    def tool(self, name: str, text: str, python: bool = False) -> str:
        """Write an executable, of the shell or of Python."""
        path = self.root / "bin" / name
        path.write_text(f"#!{sys.executable} -SE\n{text}" if python else f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return name

    def parameters(self, name: str, text: str) -> None:
        (self.root / "syspfiles" / f"{name}.par").write_text(text)

    def job(self, inputs: Mapping[str, Path] | None = None, **more: Any) -> Job:
        """Make a job with a folder of its own."""
        self._count += 1
        out = self.folder / f"o{self._count}"
        out.mkdir()
        return Job("tool:x", {}, inputs or {}, out, **more)

    def json(self, name: str, value: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(value))
        return path


def call(tool: str, *expects: str, suite: str = HEASOFT, **args: str) -> Call:
    return Call(suite, tool, tuple(args.items()), expects)


def work(job: Job, *calls: Call, staged: Mapping[str, Staged] | None = None, **more: Any) -> Job:
    """Give a job its work."""
    params = {"work": Work(calls, staged or {}, **more).params()}
    return Job(job.step, params, job.inputs, job.out, job.places, job.log)
