"""Every control of a page: finding it, setting it to something else, and folding what holds it."""

import re

from streamlit.runtime.state.common import user_key_from_element_id
from streamlit.testing.v1 import AppTest

from ddsing.ui.shell import trackers

_KINDS = (
    *("number_input", "slider", "select_slider", "selectbox", "multiselect", "text_input", "text_area"),
    *("checkbox", "toggle", "button_group", "radio"),
)
SLOT = re.compile(r"\.[0-9a-f]{6}$")  # of widgets that begin anew under other keys
_POPOVERS = ("take_", "download.", "edit_panel.", "branch_panel", "vs.export", "dataset.replace")
_ONE_SHOT = (
    "set.pick",  # opens a set, and chooses nothing
)  # nor is a file in a picker kept there: what was uploaded or recorded is, and offered as such, until it is used
TYPED = (
    "voice.new",
    "dataset.path",
    "branch.",
    "take_name.",
    "take_note.",
    "edit_",
    "set.",
    "many.path",
    "preset.name",
    "preset.rename",
    "play.preset.name",
    "play.preset.rename",
)  # until sent or cancelled
_NOT_ADDRESSED = (  # what doesn't change what is seen and heard: which panels are open, orders, files to take away
    *("compare.", "session.", "ps.grid", "set.", "sweep.", "vs_image", "morph.more.", "morph.fit."),
)
_WANTED = {  # of controls that don't take just any value
    "transfer.source_kind": "microphone",
    "setting.z_from": "mean",
    "setting.gate_db": -40.0,
    "morph.setting.gate_db": -40.0,
    "blind.kind": "rating",
    "windows.colour": "confidence",
    "vs_colour": "run",
    "ps_measure": "held_out",
    "ls_colour": "loudness",
    "find": "take",
    "instruments.find": "voice",
    "sweep.harmonics": "20, 40",
    "sweep.noise": "10",
}


def controls(app: AppTest) -> dict:
    """The controls that are drawn, by key."""
    found = {}
    for kind in _KINDS:
        for control in app.get(kind):
            assert not control.proto.form_id, (
                f"{control.label!r} is in a form of Streamlit's, which loses what is typed"
            )
            if not control.proto.disabled and control.key not in _ONE_SHOT:
                assert control.key, f"{control.label!r} has no key"
                found[control.key] = control
    return found


def panels(app: AppTest) -> dict[str, bool]:
    """The expanders that run what they hold only while they are open, by key, and which are open."""
    blocks = [block.proto for block in app.get("expander") if block.proto.id]
    return {str(user_key_from_element_id(block.id)): block.expanded for block in blocks}


def drawn_out(app: AppTest) -> AppTest:
    """Open the popovers that draw what they hold only while they are open, and close with their page."""
    keys = [str(user_key_from_element_id(block.proto.id)) for block in app.get("popover") if block.proto.id]
    for key in (closed := [key for key in keys if key.startswith(_POPOVERS) and not app.session_state[key]]):
        app.session_state[key] = True
    return app.run() if closed else app


def standing(app: AppTest) -> dict:
    """All controls as they stand, with which panels are open."""
    found = {SLOT.sub("", key): control.value for key, control in controls(app).items()}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()} | panels(app)


def addressed(found: dict) -> dict:
    """Those of a view's controls that its address has."""
    return {key: value for key, value in found.items() if not key.startswith(_NOT_ADDRESSED)}


def typed(found: dict) -> dict:
    """The fields that a button sends."""
    return {key: value for key, value in found.items() if key.startswith(TYPED)}


def fold(app: AppTest, key: str, *, opened: bool) -> None:
    """Open or fold a panel."""
    app.session_state[key] = opened
    app.run()


def unfold_groups(app: AppTest, prefix: str = "") -> AppTest:
    """Open the folds among a transfer's controls, or those that begin with `prefix`; what they hold is drawn then."""
    for group in ("pitch", "loudness", "timbre"):
        app.session_state[f"{prefix}more.{group}"] = True
    return app.run()


def change(app: AppTest, key: str) -> bool:
    """Set a control to something else; False where it can only be what it is."""
    control = controls(app)[key]
    wanted = _other(key, control)
    if wanted is None:
        return False
    control.set_value(wanted).run()
    return True


def _other(key: str, control):
    value, kind = control.value, control.type
    if key in _WANTED:
        return _WANTED[key]
    if kind in ("checkbox", "toggle"):
        return not value
    if kind in ("text_input", "text_area"):
        return "some words"
    if kind == "number_input":
        step, low = control.proto.step or 1, control.proto.min
        return low if value is None else value + step if value + step <= control.proto.max else value - step
    if kind == "slider":
        return _slid(control)
    if kind == "multiselect":
        unchosen = [option for option in control.options if option not in value]
        return [*value, unchosen[0]] if unchosen else list(value[:-1]) or None
    return _another_option(control)


def _slid(control):
    low, high, step = control.proto.min, control.proto.max, control.proto.step
    if isinstance(control.value, list | tuple):
        first, last = control.value
        return type(first)(first + step), last
    if high <= low:
        return None
    return type(control.value)(control.value + step if control.value + step <= high else control.value - step)


def _another_option(control):
    if control.type == "select_slider":
        now = control.formatted_value if hasattr(control, "formatted_value") else str(control.value)
    else:
        now = control.options[control.index] if hasattr(control, "index") else str(control.value)
    others = [option for option in control.options if option.lower() != now.lower()]  # as it is said, or as it is kept
    if not others:
        return None
    if control.value in trackers.LABELS:
        return next(name for name in trackers.LABELS if name != control.value)
    if isinstance(control.value, int):
        return int(re.sub(r"\D", "", others[0].partition(" (")[0]))
    return others[0]
