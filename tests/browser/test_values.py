"""What lasts in a real browser: values over a reload, a second tab and a restart; work over a reload; what is shown."""

import pytest

from ddsing.dataset import prepare, voices
from ddsing.sound.audio import encode
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.dashboard import Server, settled

pytestmark = pytest.mark.browser

STEPS = "Steps"


@pytest.fixture
def workspace(tmp_path):
    """A voice that is prepared, and an example whose analysis takes its time."""
    made = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    voice = voices.get(made, "alto")
    (voice.folder / "long.wav").write_bytes(encode(tiny_workspace.sung(9.0)))
    prepare.prepare(voice, tracker="tiny")
    (made.examples / "zz long.wav").write_bytes(encode(tiny_workspace.sung(60.0)))
    return made


def number(tab, label):
    return tab.get_by_role("spinbutton", name=label, exact=True)


def fill(tab, label, value):
    number(tab, label).fill(str(value))
    number(tab, label).press("Enter")
    settled(tab)


def shows(tab, label, value):
    """Wait until a control shows a value, which a page that is being loaded may take a moment to."""
    tab.wait_for_function("([box, value]) => box.value === value", arg=[number(tab, label).element_handle(), value])
    settled(tab)
    assert number(tab, label).input_value() == value


def visit(tab, server, page):
    tab.goto(f"{server.url}/{page}")
    tab.get_by_role("heading", level=1).wait_for()
    settled(tab)


def test_values_outlast_a_reload_a_second_tab_and_a_restart(dashboard, workspace):
    tab, server = dashboard(workspace, "training")
    fill(tab, STEPS, 2345)
    tab.get_by_text("Advanced", exact=True).click()
    fill(tab, "Harmonics", 77)
    tab.get_by_text("Advanced", exact=True).click()
    settled(tab)
    tab.get_by_role("link", name="Datasets").first.click()
    tab.get_by_role("heading", name="Datasets", level=1).wait_for()
    settled(tab)
    tab.get_by_role("link", name="Training").first.click()
    tab.get_by_role("heading", name="Training", level=1).wait_for()
    settled(tab)
    shows(tab, STEPS, "2345")
    tab.reload()
    number(tab, STEPS).wait_for()
    settled(tab)
    shows(tab, STEPS, "2345")

    second = tab.context.new_page()
    visit(second, server, "training")
    shows(second, STEPS, "2345")
    fill(second, STEPS, 1234)
    fill(tab, "Steps", 2346)  # and not what the other tab has set
    shows(second, STEPS, "1234")

    server.stop()
    again = Server(workspace.root)
    again.wait()
    try:
        visit(second, again, "training")
        shows(second, STEPS, "2346")  # a new tab begins with what was set last
        second.get_by_text("Advanced", exact=True).click()
        shows(second, "Harmonics", "77")
    finally:
        again.stop()


def test_a_transfer_is_found_again_after_a_reload_and_can_be_cancelled(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    tab.get_by_role("combobox", name="Example").click()
    tab.get_by_role("option", name="zz long.wav").click()
    settled(tab)
    tab.get_by_role("button", name="Transfer timbre").click()
    cancel = tab.get_by_role("button", name="Cancel")
    cancel.wait_for()
    tab.reload()
    cancel.wait_for()
    assert (
        "zz long.wav" in tab.get_by_role("combobox", name="Example").input_value()
        or tab.get_by_text("zz long.wav").first.is_visible()
    )
    assert tab.get_by_role("button", name="Transfer timbre").count() == 0, "the bar is in its place"
    second = tab.context.new_page()
    second.goto(tab.url)
    second.get_by_role("button", name="Cancel").wait_for()
    cancel.click()
    cancel.wait_for(state="detached")
    assert not TakeStore(workspace).list()


def test_what_a_part_of_the_page_changes_the_others_show_at_once(dashboard, workspace):
    tab, _ = dashboard(workspace, "datasets")
    tab.get_by_text("The dataset is up to date").wait_for()
    tab.get_by_text("Browse the windows").click()
    tab.get_by_role("button", name="Exclude", exact=True).click()
    tab.get_by_text("excluded windows have changed").wait_for()
    assert not tab.get_by_text("The dataset is up to date").is_visible()


def says(tab, **wanted):
    """Wait until the address says these values."""
    tab.wait_for_function(
        "(wanted) => { const said = new URLSearchParams(location.search); "
        "return Object.entries(wanted).every(([name, value]) => said.get(name) === value) }",
        arg=wanted,
    )
    settled(tab)


def choose(tab, name):
    tab.get_by_role("radio", name=name, exact=True).click()
    settled(tab)


def test_the_address_says_what_is_shown_and_going_back_leads_from_view_to_view(dashboard, workspace):
    tab, _ = dashboard(workspace, "datasets")
    tab.get_by_role("link", name="Experiments").first.click()
    says(tab, view="takes")
    choose(tab, "Voice matrix")
    says(tab, view="matrix", tracker=None)
    choose(tab, "Quicker")
    choose(tab, "Best")
    says(tab, view="matrix", tracker="full")
    choose(tab, "Morph")
    tab.get_by_text("Loudness statistics", exact=True).click()
    says(tab, view="morph", statistics="true", tracker=None)
    tab.reload()
    says(tab, view="morph", statistics="true")
    choose(tab, "Voice matrix")
    says(tab, view="matrix", tracker="full", statistics=None)  # as it was left, though the other was loaded again
    tab.reload()
    says(tab, view="matrix", tracker="full")

    tab.get_by_role("link", name="Datasets").first.click()
    tab.get_by_role("heading", name="Datasets", level=1).wait_for()
    settled(tab)
    tab.get_by_role("link", name="Experiments").first.click()
    says(tab, view="matrix", tracker="full")
    choose(tab, "Morph")
    says(tab, view="morph", statistics="true")
    tab.go_back()
    says(tab, view="matrix", tracker="full")
    tab.go_back()
    tab.get_by_role("heading", name="Datasets", level=1).wait_for()
    tab.go_forward()
    says(tab, view="matrix", tracker="full")
    assert tab.get_by_role("radio", name="Best", exact=True).is_checked()

    second = tab.context.new_page()
    second.goto(tab.url.partition("?")[0])
    says(second, view="matrix", tracker="full")  # as it was left
    second.goto(tab.url.partition("?")[0] + "?view=matrix")
    says(second, view="matrix", tracker=None)  # a link that leaves it out means the default
    assert second.get_by_role("radio", name="Draft", exact=True).is_checked()
    choose(second, "Morph")
    says(second, view="morph", statistics="true")  # and speaks for no other view


def test_what_was_typed_outlasts_a_reload_and_is_sent_by_the_enter_key(dashboard, workspace):
    tab, _ = dashboard(workspace, "datasets")
    tab.get_by_role("button", name="New voice").click()
    field = tab.get_by_role("textbox", name="Name of the voice")
    field.press_sequentially("Tenor")
    tab.wait_for_timeout(1000)  # and not left, nor sent
    settled(tab)
    tab.reload()
    tab.get_by_role("button", name="New voice").click()
    field.wait_for()
    assert field.input_value() == "Tenor"
    tab.get_by_role("button", name="Cancel").click()
    settled(tab)
    tab.get_by_role("button", name="New voice").click()
    field.wait_for()
    assert field.input_value() == ""
    field.press_sequentially("Bass")
    field.press("Enter")
    tab.wait_for_function("() => !document.querySelector('[data-testid=\"stPopoverBody\"]')")
    settled(tab)
    assert (workspace.audio / "Bass").is_dir() and not (workspace.audio / "Tenor").exists()
    assert voices.list_voices(workspace)
    tab.get_by_text("Add recordings", exact=True).wait_for()
    path = tab.get_by_role("textbox", name="Or a file or folder on this computer")
    path.fill("nowhere")
    path.press("Enter")
    tab.get_by_text("No file or folder").wait_for()
    settled(tab)  # while what stands above it comes, it is there twice
    assert path.input_value() == "nowhere", "it stays, to be mended"


def test_what_is_pressed_in_the_moment_a_field_is_left_is_done_and_shown(dashboard, workspace):
    """The field tells the page what was typed when it is left; a click at once comes in the same message."""
    tab, _ = dashboard(workspace, "datasets")
    windows, exclude = tab.get_by_text("Browse the windows"), tab.get_by_role("button", name="Exclude", exact=True)
    windows.wait_for()
    tab.get_by_text("Add recordings", exact=True).click()
    path = tab.get_by_role("textbox", name="Or a file or folder on this computer")
    settled(tab)
    path.fill("/somewhere")
    windows.click()
    exclude.wait_for()
    assert path.input_value() == "/somewhere"
    tab.get_by_role("button", name="New voice").click()
    name = tab.get_by_role("textbox", name="Name of the voice")
    name.wait_for()
    settled(tab)
    name.fill("Tenor")
    tab.get_by_role("button", name="Create", exact=True).click()
    name.wait_for(state="hidden")
    exclude.wait_for(state="hidden")
    assert (workspace.audio / "Tenor").is_dir()
