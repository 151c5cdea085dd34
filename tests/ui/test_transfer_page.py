"""Every page on an empty and on a filled workspace, without a browser."""

import ast
import os
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ddsing.play import melody, reading, sing
from ddsing.play.style import STYLES
from ddsing.sound import features
from ddsing.sound.audio import decode, encode
from ddsing.ui.shell import caches, formatting
from ddsing.workspace import Workspace
from tests.support import scores, tiny_workspace
from tests.support.controls import drawn_out, fold, unfold_groups
from tests.support.pages import ROOT, clean, finished, fit_read, open_page, said, take_id, transfer
from tests.support.patience import PATIENCE_S
from tests.support.sounds import file_of

PAGES = ("timbre_transfer", "play", "datasets", "training", "instruments", "experiments")


@pytest.mark.parametrize("page", PAGES)
def test_page_on_an_empty_workspace(page, monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), page)
    clean(app)
    assert len(app.title) == 1 and "this instrument" not in said(app).lower()
    if page == "training":
        assert any("Mira" in button.label for button in app.button), "the tutorial is offered"
    else:
        assert app.info


@pytest.mark.parametrize("page", PAGES)
def test_page_on_a_filled_workspace(page, monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), page)
    clean(app)
    assert len(app.title) == 1


@pytest.fixture
def filled(monkeypatch, tmp_path):
    """The first page on a filled workspace."""
    return open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))


@pytest.mark.slow
def test_transfer_makes_a_take_that_says_what_made_it(filled):
    app = transfer(filled, tracker="fast")
    assert "Takes (1)" in [header.value for header in app.header]
    said = " ".join(caption.value for caption in app.caption)
    assert "Took" in said and "pitch and loudness" in said
    transfer(app, tracker="fast")
    said = " ".join(caption.value for caption in app.caption)
    assert "reused" in said and "Takes (2)" in [header.value for header in app.header]


@pytest.mark.slow
def test_take_settings_come_back_and_changes_stand_out(filled):
    app = transfer(filled)
    first = take_id(app)
    app.slider(key="setting.octave_shift").set_value(1).run()
    app = transfer(app)
    assert any("orange-badge[:material/change_circle: octave shift +1]" in text.value for text in app.markdown)
    app.button(key=f"take_use.{first}").click().run()
    assert app.slider(key="setting.octave_shift").value == 0
    clean(app)


def test_a_take_sung_from_a_score_is_a_take_like_others(monkeypatch, tmp_path):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    line = melody.line(reading.read(scores.melody((60, 0.0, 0.8)), name="song.mid"))
    take = sing.sing(workspace, line, tiny_workspace.NAMES[1], STYLES["plain"], style_name="plain", seed=7)
    app = open_page(monkeypatch, workspace.root)
    assert any("sung from a score" in caption.value for caption in app.caption)
    before = app.session_state["transfer.tracker"]
    clean(app.button(key=f"take_use.{take.id}").click().run())
    assert app.session_state["setting.seed"] == 7 and app.session_state["transfer.tracker"] == before


@pytest.mark.slow
def test_take_deleted_and_brought_back(filled):
    app = transfer(filled)
    transfer(transfer(app))
    ids = [str(button.key).split(".", 1)[1] for button in app.button if str(button.key).startswith("take_use.")]
    for gone in ids[1:]:
        app.button(key=f"take_delete.{gone}").click().run()
    assert "Takes (1)" in [header.value for header in app.header]
    keys = [str(button.key) for button in app.button]
    places = [keys.index(key) for key in (f"take_use.{ids[0]}", *(f"takes.undo.{gone}" for gone in ids[1:]))]
    assert places == sorted(places), "each is offered where it was"
    app.button(key=f"takes.undo.{ids[2]}").click().run()
    assert "Takes (2)" in [header.value for header in app.header]
    assert f"take_use.{ids[2]}" in [str(button.key) for button in app.button]
    app.button(key=f"takes.undo.{ids[1]}").click().run()
    assert "Takes (3)" in [header.value for header in app.header]
    clean(app)


@pytest.mark.slow
def test_full_output_draws_both_figures(filled):
    filled.toggle(key="setting.show_full_output").set_value(True).run()
    app = transfer(filled)
    assert len(app.get("plotly_chart")) == 2


def test_controls_have_the_original_ranges_defaults_and_help(filled):
    expected = {  # field: minimum, maximum, step, default
        "octave_shift": (-3, 3, 1, 0),
        "loudness_shift_db": (-30, 30, 5, 0),
        "autotune": (0, 1, 0.1, 0),
        "mask_threshold": (0, 2, 0.1, 1),
        "attenuation_db": (0, 50, 1, 20),
        "keep_unvoiced": (0, 1, 0.1, 0),
    }
    unfold_groups(filled)
    for field, numbers in expected.items():
        slider = filled.slider(key=f"setting.{field}")
        assert (slider.min, slider.max, slider.step, slider.value) == pytest.approx(numbers)
        assert slider.help


def test_the_noise_gate_is_off_until_it_has_a_number(filled):
    gate = unfold_groups(filled).select_slider(key="setting.gate_db")
    assert gate.value is None and gate.options[:2] == ["off", "−80 dB"] and gate.options[-1] == "−10 dB"
    gate.set_value(-45.0).run()
    assert not filled.exception and filled.select_slider(key="setting.gate_db").value == -45.0
    filled.session_state["setting.gate_db"] = None  # `set_value` takes None for nothing set
    assert not filled.run().exception and filled.select_slider(key="setting.gate_db").value is None


def test_controls_without_their_precondition_are_disabled_and_say_why(filled):
    from ddsing.transfer.settings import Settings

    unfold_groups(filled)
    for field, reason in Settings().disabled().items():
        assert filled.get_by_key(f"setting.{field}").disabled
        assert any(reason in caption.value for caption in filled.caption)
    filled.toggle(key="setting.use_statistics").set_value(True).run()
    assert not filled.slider(key="setting.attenuation_db").disabled


@pytest.mark.parametrize("group", ["pitch", "loudness", "timbre"])
def test_what_a_group_has_folded_away_is_drawn_once_it_is_open_and_counts_before(filled, group):
    rare = {
        "pitch": {"setting.scale", "setting.autotune_speed_ms", "setting.tuning_hz"},
        "loudness": {"setting.gate_db", "setting.mask_threshold", "setting.attenuation_db"},
        "timbre": {"setting.pull", "setting.full_band"},
    }[group]

    def drawn() -> set[str]:
        kinds = (filled.slider, filled.select_slider, filled.selectbox, filled.toggle)
        return rare & {str(widget.key) for kind in kinds for widget in kind}

    assert not drawn()
    stand = {key: filled.session_state[key] for key in rare}
    fold(filled, f"more.{group}", opened=True)
    assert drawn() == rare
    assert {key: filled.session_state[key] for key in rare} == stand
    fold(filled, f"more.{group}", opened=False)
    assert not drawn() and {key: filled.session_state[key] for key in rare} == stand


def test_fit_is_read_without_a_press_and_applied(filled):
    filled.selectbox(key="transfer.instrument").select(tiny_workspace.NAMES[1]).run()
    fit_read(filled)
    filled.button(key="fit.apply").click().run()
    clean(filled)
    assert any("The best fit is already set" in text.value for text in filled.markdown)


@pytest.mark.slow
def test_fit_is_read_from_any_tracker_that_is_known(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    audio = decode(root / "examples" / f"{tiny_workspace.EXAMPLE}.wav")
    features.extract(audio, tracker="tiny", cache=features.FeatureCache(root / ".cache" / "features"))
    app = open_page(monkeypatch, root)
    clean(app)
    assert app.get_by_key("transfer.tracker").value == "full"
    assert any("of the singing is inside" in text.value for text in app.markdown)
    assert "Pitch found by the tracker **Draft**" in said(app)


@pytest.mark.slow
def test_a_first_reading_is_refined_in_place_by_the_chosen_tracker(filled):
    """Its features are those of a transfer with the same tracker, and are never found again."""
    fit_read(filled)
    assert "Pitch found by the tracker **Instant**. A transfer refines it with **Best**" in said(filled)
    cache = features.FeatureCache(Path(os.environ["DDSING_WORKSPACE"]) / ".cache" / "features")
    tracks = list(cache.folder.glob("*-instant-*.npz"))
    assert len(tracks) == 1
    filled.get_by_key("transfer.tracker").set_value("fast").run()
    filled.button(key="fit.analyse").click().run()
    clean(finished(filled))
    assert "Pitch found by" not in said(filled) and "of the singing is inside" in said(filled)
    assert "fit.analyse" not in [button.key for button in filled.button]
    transfer(filled)
    assert "reused" in said(filled), "what the refinement found"


@pytest.mark.slow
def test_trackers_are_called_by_what_they_give_wherever_one_is_chosen(monkeypatch, tmp_path):
    from ddsing.ui.shell import warmup

    monkeypatch.setattr(
        warmup, "_status", warmup.Warmup(costs={"full": 60.0, "fast": 25.0, "tiny": 8.0, "instant": 2.0})
    )
    root = tiny_workspace.fill(tmp_path / "ws")
    place = open_page(monkeypatch, root).get_by_key("transfer.tracker")
    assert place.options == ["Best", "Quicker", "Draft", "Instant"] and place.value == "full"
    assert all(f"CREPE {name}" in place.help for name in ("full", "tiny"))
    for page, query, of in (
        ("datasets", {}, "this voice"),
        ("experiments", {"view": "matrix"}, "these recordings"),
        ("experiments", {"view": "morph"}, "this recording"),
    ):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        app.switch_page(f"pages/{page}.py").run()
        clean(app)
        groups = [group for group in app.get("button_group") if group.label == "Pitch tracker"]
        assert [group.options for group in groups] == [["Best", "Quicker", "Draft", "Instant"]], (page, query)
        assert all("Draft" in group.help for group in groups)
        assert f"Time for {of}: Best " in said(app)


CONTROLS = ("button", "download_button", "slider", "toggle", "selectbox", "file_uploader", "text_input", "text_area")


def _without_help(app: AppTest, *, at_least: int) -> list[str]:
    found = [control for kind in CONTROLS for control in app.get(kind)]
    assert len(found) >= at_least
    return [str(control.key or control.label) for control in found if not control.help]


@pytest.mark.slow
def test_every_control_of_a_transfer_has_help(filled):
    app = filled
    for _ in range(3):
        app = transfer(app)
    app.session_state["takes.shown"] = 1
    gone = take_id(app)
    app.button(key=f"take_delete.{gone}").click().run()
    assert app.button(key="takes.more") and app.button(key=f"takes.undo.{gone}")
    assert _without_help(app, at_least=17) == []
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    assert app.file_uploader[0].help


@pytest.mark.parametrize(("kind", "told"), [("upload", "Choose another one"), ("microphone", "Unmute the microphone")])
def test_a_silent_recording_is_told_with_what_would_help(kind, told, filled):
    """As a muted microphone gives it; one that is very soft is none."""
    slot = {"upload": "source.uploaded", "microphone": "source.recorded"}[kind]
    for peak, silent in ((0.0, True), (1e-4, True), (0.01, False)):
        content = encode(np.full(16_000, peak, np.float32))
        filled.session_state[slot] = (str(peak), (content, "mine.wav"))
        filled.session_state["transfer.source_kind"] = kind
        filled.run()
        clean(filled)
        assert "mine" in said(filled)
        assert (told in said(filled)) == silent, peak


def test_every_control_of_the_instruments_has_help(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), "instruments")
    app.session_state["instruments.import"] = True
    app.button(key=f"delete.{tiny_workspace.NAMES[1]}").click().run()
    app.file_uploader[0].upload("x.zip", b"PK").run()
    assert app.button(key="instruments.import_now")
    assert _without_help(drawn_out(app), at_least=14) == []


@pytest.mark.slow
def test_two_sessions_keep_their_own_instrument_and_settings(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    one, two = open_page(monkeypatch, root), open_page(monkeypatch, root)
    one.selectbox(key="transfer.instrument").select(tiny_workspace.NAMES[1]).run()
    one.slider(key="setting.octave_shift").set_value(2).run()
    two.run()
    assert two.selectbox(key="transfer.instrument").value == tiny_workspace.NAMES[0]
    assert two.slider(key="setting.octave_shift").value == 0


def test_choices_survive_leaving_the_page(filled):
    filled.slider(key="setting.octave_shift").set_value(-1).run()
    filled.switch_page("pages/training.py").run()
    filled.switch_page("pages/timbre_transfer.py").run()
    assert filled.slider(key="setting.octave_shift").value == -1


@pytest.mark.slow
def test_instrument_card_actions(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), "instruments")
    name = tiny_workspace.NAMES[0]
    app.button(key=f"hear.{name}").click().run()
    clean(app)
    player = next(one for one in app.get("bidi_component") if one.proto.component_name.endswith("switcher"))
    assert "sings a short phrase" in player.proto.json and '"start"' in player.proto.json
    app.button(key=f"delete.{name}").click().run()
    assert not any(str(button.key) == f"hear.{name}" for button in app.button)
    app.button(key=f"instruments.undo.{name}").click().run()
    clean(app)
    assert app.button(key=f"hear.{name}")


def test_a_broken_instrument_is_a_sentence_and_harms_no_other(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    (root / "instruments" / "broken.zip").write_bytes(b"PK\x03\x04 not really")
    app = open_page(monkeypatch, root, "instruments")
    assert not app.exception and len(app.error) == 1
    assert app.button(key=f"hear.{tiny_workspace.NAMES[0]}")


def test_an_unreadable_recording_is_one_sentence(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    (root / "examples" / "0 nonsense.wav").write_bytes(b"nonsense")
    app = open_page(monkeypatch, root)
    clean(app)  # it is not what the page opens with
    app.get_by_key("transfer.example").set_value("0 nonsense.wav").run()
    assert not app.exception and len(app.error) == 1 and "Traceback" not in app.error[0].value


def test_a_recording_s_oddities_are_said_and_silence_has_no_fit(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    silence = file_of(np.zeros((32_000, 1)), 16_000, "WAV")
    (root / "examples" / "0 unfinished.wav").write_bytes(silence[:40] + bytes(4) + silence[44:])
    app = open_page(monkeypatch, root)
    clean(app)
    assert any("header gives no length" in text.value for text in app.caption)
    fit_read(app, "Nothing to fit")
    said = " ".join(text.value for text in app.markdown)
    assert "Nothing to fit" in said and "of the singing" not in said


def test_a_recording_is_kept_once_under_all_its_names(monkeypatch, tmp_path):
    root = tiny_workspace.fill(tmp_path / "ws")
    clean(open_page(monkeypatch, root))
    path = root / "examples" / f"{tiny_workspace.EXAMPLE}.wav"
    ours, theirs = caches.recording(path), caches.recording(path.read_bytes(), name="mine.wav")
    assert (ours.name, theirs.name) == (path.name, "mine.wav") and ours.audio is theirs.audio


def test_a_bug_is_a_polite_sentence_without_details(monkeypatch, tmp_path):
    from ddsing.ui.instrument import cards
    from ddsing.ui.shell import errors

    def broken():
        raise RuntimeError("secret /home/path")

    monkeypatch.setattr(cards, "show", broken)
    app = open_page(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), "instruments")
    assert not app.exception and [error.value for error in app.error] == [errors.SORRY]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2026-11-04", "4 Nov 2026"),
        ("2026-11-24T14:05:59", "24 Nov 2026, 14:05"),
        (datetime(2026, 3, 7, 9, 8).timestamp(), "7 Mar 2026, 09:08"),
        ("some day", "some day"),
    ],
)
def test_a_date_is_written_as_people_do(moment, text):
    assert formatting.when(moment) == text


@pytest.mark.parametrize("name", ["*bold* _x_", "# head", ":smile: :red[x]", "[a](http://b)", "$x^2$", "a\nb", "<b>"])
def test_plain_leaves_no_live_markdown(name):
    escaped = formatting.plain(name)
    for special in "*_#[]()$<>`~":
        assert escaped.count(special) == escaped.count("\\" + special)
    assert "\n" not in escaped and ":s" not in escaped and ":r" not in escaped
    assert escaped.replace("\\", "").replace("\u2060", "") == name.replace("\n", " ")


@pytest.mark.parametrize("name", ["ann@example.org", "take www.example.org 2", "WWW.example.org/a"])
def test_plain_leaves_no_address_that_markdown_makes_a_link(name):
    escaped = formatting.plain(name)
    assert not re.search(r"@\w|www\\?\.", escaped, re.IGNORECASE)
    assert escaped.replace("\\", "").replace("\u2060", "") == name


def test_pages_are_tables_of_contents():
    for page in PAGES:
        text = (ROOT / "pages" / f"{page}.py").read_text()
        assert len(text.splitlines()) < 80
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
