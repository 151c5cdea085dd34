"""Takes at 48 kHz: their files, what is said of them, and that without the band everything is as before."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ddsing import instrument
from ddsing.cli import main
from ddsing.experiments.comparison import blind, heard, matching, measure
from ddsing.instrument.library import Library
from ddsing.jobs import paces
from ddsing.sound import recording
from ddsing.transfer import band, expected, pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support import tiny_workspace, tops

pytestmark = pytest.mark.slow
SOUNDS = ("result", "harmonic", "noise", "original")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("band") / "ws"))
    Library(workspace).put_top("First voice", tops.flat(1e-7, share=0.2))
    soundfile.write(workspace.examples / "wide.wav", tops.wide(2.0), 48_000)
    soundfile.write(workspace.examples / "cd.wav", tops.wide(2.0)[:88_200], 44_100)
    return workspace


def transfer(workspace, name="wide.wav", instruments="First voice", settings=None, **options):
    source = options.pop("source", workspace.examples / name)
    return pipeline.run(workspace, source, instruments, settings or Settings(), tracker="tiny", **options)


def rates(take):
    return {name: soundfile.info(take.folder / f"{name}.wav").samplerate for name in SOUNDS}


@pytest.fixture(scope="module")
def wide(workspace):
    return transfer(workspace, keep_controls=True)


@pytest.fixture(scope="module")
def narrow(workspace):
    return transfer(workspace, settings=Settings(full_band=False), keep_controls=True)


def test_an_instrument_with_a_top_sings_at_48_khz_and_the_original_keeps_its_rate(workspace, wide):
    assert rates(wide) == dict.fromkeys(SOUNDS, 48_000) and wide.rate_hz == 48_000
    result, harmonic, noise = (soundfile.read(wide.folder / f"{name}.wav")[0] for name in SOUNDS[:3])
    assert len(result) == 96_000 == soundfile.info(wide.folder / "original.wav").frames
    np.testing.assert_allclose(result, harmonic + noise, atol=1e-6)
    assert 10 * np.log10(tops.band_density(result, 12_000, 20_000) / 1e-7) == pytest.approx(0.0, abs=0.5)
    assert TakeStore(workspace).get(wide.id).rate_hz == 48_000
    original = soundfile.read(transfer(workspace, "cd.wav").folder / "original.wav")
    assert original[1] == 44_100 and len(original[0]) == 88_200


def test_what_a_take_was_expected_to_need_of_the_disk_is_what_it_needs(workspace, wide, narrow):
    entries = [Library(workspace).find("First voice")]
    for take in (wide, narrow):
        assert band.planned_rate_hz(take.settings, entries) == take.rate_hz
        files = [*(take.folder / f"{name}.wav" for name in SOUNDS), take.folder / "features.npz"]
        needed = sum(path.stat().st_size for path in [*files, take.folder / "take.json"])
        expected = take.duration_s * band.bytes_per_s(take.rate_hz)
        assert needed <= expected <= 1.1 * needed
    assert band.planned_rate_hz(Settings(), [Library(workspace).find(name) for name in tiny_workspace.NAMES]) == 16_000


def test_uploaded_content_is_kept_at_its_rate_too(workspace):
    content = (workspace.examples / "wide.wav").read_bytes()
    assert rates(transfer(workspace, source=recording.read(content)))["original"] == 48_000
    sound = recording.read(content)
    assert rates(transfer(workspace, source=sound.audio))["original"] == 16_000  # all that is known of it


def test_with_the_band_off_every_byte_is_that_of_the_instrument_without_a_top(workspace, narrow):
    plain = Library(workspace).get("First voice").replaced(top=None)
    before = transfer(workspace, instruments=plain, keep_controls=True)
    assert rates(narrow) == dict.fromkeys(SOUNDS, 16_000) and narrow.rate_hz == before.rate_hz == 16_000
    for name in SOUNDS:
        one, other = (soundfile.read(take.folder / f"{name}.wav", dtype="float32")[0] for take in (narrow, before))
        np.testing.assert_array_equal(one, other)
    with np.load(narrow.folder / "controls.npz") as one, np.load(before.folder / "controls.npz") as other:
        assert set(one) == set(other) and all(np.array_equal(one[name], other[name]) for name in one)
    assert before.settings == Settings()  # there was nothing to turn off
    assert transfer(workspace, instruments=plain, settings=Settings(full_band=False)).key == before.key


def test_pitch_and_loudness_are_what_they_were(workspace, wide, narrow):
    one, other = measure.measure(wide), measure.measure(narrow)
    assert one.f0_cents == pytest.approx(other.f0_cents, abs=2.0)
    assert one.loudness_db == pytest.approx(other.loudness_db, abs=0.2)


def test_recipes_and_takes_of_before_say_nothing_of_a_band_and_open_as_they_were(workspace, narrow, wide):
    document = json.loads((narrow.folder / "take.json").read_text())
    del document["rate_hz"], document["settings"]["full_band"]
    old = Take.from_json(narrow.folder, document)
    assert old.rate_hz == 16_000 and old.settings == Settings()
    assert old.key != narrow.key and replace(old, settings=Settings()).key == old.key
    with pytest.raises(ValueError, match="sample rate"):
        Take.from_json(narrow.folder, document | {"rate_hz": 10**9})


def test_downloads_have_the_rate_of_the_take_with_24_bits_and_the_recipe(workspace, wide):
    for kind in ("WAV", "FLAC"):
        data = TakeStore(workspace).export(wide.id, kind)
        path = workspace.cache / f"x.{kind.lower()}"
        path.write_bytes(data)
        info = soundfile.info(path)
        assert (info.samplerate, info.subtype, info.frames) == (48_000, "PCM_24", 96_000)
        assert pipeline.recordings.read_recipe(path)["settings"]["full_band"] is True


def test_a_blind_test_gives_all_sounds_one_rate_and_equal_loudness(workspace, wide, narrow):
    test = blind.BlindTests(workspace).begin("abx", [wide, narrow], n_trials=2, seed=1)
    heard_at, levels = set(), []
    for slot in test.slots(0):
        sound, rate = soundfile.read(io.BytesIO(blind.stimulus(workspace, test, 0, slot)))
        heard_at.add((rate, len(sound)))
        levels.append(matching.integrated_lufs(sound, rate_hz=rate))
    assert heard_at == {(48_000, 96_000)} and max(levels) - min(levels) < 0.2
    assert heard.of(workspace.cache, wide).wave.duration_s == pytest.approx(2.0, abs=0.01)


def test_a_morph_mixes_tops_or_ends_at_8_khz_and_says_so(workspace):
    second = Library(workspace).get("Second voice")
    morph = Morph(("First voice", "Second voice"), ("", ""), ((0.0, (0.5, 0.5)),))
    low = transfer(workspace, instruments=["First voice", second], morph=morph)
    assert low.rate_hz == 16_000
    assert "The result ends at 8 kHz: Second voice has no top above it." in " ".join(low.warnings)
    with_top = second.replaced(top=tops.flat(1e-9))
    high = transfer(workspace, instruments=["First voice", with_top], morph=morph)
    assert high.rate_hz == 48_000 and not any("8 kHz" in warning for warning in high.warnings)
    sound = soundfile.read(high.folder / "result.wav")[0]
    assert 10 * np.log10(tops.band_density(sound, 12_000, 20_000) / 1e-8) == pytest.approx(0.0, abs=0.5)


def test_the_command_line_chooses_the_band_and_refuses_what_there_is_not(workspace, tmp_path, capsys):
    out = tmp_path / "out.wav"
    command = ["--workspace", str(workspace.root), "transfer", str(workspace.examples / "wide.wav"), "--out", str(out)]
    command += ["--tracker", "tiny", "--json"]
    for options, rate in (([], 48_000), (["--band", "full"], 48_000), (["--band", "16k"], 16_000)):
        assert main([*command, "--instrument", "First voice", "--stems", *options]) == 0
        assert json.loads(capsys.readouterr().out)["rate_hz"] == rate == soundfile.info(out).samplerate
        assert soundfile.info(tmp_path / "out_noise.wav").samplerate == rate
    assert main([*command, "--instrument", "Second voice", "--band", "full"]) == 2
    assert "has no top, so it sings up to 8 kHz" in capsys.readouterr().err


def test_the_2021_format_says_that_the_top_is_left_out(workspace, tmp_path, capsys):
    target = tmp_path / "old.zip"
    command = ["--workspace", str(workspace.root), "instrument", "export", "First voice", "--out", str(target)]
    assert main([*command, "--format", "notebook", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [instrument.NO_TOP]


def test_each_rate_has_a_pace_of_its_own(workspace, wide, narrow):
    configs = [Library(workspace).get("First voice").config]
    known = paces.of(workspace)
    low, high = (expected.singing_key(configs, take.rate_hz) for take in (narrow, wide))
    assert low == expected.singing_key(configs) and low != high
    for key, rate_hz in ((low, 16_000), (high, 48_000)):
        part = expected.parts(known, configs, tracker="tiny", sound_s=3.0, to_analyse_s=0.0, rate_hz=rate_hz)[1]
        assert part.known and part.expected_s == pytest.approx(3.0 * known.unit_s(key))
