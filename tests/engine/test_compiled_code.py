"""Compiled code that is kept between processes: used the second time, the same bits; never what is torn or foreign."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from ddsing.engine.tf import compiled_code
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is kept"),
]

# Two steps of a tiny model in a process of its own, as a run takes them; what was compiled, and where it ended.
PROGRAM = """
import hashlib, json, os, sys
from ddsing.engine.tf import compiled_code
kept = compiled_code.use()
if kept is not None:
    kept.check()
if "die" in sys.argv:
    os._exit(9)
import numpy as np
from ddsing.engine.tf.step import Step
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
config = ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=6, n_noise_bands=5)
step = Step(config, random_weights(config, seed=1), batch_size=1, window_frames=20)
rng = np.random.default_rng(0)
given = {"audio": rng.normal(0, 0.1, (1, 1280))}
given |= {name: np.full((1, 20), value) for name, value in (("f0_hz", 220.0), ("loudness_db", -30.0))}
losses = [step.run({name: x.astype(np.float32) for name, x in given.items()}) for _ in range(2)]
weights = b"".join(value.tobytes() for _, value in sorted(step.weights().items()))
new = None if kept is None else kept.keep()
print(json.dumps({"losses": losses, "weights": hashlib.sha256(weights).hexdigest(), "new": new}))
"""


def trained(folder, *arguments):
    environment = os.environ | {"DDSING_COMPILED": str(folder)}
    environment.pop("TF_XLA_FLAGS", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if arguments:
        return done.returncode
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def names(entries):
    """What was compiled; before it is the checksum of what the compiler made of it."""
    return sorted(path.name.partition("-")[2] for path in entries)


def test_it_is_compiled_once_and_gives_the_same_bits_whatever_becomes_of_what_is_kept(tmp_path):
    first = trained(tmp_path)
    (store,) = tmp_path.iterdir()
    entries = sorted(store.iterdir())
    assert first["new"] == len(entries) > 5, "all of them are kept, and nothing else is left"
    assert all(path.is_file() for path in entries)
    torn, cut, *_ = entries
    torn.write_bytes(torn.read_bytes()[:-100] + bytes(100))
    cut.write_bytes(cut.read_bytes()[:1000])
    assert trained(tmp_path) == first | {"new": 2}, "only what is damaged is compiled again, and not a bit differs"
    assert names(store.iterdir()) == names(entries)

    assert trained(tmp_path, "die") == 9 and len([path for path in store.iterdir() if path.is_dir()]) == 1
    assert trained(tmp_path)["new"] == first["new"], "what a process has died over is no longer trusted"
    assert not [path for path in store.iterdir() if path.is_dir()]


def test_it_is_kept_for_one_processor_and_by_one_user(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSING_COMPILED", str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    here = compiled_code._key()
    monkeypatch.setenv("DDSING_CORES", "1")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert compiled_code._key() != here, "other settings are another store"
    monkeypatch.delenv("XLA_FLAGS")
    made = compiled_code.use()
    assert made is not None and str(made.own) in os.environ["TF_XLA_FLAGS"]
    assert compiled_code.use() is None, "once in a process"
    made.close()
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    made.store.chmod(0o777)
    assert compiled_code.use() is None, "anyone could have put code there"
    made.store.chmod(0o700)
    (made.store / "refused").touch()
    assert compiled_code.use() is None, "XLA did not take its own code back"


def test_where_nothing_can_be_kept_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    monkeypatch.setenv("DDSING_COMPILED", str(tmp_path / "file" / "below"))
    (tmp_path / "file").touch()
    assert compiled_code.use() is None and not os.environ["TF_XLA_FLAGS"]
    monkeypatch.setenv("DDSING_COMPILED", str(tmp_path / "kept"))
    made = compiled_code.use()
    (made.own / "new.pb").write_bytes(b"code")
    (made.store / f"{hashlib.sha256(b'code').hexdigest()}-new.pb").mkdir()  # in the way
    assert made.keep() == 1 and not made.own.exists()


def test_only_so_much_is_kept(tmp_path, monkeypatch):
    for number in range(5):
        store = tmp_path / f"processor{number % 2}"
        store.mkdir(exist_ok=True)
        (store / f"{number}.pb").write_bytes(bytes(100))
        os.utime(store / f"{number}.pb", (number, number))
    monkeypatch.setattr(compiled_code, "MAX_BYTES", 250)
    compiled_code._prune(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*/*.pb")) == ["3.pb", "4.pb"]
