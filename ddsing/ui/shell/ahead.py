"""What the browser does ahead: it starts its sound, and reads Streamlit's scripts that draw bars, figures and tables.

Evaluating Plotly takes longer than drawing a page, and starting the sound half as long as a transfer takes to be heard.
So the browser does it once a page stands still, while nobody presses or types, nothing plays and no instrument is under
the fingers; Streamlit asks for the same scripts later, and finds them read. Looking for sound devices starts the sound
beside the page; whoever makes a browser's first player waits for it. None plays before somebody has pressed or typed.
"""

from __future__ import annotations

import json
from pathlib import Path

from streamlit import file_util

NAMES = ("Progress", "PlotlyChart", "DataFrame")  # which of Streamlit's parts of a page: what may be needed first
_AHEAD_JS = """  // what is needed later, one after the other
if (!window.ddsingAhead) {
  const ahead = (window.ddsingAhead = SCRIPTS)
  const own = document.querySelector('script[type="module"][src*="/static/js/"]')
  let used = performance.now()  // when the page was used or drawn last
  let silent = true, asleep = true
  const use = () => (used = performance.now())
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"])
    document.addEventListener(kind, use, { capture: true, passive: true })
  const look = () => {
    if (!ahead.length && !asleep) clearInterval(looking)
    if (document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== "notRunning") use()
    const still = performance.now() - used
    if (silent && still > 500) {
      silent = false
      navigator.mediaDevices?.enumerateDevices().catch(() => {})
    }
    if (location.pathname.endsWith("/play") || window.ddsingPlayers?.sounds(null)) return
    if (asleep && still > 500 && navigator.userActivation?.hasBeenActive) {
      asleep = !window.ddsingPlayers
      idle(() => window.ddsingPlayers?.wake())
    } else if (ahead.length && still > 2000 && own && !navigator.connection?.saveData)
      idle(() => import(new URL(ahead.shift(), own.src).href).catch(() => {}))
  }
  const idle = window.requestIdleCallback ?? setTimeout
  const looking = setInterval(look, 250)
}
"""


def ahead_js() -> str:
    """The statements for the browser; none for what this Streamlit has not."""
    folder = Path(file_util.get_static_dir()) / "static" / "js"
    found = [path.name for name in NAMES for path in sorted(folder.glob(f"{name}.*.js"))]
    return _AHEAD_JS.replace("SCRIPTS", json.dumps(found))
