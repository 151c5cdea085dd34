"""A dashboard's process in which somebody walks about for a while, watched: what was done, and what of it twice.

    python -m tests.support.walked WORKSPACE

The walk: the first page until the recording is read, again, in a second tab, a transfer, another with the controls
moved, its full output, every other page, and back. Prints a JSON object.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.support.pages import clean, finished, fit_read, open_page
from tests.support.watched import Watch

PAGES = ("play", "datasets", "training", "instruments", "experiments")
VIEWS = ("takes", "matrix", "morph", "latent")


def sing(app) -> None:
    """Press the main button and wait for the take."""
    app.button(key="transfer.start").click().run()
    clean(finished(app))


def walk(patch: pytest.MonkeyPatch, root: Path, instrument: str) -> None:
    """Through the whole dashboard, with a recording that is an example and an instrument that listens to timbre."""
    app = fit_read(open_page(patch, root))
    app.selectbox(key="transfer.instrument").set_value(instrument).run()
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    app.toggle(key="setting.show_full_output").set_value(True).run()
    for _ in range(2):
        clean(app.run())
    sing(app)
    app.slider(key="setting.octave_shift").set_value(1).run()
    sing(app)
    for _ in range(2):
        clean(app.run())
    clean(fit_read(open_page(patch, root)))
    for page in PAGES:
        clean(app.switch_page(f"pages/{page}.py").run())
        if page == "datasets":
            app.session_state["windows.alto"] = True
            for _ in range(2):
                clean(app.run())
    for view in VIEWS:
        clean(app.button_group(key="view").set_value(view).run())
    clean(app.switch_page("pages/timbre_transfer.py").run())


def main() -> None:
    root, instrument = Path(sys.argv[1]), sys.argv[2]
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        from ddsing.ui.shell import warmup

        patch.setattr(warmup, "start", lambda: None)  # which tries all trackers once
        walk(patch, root, instrument)
    print(json.dumps({"done": watch.done(), "twice": watch.twice(), "calls": sorted(map(list, watch.calls))}))


if __name__ == "__main__":
    main()
