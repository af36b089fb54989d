"""One file under two names."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

__all__ = ["link_or_copy"]

_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES, errno.ENOSYS})


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file another name by a hard link, or copy it where there can be none (another disk, for one).

    Raises
    ------
    OSError
        The name is taken, or cannot be made.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)
