"""Extensions that a spectrum carries beside its counts: its good times and its region, copied byte by byte."""

from __future__ import annotations

import gzip
import zlib
from contextlib import closing
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import BLOCK, data_size, find_file, open_plain, parse_cards, read_raw_header
from xbatch.ogip.fitsreader import AGAIN, Hdu

__all__ = ["times_and_regions"]

_KINDS = frozenset({"GTI", "REGION"})


def times_and_regions(path: Path) -> tuple[bytes, ...]:
    """Give the GTI and region extensions of a file, each with its header as it stands there.

    Those of HDUCLAS1 GTI or REGION, or with a name like ``GTI00106`` or ``REG00101``.

    Raises
    ------
    FileError
        The file is not there, cannot be read, is not FITS or is truncated.
    """
    name = str(path)
    copied: list[bytes] = []
    try:
        with closing(open_plain(find_file(path) or path)) as stream:
            start, first = 0, True
            while (raw := read_raw_header(stream, name, first=first)) is not None:
                first, hdu = False, Hdu(parse_cards(raw.cards))
                begin = stream.tell()
                size = data_size(hdu.header, name)
                stop = begin + size + -size % BLOCK
                if _is_one(hdu):
                    stream.seek(start)
                    whole = stream.read(stop - start)
                    if len(whole) < begin - start + size:
                        raise FileError(name, f"is truncated: it ends within {hdu.name}", AGAIN)
                    copied.append(whole + bytes(stop - start - len(whole)))
                stream.seek(stop)
                start = stop
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(name, f"is gzipped and damaged: {error}", AGAIN) from error
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror or error}", "Check it and its permissions") from error
    return tuple(copied)


def _is_one(hdu: Hdu) -> bool:
    if hdu.text("XTENSION") != "BINTABLE":
        return False
    return hdu.text("HDUCLAS1") in _KINDS or hdu.name.startswith(("GTI", "STDGTI", "REG0"))
