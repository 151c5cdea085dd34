"""The page makes a file for ddsp-vst of an instrument that was not trained for it, and says how near it is."""

import pytest

from ddsing.instrument.vst import approximating, contract
from ddsing.ui.instrument import vst_file
from ddsing.ui.shell import caches
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, finished, open_page, said

pytestmark = pytest.mark.slow
FIRST, SECOND = tiny_workspace.NAMES


def test_an_approximation_is_made_in_the_background_and_its_distance_told(monkeypatch, tmp_path):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    app = open_page(monkeypatch, workspace.root, "instruments")
    for name in (FIRST, SECOND):
        app.session_state[f"download.{name}"] = True
    app.run()
    exact, near = (app.button(key=f"make_{kind}.{FIRST}") for kind in ("vst", "vst_near"))
    assert exact.disabled and "train the voice" in exact.help
    assert not near.disabled and "How near is measured" in near.help and "Measured on a" not in said(app)
    app = finished(near.click().run())
    clean(app)
    made = vst_file.NEAR.made().get(caches.stamp(workspace.instruments / f"{FIRST}.zip"))
    contract.check(made)
    assert approximating.said(approximating.measured(made)) in said(app)
    assert not [one.key for one in app.button if one.key == f"make_vst_near.{FIRST}"]
    assert [one.key for one in app.button if one.key == f"make_vst_near.{SECOND}"]
