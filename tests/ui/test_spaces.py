"""Training curves, parameters, latent space, and timbre's controls, without a browser."""

import json

import pytest

from ddsing.experiments.sweep.grid import Sweep
from ddsing.instrument import Provenance
from ddsing.instrument import write as write_instrument
from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.model.places import Places
from ddsing.sound import audio as recordings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.controls import unfold_groups
from tests.support.pages import clean, open_page, said, transfer
from tests.support.sounds import noise
from tests.support.z_models import some_space, z_instrument


def view(monkeypatch, root, name: str):
    """The Experiments page at one of its views."""
    app = open_page(monkeypatch, root, "experiments")
    app.button_group(key="view").set_value(name).run()
    return app


@pytest.fixture
def empty(tmp_path):
    return Workspace(tiny_workspace.empty(tmp_path / "ws"))


@pytest.fixture
def swept(empty):
    """Two voices, one of them with four cells."""
    tiny_runs.run(empty, "Aria")
    tiny_runs.run(empty, "Bruno", config=tiny_runs.z_config(), end=4.0, seed=1)
    for h in (20, 60):
        for n in (10, 35):
            config = tiny_runs.ModelConfig(**tiny_runs.TINY | {"n_harmonics": h, "n_noise_bands": n})
            tiny_runs.run(
                empty, f"Aria_h{h}_n{n}", config=config, end=6.0 - h / 50 - n / 100, seed=h + n, dataset_of="Aria"
            )
    return empty


@pytest.mark.slow
@pytest.mark.parametrize("name", ["voices", "parameters", "latent"])
def test_views_of_an_empty_workspace_say_what_to_do(empty, monkeypatch, name):
    app = view(monkeypatch, empty.root, name)
    clean(app)
    assert len(app.info) == 1


# Training curves


def lines_of(app) -> list[dict]:
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    return [trace for trace in figure["data"] if trace["mode"].startswith("lines") and trace.get("name")]


@pytest.mark.slow
def test_voices_over_steps(swept, monkeypatch):
    app = view(monkeypatch, swept.root, "voices")
    clean(app)
    assert len(app.multiselect(key="vs_runs").value) == 6 and len(lines_of(app)) == 6
    app.multiselect(key="vs_runs").set_value(["Aria", "Bruno"]).run()
    app.number_input(key="vs_at").set_value(150).run()
    clean(app)
    table = app.dataframe[0].value
    assert list(table["Run"]) == ["Aria", "Bruno"] and table["At 150"][1] < table["At 150"][0]
    assert table["Held-out"].notna().all() and list(table["Model"]) == ["16 units", "16 units, z"]
    app.selectbox(key="vs_measure").set_value("f0_cents").run()
    clean(app)
    assert [len(line["x"]["bdata"]) > 0 for line in lines_of(app)] == [True, True]
    app.selectbox(key="vs_measure").set_value("loss").run()
    app.slider(key="vs_steps").set_range(100, 200).run()
    clean(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["xaxis"]["range"][0] == 100
    app.button(key="vs.all").click().run()
    clean(app)
    assert app.slider(key="vs_steps").value == (0, 300)
    app.multiselect(key="vs_runs").set_value([]).run()
    clean(app)
    assert not app.get("plotly_chart")


@pytest.mark.slow
def test_of_many_trainings_the_voices_come_first_and_the_cells_of_sweeps_after(swept, monkeypatch):
    for n in (40, 50, 60, 70, 80):
        tiny_runs.run(swept, f"Aria_h{n}_n50", dataset_of="Aria")
    app = view(monkeypatch, swept.root, "voices")
    clean(app)
    chosen = app.multiselect(key="vs_runs")
    assert chosen.value == ["Aria", "Bruno"]
    assert chosen.options[:4] == ["Aria", "Bruno", "Aria_h20_n10", "Aria_h20_n35"] and len(chosen.options) == 11


def test_a_damaged_training_is_said_and_the_others_are_shown(swept, monkeypatch):
    (swept.audio / "Aria_checkpoints" / "operative_config-0.gin").write_text("import os\nnot gin at all (")
    app = view(monkeypatch, swept.root, "voices")
    assert not app.exception and len(lines_of(app)) == 6


# The voice picker of the other pages


@pytest.mark.slow
def test_cells_of_a_sweep_are_not_in_the_way_of_the_voices_and_can_be_reached(swept, monkeypatch):
    app = open_page(monkeypatch, swept.root, "datasets")
    clean(app)
    assert app.selectbox(key="voice.name").options == ["Aria", "Bruno"]
    app.switch_page("pages/training.py").run()
    clean(app)
    assert app.selectbox(key="voice.name").options == ["Aria", "Bruno"]
    training = app.selectbox(key="voice.cell")
    assert training.options == [
        "The voice's own",
        *(f"{h} harmonics, {n} noise bands" for h in (20, 60) for n in (10, 35)),
    ]
    own = said(app)
    training.select_index(4).run()
    clean(app)
    assert app.session_state["voice.cell"] == "Aria_h60_n35" and said(app) != own
    app.selectbox(key="voice.name").select("Bruno").run()
    clean(app)
    assert not [box for box in app.selectbox if box.key == "voice.cell"]


# Parameters


@pytest.mark.slow
def test_parameters(swept, monkeypatch):
    app = view(monkeypatch, swept.root, "parameters")
    clean(app)
    assert app.selectbox(key="ps_voice").value == "Aria"
    assert app.selectbox(key="ps_cell").value == "Aria_h60_n35"  # the lowest loss
    assert len(app.get("audio")) == 1 + 4
    app.selectbox(key="ps_cell").set_value("Aria_h20_n10").run()
    clean(app)
    assert "## Aria\\_h20\\_n10" in said(app)
    for measure in ("held_out", "parameters", "seconds"):
        app.button_group(key="ps_measure").set_value(measure).run()
        clean(app)
    app.slider(key="ps_step").set_value(150).run()
    clean(app)
    assert "At step 100" in said(app)
    app.selectbox(key="ps_voice").set_value("Aria").run()
    clean(app)


@pytest.mark.slow
def test_a_recording_is_decoded_once_for_all_pages_and_once_more_when_it_changes(swept, monkeypatch):
    path = swept.examples / "phrase.wav"
    path.write_bytes(recordings.encode(tiny_workspace.sung(1.0)))
    for seed, name in enumerate(tiny_workspace.NAMES):
        made = tiny_workspace.tiny_instrument(name, seed=seed)
        write_instrument(made, swept.instruments / f"{name}.zip")
    decoded, read = [], recordings.read
    monkeypatch.setattr(recordings, "read", lambda source, **how: decoded.append(source) or read(source, **how))

    def walk():
        (swept.cache / "choices.json").unlink(missing_ok=True)  # as somebody who has chosen nothing
        clean(open_page(monkeypatch, swept.root))
        for name in ("morph", "matrix", "parameters"):
            app = view(monkeypatch, swept.root, name)
            clean(app)
        app.selectbox(key="ps_phrase").set_value(path.name).run()
        assert not app.exception and "has no checkpoint, so it can't sing a recording" in said(app)
        assert "phrase" in said(open_page(monkeypatch, swept.root))

    walk()
    assert decoded == [path]
    path.write_bytes(recordings.encode(tiny_workspace.sung(1.2)))
    walk()
    assert decoded == [path, path]


@pytest.mark.slow
def test_a_sweep_is_started_with_its_cost_before_it(swept, monkeypatch):
    tiny_runs.vowels(swept, "Bruno", n_windows=2)
    ordered = []
    monkeypatch.setattr(JobStore, "submit", lambda store, order: ordered.append(order))
    app = view(monkeypatch, swept.root, "parameters")
    app.selectbox(key="ps_voice").set_value("Bruno").run()
    clean(app)
    assert "**9 runs**, about" in said(app) and "Bruno\\_h20\\_n10" in said(app)
    app.text_input(key="sweep.harmonics").set_value("10 12").run()
    app.text_input(key="sweep.noise").set_value("5, many").run()
    assert "noise bands are '5, many'" in said(app).replace("\\", "") and not ordered
    app.text_input(key="sweep.noise").set_value("5").run()
    app.number_input(key="sweep.steps").set_value(7).run()
    clean(app)
    assert "**2 runs**" in said(app)
    app.button(key="sweep.start").click().run()
    clean(app)
    (order,) = ordered
    sweep = Sweep.from_options(order.options)
    assert (order.kind, order.key) == ("sweep", "sweep:Bruno") and order.device
    assert [cell.name for cell in sweep.cells()] == ["Bruno_h10_n5", "Bruno_h12_n5"] and sweep.recipe.steps == 7


# Latent space


@pytest.fixture
def listening(empty):
    """An instrument that listens to timbre, its voice's dataset, and a recording."""
    tiny_runs.vowels(empty, "alto", n_windows=3)
    made = z_instrument().replaced(provenance=Provenance(voice="alto"))
    Library(empty).add(made)
    (empty.examples / "hiss.wav").write_bytes(recordings.encode(noise()))
    return empty


@pytest.mark.slow
def test_latent_space(listening, monkeypatch):
    app = view(monkeypatch, listening.root, "latent")
    clean(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert sum(len(trace.get("customdata", ())) for trace in figure["data"]) == 30
    assert len(app.get("audio")) == 2  # the mean, and from A to B
    app.slider(key="ls_shift1").set_value(2.0).run()
    clean(app)
    assert len(app.get("audio")) == 3
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["text"] for trace in figure["data"] if trace["mode"] == "markers+text"] == [["moved"], ["A"], ["B"]]
    for colour in ("loudness", "file"):
        app.button_group(key="ls_colour").set_value(colour).run()
        clean(app)
    app.session_state["ls.selected"] = (("Listener", "alto"), (0, 1, 12, 29))
    app.run()
    clean(app)
    assert "**4 points** of 3 windows" in said(app) and len(app.get("audio")) == 6
    app.button(key="ls.set_A").click().run()
    clean(app)
    assert app.number_input(key="ls_a").value == 13 and "from point 13 to point 30" in said(app)
    app.button(key="ls.zero").click().run()
    clean(app)
    assert len(app.get("audio")) == 5
    assert Library(listening).get("Listener").latent is None
    app.button(key="ls.keep").click().run()
    clean(app)
    assert Library(listening).get("Listener").latent is not None
    assert "ls.keep" not in [button.key for button in app.button]


def test_latent_space_without_a_dataset(empty, monkeypatch):
    Library(empty).add(z_instrument())
    app = view(monkeypatch, empty.root, "latent")
    clean(app)
    assert "neither the instrument nor a dataset" in said(app)
    Library(empty).put_latent("Listener", some_space())
    app.run()
    clean(app)
    assert not app.get("plotly_chart") and len(app.get("audio")) == 1


# The transfer page


@pytest.mark.slow
def test_timbre_s_controls_are_there_for_those_who_listen(listening, monkeypatch):
    Library(listening).add(tiny_workspace.tiny_instrument("Plain"))
    app = open_page(monkeypatch, listening.root)
    unfold_groups(app).selectbox(key="transfer.instrument").set_value("Plain").run()
    clean(app)
    assert "setting.z_from" not in [group.key for group in app.button_group]
    assert app.slider(key="setting.pull").disabled and "does not follow timbre" in said(app)
    assert _folded(app) == ["setting.pull", "setting.full_band"], "what can't be done is out of the way"
    app.selectbox(key="transfer.instrument").set_value("Listener").run()
    clean(app)
    group = app.button_group(key="setting.z_from")
    assert len(group.options) == 2 and "has no timbre map" in said(app)
    assert app.slider(key="setting.pull").disabled and "does not know its voice's timbres" in said(app)
    space = some_space()
    Library(listening).put_latent("Listener", space, places=Places(space.mean[None]))
    app.run()
    assert _folded(app) == ["setting.full_band"]
    app.slider(key="setting.pull").set_value(0.5).run()
    app.button_group(key="setting.z_from").set_value("mean").run()
    app.slider(key="timbre.shift2").set_value(-1.5).run()
    clean(app)
    transfer(app)
    take = json.loads(_take(listening))
    assert take["settings"]["z_from"] == "mean" and take["settings"]["z_shift"] == [0.0, -1.5]
    assert take["settings"]["pull"] == 0.5
    assert "timbre the voice's average, 2: −1\\.5" in said(app).replace("⁠", "")
    app.button_group(key="setting.z_from").set_value("other").run()
    clean(app)
    assert app.selectbox(key="setting.z_recording").value == "hiss.wav"
    app.selectbox(key="transfer.instrument").set_value("Plain").run()
    transfer(app)
    settings = json.loads(_take(listening))["settings"]
    assert settings["z_from"] == "recording" and settings["pull"] == 0.0


def _folded(app) -> list[str]:
    (fold,) = (one for one in app.expander if one.label == "Not with this instrument")
    return [widget.key for widget in (*fold.slider, *fold.toggle)]


@pytest.mark.slow
def test_settings_whose_timbre_came_from_a_recording_that_was_replaced_say_so(listening, monkeypatch):
    app = open_page(monkeypatch, listening.root)
    app.button_group(key="setting.z_from").set_value("other").run()
    transfer(app)
    take = TakeStore(listening).list()[0]
    app.button(key=f"take_use.{take.id}").click().run()
    clean(app)
    assert "replaced by another recording" not in said(app)
    (listening.examples / "hiss.wav").write_bytes(recordings.encode(noise(seed=9)))
    app.button(key=f"take_use.{take.id}").click().run()
    clean(app)
    assert "replaced by another recording" in said(app)
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    app.file_uploader[0].upload("made.flac", TakeStore(listening).export(take.id, "FLAC")).run()
    clean(app)
    assert "replaced by another recording" in said(app)


def _take(workspace) -> str:
    """The newest take's document."""
    newest = max(path for path in workspace.experiments.iterdir() if not path.name.startswith("."))
    return (newest / "take.json").read_text()
