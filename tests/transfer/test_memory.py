"""A long recording is transferred in the memory of a short one, but for the recording itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ddsing.constants import MAX_TRANSFER_S, SAMPLE_RATE
from ddsing.sound import audio, features
from ddsing.workspace import Workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

MEASURE = """
import sys
from pathlib import Path
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support.patience import PATIENCE_S
workspace = Workspace(Path(sys.argv[1]))
take = pipeline.run(workspace, workspace.root / "in.wav", Path("demo/assets/instruments/aria.zip"),
                    Settings(use_statistics=True, autotune=1.0, keep_unvoiced=1.0, gate_db=-40.0), tracker="tiny")
assert take.reused == ("features",)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(take.duration_s, int(peak.split()[1]) * 1024)
"""


def measured(folder: Path, duration_s: float) -> tuple[float, float]:
    """(length of the take in seconds, the most memory that its process held in bytes); pitch is known beforehand."""
    workspace = Workspace(folder)
    for path in (workspace.root, workspace.instruments, workspace.experiments):
        path.mkdir()
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    hz = 440.0 * 2.0 ** (0.5 * np.sin(0.5 * time_s))
    wave = 0.1 * np.sin(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE) * (1.0 + 0.5 * np.sin(3.0 * time_s))
    (workspace.root / "in.wav").write_bytes(audio.encode(wave))
    decoded = audio.decode(workspace.root / "in.wav")
    f0_hz = np.append(hz, hz[-1])[::64].astype(np.float32)
    confidence = np.where(np.arange(len(f0_hz)) % 250 < 50, 0.1, 0.95).astype(np.float32)  # a fifth is kept as it is
    cache = features.FeatureCache(workspace.cache / "features")
    cache.put(audio.content_hash(decoded), "tiny", f0_hz, confidence)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    length_s, most_bytes = map(float, done.stdout.split())
    return length_s, most_bytes


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(
    ("short_s", "long_s"), [(60.0, 180.0), pytest.param(20.0, float(MAX_TRANSFER_S), marks=pytest.mark.full)]
)
def test_a_long_one_takes_the_memory_of_a_short_one(short_s, long_s, tmp_path):
    _, short = measured(tmp_path / "short", short_s)
    length_s, long = measured(tmp_path / "long", long_s)
    assert length_s == long_s
    recording_bytes = (long_s - short_s) * SAMPLE_RATE * 4
    assert long - short < 2.5 * recording_bytes
