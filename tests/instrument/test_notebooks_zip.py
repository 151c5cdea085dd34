"""2021 instruments against TensorFlow's reader, ddsp 1.6.3's own output, and ddsp 3.7 as writer and reader."""

import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import render
from ddsing.engine.tf import runtime
from ddsing.errors import InstrumentError
from ddsing.formats.gin_text import read_bindings
from ddsing.instrument import open_any, write_notebook
from ddsing.instrument.pickled_statistics import read_statistics
from ddsing.model import tf_checkpoint
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.gin import read_config
from tests.hostile.builders import GOLDEN, golden_members, notebook_members, packed, small_config, small_weights
from tests.hostile.builders import bundle as bundle_files
from tests.support import ddsp_writer
from tests.support.patience import PATIENCE_S

SCRIPT = Path(ddsp_writer.__file__)
NAMES = ("singing_2021", "singing_z_2021")


def ddsp_runs(*arguments) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def assert_controls(instrument, expected, *, features) -> None:
    rendering = render.render(
        render.load(instrument.config, instrument.weights),
        features["f0_hz"][0],
        features["loudness_db"][0],
        n_samples=features["f0_hz"].shape[1] * HOP_SAMPLES,
        audio=features["audio"][0],
        keep_controls=True,
    )
    for name in ("amps", "harmonic_distribution", "noise_magnitudes"):
        np.testing.assert_allclose(rendering.controls[name], expected[name], atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_weights_equal_those_that_tensorflow_reads(name, tmp_path):
    members = golden_members(name)
    for member in ("ckpt-3.index", "ckpt-3.data-00000-of-00001"):
        (tmp_path / member).write_bytes(members[member])
    reader = runtime.tensorflow().train.load_checkpoint(str(tmp_path / "ckpt-3"))
    instrument = open_any(GOLDEN / f"{name}.zip")
    theirs = {key for key in reader.get_variable_to_shape_map() if key.startswith("model/")}
    assert theirs == {f"model/{key}/.ATTRIBUTES/VARIABLE_VALUE" for key in instrument.weights}
    for key, weight in instrument.weights.items():
        np.testing.assert_array_equal(weight, reader.get_tensor(f"model/{key}/.ATTRIBUTES/VARIABLE_VALUE"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_controls_equal_those_of_ddsp_1_6_3(name):
    golden = np.load(GOLDEN / f"{name}.npz")
    instrument = open_any(GOLDEN / f"{name}.zip")
    assert instrument.config.generation == 1 and (instrument.config.z is not None) == ("_z_" in name)
    expected = {
        "amps": golden["harmonic/amplitudes"][0],
        "harmonic_distribution": golden["harmonic/harmonic_distribution"][0],
        "noise_magnitudes": golden["filtered_noise/magnitudes"][0],
    }
    assert_controls(instrument, expected, features={key[3:]: golden[key] for key in golden if key.startswith("in/")})


@pytest.mark.slow
@pytest.mark.parametrize("with_z", [False, True])
def test_what_ddsp_3_7_writes_is_read_and_what_we_write_ddsp_restores(with_z, tmp_path):
    """A sub-folder with two checkpoints, optimizer state and a stale ``checkpoint`` file, there and back."""
    folder = tmp_path / "voice"
    folder.mkdir()
    ddsp_runs("write", folder, *(["z"] if with_z else []))
    expected = np.load(folder / "controls.npz")
    statistics = golden_members()["dataset_statistics.pkl"]
    with zipfile.ZipFile(tmp_path / "voice.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.iterdir():
            file.write(path, f"voice/{path.name}")
        file.writestr("voice/dataset_statistics.pkl", statistics)
        file.writestr("__MACOSX/voice/._ckpt-99.index", b"x")
    instrument = open_any(tmp_path / "voice.zip")
    assert (instrument.config.generation, instrument.provenance.step) == (3, 10)
    assert any("2 checkpoints" in text and "step 10" in text for text in instrument.warnings)
    assert_controls(instrument, expected, features=ddsp_writer.inputs())

    write_notebook(instrument, tmp_path / "back.zip")
    back = tmp_path / "back"
    back.mkdir()
    with zipfile.ZipFile(tmp_path / "back.zip") as file:
        for name in file.namelist():
            (back / name).write_bytes(file.read(name))
    ddsp_runs("read", back, tmp_path / "restored.npz")
    restored = np.load(tmp_path / "restored.npz")
    for name in ("amps", "harmonic_distribution", "noise_magnitudes"):
        np.testing.assert_allclose(restored[name], expected[name], atol=1e-6, err_msg=name)
    ours = instrument.statistics
    np.testing.assert_allclose(
        restored["loudness_of_shares"], np.interp(np.linspace(0, 1, 77), ours.references, ours.quantiles), atol=1e-5
    )
    assert float(restored["mean_pitch"]) == ours.values["mean_pitch"]
    assert open_any(tmp_path / "back.zip").digest == instrument.digest


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("module", ["ddsp.training.postprocessing", "ddsp.colab.colab_utils"])
def test_statistics_equal_what_pickle_loads(protocol, module):
    data = golden_members()["dataset_statistics.pkl"]
    runtime.ddsp()
    theirs = pickle.loads(data)
    again = pickle.dumps(theirs, protocol=protocol)
    if protocol == 3:
        again = again.replace(b"cddsp.training.postprocessing\n", f"c{module}\n".encode())
        again = again.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    ours = read_statistics(again, generation=1)
    assert ours.values == {name: float(value) for name, value in theirs.items() if name != "quantile_transform"}
    np.testing.assert_array_equal(ours.quantiles, theirs["quantile_transform"].quantiles_[:, 0])
    np.testing.assert_array_equal(ours.references, theirs["quantile_transform"].references_)


def test_the_tests_own_checkpoints_are_read_by_tensorflow(tmp_path):
    weights = small_weights(small_config())
    index, data = bundle_files(weights)
    (tmp_path / "x.index").write_bytes(index)
    (tmp_path / "x.data-00000-of-00001").write_bytes(data)
    reader = runtime.tensorflow().train.load_checkpoint(str(tmp_path / "x"))
    for name, weight in weights.items():
        np.testing.assert_array_equal(reader.get_tensor(name), weight)


def test_data_may_come_in_pieces_of_any_size():
    config = small_config()
    weights = small_weights(config)
    index, data = bundle_files({f"model/{name}/.ATTRIBUTES/VARIABLE_VALUE": weight for name, weight in weights.items()})
    for size in (1, 7, 64, len(data)):
        pieces = lambda size=size: (data[start : start + size] for start in range(0, len(data), size))  # noqa: E731
        ours = tf_checkpoint.read_weights(index, {0: pieces}, config)
        for name, weight in weights.items():
            np.testing.assert_array_equal(ours[name], weight)


@pytest.mark.slow
def test_parts_that_are_missing_are_named():
    members = notebook_members()
    for member, sentence in (
        ("operative_config-0.gin", "no operative_config-0.gin"),
        ("ckpt-7.data-00000-of-00001", "data files are missing"),
        ("ckpt-7.index", "no instrument|neither"),
    ):
        with pytest.raises(InstrumentError, match=sentence):
            open_any(packed({name: data for name, data in members.items() if name != member}))
    without = open_any(packed({name: data for name, data in members.items() if name != "dataset_statistics.pkl"}))
    assert without.statistics is None and "dataset_statistics.pkl" in without.warnings[0]


@pytest.mark.slow
def test_weights_of_another_model_are_refused():
    members = notebook_members()
    text = members["operative_config-0.gin"].replace(b"RnnFcDecoder.ch = 4", b"RnnFcDecoder.ch = 5")
    with pytest.raises(InstrumentError, match="has shape"):
        open_any(packed(members | {"operative_config-0.gin": text}))
    nan = bytearray(members["ckpt-7.data-00000-of-00001"])
    nan[:4] = np.float32(np.inf).tobytes()
    with pytest.raises(InstrumentError, match="NaN or infinite"):
        open_any(packed(members | {"ckpt-7.data-00000-of-00001": bytes(nan)}))


OLD = """
import ddsp
import ddsp.training as ddsp2
units = 256
Add.name = 'add'
Additive.n_samples = 64000
Additive.name = 'additive'
Additive.normalize_below_nyquist = True
Additive.sample_rate = 16000
Additive.scale_fn = @core.exp_sigmoid
Autoencoder.decoder = @decoders.RnnFcDecoder()
Autoencoder.encoder = @encoders.MfccTimeDistributedRnnEncoder()
Autoencoder.losses = [@losses.SpectralLoss()]
Autoencoder.preprocessor = @preprocessing.DefaultPreprocessor()
Autoencoder.processor_group = @processors.ProcessorGroup()
DefaultPreprocessor.time_steps = 1000
FilteredNoise.window_size = 0
MfccTimeDistributedRnnEncoder.f0_encoder = None
MfccTimeDistributedRnnEncoder.name = 'z_encoder'
MfccTimeDistributedRnnEncoder.rnn_channels = %units
MfccTimeDistributedRnnEncoder.z_dims = 16
MfccTimeDistributedRnnEncoder.z_time_steps = 125
ProcessorGroup.dag = [(@synths.Additive(), ['amps', 'harmonic_distribution', 'f0_hz']),
    (@synths.FilteredNoise(), ['noise_magnitudes']), (@processors.Add(), ['filtered_noise/signal', 'additive/signal'])]
RnnFcDecoder.ch = %units
RnnFcDecoder.input_keys = ('ld_scaled', 'f0_scaled', 'z')
RnnFcDecoder.layers_per_stack = 3
RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 60), ('noise_magnitudes', 65))
RnnFcDecoder.rnn_channels = %units
RnnFcDecoder.rnn_type = 'gru'
Trainer.learning_rate = 0.0003
"""


def test_older_names_macros_and_defaults_are_understood():
    z = ZConfig(256, 16, 125)
    expected = ModelConfig(1, 256, 256, 3, 60, 65, z, noise_window_size=0)
    assert read_config(read_bindings(OLD.encode())) == expected


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("'gru'", "'lstm'", "gru"),
        ("ProcessorGroup.dag = [", "ProcessorGroup.dag = [(@effects.Reverb(), ['add/signal']), ", "Reverb"),
        ("Additive.sample_rate = 16000", "Additive.sample_rate = 48000", "16000 Hz"),
        ("Additive.scale_fn = @core.exp_sigmoid", "Additive.scale_fn = @core.relu", "exp_sigmoid"),
        ("f0_encoder = None", "f0_encoder = @encoders.F0()", "f0_encoder"),
        ("FilteredNoise.window_size", "FilteredNoise.unheard_of", "unheard_of"),
        ("z_time_steps = 125", "z_time_steps = 126", "126"),
        ("@encoders.MfccTimeDistributedRnnEncoder()", "@encoders.ResnetEncoder()", "ResnetEncoder"),
        ("('amps', 1)", "('amps', 2)", "output_splits"),
        ("units = 256", "units = 100000", "100000"),
        ("units = 256", "units = '256'", "must be a number"),
    ],
)
def test_models_that_ddsing_does_not_play_are_refused_by_name(old, new, sentence):
    assert old in OLD
    with pytest.raises(InstrumentError, match=sentence):
        read_config(read_bindings(OLD.replace(old, new).encode()))


@pytest.mark.slow
def test_a_zip_of_two_instruments_is_refused():
    first, second = notebook_members(step=1), notebook_members(step=2)
    members = {f"a/{name}": data for name, data in first.items()} | {f"b/{name}": data for name, data in second.items()}
    with pytest.raises(InstrumentError, match="several folders"):
        open_any(packed(members))
    buffer = io.BytesIO(packed({f"a/{name}": data for name, data in first.items()}))
    assert open_any(buffer.getvalue()).provenance.step == 1
