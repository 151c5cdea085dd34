"""The Datasets page: from files to a prepared dataset, with real preparation in a real background job."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import streamlit as st

from ddsing.dataset import prepare, report, voices, windows
from ddsing.errors import Cancelled
from ddsing.formats import tfrecord
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import NEEDS_BYTES, JobStore
from ddsing.sound import kinds
from ddsing.sound.audio import encode
from ddsing.ui.dataset import cache
from ddsing.ui.shell import undo
from ddsing.ui.shell.formatting import plain
from ddsing.workspace import open_workspace
from tests.support import tiny_training, tiny_workspace
from tests.support.encoders import ffmpeg
from tests.support.pages import clean, finished, open_page, said
from tests.support.patience import until
from tests.support.prepared_voices import write_2021
from tests.support.sounds import file_of


@pytest.fixture
def root(monkeypatch, tmp_path):
    """A workspace with the voice alto of one sung recording; jobs take turns on devices of its own."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    return tiny_workspace.fill(tmp_path / "ws")


@pytest.fixture
def page(monkeypatch, root):
    """The page on that workspace."""
    return open_page(monkeypatch, root, "datasets")


def voice(root, name="alto"):
    return voices.get(open_workspace(root), name)


def sing_more(root, *, duration_s=14.0):
    """Make alto's recording long enough for some windows."""
    (root / "audio" / "alto" / "one.wav").write_bytes(encode(tiny_workspace.sung(duration_s)))


def complaints(app):
    """What the last callback could not do; app.py shows it, which these tests enter past."""
    return app.session_state.get("errors.later", [])


def prepared(app):
    """Press Prepare and wait for its job."""
    app.get_by_key("dataset.tracker.alto").set_value("tiny").run()
    app.button(key="dataset.prepare").click().run()
    told = "The dataset is up to date: "
    until(lambda: any(told in text.value for text in app.success), again=app.run, told=lambda: said(app))
    clean(app)
    return app


def test_a_first_voice_is_made_and_chosen(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), "datasets")
    app.text_input(key="voice.new").set_value("Alto")
    next(button for button in app.button if button.label == "Create").click().run()
    clean(app)
    assert (tmp_path / "ws" / "audio" / "Alto").is_dir()
    assert app.selectbox(key="voice.name").value == "Alto"
    assert "What makes a good dataset" in said(app)


def test_a_name_that_is_no_folder_is_refused_in_a_sentence(page, root):
    page.session_state["voice.new_popover"] = True
    page.run()
    page.text_input(key="voice.new").set_value("../../etc")
    next(button for button in page.button if button.label == "Create").click().run()
    assert not page.exception and complaints(page) == []
    assert "can't be the name of a voice" in page.error[0].value, "beside the field"
    assert page.text_input(key="voice.new").value == "../../etc", "it stays, to be mended"
    assert page.session_state["voice.new_popover"] is True
    page.text_input(key="voice.new").set_value("Mended")
    next(button for button in page.button if button.label == "Create").click().run()
    assert not page.error and page.selectbox(key="voice.name").value == "Mended"
    assert page.session_state["voice.new_popover"] is False and not page.text_input(key="voice.new").value
    assert not (root.parent / "etc").exists()


def test_a_folder_is_added_duplicates_and_refusals_are_said_and_removal_is_undone(page, root):
    more = root / "more" / "deep"
    more.mkdir(parents=True)
    (more / "two.wav").write_bytes(encode(tiny_workspace.sung(3.0, hz=180.0)))
    (more / "same.wav").write_bytes((root / "audio" / "alto" / "one.wav").read_bytes())
    (more / "broken.mp3").write_bytes(b"no sound at all")
    page.session_state["dataset.add.alto"] = True
    page.run()
    page.text_input(key="dataset.path").set_value("more")
    next(button for button in page.button if button.label == "Add from this path").click().run()
    clean(page)
    assert [text.value for text in page.success] == ["1 recording added."]
    assert "same.wav is one\\.wav" in said(page).replace("same\\.wav", "same.wav")
    assert any("broken" in text.value for text in page.warning)
    assert sorted(path.name for path in voice(root).recordings()) == ["one.wav", "two.wav"]
    table = page.dataframe[0].value
    assert list(table["Recording"]) == ["one.wav", "two.wav"] and list(table["Length"]) == ["3.0 s", "3.0 s"]
    token = voices.remove(voice(root), "two.wav")
    page.session_state["dataset.alto.deleted"] = [undo.Deleted("two.wav", [token], "")]
    page.run()
    assert list(page.dataframe[0].value["Recording"]) == ["one.wav"]
    page.button(key="dataset.alto.undo").click().run()
    clean(page)
    assert list(page.dataframe[0].value["Recording"]) == ["one.wav", "two.wav"]


@pytest.mark.slow
def test_the_table_counts_and_explains_clipping_and_silence_as_the_report_does(page, root):
    for name, n_clipped in (("hardly", 1), ("clipped", 40)):  # of 1,500 frames
        sound = 0.5 * tiny_workspace.sung(6.0)
        sound[: 64 * n_clipped] = 1.0
        (root / "audio" / "alto" / f"{name}.wav").write_bytes(encode(sound))
    page.run()
    clean(page)
    table = page.dataframe[0].value.set_index("Recording")["Clipped"]
    assert 0.01 < table["hardly.wav"] < 0.1 < table["clipped.wav"]
    assert any("1 clipped " in text.value for text in page.caption)
    assert report.report(voice(root)).clipped_files == ("clipped.wav",)
    columns = json.loads(page.dataframe[0].proto.columns.replace("\\u00a0", " ").replace("\u00a0", " "))
    assert "−75 dB" in columns["Silent"]["help"] and "45 dB below" in columns["Silent"]["help"]
    assert "0.1 %" in columns["Clipped"]["help"] and "0.08 ms" in columns["Clipped"]["help"]


def test_uploads_are_added(page, root):
    page.session_state["dataset.add.alto"] = True
    page.run()
    files = [(f"{hz}.wav", encode(tiny_workspace.sung(2.0, hz=hz)), "audio/wav") for hz in (150.0, 260.0)]
    page.file_uploader[0].set_value(files).run()
    page.button(key="dataset.add_uploads").click().run()
    clean(page)
    assert [text.value for text in page.success] == ["2 recordings added."] and len(voice(root).recordings()) == 3
    assert not page.file_uploader[0].value


@pytest.mark.slow
def test_a_voice_memo_is_added_listed_and_played_and_what_is_odd_is_said(page, root):
    sound = tiny_workspace.sung(2.0, hz=210.0)
    (root / "stereo.wav").write_bytes(file_of(np.stack([sound, 0 * sound], 1), 16_000, "WAV"))
    memo = ffmpeg(root / "stereo.wav", root / "memo.aiff").read_bytes()
    page.session_state["dataset.add.alto"] = True
    page.run()
    assert set(page.file_uploader[0].proto.type) - {".mpeg4"} == set(kinds.SUFFIXES)  # Streamlit adds that to mp4
    page.file_uploader[0].set_value([("memo.aiff", memo, "audio/aiff")]).run()
    page.button(key="dataset.add_uploads").click().run()
    clean(page)
    odd = "Only the left channel has sound, so only that channel is used, at its own level."
    assert plain(odd) in said(page)
    table = page.dataframe[0].value.set_index("Recording")
    assert table["Remarks"]["memo.aiff"] == odd and table["Format"]["memo.aiff"] == "AIFF, 16 kHz, stereo"


@pytest.mark.slow
@pytest.mark.parametrize(("text", "reason"), [("", "Enter the path"), ("not there", "No file or folder")])
def test_a_path_that_leads_nowhere_is_a_sentence(page, text, reason):
    page.session_state["dataset.add.alto"] = True
    page.run()
    page.text_input(key="dataset.path").set_value(text)
    next(button for button in page.button if button.label == "Add from this path").click().run()
    assert not page.exception and reason in complaints(page)[0]


@pytest.mark.slow
def test_the_report_gives_a_verdict_with_figures(page, root):
    sing_more(root)
    page.run()
    assert not page.get("plotly_chart")
    page.button(key="dataset.report").click().run()
    finished(page)
    assert not page.exception
    assert [card.label for card in page.metric][:2] == ["Usable", "Voiced"]
    assert len(page.get("plotly_chart")) == 2
    assert plain(report.report(voice(root)).verdict.sentence) in said(page)
    fresh = voice(root)
    (fresh.folder / "two.wav").write_bytes(encode(tiny_workspace.sung(2.0, hz=330.0)))
    page.run()
    assert page.button(key="dataset.report"), "a report on other recordings is none on these"


@pytest.mark.slow
def test_the_report_is_there_again_after_a_restart(monkeypatch, page, root):
    page.button(key="dataset.report").click().run()
    finished(page)
    st.cache_resource.clear()
    again = open_page(monkeypatch, root, "datasets")
    assert not again.exception and "dataset.report" not in [button.key for button in again.button]
    assert plain(report.report(voice(root)).verdict.sentence) in said(again)


def test_silence_and_noise_get_a_verdict_and_no_nan(page, root):
    folder = root / "audio" / "alto"
    (folder / "one.wav").unlink()
    soundfile.write(folder / "silence.wav", np.zeros(32_000), 16_000)
    page.run()
    finished(page)
    assert not page.exception and "nan" not in said(page).lower()
    assert "dataset.report" not in [button.key for button in page.button], "there is nothing to listen to"
    assert len(page.error) == 1 and "No recording can be used" in page.error[0].value
    assert "silen" in page.dataframe[0].value["Remarks"][0]


@pytest.mark.slow
def test_prepared_windows_are_inspected_and_a_choice_is_kept_and_honoured(monkeypatch, root):
    sing_more(root)
    app = prepared(open_page(monkeypatch, root, "datasets"))
    assert not app.get("plotly_chart"), "nothing of a closed panel runs"
    app.session_state["windows.alto"] = True
    app.run()
    clean(app)
    n_windows = len(windows.load(voice(root)))
    assert n_windows >= 10 and len(app.get("plotly_chart")) == 2 and len(app.get("audio")) == 1
    assert app.button(key="windows.before").disabled
    app.button(key="windows.after").click().run()
    assert app.slider(key="windows.place").value == 2
    app.session_state["windows.boxed"] = (cache.dataset_stamp(voice(root)), (2,))
    app.run()
    assert "1 window** in the box" in said(app)
    app.button(key="windows.clear_box").click().run()
    assert "in the box" not in said(app)
    app.session_state["windows.boxed"] = (("alto", "before it was prepared again"), (2,))
    app.run()
    assert "in the box" not in said(app), "its windows are others now"
    app.selectbox(key="windows.order").select("silence").run()
    assert app.slider(key="windows.place").value == 1
    worst = int(windows.load(voice(root)).order("silence")[0])
    app.button(key="windows.exclude").click().run()
    clean(app)
    assert list(np.flatnonzero(windows.load(voice(root)).excluded)) == [worst]
    assert "Prepare it again" in said(app) and "1 changed" in said(app)
    app = prepared(app)
    table = windows.load(voice(root))
    assert table.state[worst] == "excluded" and (table.state == "excluded").sum() == 1
    n_records = len(tfrecord.open_all(voice(root).dataset_folder, "train"))
    assert n_records == (table.state == "train").sum() < n_windows


@pytest.mark.slow
def test_the_page_answers_while_a_job_runs_which_is_stopped_and_gone_on_with(monkeypatch, root):
    sing_more(root, duration_s=24.0)
    app = open_page(monkeypatch, root, "datasets")
    app.button(key="dataset.prepare").click().run()
    for _ in range(3):
        app.run()
    clean(app)
    assert "Runs in the background" in said(app), "the page has not waited for it"
    app.button(key="dataset.stop").click().run()
    until(lambda: "Preparing was stopped" in said(app), again=app.run, told=lambda: said(app))
    assert app.button(key="dataset.prepare").label == "Continue"
    prepared(app)
    assert prepare.is_current(voice(root))


def test_a_second_press_starts_nothing(monkeypatch, root):
    from ddsing.ui.dataset import prepare as dataset_prepare
    from ddsing.ui.shell import jobs

    sing_more(root, duration_s=30.0)
    app = open_page(monkeypatch, root, "datasets")
    app.button(key="dataset.prepare").click().run()
    monkeypatch.setattr(jobs.opened, "workspace", lambda: open_workspace(root))
    dataset_prepare.start("alto", "full")
    found = jobs.store().list()
    assert len(found) == 1
    jobs.store().stop(found[0].id)


@pytest.mark.slow
def test_the_job_asks_for_the_room_that_this_voice_takes(monkeypatch, root):
    sing_more(root, duration_s=30.0)
    app = open_page(monkeypatch, root, "datasets")
    app.get_by_key("dataset.tracker.alto").set_value("tiny").run()
    wanted = int(prepare.room_bytes(voice(root), tracker="tiny"))
    usage = shutil.disk_usage(root)
    monkeypatch.setattr("ddsing.jobs.store.shutil.disk_usage", lambda path: usage._replace(free=wanted - 1))
    app.button(key="dataset.prepare").click().run()
    (complaint,) = complaints(app)
    assert "'Prepare alto' needs about 5" in complaint and not JobStore(open_workspace(root)).list()
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    monkeypatch.setattr("ddsing.jobs.store.shutil.disk_usage", lambda path: usage._replace(free=wanted))
    app.button(key="dataset.prepare").click().run()
    clean(app)
    (job,) = JobStore(open_workspace(root)).list()
    spec = json.loads((root / "jobs" / job.id / "spec.json").read_text())
    assert spec["needs_bytes"] == wanted != NEEDS_BYTES


@pytest.mark.slow
def test_where_the_dataset_of_2021_is_now_stays_on_the_page_of_a_stopped_preparation(monkeypatch, root):
    sing_more(root)
    shutil.rmtree(root / "audio" / "alto_dataset", ignore_errors=True)
    write_2021(root / "audio" / "alto_dataset")

    def stop(stage, fraction):
        if stage == prepare.PITCH:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare.prepare(voice(root), tracker="tiny", replace=True, progress=stop)
    where = "The old dataset is kept as the dataset of the voice **alto 2021**."
    app = open_page(monkeypatch, root, "datasets")
    assert where in said(app)
    assert where in said(prepared(app))


@pytest.mark.slow
def test_a_dataset_of_2021_is_shown_as_it_is(monkeypatch, root):
    workspace = open_workspace(root)
    tiny_training.prepared_voice(workspace, "old", n_train=3, n_held_out=0)
    app = open_page(monkeypatch, root, "datasets")
    app.selectbox(key="voice.name").select("old").run()
    clean(app)
    assert "prepared elsewhere" in said(app)
    assert "Its recordings are missing" in said(app)
    before = cache.stamps(voice(root, "old").dataset_folder)
    app.session_state["windows.old"] = True
    app.run()
    clean(app)
    assert len(app.get("plotly_chart")) == 2 and "without names of recordings" in said(app)
    assert cache.stamps(voice(root, "old").dataset_folder) == before


@pytest.mark.slow
def test_the_report_fills_the_column_voiced_at_once(page):
    assert "Voiced" not in page.dataframe[0].value or page.dataframe[0].value["Voiced"].isna().all()
    page.button(key="dataset.report").click().run()
    assert not finished(page).exception
    assert page.dataframe[0].value["Voiced"].between(1, 100).all()
