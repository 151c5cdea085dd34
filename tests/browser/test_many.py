"""Presets, many recordings, and the files for a DAW, in a real browser: what was saved and downloaded is opened."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing import instrument
from ddsing.files import safe_name
from ddsing.instrument.vst import reading
from ddsing.sound.audio import encode, read_recipe
from ddsing.transfer.presets import Presets, from_file
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.play.test_daw import chunks, cues
from tests.support import tiny_workspace, vst_models
from tests.support.dashboard import settled
from tests.support.patience import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FIRST, SECOND = tiny_workspace.NAMES


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def downloaded(tab, button) -> tuple[str, bytes]:
    """What a download button gives: the file's name and content."""
    with tab.expect_download() as started:
        button.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def octave(tab, wanted: int, keys: str = "") -> None:
    """Move the octaves with the arrow keys, and wait until they stand there."""
    slider = tab.locator('[class*="st-key-setting-octave_shift"]')
    for _ in keys:
        slider.get_by_role("slider").press(f"Arrow{'Right' if keys[0] == '+' else 'Left'}")
    shown = slider.locator('[data-testid="stSliderThumbValue"]')
    shown.filter(has_text=re.compile(rf"^\s*{wanted}\s*$")).wait_for()
    settled(tab)


def choose(tab, name: str) -> None:
    tab.get_by_role("combobox", name="Instrument").click()
    tab.get_by_role("option", name=name).click()
    settled(tab)


def presets(tab):
    """The open panel."""
    panel = tab.get_by_test_id("stPopoverBody")
    if not panel.is_visible():
        tab.get_by_role("button", name="Presets").click()
        panel.wait_for()
    settled(tab)
    return panel


def folded_up(tab) -> None:
    tab.keyboard.press("Escape")
    tab.get_by_test_id("stPopoverBody").wait_for(state="hidden")
    settled(tab)


def test_a_preset_is_saved_made_the_default_deleted_and_passed_on(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    store = Presets(workspace)
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)
    octave(tab, 1, "+")
    panel = presets(tab)
    panel.get_by_role("textbox", name="Save the controls as").fill("Dark & close")
    panel.get_by_role("button", name="Save", exact=True).click()
    panel.get_by_role("combobox", name="Preset").wait_for()
    (kept,) = store.list()
    assert (kept.name, kept.settings.octave_shift, kept.tracker) == ("Dark & close", 1, "tiny")
    panel.get_by_text(f"Default of {FIRST}").click()
    until(lambda: store.get("Dark & close").default_for == (FIRST,))
    folded_up(tab)
    tab.get_by_text("Set to Dark & close").wait_for()

    octave(tab, -1, "--")
    choose(tab, SECOND)
    octave(tab, -1)
    choose(tab, FIRST)  # whose default it is
    octave(tab, 1)

    panel = presets(tab)
    panel.get_by_role("button", name="Delete the preset").click()
    panel.get_by_text("No presets yet").wait_for()
    assert store.list() == ()
    panel.get_by_role("button", name="Undo", exact=True).click()
    panel.get_by_role("combobox", name="Preset").wait_for()
    assert store.get("Dark & close").default_for == (FIRST,)

    panel.get_by_text("Rename, import, export").click()
    name, content = downloaded(tab, panel.get_by_role("button", name="Export all presets"))
    assert name == "ddsing presets.json" and from_file(content)[0].to_json() == kept.to_json()
    document = json.loads(content)
    document["presets"][0] |= {"name": "Low", "settings": {**kept.settings.to_json(), "octave_shift": -2}}
    for file, said in ((b"{}", "no file of presets"), (json.dumps(document).encode(), "octave shift −2")):
        given = {"name": "p.json", "mimeType": "application/json", "buffer": file}
        panel.locator('input[type="file"]').set_input_files(given)
        panel.get_by_text(said).first.wait_for()
        settled(tab)
    assert {one.name for one in store.list()} == {"Dark & close", "Low"}
    panel.get_by_role("button", name="Load", exact=True).click()  # the one that was imported
    octave(tab, -2)


def test_many_recordings_are_sung_reported_and_taken_to_a_daw(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    tab.get_by_role("radio", name="Instant").click()
    settled(tab)
    tab.get_by_text("Many recordings").click()
    sounds = [encode(tiny_workspace.sung(1.2, hz=hz)) for hz in (200.0, 230.0)]
    files = [("low.wav", sounds[0]), ("higher ♪.wav", sounds[1]), ("bad.wav", b"nothing")]
    panel = tab.locator('[class*="st-key-many-uploader"]')
    panel.locator('input[type="file"]').set_input_files(
        [{"name": name, "mimeType": "audio/wav", "buffer": content} for name, content in files]
    )
    tab.get_by_role("button", name="Transfer 3 recordings").click()
    tab.get_by_text("3 recordings: 2 sung, 1 failed").wait_for()
    tab.get_by_role("heading", name="Takes (2)").wait_for()
    settled(tab)
    tab.get_by_text("Not transferred").wait_for()
    assert tab.get_by_text("bad.wav:").is_visible()
    takes = TakeStore(workspace).list()
    assert {take.source for take in takes} == {"low.wav", "higher ♪.wav"}

    newest = tab.locator('[class*="st-key-take-2"]').first
    newest.locator('[class*="st-key-take_download"] button').first.click()
    name, content = downloaded(tab, tab.get_by_role("button", name="For a DAW", exact=True))
    folded_up(tab)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert name.endswith(".zip") and archive.testzip() is None
        check_parts({one: archive.read(one) for one in archive.namelist() if one.endswith(".wav")}, takes[0].id)

    tab.get_by_role("button", name="Several for a DAW").click()
    name, content = downloaded(tab, tab.get_by_role("button", name="Download 2 takes"))
    folded_up(tab)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert name.endswith(".zip") and archive.testzip() is None
        for take in takes:
            inside = [one for one in archive.namelist() if one.startswith(safe_name(take.name) + "/")]
            check_parts({one: archive.read(one) for one in inside if one.endswith(".wav")}, take.id)

    tab.reload()
    tab.get_by_text("3 recordings: 2 sung, 1 failed").wait_for()  # the fold is open, and the report is there
    tab.get_by_role("button", name="Remove the report").click()
    tab.get_by_text("3 recordings: 2 sung, 1 failed").wait_for(state="hidden")
    assert len(TakeStore(workspace).list()) == 2


def check_parts(wavs, take_id: str) -> None:
    """24-bit files of one length that add up, with a marker for each of the two notes."""
    assert {soundfile.info(io.BytesIO(wav)).subtype for wav in wavs.values()} == {"PCM_24"}
    found = {name.removesuffix(".wav").split(" ")[-1]: wav for name, wav in wavs.items()}
    sounds = {part: soundfile.read(io.BytesIO(wav))[0] for part, wav in found.items()}
    assert sounds.keys() == {"result", "harmonic", "noise", "original"}
    np.testing.assert_allclose(sounds["harmonic"] + sounds["noise"], sounds["result"], atol=1e-6)
    assert np.abs(sounds["result"]).max() > 1e-3 and len({len(sound) for sound in sounds.values()}) == 1
    assert len(cues(chunks(found["original"]))) >= 2 and read_recipe(found["result"])["take"] == take_id


def test_an_instrument_is_made_into_a_file_for_the_plug_in(dashboard, tmp_path):
    workspace = Workspace(tiny_workspace.empty(tmp_path / "ws"))
    ada = vst_models.instrument()
    instrument.write(ada, workspace.instruments / "Ada.zip")
    tab, _ = dashboard(workspace, "instruments")
    tab.get_by_role("button", name="Download", exact=True).click()
    tab.get_by_text("plug-in").first.wait_for()
    tab.get_by_role("button", name="Make the file for the plug-in ddsp-vst").click()
    folded_up(tab)
    tab.get_by_text("The file for ddsp-vst is ready.").wait_for()
    settled(tab)
    name, content = downloaded(tab, tab.get_by_role("button", name="The file for the plug-in ddsp-vst"))
    assert name == "Ada.tflite"
    made = reading.read(content, name="Ada")
    assert made.weights.keys() == ada.weights.keys()
    for key, value in ada.weights.items():
        np.testing.assert_allclose(made.weights[key], value, atol=1e-6)
