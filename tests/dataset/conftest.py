"""What the tests of datasets share: a voice to prepare, and one that is prepared."""

import shutil

import pytest

from ddsing.dataset import prepare
from tests.support import prepared_voices


@pytest.fixture
def voice(tmp_path):
    """A voice with recordings, which nothing was done with yet."""
    return prepared_voices.unprepared(tmp_path)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Such a voice, prepared: (voice, result, progress that was told). It is only read."""
    made, seen = prepared_voices.unprepared(tmp_path_factory.mktemp("prepared")), []
    result = prepare.prepare(made, tracker="tiny", progress=lambda stage, fraction: seen.append((stage, fraction)))
    return made, result, seen


@pytest.fixture
def known(voice, prepared):
    """A voice whose features are there already."""
    shutil.copytree(prepared[0].dataset_folder / "features", voice.dataset_folder / "features")
    return voice
