"""xbatch: one YAML file in, an X-ray spectral analysis out, with the record of how it was made."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
