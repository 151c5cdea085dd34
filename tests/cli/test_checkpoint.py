"""``checkpoint``: a training's saves at a terminal: seen, heard, made instruments of, branched off."""

import shutil

import pytest
import soundfile

from ddsing.instrument.library import Library
from ddsing.training import run
from ddsing.workspace import Workspace
from tests.support import tiny_training, tiny_workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tiny_models, tmp_path_factory):
    """A workspace whose voice alto has been trained for six steps, bass not at all."""
    workspace = Workspace(tiny_workspace.empty(tmp_path_factory.mktemp("trained") / "w"))
    tiny_training.prepared_voice(workspace, n_train=3, n_held_out=1)
    (workspace.audio / "bass").mkdir()
    with tiny_training.uncompiled():
        run.train(workspace, "alto", tiny_training.tiny(steps=6, save_every=2))
    return workspace.root


@pytest.fixture
def root(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "w")


def test_saves_are_listed_with_the_best_and_what_to_make_of_them(root, command):
    listed = command(root, "checkpoint", "list", "alto", "--json")
    assert listed["checkpoints"] == [2, 4, 6] and listed["best"] in listed["checkpoints"]
    assert [save["step"] for save in listed["saves"]] == [2, 4, 6] and listed["advice"][0]["sentence"]
    assert all(save["spectral_loss"] > 0 for save in listed["saves"])
    said = command(root, "checkpoint", "list", "alto")
    assert said.count("can be exported") == 3 and said.count("best, can be") == 1


def test_the_phrase_of_a_save(root, command, tmp_path):
    out = tmp_path / "p.flac"
    assert command(root, "checkpoint", "preview", "alto", "--step", "4", "--out", out, "--json")["step"] == 4
    assert out.read_bytes() == (root / "audio" / "alto_checkpoints" / "previews" / "ckpt-4.flac").read_bytes()
    assert soundfile.info(out).frames > 16_000
    assert command(root, "checkpoint", "preview", "alto", "--step", "latest", "--out", out, "--json")["step"] == 6


@pytest.mark.parametrize(("step", "expected"), [("latest", 6), ("2", 2), ("best", None)])
def test_the_instrument_of_any_checkpoint(root, command, step, expected):
    best = command(root, "checkpoint", "list", "alto", "--json")["best"]
    made = command(root, "instrument", "make", "alto", "--step", step, "--json")
    assert made["step"] == (expected or best)
    assert Library(Workspace(root)).find(made["name"]).provenance.step == made["step"]


def test_a_branch_goes_on_from_its_checkpoint(root, command):
    made = command(root, "checkpoint", "branch", "alto", "--step", "4", "--label", "bright", "--json")
    assert made == {"voice": "alto-bright", "from": "alto", "step": 4}
    assert command(root, "checkpoint", "list", "alto-bright", "--json")["checkpoints"] == [4]
    assert "choose another label" in command(root, "checkpoint", "branch", "alto", "--label", "bright", status=2)


@pytest.mark.parametrize("action", ["list", "preview", "branch"])
def test_what_is_wrong_is_one_sentence(root, command, action):
    more = {"preview": ["--out", root / "x.flac"], "branch": ["--label", "x"]}.get(action, [])
    assert "No voice 'nobody'" in command(root, "checkpoint", action, "nobody", *more, status=2)
    assert "has not been trained yet" in command(root, "checkpoint", action, "bass", *more, status=2)
    if action != "list":
        assert "latest, best" in command(root, "checkpoint", action, "alto", "--step", "first", *more, status=2)
        assert "step 3" in command(root, "checkpoint", action, "alto", "--step", "3", *more, status=2)


def test_a_folder_without_its_recipe_is_no_traceback(root, command):
    (root / "audio" / "alto_checkpoints" / "operative_config-0.gin").unlink()
    for action, more in (("branch", ["--label", "x"]),):
        assert "has not been trained yet" in command(root, "checkpoint", action, "alto", *more, status=2)
