"""Instruments: the native zip, the 2021 notebooks' zip, and the workspace's collection of them.

A zip of 2021 holds a pickle, a gin file and a TensorFlow checkpoint. Each is read without running or believing anything
in it (`pickles`, `ddsing.formats.gin_text`, `ddsing.model.tf_checkpoint`); `convert` puts them together, and `child`
runs that in a limited process of its own.
"""

from ddsing.instrument.format import read, read_summary, to_bytes, write
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.manifest import Provenance
from ddsing.instrument.notebook import NO_TOP, write_notebook
from ddsing.instrument.opening import open_any
from ddsing.instrument.summary import Summary

__all__ = [
    "NO_TOP",
    "Instrument",
    "Provenance",
    "Summary",
    "open_any",
    "read",
    "read_summary",
    "to_bytes",
    "write",
    "write_notebook",
]
