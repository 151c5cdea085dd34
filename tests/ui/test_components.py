"""When a component's script ends a call of Streamlit's, and when it must not."""

from pathlib import Path

import pytest

from ddsing.ui.player.players import text_of
from tests.support import in_node
from tests.support.paths import ROOT

UI = ROOT / "ddsing" / "ui"
SCRIPTS = sorted(
    path for path in UI.rglob("*.js") if "export default" in path.read_text("utf-8") and path.parent.name != "vendor"
)
CALLS = "const ended = []; const call = (name) => ending(self, () => ended.push(name)); const self = {};"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("const end = call('first'); end();", ["first"]),
        ("const first = call('first'), second = call('second'); first();", []),
        ("const first = call('first'), second = call('second'); first(); second();", ["second"]),
        ("const first = call('first'); first(); const second = call('second'); second();", ["first", "second"]),
    ],
)
def test_a_call_that_another_overtook_ends_nothing(tmp_path, order, expected):
    assert in_node.told(tmp_path / "node", text_of("calls.js") + CALLS + order + "tell(ended);") == expected


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_component_that_ends_something_asks_whether_it_may(path: Path):
    body = path.read_text("utf-8").partition("export default function")[2]
    assert body.count("\n  return ending(self, () => {\n") == 1 and body.count("\n  return ") == 1
