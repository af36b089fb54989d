"""What a step has left: every declared output is there, holds something and can be opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from xbatch.base.digest import FileFacts, file_facts, is_whole_fits
from xbatch.base.errors import FileError, StepError
from xbatch.base.fitsheader import read_headers

__all__ = ["check_outputs"]

_FITS = frozenset({".fits", ".fit", ".fts", ".pha", ".pi", ".rmf", ".arf", ".rsp", ".evt", ".lc", ".gti", ".img"})
_MAGIC = {".png": b"\x89PNG\r\n\x1a\n", ".pdf": b"%PDF-"}


def check_outputs(folder: Path, declared: Sequence[str]) -> dict[str, FileFacts]:
    """Look at the files that a step should have made, and digest them.

    Parameters
    ----------
    folder : Path
    declared : sequence of str
        File names; one that ends in ``?`` may be absent.

    Raises
    ------
    StepError
        A file is missing, is empty or cannot be opened.
    """
    facts = {}
    for name in declared:
        path = folder / name.removesuffix("?")
        if not path.is_file():
            if name.endswith("?"):
                continue
            raise StepError(f"the step has not made {path.name}, which it should have")
        if path.stat().st_size == 0:
            raise StepError(f"the step has made {path.name}, but it is empty")
        facts[path.name] = file_facts(path)
        if not is_whole_fits(facts[path.name].digest):
            _open(path)
    return facts


def _open(path: Path) -> None:
    """Open a file as what its name says it is."""
    import zipfile  # slow, and a run with nothing to do has no use for it

    suffix = path.suffix.lower()
    try:
        if suffix in _FITS:
            read_headers(path)
        elif suffix == ".json":
            json.loads(path.read_bytes())
        elif suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                archive.infolist()
        elif suffix in _MAGIC:
            with path.open("rb") as stream:
                if not stream.read(8).startswith(_MAGIC[suffix]):
                    raise ValueError(f"it does not begin as a {suffix[1:].upper()} file does")
    except (FileError, ValueError, zipfile.BadZipFile) as error:
        why = error.what if isinstance(error, FileError) else error
        raise StepError(f"the step has made {path.name}, but it cannot be opened: {why}") from error
