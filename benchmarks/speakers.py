"""Who sings: embeddings of voices by resemblyzer, in an environment of its own, and how alike they are.

resemblyzer brings its weights with it, and torch: neither the app nor its tests have them. The first use makes the
environment with ``venv`` and ``pip`` (some 6 GB with the usual torch; minutes), in the folder that is asked for.

An embedding is a vector of length 1 whose cosine with another tells how alike two voices are. It was learnt from
speech; of a singer of ours, her own recordings lie at 0.91–0.95 from their centre and other singers at 0.75–0.88.
"""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ENVIRONMENT = Path.home() / ".cache" / "ddsing" / "benchmarks" / "resemblyzer"
REQUIREMENTS = ("resemblyzer==0.1.4", "setuptools<81")  # its webrtcvad asks for pkg_resources
_CHILD = Path(__file__).with_name("speakers_child.py")


def environment(folder: Path = ENVIRONMENT) -> Path:
    """The interpreter of the environment, which is made where there is none."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "complete").is_file():
        print(f"Installing resemblyzer in {folder}, which takes minutes once.", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (folder / "complete").touch()
    return python


def parts(sounds: Sequence[np.ndarray], *, folder: Path = ENVIRONMENT) -> list[np.ndarray]:
    """Embeddings of the parts of 1.6 s of each sound of 16 kHz: [shape=(n_parts, 256), float32] each."""
    if not sounds:
        return []
    python = environment(folder)
    with tempfile.TemporaryDirectory() as name:
        asked, answered = Path(name) / "sounds.npz", Path(name) / "embeddings.npz"
        np.savez(asked, **{str(number): np.asarray(sound, np.float32) for number, sound in enumerate(sounds)})
        subprocess.run([python, "-W", "ignore", _CHILD, asked, answered], check=True)
        with np.load(answered) as found:
            return [found[str(number)] for number in range(len(sounds))]


def whole(some_parts: np.ndarray) -> np.ndarray:
    """The embedding of a sound, of length 1, from those of its parts, as resemblyzer makes it [shape=(256,)]."""
    mean = np.asarray(some_parts, np.float64).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def centre(recordings: Sequence[np.ndarray]) -> np.ndarray:
    """The centre of a voice, of length 1, from the parts of each of its recordings [shape=(256,)]."""
    return whole(np.stack([whole(one) for one in recordings]))
