"""``transfer --like TAKE`` left to a job: the take is the same as without, down to the last field of its recipe."""

from dataclasses import fields, replace

import pytest

from ddsing import cli
from ddsing import instrument as formats
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.model.places import Places
from ddsing.sound import audio, recording
from ddsing.sound.curve.edit import PitchEdit
from ddsing.sound.curve.operations import Shift
from ddsing.transfer import job, pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.looked_at import Job
from tests.support.z_models import some_space, z_instrument

FIRST, SECOND = tiny_workspace.NAMES
SHARES = Morph((FIRST, SECOND), ("", ""), ((0.0, (1.0, 0.0)), (1.0, (0.3, 0.7))))
ALL = Settings(
    show_full_output=True,
    use_statistics=True,
    mask_threshold=0.7,
    attenuation_db=12.0,
    autotune=0.4,
    octave_shift=-1,
    loudness_shift_db=3.0,
    gate_db=-50.0,
    keep_unvoiced=0.3,
    seed=7,
    full_band=True,  # as instruments without a top have it
    transpose=1.5,
    scale="C:major",
    autotune_speed_ms=60.0,
    tuning_hz=442.0,
    formant_shift=2.0,
    breath_db=-3.0,
    z_from="other",
    z_recording="speech.wav",
    z_shift=(0.5, -1.0),
    pull=0.5,
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace whose jobs are ordered and never start, with a recording beside it."""
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    root = tiny_workspace.fill(tmp_path / "w")
    listens = replace(z_instrument("Listener"), latent=some_space(), places=Places(some_space().mean[None]))
    formats.write(listens, root / "instruments" / "Listener.zip")
    for name, hz in (("song.wav", 220.0), ("speech.wav", 140.0)):
        (tmp_path / name).write_bytes(audio.encode(tiny_workspace.sung(1.5, hz=hz)))
    return root


def like(root, take, *more, status=0):
    given = ["transfer", str(root.parent / "song.wav"), "--like", take, "--background", "--workspace", str(root)]
    assert cli.main([*given, *more]) == status


@pytest.mark.parametrize(("singer", "morph"), [("Listener", None), ((FIRST, SECOND), SHARES)])
def test_each_field_of_its_recipe_goes_to_the_job(root, singer, morph):
    workspace, song = Workspace(root), recording.read(root.parent / "song.wav")
    default, wanted = Settings(), ALL if morph is None else ALL.without_z()
    same = [one.name for one in fields(Settings) if getattr(ALL, one.name) == getattr(default, one.name)]
    assert same == ["full_band"], "a new setting needs a value above"
    edit = PitchEdit(song.key, "instant", (Shift(50, 150, 300.0),))
    how = {"tracker": "instant", "edit": edit, "source_name": "song.wav", "morph": morph}
    made = pipeline.run(workspace, song, singer, wanted, z_source=root.parent / "speech.wav", **how)
    assert made.edit == edit
    given = ("--z-from", str(root.parent / "speech.wav")) if morph is None else ()
    like(root, made.id, *given)
    like(root, made.id, *given)  # which is the same job
    like(root, made.id, *given, "--repair-octaves")
    first, second = JobStore(workspace).list()[::-1]
    assert not [text for text in map(str, first.options.values()) if str(root.parent) in text]
    for name in ("song.wav", "speech.wav"):
        (root.parent / name).unlink()
    sound, recipe = audio.decode(made.folder / "result.wav"), made.recipe()
    TakeStore(workspace).delete(made.id)
    for one in (first, second):  # of this tone there is nothing to repair
        (outcome,) = job.run(workspace, one.options, Job())["recordings"]
        take = TakeStore(workspace).get(outcome["take"])
        assert take.recipe() | {"take": ""} == recipe | {"take": ""}
    assert outcome["result"] == "there already" and (audio.decode(take.folder / "result.wav") == sound).all()


def test_what_no_recording_could_be_sung_with_is_said_at_once(root, capsys):
    workspace, song = Workspace(root), recording.read(root.parent / "song.wav")
    formats.write(z_instrument("No map"), root / "instruments" / "No map.zip")
    other = replace(Settings(), z_from="other", z_recording="speech.wav")
    how = {"tracker": "instant", "z_source": root.parent / "speech.wav"}
    made = pipeline.run(workspace, song, "Listener", other, **how)
    like(root, made.id, status=2)
    assert "'speech.wav', is not among the examples" in capsys.readouterr().err
    for words, said in ((("--z-from", "mean"), "no timbre map"), (("--z-shift", "1=1"), "no timbre map")):
        like(root, made.id, *words, "--instrument", "No map", status=2)
        assert said in capsys.readouterr().err
    assert JobStore(workspace).list() == [] and not (root / ".batches").exists()
