"""A model that hears how sure the pitch is, from its dataset to a take."""

import numpy as np
import pytest

from ddsing.errors import InstrumentError, TrainingError
from ddsing.formats import tfrecord
from ddsing.instrument import models as instruments
from ddsing.instrument import write_notebook
from ddsing.instrument.library import Library
from ddsing.sound import audio as recordings
from ddsing.sound.features import FeatureCache, extract
from ddsing.training import checkpoints, folder
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe, config_file, resolved
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from tests.support import tiny_training, tiny_workspace


def test_any_model_can_be_asked_to_hear_it():
    for name in ("singing_small", "singing_z_small"):
        asked = resolved(Recipe(config=name, voicing=True))
        assert asked.model.input_keys == (*config_file(name).model.input_keys, "f0_confidence")
        assert resolved(Recipe(config=name, voicing=False)).model == config_file(name).model
    assert Recipe(steps=5).merged(Recipe(voicing=True).to_json()).voicing and Recipe(voicing=True).names_a_model


@pytest.mark.slow
def test_from_dataset_to_take(tiny_models, workspace, tmp_path):
    path = tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=1)
    other = tiny_training.prepared_voice(workspace, "bass", n_train=3, n_held_out=1)
    recipe, told = tiny_training.tiny(steps=4, save_every=2, voicing=True, head_start_steps=2), []
    runs.train(workspace, "alto", recipe)
    stops = {"report": told.append, "should_stop": lambda: bool(told) and told[-1].step >= 2}
    assert runs.train(workspace, "bass", recipe, **stops).stopped
    runs.train(workspace, "bass", Recipe())
    model = folder.config(path).model
    assert model.voicing
    whole, parts = (checkpoints.get(where, 4).state(model).weights for where in (path, other))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole), "stopped and resumed"

    made = Library(workspace).get("alto")
    assert made.config == model
    source = workspace.examples / "sung.wav"
    source.write_bytes(recordings.encode(tiny_workspace.sung(2.0)))
    take = pipeline.run(workspace, source, "alto", Settings(), tracker="tiny")
    audio = recordings.decode(source)
    heard = extract(audio, tracker="tiny", generation=3, cache=FeatureCache(workspace.cache / "features"))
    part = instruments.shared().get(made)[0]
    again, sure = (
        pipeline.mixture([part], [heard.f0_hz], [heard.loudness_db], one, n_samples=len(audio), **given)
        for one in [np.ones((len(heard.f0_hz), 1))]
        for given in ({"confidence": heard.f0_confidence}, {})
    )
    sounds = [
        np.concatenate([block.audio for block in pipeline.band.render.blocks(x, n_samples=len(audio))])
        for x in (again, sure)
    ]
    kept = recordings.decode(take.folder / "result.wav")
    assert np.abs(kept - sounds[0]).max() < 1e-6 < np.abs(kept - sounds[1]).max()
    with pytest.raises(InstrumentError, match="hears how sure the pitch is"):
        write_notebook(made, tmp_path / "notebook.zip")


@pytest.mark.slow
def test_a_dataset_without_it_is_refused(tiny_models, workspace):
    path = tiny_training.prepared_voice(workspace, "alto", n_train=2, n_held_out=0)
    windows = [{k: v for k, v in x.items() if k != "f0_confidence"} for x in tiny_training.windows(2)]
    tfrecord.write(path.with_name("alto_dataset") / "train.tfrecord-00000-of-00001", windows)
    with pytest.raises(TrainingError, match="does not tell how sure the pitch is"):
        runs.train(workspace, "alto", tiny_training.tiny(steps=2, voicing=True), make_instrument=False)
