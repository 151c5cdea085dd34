"""ddsing: teach a computer a voice and sing through it."""

__version__ = "0.3.0"
