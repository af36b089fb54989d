"""Tools of one suite at work in folders of a test's own, whether they are fakes or the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.toolset import Suite
from xbatch.commands.call import Call, Staged, Work
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import run

__all__ = ["Tools"]


@dataclass
class Tools:
    """An installation, and a folder to work in.

    Attributes
    ----------
    kind : str
        ``fake`` or ``real``.
    suite : Suite
    folder : Path
    """

    kind: str
    suite: Suite
    folder: Path
    _made: int = 0

    @property
    def real(self) -> bool:
        return self.kind == "real"

    def out(self) -> Path:
        """Make a new folder for a job's outputs."""
        self._made += 1
        path = self.folder / f"out{self._made}"
        path.mkdir()
        return path

    def run(
        self,
        calls: Sequence[Call],
        files: Mapping[str, Path],
        kept: Sequence[str],
        written: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[Path, Outcome]:
        """Run calls as a step of a run does: in a folder with copies of files, of which some are kept.

        Parameters
        ----------
        calls : sequence of Call
        files : Mapping
            Name in the working folder to file.
        kept : sequence of str
            Names in the working folder of what is kept.
        written : Mapping, optional
            Name in the working folder to text.
        environment : Mapping, optional

        Returns
        -------
        folder : Path
            With what was kept.
        outcome : Outcome
        """
        roles = {name: f"file{number}" for number, name in enumerate(files)}
        staged = {name: Staged(role, "copy") for name, role in roles.items()}
        work = Work(tuple(calls), staged, written or {}, {name: name for name in kept}, environment or {})
        inputs = {roles[name]: path for name, path in files.items()}
        out = self.out()
        return out, run(Job("tool:x", {"work": work.params()}, inputs, out))
