"""The fields of the transposition and of the scale, which share a setting; auto pitch; what takes put back."""

from ddsing.ui.shell import state
from tests.support import tiny_workspace
from tests.support.controls import unfold_groups
from tests.support.pages import clean, fit_read, open_page


def settings(app):
    return {field: app.session_state[state.key(field)] for field in state.FIELDS}


def test_semitones_and_cents_are_one_transposition_and_follow_it(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    app.number_input(key="pitch.semitones").set_value(7).run()
    app.number_input(key="pitch.cents").set_value(-30.0).run()
    assert round(settings(app)["transpose"], 9) == 6.7
    assert app.number_input(key="pitch.semitones").value == 7, "as it was typed, not 6 and 70"
    app.session_state[state.key("transpose")] = -2.25  # as a take puts it back
    app.run()
    assert (app.number_input(key="pitch.semitones").value, app.number_input(key="pitch.cents").value) == (-2, -25.0)
    app.number_input(key="pitch.semitones").set_value(36).run()
    app.number_input(key="pitch.cents").set_value(50.0).run()
    assert settings(app)["transpose"] == 36.0 and app.number_input(key="pitch.cents").value == 0.0
    clean(app)


def test_a_scale_has_a_key_and_needs_autotune(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    unfold_groups(app)
    assert app.selectbox(key="setting.scale").disabled and not app.get("pitch.tonic")
    app.slider(key="setting.autotune").set_value(0.5).run()
    app.selectbox(key="setting.scale").set_value("C:blues").run()
    app.selectbox(key="pitch.tonic").set_value("F#").run()
    assert settings(app)["scale"] == "F#:blues"
    app.selectbox(key="setting.scale").set_value("F#:rast").run()
    assert settings(app)["scale"] == "F#:rast" and app.selectbox(key="pitch.tonic").value == "F#"
    app.selectbox(key="setting.scale").set_value("chromatic").run()
    assert settings(app)["scale"] == "chromatic" and "pitch.tonic" not in [box.key for box in app.selectbox]
    clean(app)


def test_auto_pitch_is_one_press(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    app.selectbox(key="transfer.instrument").select(tiny_workspace.NAMES[1]).run()
    fit_read(app)
    button = app.button(key="fit.auto_pitch")
    wanted = int(button.label.split(": ")[1].replace("−", "-").replace("\u00a0", " ").split()[0])
    button.click().run()
    assert 12 * settings(app)["octave_shift"] + settings(app)["transpose"] == wanted < 0
    fit_read(app)
    assert "fit.auto_pitch" not in [button.key for button in app.button]
