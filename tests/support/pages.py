"""Driving the dashboard without a browser, for the tests of its pages."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until


def open_page(monkeypatch, root: Path, page: str = "timbre_transfer", **address: str | list[str]) -> AppTest:
    """The dashboard on the workspace at `root`, at one of its pages, by a link that says so much."""
    monkeypatch.setenv("DDSING_WORKSPACE", str(root))
    # its thread would ask for the workspace once another test has set another one
    monkeypatch.setattr("ddsing.ui.transfer.at_hand.CHOSEN_S", 86_400.0)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S).run()
    for name, value in address.items():
        app.query_params[name] = value
    if page != "timbre_transfer":
        app.switch_page(f"pages/{page}.py").run()
    return app


def clean(app: AppTest) -> None:
    """Neither an exception nor an error message is on the page."""
    assert not app.exception
    assert [error.value for error in app.error] == []


def finished(app: AppTest) -> AppTest:
    """Wait for the tab's work in the background."""
    until(lambda: "work.current" not in app.session_state, again=app.run, told=lambda: said(app))
    return app


def fit_read(app: AppTest, told: str = "of the singing is inside") -> AppTest:
    """Wait for the fit of the chosen recording, without any press."""
    until(
        lambda: told in said(app) and "the rest of the recording follows" not in said(app),
        again=app.run,
        told=lambda: said(app),
    )
    clean(app)
    return app


def transfer(app: AppTest, *, tracker: str = "tiny") -> AppTest:
    """Press the main button and wait for the take."""
    app.get_by_key("transfer.tracker").set_value(tracker).run()
    app.button(key="transfer.start").click().run()
    clean(finished(app))
    return app


def take_id(app: AppTest) -> str:
    """The newest take's."""
    return next(button.key for button in app.button if str(button.key).startswith("take_use.")).split(".", 1)[1]


def said(app: AppTest) -> str:
    """All running text of the page; a space that does not break is one."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "toast")
    return " ".join(str(element.value) for kind in kinds for element in app.get(kind)).replace("\u00a0", " ")
