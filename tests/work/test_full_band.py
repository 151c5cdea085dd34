"""Orders about the full band: an upload keeps its own rate on its way to a worker, and a top is made by one."""

import io

import pytest
import soundfile

from ddsing.errors import DdsingError
from ddsing.instrument.library import Library
from ddsing.instrument.models import Models
from ddsing.sound import recording
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.work import kinds, order_options
from ddsing.work.folder import OrderFolder
from ddsing.work.order import Order
from ddsing.workspace import open_workspace
from tests.support import tiny_workspace, tops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("orders") / "ws"))
    soundfile.write(workspace.audio / "alto" / "wide.wav", tops.wide(4.0), 48_000)
    return workspace


def done(workspace, order):
    told = []
    result = kinds.do(workspace, order, kinds.AtHand(Models()), lambda stage, share: told.append((stage, share)))
    return result, told


def test_a_worker_makes_a_top_of_the_instrument_that_was_meant(workspace):
    library = Library(workspace)
    meant = library.get("Second voice")
    order = Order("top", "Making a top", order_options.top(meant, "alto"))
    result, told = done(workspace, order)
    assert result["said"].startswith("Second voice now sings up to 24 kHz") and told[-1][1] == 1.0
    assert library.find("Second voice").top is not None
    with pytest.raises(DdsingError, match="was replaced while this waited"):
        done(workspace, order)  # it has a top now, and is another one


def test_an_upload_reaches_the_worker_at_its_own_rate(workspace):
    library = Library(workspace)
    wide = library.get("First voice").replaced(top=tops.flat())
    library.put_top("First voice", wide.top)
    content = io.BytesIO()
    soundfile.write(content, tops.wide(1.0), 48_000, format="WAV")
    for sound in (
        recording.read(content.getvalue(), name="mine.wav"),
        recording.read(workspace.audio / "alto/wide.wav"),
    ):
        options = order_options.transfer([library.get("First voice")], Settings(), "tiny")
        folder = OrderFolder.create(workspace.root, Order("transfer", "Transferring", options, sound), tab="", turn=0)
        result, _ = done(workspace, folder.order())
        take = TakeStore(workspace).get(result["take"])
        assert take.rate_hz == 48_000 == soundfile.info(take.folder / "original.wav").samplerate
