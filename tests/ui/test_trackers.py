"""How long the trackers take: asked for again until it is measured, and not a moment longer."""

import pytest

from ddsing.ui.shell import trackers, warmup
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said

MEASURED = warmup.Warmup(costs={"full": 0.6, "fast": 0.25, "tiny": 0.08, "instant": 0.03}, over=True)


@pytest.fixture
def asked(monkeypatch):
    """How often each fragment with the times asks to be run again; before the first one runs, `asked.then` is so."""
    fragment = trackers.st.fragment

    class Asked(list):
        then = None

    found = Asked()

    def spy(function=None, *, run_every=None):
        if function is trackers._times:
            found.append(run_every)
            if found.then is not None:
                monkeypatch.setattr(warmup, "_status", found.then)
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(trackers.st, "fragment", spy)
    monkeypatch.setattr(warmup, "_status", warmup.Warmup())
    return found


def opened(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    clean(app)
    return said(app)


def test_a_page_asks_while_the_times_are_measured(monkeypatch, tmp_path, asked):
    assert "Measuring how fast" in opened(monkeypatch, tmp_path) and set(asked) == {trackers.POLL_S}


@pytest.mark.parametrize(("then", "shown"), [(MEASURED, True), (warmup.Warmup(over=True), False)])
def test_a_page_that_asked_stops_once_there_is_nothing_to_wait_for(monkeypatch, tmp_path, asked, then, shown):
    """Whether they were measured or could not be."""
    asked.then = then
    text = opened(monkeypatch, tmp_path)
    assert asked[0] == trackers.POLL_S and asked[-1] is None
    assert "Measuring how fast" not in text and ("Time for this recording: Best" in text) == shown


@pytest.mark.slow
def test_a_measurement_that_fails_is_over(monkeypatch):
    from ddsing.sound import pitch

    monkeypatch.setattr(warmup, "DELAY_S", 0.0)
    monkeypatch.setattr(warmup, "_status", warmup.Warmup())
    monkeypatch.setattr(pitch, "try_elsewhere", lambda: 1 / 0)
    warmup._run()
    assert warmup.status() == warmup.Warmup(over=True)
