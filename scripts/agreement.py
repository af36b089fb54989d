"""Compare with the missions' tools, and write the page: ``python scripts/agreement.py --data FOLDER``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "agreement.md"


def main() -> int:
    """Write the page, and give 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds data and reference")
    parser.add_argument("--out", type=Path, default=_PAGE, help="where the page is written")
    given = parser.parse_args()
    for name in ("data", "reference"):
        if not (given.data / name).is_dir():
            parser.error(f"{given.data} holds no folder {name}")
    sys.path.insert(0, str(_ROOT))
    from agreement.page import all_checks, page

    with tempfile.TemporaryDirectory() as work:
        checks = all_checks(given.data.resolve(), Path(work))
    given.out.write_text(page(checks), encoding="utf-8")
    wrong = [check for check in checks if not check.agrees]
    sys.stdout.write(f"{len(checks) - len(wrong)} of {len(checks)} comparisons agree: {given.out}\n")
    for check in wrong:
        sys.stdout.write(f"{check.family.name}, {check.case}: {check.difference}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
