"""What the browser or the page asks for by itself neither presses a button again nor puts back what one has set."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest

from ddsing.ui.shell import automatic
from tests.support.pages import open_page


@pytest.fixture
def requests():
    automatic.leave_controls_alone()
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
    automatic.leave_controls_alone()
    assert ScriptRequests.request_rerun is installed


def test_what_somebody_does_still_comes_with_its_values(requests):
    chosen = states(voice="tenor")
    requests.request_rerun(RerunData(widget_states=chosen, fragment_id="form"))
    assert requests.on_scriptrunner_ready().rerun_data.widget_states == chosen


def test_the_dashboard_sees_to_it(monkeypatch, tmp_path):
    monkeypatch.setattr(ScriptRequests, "request_rerun", automatic._request)
    open_page(monkeypatch, tmp_path)
    assert ScriptRequests.request_rerun is automatic._without_values


# What the browser is told


def chooser():
    """A page with a choice that code begins; asked for it, the page runs once more by itself."""
    import streamlit as st
    from streamlit.proto.WidgetStates_pb2 import WidgetStates
    from streamlit.runtime.scriptrunner import get_script_run_ctx
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

    wanted, context = st.session_state, get_script_run_ctx()
    wanted.setdefault("voice", "tenor")
    if sets := wanted.pop("sets", ""):
        wanted["voice"] = sets
    if not wanted.pop("hides", False):
        st.segmented_control("Voice", ["alto", "tenor", "bass"], key="voice", persist_state="session")
    for has in wanted.pop("browser", []):  # it asks for a part of the page and says, as always, what it has
        states = WidgetStates()
        states.widgets.add(
            id=context.session_state._state.get_widget_id_from_key("voice")
        ).string_array_value.data.append(has)
        context.script_requests.request_rerun(RerunData(widget_states=states, fragment_id="times", is_auto_rerun=True))
    if then := wanted.pop("then", {}):
        for name, value in then.items():
            wanted[name] = value
        st.rerun()


@pytest.fixture
def page():
    automatic.leave_controls_alone()
    return AppTest.from_function(chooser)


def told(page, **known):
    """What the browser was told last of the choice's value, if anything."""
    for name, value in known.items():
        page.session_state[name] = value
    (found,) = page.run().get("button_group")
    return list(found.proto.raw_values) if found.proto.set_value else None


def test_what_code_has_set_is_told(page):
    assert told(page) == ["tenor"]


def test_until_the_browser_has_it(page):
    assert told(page, then={"again": True}) == ["tenor"]


def test_what_it_has_is_not_told_again(page):
    assert told(page, browser=["tenor"], then={"again": True}) is None


def test_nor_is_it_while_somebody_moves_the_control(page):
    assert told(page, browser=["tenor", "alto"], then={"again": True}) is None


def test_nor_after_what_it_sent_before_it_was_told(page):
    assert told(page, browser=["bass"], then={"again": True}) == ["tenor"]


def test_what_code_sets_then_is_told(page):
    assert told(page, browser=["tenor"], then={"sets": "bass"}) == ["bass"]


def test_a_control_that_was_hidden_is_told_again(page):
    assert told(page) == ["tenor"]
    page.session_state["hides"] = True
    assert not page.run().get("button_group")
    assert told(page) == ["tenor"]
