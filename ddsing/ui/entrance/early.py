"""What the server does before anybody looks: it imports what the first page needs, while the browser starts.

A browser reads Streamlit's own scripts first, for about a second, in which the server would wait.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import logging
import sys
import threading
from collections.abc import AsyncIterator

from ddsing.resources import resource
from ddsing.ui.entrance import connections

SCRIPTS = ("app.py", "pages/timbre_transfer.py")
# What these import only when they run.
LATER = (
    "PIL.PngImagePlugin",  # the page's icon
    "ddsing.instrument.library",
    "ddsing.jobs.store",
    "ddsing.transfer.first_reading",
    "ddsing.transfer.presets",
    "ddsing.transfer.titles",
    "ddsing.ui.shell.seen_takes",
    "ddsing.transfer.first_sound",
    "streamlit.material_icon_names",
)
_ready = threading.Event()
_ready.set()
_SWITCH_S = 0.0005  # a tenth of Python's own: the server's other threads bring the browser its scripts meanwhile


@contextlib.asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict]:
    """For the server: begin as soon as it is there."""
    _pages_by_the_app()
    connections.send_at_once()
    _ready.clear()
    threading.Thread(target=prepare, name="early", daemon=True).start()
    yield {}


def _pages_by_the_app() -> None:
    """Say that every page is run by ``app.py``, which Streamlit would learn from the first run only.

    Until then it takes the folder ``pages`` for its older kind of app, and runs a page that is opened by its own
    address alone: without `wait`, beside our imports. Of two first runs at once, one learnt in its middle what the
    other had said, and went on without all that ``app.py`` does before a page.
    """
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False


def wait() -> None:
    """Until that is done, so that no two threads import the same modules; for the beginning of a page's run."""
    _ready.wait()


def prepare() -> None:
    """Import what the first page needs; what goes wrong there is said by the page itself."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        _look_not()
        for name in needed():
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(name)
    except Exception:
        logging.getLogger("ddsing").exception("The first page can't be prepared")
    finally:
        sys.setswitchinterval(before_s)
        _ready.set()


def needed() -> list[str]:
    """The modules that the first page imports, in its order, and those that it imports later."""
    found = []
    for script in SCRIPTS:
        for node in ast.walk(ast.parse(resource(script).read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [
                    f"{node.module}.{alias.name}" for alias in node.names if str(node.module).startswith("ddsing")
                ]
    return [*dict.fromkeys(found), *LATER]


def _look_not() -> None:
    """Streamlit asks once whether it runs in an interpreter's prompt, and reads the sources of all that runs for it."""
    from streamlit import delta_generator

    delta_generator._use_warning_has_been_displayed = True
