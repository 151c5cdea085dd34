"""Nothing is computed twice: not over reruns, tabs, pages and transfers, and what is kept on disk not after a restart.

A whole dashboard is walked through in a process of its own, then in another on the same workspace. What is watched is
decoding, resampling, loudness, pitch, z, instruments that are opened and loaded, spectrograms, and what is encoded for
players: no call may be made again with the same arguments.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import soundfile

from ddsing.instrument import Provenance
from ddsing.instrument import write as write_instrument
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.dashboard import QUIET
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S
from tests.support.watched import FUNCTIONS, RESAMPLE
from tests.support.z_models import some_space, z_instrument

pytestmark = pytest.mark.slow

NAME = "Listener"
IN_MEMORY_ONLY = {
    "decode",
    RESAMPLE,
    "read a take",
    "loudness",
    "z",
    "open an instrument",
    "load a model",
    "spectrogram",
    "encode",
}


def walked(root) -> dict:
    command = [sys.executable, "-m", "tests.support.walked", str(root), NAME]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **QUIET}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def walks(tmp_path_factory) -> list[dict]:
    """The first walk and, after a restart, the second."""
    root = tiny_workspace.fill(tmp_path_factory.mktemp("twice") / "ws")
    example = root / "examples" / f"{tiny_workspace.EXAMPLE}.wav"
    soundfile.write(example, tiny_workspace.sung(3.0).repeat(2), 32_000)  # which has to be resampled
    tiny_runs.vowels(Workspace(root), "alto", n_windows=2)
    statistics = tiny_workspace.tiny_instrument("any").statistics
    made = replace(z_instrument(NAME, latent=some_space()), statistics=statistics, provenance=Provenance(voice="alto"))
    write_instrument(made, root / "instruments" / f"{NAME}.zip")
    return [walked(root) for _ in range(2)]


def test_nothing_is_computed_twice_and_all_of_it_is_watched(walks):
    for walk in walks:
        assert walk["twice"] == []
    # four for each take whose full output was open, as a figure and in words, and one for a window of the dataset
    assert [walk["done"]["spectrogram"] for walk in walks] == [4 * 2 + 1, 4 * 3 + 1]
    assert set(walks[0]["done"]) >= {*FUNCTIONS, RESAMPLE}


def test_a_restart_computes_again_only_what_memory_held(walks):
    first, second = ({tuple(call) for call in walk["calls"]} for walk in walks)
    assert {name for name, _ in first & second} <= IN_MEMORY_ONLY
