"""How often the page asks for the fit of a recording that nobody has read yet."""

import pytest
from streamlit.testing.v1 import local_script_runner

from ddsing.sound.audio import encode
from ddsing.ui.transfer import fit_panel
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import fit_read, open_page, said


def asks(monkeypatch):
    """The intervals at which the runs from now on ask the page to be run again, in s."""
    found, parse = [], local_script_runner.parse_tree_from_messages

    def parsed(messages):
        found.extend(round(message.auto_rerun.interval, 3) for message in messages if message.HasField("auto_rerun"))
        return parse(messages)

    monkeypatch.setattr(local_script_runner, "parse_tree_from_messages", parsed)
    return found


@pytest.mark.parametrize(
    ("seconds", "every_s"),
    [
        (5.0, fit_panel.SOON_POLL_S),
        (61.0, fit_panel.POLL_S),
    ],
)
def test_a_short_recording_is_soon_read_and_asked_for_often(monkeypatch, tmp_path, quiet, seconds, every_s):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    (workspace.examples / "new.wav").write_bytes(encode(tiny_workspace.sung(seconds)))
    app = fit_read(open_page(monkeypatch, workspace.root))
    found = asks(monkeypatch)
    app.get_by_key("transfer.example").set_value("new.wav").run()
    assert "Analysing the recording" in said(app) and every_s in found
