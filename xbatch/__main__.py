"""``python -m xbatch`` is ``xbatch``."""

from __future__ import annotations

from xbatch.cli.start import main

if __name__ == "__main__":
    main()
