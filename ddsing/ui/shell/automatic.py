"""Runs that the browser asks for by itself, of the parts of a page that are drawn anew every few seconds.

Streamlit's page sends the values of all controls with them, as it knows them in that moment. Those can be older than
what a button has set since, and then put it back; and in the moment of a tap they bring that tap, whose own message
comes next, so that the button is pressed twice. Whatever somebody does comes in a message of its own, so that these
need no values at all.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

_request = ScriptRequests.request_rerun


@functools.wraps(_request)
def _without_values(self: ScriptRequests, new_data: RerunData) -> bool:
    return _request(self, replace(new_data, widget_states=None) if new_data.is_auto_rerun else new_data)


def bring_no_values() -> None:
    """See to it that such runs bring no values, from now on and in the whole process."""
    if ScriptRequests.request_rerun is _request:
        ScriptRequests.request_rerun = _without_values  # type: ignore[method-assign]
