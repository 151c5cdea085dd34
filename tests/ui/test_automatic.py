"""What the browser asks for by itself neither presses a button again nor puts back what one has set."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from ddsing.ui.shell import automatic
from tests.support.pages import open_page


@pytest.fixture
def requests():
    automatic.bring_no_values()
    return ScriptRequests()


def states(*, voice=None, pressed=False):
    made = WidgetStates()
    if voice is not None:
        made.widgets.add(id="voice", string_value=voice)
    if pressed:
        made.widgets.add(id="create", trigger_value=True)
    return made


def automatic_run(**known):
    return RerunData(widget_states=states(**known), fragment_id="times", is_auto_rerun=True)


def test_a_tap_that_it_finds_on_its_way_is_left_to_the_tap_s_own_message(requests):
    requests.request_rerun(automatic_run(voice="alto", pressed=True))
    assert requests.on_scriptrunner_ready().rerun_data.widget_states is None


def test_a_tap_that_waits_is_kept_when_it_joins(requests):
    tap = states(voice="alto", pressed=True)
    requests.request_rerun(RerunData(widget_states=tap, fragment_id="form"))
    requests.request_rerun(automatic_run(voice="alto"))
    joined = requests.on_scriptrunner_ready().rerun_data
    assert joined.widget_states == tap
    assert joined.fragment_id_queue == ["form", "times"]


def test_old_values_do_not_come_into_the_run_that_a_button_asks_for(requests):
    requests.request_rerun(automatic_run(voice="alto"))
    requests.request_rerun(RerunData())  # st.rerun(scope="app"), after the button has set the voice
    joined = requests.on_scriptrunner_ready().rerun_data
    assert joined.widget_states is None
    assert joined.fragment_id_queue == []


def test_once_is_enough(requests):
    installed = ScriptRequests.request_rerun
    automatic.bring_no_values()
    assert ScriptRequests.request_rerun is installed


def test_what_somebody_does_still_comes_with_its_values(requests):
    chosen = states(voice="tenor")
    requests.request_rerun(RerunData(widget_states=chosen, fragment_id="form"))
    assert requests.on_scriptrunner_ready().rerun_data.widget_states == chosen


def test_the_dashboard_sees_to_it(monkeypatch, tmp_path):
    monkeypatch.setattr(ScriptRequests, "request_rerun", automatic._request)
    open_page(monkeypatch, tmp_path)
    assert ScriptRequests.request_rerun is automatic._without_values
