"""What a file of ours brings back, and what stops an analysis."""

import numpy as np
import pytest
import soundfile

from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.controls import unfold_groups
from tests.support.pages import clean, finished, fit_read, open_page, said, take_id, transfer
from tests.support.patience import until

pytestmark = pytest.mark.slow

CHANGED = {
    "octave_shift": -2,
    "loudness_shift_db": 15.0,
    "autotune": 0.7,
    "use_statistics": True,
    "mask_threshold": 0.4,
    "attenuation_db": 35.0,
    "gate_db": -45.0,
    "keep_unvoiced": 0.6,
    "show_full_output": True,
    "scale": "C:dorian",
    "autotune_speed_ms": 120.0,
    "tuning_hz": 442.0,
    "formant_shift": -3.5,
    "breath_db": 4.0,
}


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "ws")


def values(app) -> dict:
    return {field: app.get_by_key(f"setting.{field}").value for field in CHANGED}


@pytest.mark.parametrize("file_format", ["WAV", "FLAC"])
def test_a_downloaded_file_dropped_back_restores_every_control(file_format, monkeypatch, root):
    app = unfold_groups(open_page(monkeypatch, root))
    defaults = values(app)
    assert all(defaults[field] != value for field, value in CHANGED.items())
    app.selectbox(key="transfer.instrument").select(tiny_workspace.NAMES[1]).run()
    app.get_by_key("setting.use_statistics").set_value(True).run()
    app.get_by_key("setting.autotune").set_value(0.5).run()
    for field, value in CHANGED.items():
        app.get_by_key(f"setting.{field}").set_value(value)
    app.run()
    app = transfer(app)
    made = TakeStore(Workspace(root)).export(take_id(app), file_format)

    (root / ".cache" / "choices.json").unlink()
    fresh = unfold_groups(open_page(monkeypatch, root))  # as somebody sees it who has chosen nothing
    assert values(fresh) == defaults and fresh.get_by_key("transfer.tracker").value == "full"
    fresh.get_by_key("transfer.source_kind").set_value("upload").run()
    fresh.file_uploader[0].upload(f"made.{file_format.lower()}", made).run()
    clean(fresh)
    assert values(fresh) == pytest.approx(CHANGED)
    assert fresh.get_by_key("transfer.tracker").value == "tiny"
    assert fresh.selectbox(key="transfer.instrument").value == tiny_workspace.NAMES[1]
    assert fresh.get_by_key("transfer.source_kind").value == "examples", "what it was made from, not the result"
    assert fresh.get_by_key("transfer.example").value == f"{tiny_workspace.EXAMPLE}.wav"
    assert "all controls and its recording are restored" in said(fresh)
    clean(fresh)
    fresh.button(key="source.itself").click().run()
    clean(fresh)
    assert fresh.get_by_key("transfer.source_kind").value == "upload"
    assert f"made.{file_format.lower()}" in said(fresh).replace("\\", "")


def test_the_recording_of_a_take_comes_from_the_take_where_it_is_no_example_any_more(monkeypatch, root):
    app = open_page(monkeypatch, root)
    take = TakeStore(Workspace(root)).get(take_id(transfer(app)))
    made = TakeStore(Workspace(root)).export(take.id, "FLAC")
    (root / "examples" / f"{tiny_workspace.EXAMPLE}.wav").unlink()
    fresh = _dropped(monkeypatch, root, made)
    assert "all controls and its recording are restored" in said(fresh)
    fresh = transfer(fresh)
    assert {one.source_hash for one in TakeStore(Workspace(root)).list()} == {take.source_hash}
    for one in TakeStore(Workspace(root)).list():
        TakeStore(Workspace(root)).delete(one.id)
    gone = _dropped(monkeypatch, root, made)
    assert "is not here: choose or upload it" in said(gone).replace("\\", "")
    assert gone.button(key="transfer.start").disabled


def _dropped(monkeypatch, root, made: bytes):
    """A new tab on which a take's file was dropped."""
    fresh = open_page(monkeypatch, root)
    fresh.get_by_key("transfer.source_kind").set_value("upload").run()
    fresh.file_uploader[0].upload("made.flac", made).run()
    clean(fresh)
    return fresh


def test_a_recipe_of_an_instrument_that_is_gone_restores_the_rest(monkeypatch, root):
    app = open_page(monkeypatch, root)
    app.slider(key="setting.octave_shift").set_value(2).run()
    made = TakeStore(Workspace(root)).export(take_id(transfer(app)), "FLAC")
    (root / "instruments" / f"{tiny_workspace.NAMES[0]}.zip").unlink()
    fresh = open_page(monkeypatch, root)
    fresh.get_by_key("transfer.source_kind").set_value("upload").run()
    fresh.file_uploader[0].upload("made.flac", made).run()
    clean(fresh)
    assert fresh.slider(key="setting.octave_shift").value == 2
    assert f"Instrument {tiny_workspace.NAMES[0]} not found" in said(fresh)


@pytest.fixture
def long_recording(root):
    """Two minutes, which the full tracker takes a minute for, as the first example."""
    path = root / "examples" / "0 long.wav"
    soundfile.write(path, np.tile(tiny_workspace.sung(3.0), 40), 16_000)
    return path


def test_an_analysis_says_how_long_it_takes_and_can_be_cancelled(monkeypatch, root, long_recording):
    app = open_page(monkeypatch, root)
    until(lambda: "in the first minute" in said(app), again=app.run)
    assert "Pitch found by the tracker **Instant**; the rest of the recording follows" in said(app)
    fit_read(app)
    app.button(key="fit.analyse").click().run()
    until(lambda: any("finding the pitch" in bar.proto.text for bar in app.get("progress")), again=app.run)
    bar = app.get("progress")[0].proto.text
    assert bar.startswith(":small[Analysing 0 long") and ": finding the pitch, " in bar and bar.endswith("left")
    assert "transfer.start" not in [button.key for button in app.button], "the bar is in its place"
    app.button(key="work.cancel").click().run()
    clean(finished(app))
    assert "Cancelled. Nothing was saved" in said(app)
    assert not list((root / ".cache" / "features").glob("*-full-*.npz"))
    assert not app.button(key="transfer.start").disabled


def test_a_recording_without_a_note_is_a_message_and_still_a_take(monkeypatch, root):
    noise = np.random.default_rng(0).normal(0, 1e-3, 16_000).astype(np.float32)
    soundfile.write(root / "examples" / "0 noise.wav", noise, 16_000)
    app = open_page(monkeypatch, root)
    app.get_by_key("setting.use_statistics").set_value(True).run()
    app = transfer(app)
    assert "No notes detected" in said(app) and "Takes (1)" in said(app)


def test_the_costs_of_each_tracker_are_said_before_anything_runs(monkeypatch, root):
    from ddsing import hardware
    from ddsing.ui.shell import warmup

    monkeypatch.setattr(hardware, "crowd", lambda: 0.0)
    monkeypatch.setattr(
        warmup, "_status", warmup.Warmup(costs={"full": 0.6, "fast": 0.25, "tiny": 0.08, "instant": 0.03})
    )
    few = "a few seconds"
    assert f"Time for this recording: Best {few}, Quicker {few}, Draft {few}, Instant {few}" in said(
        open_page(monkeypatch, root)
    )
