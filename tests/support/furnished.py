"""A workspace in which each page and view has something to show, made by real preparing, training and transfers."""

import shutil
from pathlib import Path

from filelock import FileLock

from ddsing.dataset import prepare, voices
from ddsing.instrument import write as write_instrument
from ddsing.sound.audio import encode
from ddsing.training import run
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_training, tiny_workspace
from tests.support.z_models import some_space, z_instrument


def furnish(root: Path, shared: Path) -> Workspace:
    """Make it at `root`: voices prepared, trained and swept, three takes, an instrument that listens to timbre.

    It is made once in the folder `shared` of all test processes, and copied from there.
    """
    made = shared / "furnished"
    with FileLock(made.with_suffix(".lock")):
        if not made.exists():
            shutil.rmtree(shared / "half", ignore_errors=True)
            _make(shared / "half" / "ws")
            (shared / "half").rename(made)
    return Workspace(shutil.copytree(made / "ws", root, copy_function=shutil.copy2))


def _make(root: Path) -> None:
    workspace = Workspace(tiny_workspace.fill(root))
    (workspace.examples / "another.wav").write_bytes(encode(tiny_workspace.sung(2.0, hz=180.0)))
    write_instrument(z_instrument(latent=some_space()), workspace.instruments / "Listener.zip")
    alto = voices.get(workspace, "alto")
    (alto.folder / "long.wav").write_bytes(encode(tiny_workspace.sung(9.0)))
    prepare.prepare(alto, tracker="tiny")
    tiny_training.prepared_voice(workspace, "bass")
    with tiny_training.uncompiled():
        run.train(workspace, "bass", tiny_training.tiny(steps=2, save_every=1))
    tiny_runs.run(workspace, "Aria")
    for h in (20, 60):
        for n in (10, 35):
            config = tiny_runs.ModelConfig(**tiny_runs.TINY | {"n_harmonics": h, "n_noise_bands": n})
            tiny_runs.run(workspace, f"Aria_h{h}_n{n}", config=config, seed=h + n, dataset_of="Aria")
    for shift in range(3):
        options = {"tracker": "tiny", "source_name": "a song.wav"}
        settings = Settings(octave_shift=shift, show_full_output=True)
        take = pipeline.run(workspace, workspace.examples / "another.wav", tiny_workspace.NAMES[0], settings, **options)
        TakeStore(workspace).rename(take.id, f"take {shift}")
