"""A take at 16 kHz and one at 48 kHz of the same recording: in a session, a rating and a voice matrix."""

import io
import json
import zipfile

import numpy as np
import pytest
import soundfile

from ddsing.experiments.comparison import blind, job, measure, selection, session
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.instrument.library import Library
from ddsing.sound import audio
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import open_workspace
from tests.support import tiny_workspace, tops
from tests.support.looked_at import Job

pytestmark = pytest.mark.slow
WIDE, NARROW = tiny_workspace.NAMES


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Two instruments, one with a top, and a recording at 48 kHz."""
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("rates") / "ws"))
    Library(workspace).put_top(WIDE, tops.flat(1e-7, share=0.2))
    soundfile.write(workspace.examples / "wide.wav", tops.wide(2.0, density=1e-8), 48_000)
    return workspace


@pytest.fixture(scope="module")
def takes(workspace):
    """The narrow one first."""
    source = workspace.examples / "wide.wav"
    each = (Settings(full_band=False), Settings())
    return [pipeline.run(workspace, source, WIDE, settings, tracker="tiny") for settings in each]


def reach(sound, rate_hz):
    """Whether a sound has anything above 8 kHz."""
    return rate_hz == 48_000 and tops.band_density(sound, 10_000, 20_000) > 1e-10


def test_a_session_has_each_take_at_its_own_rate_and_the_recording_at_the_higher(workspace, takes):
    with zipfile.ZipFile(io.BytesIO(session.packed(workspace, takes))) as archive:
        document = json.loads(archive.read("takes.json"))
        for take, entry, rate_hz in zip(takes, document["takes"], (16_000, 48_000)):
            content = archive.read(entry["audio"])
            sound, found_hz = soundfile.read(io.BytesIO(content), dtype="float32")
            assert found_hz == take.rate_hz == rate_hz and reach(sound, found_hz) == (rate_hz == 48_000)
            np.testing.assert_allclose(sound, soundfile.read(take.folder / "result.wav")[0], atol=2e-7)
            assert audio.read_recipe(content)["settings"]["full_band"] is (rate_hz == 48_000)
        (original,) = (name for name in archive.namelist() if name.startswith("audio/original"))
        assert reach(*soundfile.read(io.BytesIO(archive.read(original))))
        assert "1 of the takes was rendered at 48 kHz: below 8 kHz by the model" in archive.read("methods.txt").decode()


def test_a_rating_compares_them_with_the_recording_at_the_higher_rate(workspace, takes):
    test = blind.BlindTests(workspace).begin("rating", takes, repeats=1, seed=1)
    heard = {}
    for slot in test.slots(0):
        take_id, is_original = test.hidden(0, slot)
        sound, rate_hz = soundfile.read(io.BytesIO(blind.stimulus(workspace, test, 0, slot)))
        assert (rate_hz, len(sound)) == (48_000, 96_000)  # none is told by it
        heard[slot] = "recording" if is_original else take_id, reach(sound, rate_hz)
    assert heard["R"] == ("recording", True)
    assert set(heard.values()) == {("recording", True), (takes[0].id, False), (takes[1].id, True)}


def test_a_matrix_has_cells_at_either_rate(workspace, takes):
    asked = Matrix((WIDE, NARROW), ("wide.wav",), tracker="tiny", fitted=False)
    assert job.rates_hz(workspace, asked) == {WIDE: 48_000, NARROW: 16_000}
    assert job.run(workspace, asked.to_json(), Job())["rendered"] == 1  # the other is the take made by hand
    (cell,) = selection.cells(workspace).list()
    assert (cell.instrument, cell.rate_hz) == (NARROW, 16_000)
    both = [takes[1], cell]
    for take in both:  # measured below 8 kHz, and so alike
        found = measure.measure(take)
        assert found.f0_cents is not None and np.isfinite(found.loudness_db)
    with zipfile.ZipFile(io.BytesIO(session.packed(workspace, both))) as archive:
        rows = archive.read("metrics.csv").decode().splitlines()
    assert len(rows) == 3 and all(row.count(",") == rows[0].count(",") for row in rows)
