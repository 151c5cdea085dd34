"""``latent``: the map of a voice's timbre at a terminal."""

import csv
import io

import numpy as np
import pytest

from ddsing import instrument
from ddsing.instrument.library import Library
from ddsing.sound import audio
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.z_models import some_space, z_instrument

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    """A workspace with instruments that listen to timbre, one of which knows its voice's, and others."""
    workspace = Workspace(tiny_workspace.fill(tmp_path / "w"))
    tiny_runs.vowels(workspace, "alto", n_windows=2)
    instrument.write(z_instrument("Knows", latent=some_space()), workspace.instruments / "Knows.zip")
    instrument.write(z_instrument("Listener"), workspace.instruments / "Listener.zip")
    return workspace.root


def test_the_map_is_looked_at_and_written(root, command, tmp_path):
    listed = {one["name"]: one["knows"] for one in command(root, "latent", "list", "--json")["instruments"]}
    assert listed.keys() == {"Knows", "Listener"} and listed["Listener"] is None and listed["Knows"]["dimensions"] == 4
    assert "4 dimensions" in command(root, "latent", "list")
    found = command(root, "latent", "points", "Listener", "--voice", "alto", "--csv", tmp_path / "p.csv", "--json")
    assert len(found["points"]) == 20 and found["points"][0]["window"] == 0 and not found["in_the_instrument"]
    assert found["points"][3]["f0_hz"] == pytest.approx(160.0)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "p.csv").read_text())))
    directions = [[float(row[f"direction_{n}"]) for n in (1, 2)] for row in rows]
    np.testing.assert_allclose(directions, [point["directions"][:2] for point in found["points"]])


def test_the_phrase_at_a_point_on_the_way_and_moved(root, command, tmp_path):
    def heard(*words):
        command(root, "latent", "render", "Listener", "--voice", "alto", *words, "--out", tmp_path / "o.wav")
        return audio.decode(tmp_path / "o.wav")

    one, other, way = heard("--point", 1), heard("--point", 20), heard("--point", 1, "--to", 20)
    mean, moved = heard(), heard("--shift", "1=+2")
    edge = 4_000
    assert np.array_equal(way[:edge], one[:edge]) and not np.array_equal(way, one)
    assert not np.array_equal(one, other) and not np.array_equal(mean, moved)
    assert np.array_equal(heard("--point", 20), other)


def test_an_instrument_keeps_where_its_timbre_lies(root, command, tmp_path):
    assert "20 points" in command(root, "latent", "points", "Listener", "--voice", "alto")
    assert "Timbre map saved to" in command(root, "latent", "keep", "Listener", "--voice", "alto")
    assert Library(Workspace(root)).find("Listener").latent is not None
    command(root, "latent", "render", "Listener", "--out", tmp_path / "o.wav")  # without the dataset
    assert "no dataset, so no points" in command(root, "latent", "points", "Listener")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["points", "nobody"], "No instrument named 'nobody'"),
        (["points", "Listener", "--voice", "nobody"], "No voice 'nobody'"),
        (["points", "Listener"], "Choose the voice"),
        (["points", "First voice"], "does not follow timbre"),
        (["points", "Knows", "--csv", "x.csv"], "Choose a prepared voice"),
        (["keep", "Listener"], "Choose the voice"),
        (["render", "Knows", "--point", "1", "--out", "x.wav"], "Choose a prepared voice"),
        (["render", "Knows", "--voice", "alto", "--point", "21", "--out", "x.wav"], "the points are 1 to 20"),
        (["render", "Knows", "--voice", "alto", "--to", "2", "--out", "x.wav"], "--point"),
        (["render", "Knows", "--shift", "1=7", "--out", "x.wav"], "up to 6"),
        (["render", "Knows", "--shift", "1=nan", "--out", "x.wav"], "up to 6"),
        (["render", "Knows", "--out", "no/folder/x.wav"], "hoose another file"),
    ],
)
def test_what_is_wrong_is_one_sentence(root, command, words, sentence):
    assert sentence in command(root, "latent", *words, status=2)


def test_a_workspace_without_any_says_so(tmp_path, command):
    assert "No instrument follows" in command(tiny_workspace.fill(tmp_path / "w"), "latent", "list")
