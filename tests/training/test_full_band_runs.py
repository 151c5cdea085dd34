"""Runs that are asked for the full band: each export has a top, whoever exports, and from whatever step."""

import json

import numpy as np
import pytest
import soundfile
import soxr

from ddsing.cli import main
from ddsing.dataset import prepare, voices
from ddsing.errors import SettingsError
from ddsing.instrument.library import Library
from ddsing.jobs.paces import NAME as PACES
from ddsing.training import branch, checkpoints, estimate, export, job, top
from ddsing.training import recipe as recipes
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe
from ddsing.workspace import open_workspace
from tests.support import tiny_training, tiny_workspace, tops

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("uncompiled")]


class Reporter:
    """In the place of a job's context."""

    def __init__(self):
        self.told = []

    def report(self, **fields):
        self.told.append(fields)

    def should_stop(self):
        return False


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Two voices: alto goes up to 24 kHz, bass to 8 kHz; and the model ``tiny``."""
    before = recipes.GIN
    tiny_training.add_tiny_model(tmp_path_factory.mktemp("gin"))
    workspace = open_workspace(tiny_workspace.empty(tmp_path_factory.mktemp("runs") / "ws"))
    sound = tops.wide(6.0, density=1e-8)
    for name, rate_hz in (("alto", 48_000), ("bass", 16_000)):
        (workspace.audio / name).mkdir(parents=True)
        soundfile.write(workspace.audio / name / "one.wav", soxr.resample(sound, 48_000, rate_hz), rate_hz)
        prepare.prepare(voices.get(workspace, name), tracker="tiny")
    yield workspace
    recipes.GIN = before
    recipes.config_file.cache_clear()


@pytest.fixture(scope="module")
def trained(workspace):
    """What the job that trained alto said, and its result."""
    asked = tiny_training.tiny(steps=2, save_every=1, full_band=True)
    reporter = Reporter()
    return job.run(workspace, json.loads(json.dumps(job.order("alto", asked).options)), reporter), reporter.told


def minutes(workspace, name):
    made = Library(workspace).get(name)
    return made.top.minutes if made.top else None


def test_a_job_trains_and_makes_the_top_and_says_so(workspace, trained):
    result, told = trained
    assert result["top"] == "It sings up to 24 kHz: its top was made from 6.0 s of recordings."
    assert minutes(workspace, "alto") == pytest.approx(0.1)
    making = [fields for fields in told if fields["stage"] == "exporting"]
    assert making[0].get("message", "") == "" and making[-1]["message"] == "Listening above 8 kHz: 100%"
    assert making[-1]["eta_s"] is not None, "the time left knows of it"
    assert estimate.TOP in (workspace.cache / PACES).read_text("utf-8")  # and the next time knows how long it took
    assert 0.0 < estimate.top_seconds(runs.paces.of(workspace), voices.get(workspace, "alto")) < 60.0


def test_the_top_is_that_of_the_new_weights(workspace, trained):
    made, voice = Library(workspace).get("alto"), voices.get(workspace, "alto")
    again = top.for_voice(made, voice)
    for name, array in vars(made.top).items():
        np.testing.assert_array_equal(array, getattr(again, name), err_msg=name)


def test_a_resumed_run_an_old_checkpoint_and_a_branch_keep_it(workspace, trained):
    Library(workspace).put_top("alto", None)  # it does not depend on the instrument before
    outcome = runs.train(workspace, "alto", Recipe(steps=3))
    assert outcome.step == 3 and outcome.top.startswith("It sings up to 24 kHz")
    assert minutes(workspace, "alto") == pytest.approx(0.1)
    Library(workspace).put_top("alto", None)
    assert main(["--workspace", str(workspace.root), "instrument", "make", "alto", "--step", "1"]) == 0
    assert minutes(workspace, "alto") == pytest.approx(0.1) and Library(workspace).get("alto").provenance.step == 1
    name = branch.begin(workspace, "alto", step=1, label="two")
    assert export.make(workspace, name).entry.top is not None


def test_a_run_that_is_asked_for_none_any_more_makes_none(workspace, trained):
    outcome = runs.train(workspace, "alto", Recipe(full_band=False))
    assert outcome.top == "" and minutes(workspace, "alto") is None
    assert export.make(workspace, "alto").entry.top is None


def test_a_voice_without_an_upper_band_is_refused_before_it_is_trained(workspace, capsys):
    command = ["--workspace", str(workspace.root), "train", "bass", "--config", "tiny", "--steps", "1", "--full-band"]
    assert main(command) == 2
    assert "44.1 kHz or 48 kHz that were never an MP3. one.wav: It has 16 kHz" in capsys.readouterr().err
    path = voices.get(workspace, "bass").checkpoints_folder
    assert not checkpoints.published(path)
    assert "It has 16 kHz" in top.why_not(voices.get(workspace, "bass"))
    assert top.why_not(voices.get(workspace, "alto")) == ""


def test_a_recipe_says_yes_no_or_nothing():
    with pytest.raises(SettingsError, match="full_band must be true or false"):
        Recipe(full_band="yes")
    assert Recipe().merged(Recipe(full_band=True).to_json()).full_band is True
    assert Recipe(full_band=False).merged(Recipe(full_band=True).to_json()).full_band is False
    assert not Recipe(full_band=True).names_a_model  # it can be said of any run, at any time
