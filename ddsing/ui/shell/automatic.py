"""Runs of a page that nobody's hand asked for: what they leave alone.

The browser asks for some by itself, for the parts of a page that are drawn anew every few seconds, and sends the values
of all controls with them, as it knows them in that moment. Those can be older than what a button has set since, and
then put it back; and in the moment of a tap they bring that tap, whose own message comes next, so that the button is
pressed twice. Whatever somebody does comes in a message of its own, so that these need no values at all.

The page itself asks for others (``st.rerun``). In them Streamlit tells the browser the value of each control that code
has set or that outlasts its widget, although the browser has it already. Somebody who has just moved such a control
sees it put back, and the browser sends the old value from then on. So a value that the browser has is not told again.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.state.session_state import SessionState, WStates, _is_stale_widget

if TYPE_CHECKING:
    from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
    from streamlit.runtime.state.common import RegisterWidgetResult, WidgetMetadata

_SENT = "ddsing_sent"  # where a tab's requests keep what its browser has sent and no run has looked at
_BROWSER = "automatic.browser"  # where a tab's state keeps what its browser has
_request = ScriptRequests.request_rerun
_register = SessionState.register_widget
_finished = SessionState.on_script_finished


@dataclass
class _Browser:
    """What is known of the controls in a tab's browser, by their ids.

    Attributes
    ----------
    has : dict
        Values that the browser has, or had until somebody moved the control.
    told : dict
        Values that it was told and has not sent back yet, and the same as it sends them.
    """

    has: dict[str, Any] = field(default_factory=dict)
    told: dict[str, tuple[Any, WidgetState | None]] = field(default_factory=dict)

    def hear(self, sent: WidgetStates) -> None:
        """Take up what it sends."""
        for state in sent.widgets if self.told else ():
            value, told = self.told.get(state.id, (None, None))
            if told == state:
                self.has[state.id] = value
                del self.told[state.id]


def leave_controls_alone() -> None:
    """See to it that such runs bring no values and put none back, from now on and in the whole process."""
    if ScriptRequests.request_rerun is _request:
        ScriptRequests.request_rerun = _without_values  # type: ignore[method-assign]
        SessionState.register_widget = _told_once  # type: ignore[method-assign]
        SessionState.on_script_finished = _of_what_is_shown  # type: ignore[method-assign]


@functools.wraps(_request)
def _without_values(self: ScriptRequests, new_data: RerunData) -> bool:
    if new_data.widget_states is not None:
        vars(self).setdefault(_SENT, deque()).append(new_data.widget_states)
    return _request(self, replace(new_data, widget_states=None) if new_data.is_auto_rerun else new_data)


@functools.wraps(_register)
def _told_once(self: SessionState, metadata: WidgetMetadata[Any], user_key: str | None) -> RegisterWidgetResult[Any]:
    found, browser, control = _register(self, metadata, user_key), _browser(self), metadata.id
    if not found.value_changed:
        browser.has[control] = found.value
    elif control in browser.has and browser.has[control] == found.value:
        return replace(found, value_changed=False)
    else:
        browser.has.pop(control, None)
        browser.told[control] = found.value, _state(found.value, metadata)
    return found


@functools.wraps(_finished)
def _of_what_is_shown(
    self: SessionState, widget_ids_this_run: frozenset[str], *, remove_stale_widgets: bool = True
) -> None:
    _finished(self, widget_ids_this_run, remove_stale_widgets=remove_stale_widgets)
    browser, context = _browser(self), get_script_run_ctx()
    if context is None or not remove_stale_widgets:
        return
    for control in {*browser.has, *browser.told}:
        metadata = self._new_widget_state.widget_metadata.get(control)
        if _is_stale_widget(metadata, widget_ids_this_run, context.fragment_ids_this_run):
            browser.has.pop(control, None)  # the browser forgets what is not shown, and is told again when it is
            browser.told.pop(control, None)


def _browser(state: SessionState) -> _Browser:
    """What a tab's browser has by all that it has sent until now."""
    browser: _Browser = state._old_state.setdefault(_BROWSER, _Browser())
    requests = getattr(get_script_run_ctx(), "script_requests", None)
    sent = getattr(requests, _SENT, None)
    while sent:
        browser.hear(sent.popleft())
    return browser


def _state(value: Any, metadata: WidgetMetadata[Any]) -> WidgetState | None:
    """A control's value as the browser sends it."""
    states = WStates()
    states.set_from_value(metadata.id, value)
    states.set_widget_metadata(metadata)
    return states.get_serialized(metadata.id)
