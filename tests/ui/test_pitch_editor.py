"""The panel Edit the pitch without a browser: repairs, what is kept, what a take brings back, and files."""

import numpy as np
import pytest

from ddsing.sound import audio
from ddsing.sound.features import FeatureCache
from ddsing.transfer.takes import TakeStore
from ddsing.ui.player import rolls
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said, transfer

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    """A workspace whose example was analysed with an octave slip in its first note."""
    root = tiny_workspace.fill(tmp_path / "ws")
    sound = audio.decode(root / "examples" / f"{tiny_workspace.EXAMPLE}.wav")
    f0_hz = np.where(np.arange(751) < 375, 220.0, 330.0).astype(np.float32)
    f0_hz[200:240] *= 2
    FeatureCache(root / ".cache" / "features").put(
        audio.content_hash(sound), "tiny", f0_hz, np.full(751, 0.9, np.float32)
    )
    return root


def opened(monkeypatch, root):
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    app.session_state["pitch.panel"] = True
    app.run()
    clean(app)
    return app


def test_a_slip_is_repaired_in_a_click_kept_sung_and_restored(monkeypatch, root):
    app = opened(monkeypatch, root)
    assert "1 stretch is probably an octave wrong" in said(app)
    app.button(key="pitch.repair.200").click().run()
    clean(app)
    assert "octave wrong" not in said(app) and "1 change of the pitch is part of the next take" in said(app)

    again = opened(monkeypatch, root)  # as after a reload
    assert "1 change of the pitch" in said(again)
    again = transfer(again)
    take = TakeStore(Workspace(root)).newest()
    assert take.edit is not None and len(take.edit.steps) == 1
    np.testing.assert_allclose(take.curves()["f0_hz"][:375], 220.0, rtol=1e-6)
    assert "pitch edited" in said(again)

    again.get_by_key("transfer.tracker").set_value("full").run()
    assert "change of the pitch" not in said(again) and "must be found" in said(again)
    assert "was edited as the tracker Draft found it. The edit is not part of the next take" in said(again)
    again.get_by_key("transfer.tracker").set_value("tiny").run()
    assert "1 change of the pitch" in said(again) and "as the tracker" not in said(again)
    again.button(key="pitch.undo_all").click().run()
    again.get_by_key("transfer.tracker").set_value("full").run()
    assert "as the tracker" not in said(again), "what is undone is no edit"
    again.get_by_key("transfer.tracker").set_value("tiny").run()
    assert "1 stretch is probably an octave wrong" in said(again) and again.button(key="pitch.undo_all").disabled
    plain = TakeStore(Workspace(root)).newest().id
    again = transfer(again)
    assert TakeStore(Workspace(root)).newest().edit is None

    again.button(key=f"take_use.{plain}").click().run()
    clean(again)
    assert "1 change of the pitch" in said(again), "a take brings its edit back"
    made = TakeStore(Workspace(root)).export(plain, "WAV")
    again.button(key="pitch.undo_all").click().run()
    again.get_by_key("transfer.source_kind").set_value("upload").run()
    again.file_uploader[0].upload("made.wav", made).run()
    clean(again)
    assert "1 change of the pitch" in said(again), "and so does a downloaded file"


def test_files_are_imported_and_a_bad_one_is_refused_in_a_sentence(monkeypatch, root):
    app = opened(monkeypatch, root)
    rows = "\n".join(f"{k / 100:.2f},{300 + k % 5}" for k in range(300))

    def upload(name, content):
        next(one for one in app.file_uploader if one.key == "pitch.import").upload(name, content).run().run()

    upload("curve.csv", rows.encode())
    clean(app)
    assert "1 change of the pitch" in said(app)
    app = opened(monkeypatch, root)
    upload("bad.csv", rows.replace(".", ",").replace("\n", ";\n").encode())
    assert len(app.error) == 1 and "1 change of the pitch" in said(app)
    transfer(opened(monkeypatch, root))
    used = TakeStore(Workspace(root)).newest().curves()["f0_hz_used"]
    assert used.min() > 299 and used.max() < 305
    app = opened(monkeypatch, root)
    upload("high.csv", "\n".join(f"{k / 100:.2f},660" for k in range(300)).encode())
    app = opened(monkeypatch, root)
    assert "−9\u00a0semitones" in app.button(key="fit.auto_pitch").label, "the fit is that of the edited pitch"


def test_what_is_sent_to_the_browser_is_bounded():
    n_frames = 150_001
    sent = rolls.curve("x", np.full(n_frames, 60.5), np.arange(n_frames) % 2 == 0)
    assert len(sent["values"]) < 110_000 and rolls.step_of(751) == 1
    assert len(rolls.loudness(np.linspace(-80, 0, n_frames))) < 20_000
