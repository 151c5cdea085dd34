"""TensorFlow and ddsp as the engine loads them, and the stand-ins for packages that are absent."""

import importlib.util
import subprocess
import sys
import threading
import types

import pytest

from ddsing.engine.tf import placeholders, runtime
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture
def module(monkeypatch):
    """A placeholder for note_seq, imported as ddsp does it."""
    if "note_seq" in sys.modules or importlib.util.find_spec("note_seq"):
        pytest.skip("note_seq is installed here")
    with placeholders.standing_in():
        import note_seq
    return note_seq


def test_importing_subclassing_and_passing_on_work_and_any_use_says_what_is_missing(module):
    class Derived(module.protobuf.Message):
        pass

    for use in (
        module.NoteSequence,
        Derived,
        lambda: module.constants["a"],
        lambda: list(module.notes),
        lambda: len(module.notes),
        lambda: 1 in module.notes,
        lambda: module.file("a").__enter__(),
    ):
        with pytest.raises(placeholders.PlaceholderUsed, match="note.*pip install note-seq"):
            use()
    assert bool(module.anything)


def test_afterwards_the_absent_are_absent_again(module):
    assert importlib.util.find_spec("note_seq") is None
    with pytest.raises(ModuleNotFoundError):
        import note_seq  # noqa: F401


def test_other_threads_never_see_them():
    seen = []

    def probe():
        try:
            seen.append(importlib.util.find_spec("hypertune"))
        except ValueError:  # what find_spec raises for some modules made by hand
            seen.append("a placeholder")

    with placeholders.standing_in() as absent:
        assert "hypertune" in absent
        thread = threading.Thread(target=probe)
        thread.start()
        thread.join()
    assert seen == [None]


def test_an_installed_package_is_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "pydub.py").write_text("real = True")
    monkeypatch.syspath_prepend(str(tmp_path))
    with placeholders.standing_in() as absent:
        import pydub

        assert "pydub" not in absent and pydub.real
        with pytest.raises(ModuleNotFoundError):
            import pydub.nothing
    assert isinstance(sys.modules.pop("pydub"), types.ModuleType)


def test_a_fresh_interpreter_gets_ddsp_on_keras_2_with_no_more_threads_than_cores():
    program = (
        "import sys\nfrom ddsing import hardware\nfrom ddsing.engine.tf import placeholders, runtime\n"
        "assert 'tensorflow' not in sys.modules\n"
        "ddsp, tf = runtime.ddsp(), runtime.tensorflow()\n"
        "assert tf.keras.Model.__module__.startswith('tf_keras'), tf.keras.Model.__module__\n"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == hardware.n_cores()\n"
        "assert ddsp.training.models.Autoencoder and ddsp.training.decoders.RnnFcDecoder\n"
        "left = [n for n, m in sys.modules.items() if isinstance(m, placeholders.Placeholder)]\nassert not left, left\n"
        "device = runtime.device()\nassert device.kind in ('cpu', 'gpu') and device.name\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr


def test_several_threads_may_ask_at_once():
    found = []
    threads = [threading.Thread(target=lambda: found.append(runtime.ddsp())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({id(module) for module in found}) == 1
