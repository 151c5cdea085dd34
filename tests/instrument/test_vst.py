"""ddsp-vst's files: read as ddsp's own class means them, written so that the plug-in loads them, and never run."""

import io
import json
import struct
import sys
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from ddsing.constants import POWER
from ddsing.engine import render
from ddsing.errors import InstrumentError
from ddsing.instrument import open_any, to_bytes, write_notebook
from ddsing.instrument.format import read as read_native
from ddsing.instrument.library import Library
from ddsing.instrument.vst import contract, reading, writing
from ddsing.play import browser
from ddsing.units import midi_to_hz
from ddsing.workspace import Workspace
from tests.hostile import vst as hostile
from tests.hostile.builders import small_instrument
from tests.instrument.test_hostile import watched
from tests.support import counts
from tests.support.paths import GOLDEN

FILES = {maker: GOLDEN / f"vst_{maker}.tflite" for maker in ("ddsp", "ddsing")}
INPUTS = ("call_f0_scaled:0", "call_pw_scaled:0", "call_state:0")


def driven(data, f0_scaled, pw_scaled):
    """What LiteRT, TensorFlow Lite's own runtime, makes of a file, frame by frame from zeros: [n_frames, ...] each."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    places = {entry["name"]: entry for entry in interpreter.get_input_details()}
    outputs = {entry["name"]: entry["index"] for entry in interpreter.get_output_details()}
    state = np.zeros(places[INPUTS[2]]["shape"], np.float32)
    rows = []
    for f0, power in zip(f0_scaled, pw_scaled):
        for name, value in zip(INPUTS, ([f0], [power], state)):
            interpreter.set_tensor(places[name]["index"], np.asarray(value, np.float32))
        interpreter.invoke()
        row = [interpreter.get_tensor(outputs[f"StatefulPartitionedCall:{number}"]) for number in range(4)]
        state = row[3]
        rows.append(row)
    return [np.stack(column) for column in zip(*rows)]


def curves(n_frames=200, seed=2):
    rng = np.random.default_rng(seed)
    f0 = np.clip(0.45 + np.cumsum(rng.normal(0, 0.01, n_frames)), 0.2, 0.75)
    return f0.astype(np.float32), rng.uniform(0.2, 0.9, n_frames).astype(np.float32)


def ours(instrument, f0_scaled, pw_scaled):
    decoder = render.load(instrument.config, instrument.weights).decoder
    f0_hz, power_db = midi_to_hz(127.0 * f0_scaled.astype(np.float64)), (pw_scaled - 1.0) * 80.0
    controls, _ = decoder.decode(f0_hz, power_db, None, decoder.initial_state())
    return [controls[name] for name in ("amps", "harmonic_distribution", "noise_magnitudes")]


@pytest.mark.slow
@pytest.mark.parametrize("maker", FILES)
def test_a_file_sounds_as_in_tensorflow_lite(maker):
    """``vst_ddsp.tflite`` is ddsp 3.7's own `VSTStatelessPredictControls`, ``vst_ddsing.tflite`` ours of the same."""
    data = FILES[maker].read_bytes()
    instrument = open_any(data, name="x")
    for wanted, found in zip(driven(data, *curves()), ours(instrument, *curves())):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_both_makers_files_hold_the_same_instrument():
    of_ddsp, of_ours = (open_any(path, name="x") for path in FILES.values())
    assert of_ddsp.config == of_ours.config and of_ddsp.config.generation == POWER
    for name, weight in of_ddsp.weights.items():
        np.testing.assert_array_equal(weight, of_ours.weights[name], err_msg=name)
    assert of_ours.statistics.pitch_range_midi == (52.0, 71.5)
    assert of_ours.statistics.loudness_range_db == pytest.approx((-47.7, -17.8), abs=0.02)


@pytest.mark.slow
def test_what_is_written_is_ddsp_s_own_class_to_the_plug_in():
    """Written now, with a GRU of less than 512, and driven beyond what the plug-in's knobs can ask for."""
    from tests.support import vst_models

    ada = vst_models.instrument(seed=5, layers_per_stack=2)
    data = writing.to_bytes(ada)
    assert read_native(to_bytes(open_any(data, name="Ada"))).digest == open_any(data, name="Ada").digest
    f0, power = curves(60)
    own = vst_models.of_ddsp(ada.config, ada.weights)
    state, wanted = np.zeros(ada.config.rnn_channels, np.float32), []
    for row in zip(f0, power):
        *found, state = own.call(np.float32([row[0]]), np.float32([row[1]]), state)
        wanted.append([np.asarray(x) for x in found])
    for found, column in zip(driven(data, f0, power), zip(*wanted)):
        np.testing.assert_allclose(found, np.stack(column), atol=1e-5)
    grid = [axis.ravel() for axis in np.meshgrid(np.linspace(-0.5, 1.5, 9), np.linspace(-0.5, 1.5, 9))]
    beyond = driven(data, *grid)
    assert all(np.isfinite(column).all() for column in beyond)
    assert all(np.array_equal(*pair) for pair in zip(driven(data, f0[:1], power[:1]), driven(data, f0[:1], power[:1])))


def test_the_plug_in_s_checks():
    data = FILES["ddsing"].read_bytes()
    metadata = contract.check(data)
    assert metadata["mean_min_pitch_note_hz"] == pytest.approx(164.81, abs=0.01)
    assert metadata["mean_max_power_note"] == -17.5 and metadata["frame_rate"] == 50
    with zipfile.ZipFile(io.BytesIO(data)) as file:  # positions from the model's beginning: nothing is put before
        assert file.namelist() == ["metadata.json"]
        assert data.index(b"PK\3\4") == file.infolist()[0].header_offset
    for hostile_to_it, said in (
        (data.replace(b"call_state:0", b"call_statt:0"), "its tensors are"),
        (data.replace(b"StatefulPartitionedCall:3", b"StatefulPartitionedCall:9"), "its tensors are"),
        (b"\x80" + data[1:], "first bytes"),
        (data[: data.index(b"PK\3\4")], "zip"),
        (FILES["ddsp"].read_bytes(), "call_state:0 is float32 of"),
    ):
        with pytest.raises(InstrumentError, match=said):
            contract.check(hostile_to_it)
    for changed, said in (({"mean_min_power_note": None}, "no number"), ({"export_time": ""}, "no text export_time")):
        model = data[: data.index(b"PK\3\4")]
        with pytest.raises(InstrumentError, match=said):
            contract.check(hostile.with_zip(model, json.loads(json.dumps(metadata)) | changed))


def test_no_two_files_have_one_identity():
    ada = open_any(FILES["ddsing"], name="Ada")
    stamps = {writing.metadata(ada)["export_time"] for _ in range(3)}
    assert len(stamps) == 3 and all(len(stamp) == len("2026-01-01T00:00:00.000000") for stamp in stamps)


def test_what_the_plug_in_can_t_play_is_said_before_it_is_made(tmp_path):
    with pytest.raises(InstrumentError, match="hears loudness, 250 times"):
        writing.to_bytes(small_instrument())
    ada = open_any(FILES["ddsing"], name="Ada")
    with pytest.raises(InstrumentError, match=r"end in \.tflite"):
        writing.write_vst(ada, tmp_path / "ada.zip")
    with pytest.raises(InstrumentError, match="2021 notebooks play no models"):
        write_notebook(ada, tmp_path / "ada.zip")
    assert list(tmp_path.iterdir()) == []


def test_it_is_imported_and_sings_in_the_workspace(tmp_path):
    (tmp_path / "instruments").mkdir()
    library = Library(Workspace(tmp_path))
    entry = library.import_file(FILES["ddsp"])
    assert (entry.name, entry.source_format, entry.provenance.source_format) == ("vst_ddsp", "native", "vst")
    assert "ddsp 3.7.0" in entry.provenance.notes
    instrument = library.get(entry.name)
    n_frames = 501
    f0_hz, power_db = np.full(n_frames, 220.0), np.linspace(-60.0, -20.0, n_frames)
    renderer = render.load(instrument.config, instrument.weights)
    sung = render.render(renderer, f0_hz, power_db, n_samples=32_000, keep_controls=True)
    assert np.isfinite(sung.audio).all() and np.abs(sung.audio).max() > 1e-3
    assert sung.controls["amps"].shape == (500, 1)


def test_the_browser_s_keys_refuse_it_in_a_sentence():
    with pytest.raises(InstrumentError, match="which the browser can't play"):
        browser.pack(open_any(FILES["ddsp"], name="Ada"))


@pytest.mark.parametrize("document", [b"{", b'{"a": NaN}', {"mean_min_pitch_note": "low"}, {}, b"[1]"])
def test_without_readable_ranges_it_sings_all_the_same(document):
    data = FILES["ddsing"].read_bytes()
    model = data[: data.index(b"PK\3\4")]
    for source in (hostile.with_zip(model, document), model):
        instrument = open_any(source, name="x")
        assert instrument.statistics is None and instrument.warnings == (reading.NO_RANGES,)


def test_another_slope_or_order_is_refused_by_name():
    data = bytearray(FILES["ddsing"].read_bytes())
    at = bytes(data).index(struct.pack("<f", 0.2))
    struct.pack_into("<f", data, at, 0.3)
    with pytest.raises(InstrumentError, match=r"slope 0\.3"):
        open_any(bytes(data), name="x")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the measurements need POSIX resource limits")
def test_hostile_ones_run_and_open_nothing(tmp_path):
    n_mutants = counts.rounds(full=hostile.N_MUTANTS, push=hostile.N_MUTANTS // 10)
    report = watched("vst", tmp_path, n_mutants)
    assert report["cases"] == n_mutants + len(hostile.handmade(hostile.genuine()))
    assert report["violations"] == [] and report["new_files"] == [] and report["unknown"] == []
    assert report["accepted"] == [] and report["max_rss_mb"] < 300
