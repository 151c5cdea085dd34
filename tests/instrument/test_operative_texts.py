"""Texts that ddsp's releases write beside their checkpoints: what can be played opens, the rest is named."""

import pytest

from ddsing.errors import InstrumentError
from ddsing.formats.gin_text import read_bindings, text_of
from ddsing.instrument.convert import convert
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.gin import read_config
from tests.hostile.builders import golden_members, notebook_members, packed
from tests.support.operative_texts import MODELS, RELEASES, number, operative_text

PLAYED = {
    "ae": ModelConfig(n_harmonics=100, n_noise_bands=65, z=ZConfig(512, 16, 125), noise_window_size=0),
    "nsynth_ae": ModelConfig(n_harmonics=100, n_noise_bands=65, z=ZConfig(512, 16, 125), noise_window_size=0),
    "plain": ModelConfig(n_harmonics=60, n_noise_bands=65, noise_window_size=0),
}
REFUSED = {
    "solo_instrument": "FilteredNoise, Add, Reverb'; ddsing plays Harmonic .* without effects",
    "tiny_instrument": "FilteredNoise, Add, Reverb'; ddsing plays Harmonic .* without effects",
    "vst": "FilteredNoise, Add, FilteredNoiseReverb'; ddsing plays Harmonic .* without effects",
}


def config_of(text: str) -> ModelConfig:
    return read_config(read_bindings(text.encode()))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("model", MODELS)
def test_the_models_of_every_release_open_or_are_named(model, release):
    text = operative_text(release, model)
    if model in REFUSED:
        with pytest.raises(InstrumentError, match=REFUSED[model]):
            config_of(text)
        return
    config = config_of(text)
    assert config.generation == (1 if number(release) < (2,) else 3)
    assert config == ModelConfig.from_json(PLAYED[model].to_json() | {"generation": config.generation})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "@models.Autoencoder()",
            "@models.MidiAutoencoder()",
            "its model is @models.MidiAutoencoder; ddsing plays Auto",
        ),
        (
            "F0LoudnessPreprocessor.time_steps = 1000",
            "F0LoudnessPreprocessor.time_steps = 400",
            "400 frames for 64,000",
        ),
        ("Harmonic.n_samples = 64000", "Harmonic.n_samples = 192000", "1,000 frames for 192,000 samples"),
        (
            "sum_sinusoids = True",
            "sample_rate = 48000",
            "oscillator_bank.sample_rate is 48000; ddsing plays at 16000 Hz",
        ),
        ("train.num_steps", "x/RnnFcDecoder.ch", "in a scope"),
        (
            "recompute_loudness = True",
            "recompute_loudness = True\nF0LoudnessPreprocessor.compute_loudness = True",
            "twice",
        ),
        ("run_dag.verbose", "ResNet.size", "sets 'ResNet.size', which the models"),
    ],
)
def test_what_is_not_played_is_called_by_its_name(old, new, sentence):
    text = operative_text("3.0.0", "plain")
    assert old in text
    with pytest.raises(InstrumentError, match=sentence):
        config_of(text.replace(old, new))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_text_that_an_editor_has_saved_again_is_the_same(mark, end):
    plain = notebook_members()["operative_config-0.gin"].decode()
    saved = mark + plain.replace("\n", end).encode()
    assert read_config(read_bindings(saved)) == config_of(plain) and text_of(saved) == plain
    instrument = convert(packed(notebook_members() | {"operative_config-0.gin": saved}), name="x")
    assert instrument.digest == convert(packed(notebook_members()), name="x").digest
    assert instrument.gin_text == plain


@pytest.mark.slow
def test_statistics_that_are_empty_or_cut_only_warn():
    whole = golden_members()["dataset_statistics.pkl"]
    without = {name: data for name, data in notebook_members().items() if name != "dataset_statistics.pkl"}
    missing = convert(packed(without), name="x")
    assert "no dataset_statistics.pkl" in missing.warnings[0]
    places = [*range(0, 40), *range(40, len(whole), 97), len(whole) - 1]
    for data in [b"", bytes(512), *(whole[:place] for place in places)]:
        instrument = convert(packed(without | {"dataset_statistics.pkl": data}), name="x")
        assert instrument.digest == missing.digest and instrument.statistics is None
        (warning,) = instrument.warnings
        assert warning.startswith("The zip's dataset_statistics.pkl is empty or cut short, so")


def test_statistics_that_ask_for_anything_are_refused_however_they_end():
    for data in (b"\x80\x03cos\nsystem\n", b"\x80\x03B\xff\xff\xff\x7f.", b"\x80\x03Nr\xff\xff\xff\x7f", b"no pickle"):
        with pytest.raises(InstrumentError, match="was refused"):
            convert(packed(notebook_members() | {"dataset_statistics.pkl": data}), name="x")


def test_a_newest_checkpoint_that_is_cut_gives_way_to_the_one_before():
    members = notebook_members(step=5) | notebook_members(step=12, seed=3)
    before = convert(packed(notebook_members(step=5)), name="x")
    for name in ("ckpt-12.index", "ckpt-12.data-00000-of-00001"):
        for data in (b"", members[name][: len(members[name]) // 2]):
            instrument = convert(packed(members | {name: data}), name="x")
            assert (instrument.digest, instrument.provenance.step) == (before.digest, 5)
            assert instrument.warnings == ("The newest checkpoint, step 12, can't be read, so step 5 is used.",)
    only = notebook_members(step=12)
    with pytest.raises(InstrumentError, match="data files are missing"):
        convert(packed({name: data for name, data in only.items() if ".data-" not in name}), name="x")
