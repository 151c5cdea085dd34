"""A page comes back complete, in whatever order presses and the server's messages pass each other."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.dashboard import settled
from tests.support.patience import until

pytestmark = pytest.mark.browser

PLAYER = f"Player: the recording {tiny_workspace.EXAMPLE}.wav"


class Line:
    """Between a tab and its server: what the server says can be held up."""

    def __init__(self, tab):
        self.n_asked = 0  # for runs of the page's script
        self.n_hashes = 0  # that came in the place of elements
        self._held: list | None = None
        tab.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, tab) -> None:
        self._tab, server = tab, tab.connect_to_server()

        def asked(message: bytes) -> None:
            self.n_asked += BackMsg.FromString(message).HasField("rerun_script")
            server.send(message)

        tab.on_message(asked)
        server.on_message(self._said)

    def _said(self, message: bytes) -> None:
        self.n_hashes += ForwardMsg.FromString(message).HasField("ref_hash")
        if self._held is None:
            self._tab.send(message)
        else:
            self._held.append(message)

    def hold(self) -> None:
        self._held = []

    def n_ended(self) -> int:
        """How many ends of runs are held up."""
        return sum(ForwardMsg.FromString(message).HasField("script_finished") for message in self._held)

    def release(self) -> None:
        for message in self._held:
            self._tab.send(message)
        self._held = None


def test_a_page_that_was_left_for_a_moment_comes_back(tabs, dashboard, tmp_path):
    """A large element that the browser has kept comes as its hash alone: it must not be forgotten meanwhile."""
    _, server = dashboard(Workspace(tiny_workspace.fill(tmp_path / "ws")), "datasets")
    with tabs.lent(viewport={"width": 1280, "height": 1000}) as tab:
        line = Line(tab)
        tab.goto(server.url)
        tab.get_by_role("group", name=PLAYER).wait_for()
        settled(tab)
        line.hold()
        for n_before, name in enumerate(("Instruments", "Datasets", "Training")):
            tab.get_by_role("link", name=name).click()
            until(lambda n=n_before: line.n_ended() > n, again=lambda: tab.wait_for_timeout(50))
        n_before, n_hashes = line.n_asked, line.n_hashes
        tab.get_by_role("link", name="Timbre transfer").click()
        until(lambda: line.n_asked > n_before, again=lambda: tab.wait_for_timeout(50))
        line.release()
        tab.get_by_role("heading", name="Timbre transfer", exact=True).wait_for()
        settled(tab)
        tab.get_by_role("group", name=PLAYER).wait_for()
        assert line.n_hashes > n_hashes, "nothing of the page was kept, and nothing could be forgotten"
