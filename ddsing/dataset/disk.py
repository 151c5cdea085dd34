"""Whether a preparation has room, known before it begins."""

import shutil
from collections.abc import Sequence

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.dataset import layout
from ddsing.dataset.analysis import PART_BYTES_PER_FRAME
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.voices import Voice
from ddsing.errors import DiskFull
from ddsing.units import format_bytes

SPARE_BYTES = 500e6  # to stay free
WINDOW_BYTES = 4 * (2 * layout.WINDOW_SAMPLES + 3 * layout.WINDOW_FRAMES) + 300
_FEATURE_BYTES_PER_S = 18 * FRAME_RATE


def needed_bytes(usable: Sequence[RecordingFacts], new: Sequence[RecordingFacts]) -> float:
    """What a preparation takes at most: the new windows beside the old ones, sound, features, and activations."""
    seconds = [facts.duration_s for facts in usable]
    windows = sum(len(layout.starts(round(duration_s * SAMPLE_RATE))) for duration_s in seconds)
    longest_s = max((facts.duration_s for facts in new), default=0.0)
    activations = longest_s * SAMPLE_RATE / HOP_SAMPLES * PART_BYTES_PER_FRAME
    features = sum(facts.duration_s for facts in new) * _FEATURE_BYTES_PER_S
    return max(windows * WINDOW_BYTES, activations) + sum(seconds) * 4 * SAMPLE_RATE + features


def room_bytes(usable: Sequence[RecordingFacts], new: Sequence[RecordingFacts]) -> float:
    """What must be free before it begins: that, and what is to stay free."""
    return needed_bytes(usable, new) + SPARE_BYTES


def free_bytes(voice: Voice) -> int:
    """How much is free where a voice's dataset is."""
    return shutil.disk_usage(voice.dataset_folder).free


def check(voice: Voice, usable: Sequence[RecordingFacts], new: Sequence[RecordingFacts], free: int) -> None:
    """Raise `DiskFull`, with the numbers, if there was not enough room before anything was written."""
    needed = needed_bytes(usable, new)
    if free < room_bytes(usable, new):
        raise DiskFull(
            f"Preparing {voice.name!r} needs {format_bytes(needed)}, and {format_bytes(SPARE_BYTES)} must stay free, "
            f"but only {format_bytes(free)} are free. Free some space or move the workspace."
        )
