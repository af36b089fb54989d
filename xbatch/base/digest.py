"""Digests: what says that two files are the same.

Two exist. The *sha256* of a file is that of its bytes. The *content digest* says whether a file says the same thing;
keys are made of it. For a FITS file it covers all data and all cards but those that tell when, by whom and in what
words the file was written:

=====================================  ==================================================
left out                               because
=====================================  ==================================================
DATE, CREATOR                          when, and by which program, the file was written
CHECKSUM, DATASUM, ZHECKSUM, ZDATASUM  follow from the rest, and their comments hold a time
HISTORY, COMMENT, blank cards          free text, which nothing here takes a value from
padding after header and data          carries nothing
=====================================  ==================================================

It is the same whether the file is gzipped or not. For any other file, and for any of more than 64 MB, it is the sha256
of the bytes: of a large file a second digest costs more than all that is made of it. The text form names the rule
(``fits1:`` or ``sha256:``), so that a rule that changes changes every digest made with it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

from xbatch.base.errors import FileError
from xbatch.base.files import canonical_json, write_atomically
from xbatch.base.fitsheader import BLOCK, GZIP_MAGIC, data_size, parse_cards, read_raw_header
from xbatch.base.sharing import SHARED_FILE, make_folder, shared_mode

__all__ = [
    "DIGESTS",
    "VOLATILE",
    "DigestMemo",
    "FileFacts",
    "FileMark",
    "Told",
    "content_digest",
    "file_facts",
    "file_mark",
    "file_sha256",
    "is_whole_fits",
]

VOLATILE = frozenset({"", "DATE", "CREATOR", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM", "HISTORY", "COMMENT"})
#: The folder of a store where digests are remembered.
DIGESTS = "digests"
_CHUNK = 1 << 20
_LARGE = 64 << 20
_FITS_RULE = "fits1"
_SIZES = ("BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS")
_SETTLED_NS = 2_000_000_000
_MOST_READS = 3

Told = Callable[[int], None]
"""Is told of each piece of a file that was read, in bytes; an exception that it raises ends the reading."""


@dataclass(frozen=True)
class FileFacts:
    """Size in bytes, sha256 of the bytes (hexadecimal) and content digest of a file."""

    size: int
    sha256: str
    digest: str


@dataclass(frozen=True)
class FileMark:
    """What `os.stat` tells of a file; as long as it stays the file is taken to be the same."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def may_be(self, other: FileMark) -> bool:
        """Tell whether a file may still have the same content, which only that can tell.

        Nobody has written to it since, as far as its times say: it was given another name or lost one (products are
        links), or other permissions; or somebody has set its time back.
        """
        return replace(self, ctime_ns=other.ctime_ns) == other


def file_mark(path: Path) -> FileMark:
    """Look at a file without reading it.

    Raises
    ------
    FileError
        It is not there or is no regular file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileError(str(path), "is not a file")
    return FileMark(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _untold(count: int) -> None:
    """Tell nobody."""


def file_sha256(path: Path, told: Told = _untold) -> str:
    """Give the sha256 of a file's bytes, hexadecimal.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    digest, room = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    try:
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(room):
                digest.update(room[:count])
                told(count)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _unreadable(path: Path, error: OSError) -> FileError:
    return FileError(str(path), f"cannot be read: {error.strerror or error}")


def content_digest(path: Path) -> str:
    """Give the content digest of a file; memory use does not depend on its size.

    A file that begins as FITS but is damaged is taken as bytes.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    return _both_digests(path)[1]


def file_facts(path: Path) -> FileFacts:
    """Give size, sha256 and content digest of a file.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    sha256, digest = _both_digests(path)
    return FileFacts(file_mark(path).size, sha256, digest)


def is_whole_fits(digest: str) -> bool:
    """Tell whether a content digest is that of a FITS file, read from its first header to the end of its last data."""
    return digest.startswith(f"{_FITS_RULE}:")


def _both_digests(path: Path, told: Told = _untold) -> tuple[str, str]:
    """Give the sha256 and the content digest of a file, read once if it is a whole FITS file or a large one."""
    if file_mark(path).size <= _LARGE:
        try:
            with path.open("rb") as stream:
                raw = _Watched(stream, told)
                packed = stream.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
                plain = cast("BufferedIOBase", gzip.GzipFile(fileobj=raw, mode="rb")) if packed else raw
                digest = _fits_digest(plain, path)
        except OSError as error:
            raise _unreadable(path, error) from error
        if digest is not None:
            return raw.hash.hexdigest(), digest
    sha256 = file_sha256(path, told)
    return sha256, f"sha256:{sha256}"


class _Watched(BufferedIOBase):
    """A stream of which all that is read goes into a hash too, and somebody is told how much it was."""

    def __init__(self, stream: BufferedIOBase, told: Told) -> None:
        self._stream = stream
        self._told = told
        self.hash = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and hash what was read."""
        piece = self._stream.read(size)
        self.hash.update(piece)
        self._told(len(piece))
        return piece

    def tell(self) -> int:
        """Give the place in the stream."""
        return self._stream.tell()


def _fits_digest(stream: BufferedIOBase, path: Path) -> str | None:
    """Give the digest of a FITS file that is read to its end, None for any other or a damaged one."""
    try:
        digest = hashlib.sha256()
        first, end = True, 0
        while (raw := read_raw_header(stream, str(path), first)) is not None:
            kept = "\n".join(_kept(raw.cards)).encode("latin-1")
            size = data_size(parse_cards(tuple(card for card in raw.cards if card.startswith(_SIZES))), str(path))
            # lengths stand before what they measure: no two files can give one stream of bytes
            digest.update(b"%d %d\n" % (len(kept), size))
            digest.update(kept)
            for piece in _exactly(stream, size, str(path)):
                digest.update(piece)
            stream.read(-size % BLOCK)
            first, end = False, stream.tell()
        if stream.tell() > end:
            return None  # something follows the last extension, and only the bytes can vouch for it
    except (FileError, EOFError, zlib.error, OSError):
        return None
    return f"{_FITS_RULE}:{digest.hexdigest()}"


def _kept(cards: tuple[str, ...]) -> Iterator[str]:
    """Give the cards that count; a CONTINUE goes with the card that it continues."""
    keep = True
    for card in cards:
        keyword = card[:8].rstrip()
        if keyword != "CONTINUE":
            keep = keyword not in VOLATILE
        if keep:
            yield card


def _exactly(stream: BufferedIOBase, size: int, name: str) -> Iterator[bytes]:
    while size:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise FileError(name, "is truncated: it ends within its data")
        size -= len(piece)
        yield piece


class DigestMemo:
    """Content digests of files seen before, so that a file is read again only when it has changed.

    A digest is remembered with the file's path, size, times and inode, one small file each, written in one rename:
    runs at the same time can share a memo. A file changed less than two seconds ago is not remembered, because a
    second change could leave the same times.

    Parameters
    ----------
    folder : Path
        Where to remember. Nothing is remembered where it cannot be written.
    paranoid : bool
        Read every file again, whatever is remembered.
    make : bool
        Whether the folder that `folder` is in may be made; else nothing is remembered while it does not exist.
    """

    def __init__(self, folder: Path, paranoid: bool = False, make: bool = False) -> None:
        self._folder = folder
        self._paranoid = paranoid
        self._make = make

    def recall(self, path: Path) -> tuple[FileMark, str] | None:
        """Give a file's mark and digest if they are remembered and still hold.

        Raises
        ------
        FileError
            The file is not there or is no regular file.
        """
        if self._paranoid:
            return None
        mark = file_mark(path)
        digest = self._remembered(path, mark).get("digest")
        return (mark, digest) if isinstance(digest, str) else None

    def sha256(self, path: Path) -> str:
        """Give the sha256 of a file's bytes; it is remembered beside the content digest where there is one.

        Raises
        ------
        FileError
            The file cannot be read.
        """
        known = self.recall_sha256(path)
        if known is not None:
            return known
        mark = file_mark(path)
        note = self._remembered(path, mark)
        sha256 = file_sha256(path)
        if note and file_mark(path) == mark:
            self._remember(path, {**note, "sha256": sha256})
        return sha256

    def recall_sha256(self, path: Path) -> str | None:
        """Give the sha256 of a file's bytes if it is remembered and still holds.

        Raises
        ------
        FileError
            The file is not there or is no regular file.
        """
        known = None if self._paranoid else self._remembered(path, file_mark(path)).get("sha256")
        return known if isinstance(known, str) else None

    def _remembered(self, path: Path, mark: FileMark) -> dict[str, Any]:
        """Give the note on a file, empty if there is none or it does not hold any more."""
        try:
            note = json.loads(self._note(path).read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(note, dict) or note.get("mark") != _numbers(mark) or note.get("path") != _absolute(path):
            return {}
        return note

    def _remember(self, path: Path, note: Mapping[str, Any]) -> None:
        # a memo that cannot be written (a store for reading only) costs time, not correctness
        with suppress(OSError):
            name, root = self._note(path), self._folder.parent
            make_folder(name.parent, root)
            mode = None if shared_mode(root) is None else SHARED_FILE
            # Two runs may write a note at once: one that comes out torn is none, and is written again.
            write_atomically(name, canonical_json(note), mode, part=name.with_suffix(".part"))

    def digest(self, path: Path, now_ns: int, told: Told = _untold) -> tuple[FileMark, str]:
        """Give a file's mark and content digest, from memory or by reading it; remember it for next time.

        Parameters
        ----------
        path : Path
        now_ns : int
            The time, in ns since the epoch, to tell whether the file has been left alone for a while.
        told : callable
            Told of each piece that was read.

        Raises
        ------
        FileError
            The file cannot be read, or was changed while it was read.
        """
        known = self.recall(path)
        if known is not None:
            return known
        mark, (sha256, digest) = file_mark(path), _both_digests(path, told)
        for _ in range(_MOST_READS - 1):
            if mark == (after := file_mark(path)) or not mark.may_be(after):
                break
            mark, (sha256, digest) = after, _both_digests(path, told)
        if file_mark(path) != mark:
            raise FileError(str(path), "was changed while it was read", "Run again when it is complete")
        if now_ns - max(mark.mtime_ns, mark.ctime_ns) > _SETTLED_NS and (self._make or self._folder.parent.is_dir()):
            note = {"path": _absolute(path), "mark": _numbers(mark), "digest": digest, "sha256": sha256}
            self._remember(path, note)
        return mark, digest

    def notes_on_missing(self) -> list[Path]:
        """List the notes on files that are not there any more, and those that cannot be read."""
        found = []
        for note in sorted(self._folder.glob("*/*.json")):
            try:
                known = Path(json.loads(note.read_bytes())["path"]).exists()
            except OSError:
                continue  # another's, or one that somebody else has just taken away
            except (ValueError, TypeError, KeyError):
                known = False
            if not known:
                found.append(note)
        return found

    def _note(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(_absolute(path))).hexdigest()
        return self._folder / name[:2] / f"{name[2:]}.json"


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _numbers(mark: FileMark) -> list[int]:
    return [mark.size, mark.mtime_ns, mark.ctime_ns, mark.inode]
