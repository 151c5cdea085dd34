"""Giving an instrument a top from recordings whose upper band is known, and what is left out and why."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from ddsing.cli import main
from ddsing.dataset import prepare, voices
from ddsing.engine import full_band, render
from ddsing.errors import TrainingError
from ddsing.instrument import Provenance
from ddsing.instrument.library import Library
from ddsing.training import export, folder, top
from ddsing.workspace import Workspace, open_workspace
from tests.support import tiny_workspace, tops
from tests.support.encoders import ffmpeg

DENSITY = 1e-8


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """The voice alto with two recordings at 48 kHz and one of an MP3, and an instrument that knows nothing of it."""
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("top") / "ws"))
    folder = workspace.audio / "alto"
    for number, hz in enumerate((196.0, 261.6)):
        soundfile.write(folder / f"wide{number}.wav", tops.wide(6.0, density=DENSITY, seed=number, f0_hz=hz), 48_000)
    coded = ffmpeg(folder / "wide0.wav", folder / "wide0.mp3", "-b:a", "64k")
    ffmpeg(coded, folder / "from an mp3.flac")
    coded.unlink()
    return workspace


@pytest.mark.slow
def test_the_top_of_a_voice_is_as_loud_as_its_recordings_and_follows_them(workspace):
    told = []
    given = top.give(
        workspace, "First voice", voice="alto", tracker="tiny", progress=lambda stage, share: told.append(share)
    )
    assert sorted(given.used) == ["wide0.wav", "wide1.wav"] and given.minutes == pytest.approx(0.2)
    assert {name for name, _ in given.left_out} == {"one.wav", "from an mp3.flac"}
    assert told == sorted(told) and told[-1] == 1.0
    kept = list((workspace.audio / "alto_dataset" / "features").glob("*-upper-v1.npz"))
    assert len(kept) == 2  # made once

    made = Library(workspace).get("First voice")
    truth = tops.wide(6.0, density=DENSITY, seed=9, f0_hz=220.0)  # held out
    features = hears(workspace, truth)
    n_samples = len(features.f0_hz) * 64
    part = render.solo(
        render.load(made.config, made.weights, made.top), features.f0_hz, features.loudness_db, n_samples=n_samples
    )
    sung = np.concatenate([block.audio for block in full_band.blocks(part, n_samples=n_samples)])
    for low_hz, high_hz in ((8_300, 11_300), (11_300, 22_600)):
        for second in range(6):  # the recording swells and fades, and so does the top
            stretch = slice(second * 48_000, (second + 1) * 48_000)
            want, got = (tops.band_density(sound[stretch], low_hz, high_hz) for sound in (truth, sung))
            assert abs(10 * np.log10(got / want)) < 3.0, (low_hz, second)


def hears(workspace, audio):
    from ddsing.dataset import analysis
    from ddsing.dataset.hearing import hear
    from ddsing.sound.features import SAME, FeatureCache

    path = workspace.cache / "held out.wav"
    soundfile.write(path, audio, 48_000)
    return analysis.analyse(FeatureCache(workspace.cache / "held", padding=SAME), hear(path), "tiny")


@pytest.mark.slow
def test_only_windows_that_are_trained_on_teach_it(workspace):
    voice = voices.get(workspace, "alto")
    prepare.prepare(voice, tracker="tiny")
    found, _ = top.sources(voice)
    from ddsing.dataset import windows

    table = windows.load(voice)
    assert len(found) == 2 and (table.state != "train").any()
    for one in found:
        rows = table.file_hash == one.facts.content_hash
        for start_s, state in zip(table.start_s[rows], table.state[rows]):
            frames = one.heard[round(start_s * 250) :][:1000]
            assert frames.all() if state == "train" else True
            if state == "held_out":
                assert not frames.all()


@pytest.mark.slow
def test_the_command_gives_a_top_from_files_and_takes_it_away(workspace, capsys):
    command = ["--workspace", str(workspace.root), "instrument", "top", "Second voice"]
    recording = str(workspace.audio / "alto" / "wide0.wav")
    assert main([*command, "--recordings", recording, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top"] == {"minutes": 0.1, "recordings": ["wide0.wav"]}
    assert Library(workspace).find("Second voice").top["minutes"] == 0.1
    assert main([*command, "--remove"]) == 0
    assert "sings up to 8 kHz again" in capsys.readouterr().out
    assert Library(workspace).find("Second voice").top is None


@pytest.mark.slow
def test_a_new_instrument_of_a_voice_gets_a_top_where_the_one_before_had_one(workspace):
    voice, library = voices.get(workspace, "alto"), Library(workspace)
    about = Provenance(voice="alto")
    made = tiny_workspace.tiny_instrument("alto", seed=5).replaced(provenance=about)
    where = folder.Where(voice, voice)
    assert export.with_top(workspace, made, where)[0] is made  # there was none before
    library.add(made.replaced(top=tops.flat()))
    again, said = export.with_top(workspace, made, where)
    assert again.top is not None and again.top.minutes == pytest.approx(0.2)
    assert said == "It sings up to 24 kHz: its top was made from 12 s of recordings."
    other = made.replaced(provenance=Provenance(voice="somebody else"))
    assert export.with_top(workspace, other, where) == (other, "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--voice", "alto", "--recordings", "x.wav"], "from a voice or from recordings"),
        (["--recordings", "gone.wav"], "No file 'gone.wav'"),
        (["--remove", "--voice", "alto"], "takes no voice"),
        (["--voice", "nobody"], "nobody"),
        ([], "No voice named"),
    ],
)
def test_what_can_not_be_is_said(workspace, capsys, options, sentence):
    assert main(["--workspace", str(workspace.root), "instrument", "top", "Second voice", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_recordings_without_an_upper_band_are_refused_with_the_reason(workspace, tmp_path):
    low = soxr.resample(tops.wide(4.0), 48_000, 16_000)
    soundfile.write(tmp_path / "low.wav", low, 16_000)
    with pytest.raises(TrainingError, match=r"never an MP3. low.wav: It has 16 kHz; a top takes 44.1 kHz or more."):
        top.give(workspace, "Second voice", paths=[Path(tmp_path / "low.wav")])
