"""What the browser reads ahead: Streamlit's scripts that draw figures and tables, before the first of them is shown.

Evaluating Plotly takes longer than drawing a page. So the browser does it once a page stands still, while nobody
presses or types, nothing plays and no instrument is under the fingers; Streamlit asks for the same scripts later, and
finds them read.
"""

from __future__ import annotations

import json
from pathlib import Path

from streamlit import file_util

NAMES = ("PlotlyChart", "DataFrame")  # which of Streamlit's parts of a page, the larger one first
_AHEAD_JS = """  // scripts that are needed later, one after the other
if (!window.ddsingAhead) {
  const ahead = (window.ddsingAhead = SCRIPTS)
  const own = document.querySelector('script[type="module"][src*="/static/js/"]')
  let used = performance.now()  // when the page was used or drawn last
  const use = () => (used = performance.now())
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"])
    document.addEventListener(kind, use, { capture: true, passive: true })
  const look = () => {
    if (!ahead.length) clearInterval(looking)
    if (document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== "notRunning") use()
    const elsewhere = location.pathname.endsWith("/play") || navigator.connection?.saveData
    if (!ahead.length || elsewhere || performance.now() - used < 2000 || window.ddsingPlayers?.sounds(null)) return
    idle(() => import(new URL(ahead.shift(), own.src).href).catch(() => {}))
  }
  const idle = window.requestIdleCallback ?? setTimeout
  const looking = own && setInterval(look, 1000)
}
"""


def ahead_js() -> str:
    """The statements for the browser; none for what this Streamlit has not."""
    folder = Path(file_util.get_static_dir()) / "static" / "js"
    found = [path.name for name in NAMES for path in sorted(folder.glob(f"{name}.*.js"))]
    return _AHEAD_JS.replace("SCRIPTS", json.dumps(found))
