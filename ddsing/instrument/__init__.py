"""Instruments: the native zip, the 2021 notebooks' zip, and the workspace's collection of them."""

from ddsing.instrument.format import Instrument, Summary, read, read_summary, to_bytes, write
from ddsing.instrument.manifest import Provenance

__all__ = ["Instrument", "Provenance", "Summary", "read", "read_summary", "to_bytes", "write"]
