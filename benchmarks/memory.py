"""How much memory this process has had at most."""

import sys

import psutil


def peak_memory_bytes() -> int:
    """The peak of the memory that this process has held at a time."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
