"""What ``compare`` writes beside tables: the figure of trainings, and a sweep with its sounds."""

import base64
import re

import pytest

from ddsing.sound import audio
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    """A sweep over two parameters, and one training of a third value."""
    workspace = Workspace(tiny_workspace.empty(tmp_path / "w"))
    for number, name in enumerate(("alto_h10_n5", "alto_h10_n9", "alto_h12_n5", "alto_h12_n9_s1")):
        tiny_runs.run(workspace, name, end=5.0 + number, seed=number)
    return workspace.root


def test_the_curves_as_a_page(root, command, tmp_path):
    page = tmp_path / "c.html"
    command(root, "compare", "losses", "alto_h10_n5", "alto_h12_n5", "--figure", page, "--at", 200)
    text = page.read_text("utf-8")
    assert "alto_h10_n5" in text and "alto_h12_n5" in text and "alto_h10_n9" not in text and "Total loss" in text
    command(root, "compare", "losses", "--figure", page, "--show", "f0_cents")
    assert "Held-out pitch" in page.read_text("utf-8")
    assert "can't be written" in command(root, "compare", "losses", "--figure", "no/c.html", status=2)


def test_a_sweep_in_numbers_and_as_a_page_to_hear(root, command, tmp_path):
    found = command(root, "compare", "parameters", "alto", "--json")["cells"]
    assert [cell["name"] for cell in found] == ["alto_h10_n5", "alto_h10_n9", "alto_h12_n5", "alto_h12_n9_s1"]
    assert found[0]["values"] == {"n_harmonics": 10, "n_noise_bands": 5} and found[0]["loss"] < found[2]["loss"]
    early = command(root, "compare", "parameters", "alto", "--at", 100, "--json")["cells"]
    assert early[0]["loss"] > found[0]["loss"]
    assert "alto_h12_n5" in command(root, "compare", "parameters", "alto")
    page = tmp_path / "p.html"
    command(root, "compare", "parameters", "alto", "--page", page, "--at", 100)
    sounds = re.findall(r"base64,([^']+)'", page.read_text("utf-8"))
    preview = (root / "audio" / "alto_h10_n5_checkpoints" / "previews" / "ckpt-100.flac").read_bytes()
    assert len(sounds) == 4 and preview in [base64.b64decode(one) for one in sounds]
    assert len(audio.decode(base64.b64decode(sounds[0]))) == 16_000
    only = command(root, "compare", "parameters", "alto", "--only", "n_harmonics=12", "--json")["cells"]
    assert [cell["name"] for cell in only] == ["alto_h12_n5", "alto_h12_n9_s1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody"], "voices with a sweep: alto"),
        (["alto", "--only", "n_harmonics=99"], "No matching runs"),
        (["alto", "--only", "colour=red"], "n_harmonics=60"),
        (["alto", "--page", "no/folder/p.html"], "hoose another file"),
        (["alto", "--page", "p.html", "--sing", "none.wav"], "none.wav"),
    ],
)
def test_what_is_wrong_is_one_sentence(root, command, words, sentence):
    assert sentence in command(root, "compare", "parameters", *words, status=2)
