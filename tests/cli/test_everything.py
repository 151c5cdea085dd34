"""Everything that the pages do, a command does too: what the pages call in the library is also reached from a command.

For functions and classes, along what each refers to. For what a store's methods do, by their names: a method that a
page calls is called by a command, or a function of the library, that refers to the store. What only pages need is named
below, with the reason.
"""

import ast

import pytest

from tests import test_reach
from tests.test_architecture import LIBRARY, PAGES, module_name

SHARED = (  # nobody does anything with them alone; on a command line nobody signs in, and all is done at once
    "ddsing.constants",
    "ddsing.errors",
    "ddsing.units",
    "ddsing.plots",
    "ddsing.hosting",
    "ddsing.work",
)
ONLY_ON_PAGES = {
    "scan.memory_stamp": "tells a page whether what it has drawn is still so",
    "sound.wave.of": "draws a sound's shape under its player",
    "heard.Heard": "how loud a player plays a take, kept between visits",
    "matching.Loudness": "the switcher in place plays takes equally loud",
    "matching.integrated_lufs": "the switcher in place plays takes equally loud",
    "heard.of": "how loud a player plays a take, kept between visits",
    "heard.remember": "how loud a player plays a take, kept between visits",
    "blind.stimulus": "a blind test is answered by listening, on its page",
    "blind.rate_hz": "a blind test is answered by listening, on its page",
    "BlindTests.answer": "a blind test is answered by listening, on its page",
    "matching.common_gain_db": "the switcher in place plays takes equally loud",
    "matching.matched_gains_db": "the switcher in place plays takes equally loud",
    "sound.audio.mime": "tells a browser how to play a recording as it is",
    "sound.window": "hears a point's window in the map; `dataset show` writes it",
    "results.all_names": "folds a sweep's trainings under their voice in a choice",
    "pitch.estimate_seconds": "what a choice of tracker would cost, before it is made",
    "first_reading.FirstReading": "a fit that nobody asked for; `fit` is asked for",
    "results.by_voice": "folds a sweep's trainings under their voice in a choice",
    "results.said": "folds a sweep's trainings under their voice in a choice",
    "pitch.try_elsewhere": "warms the server up",
    "voices.prepared": "which voices a choice offers; a command is told one",
    "voices.usable": "which voices a choice offers; a command is told one",
    "folder.trained_besides": "whether a page has something to offer; a command just does it",
    "hardware.device": "stands in the sidebar; `doctor` asks TensorFlow itself",
    "notebook.notebook_bytes_from_child": "the server may not load TensorFlow; a command may",
    "writing.bytes_from_child": "the server may not load TensorFlow; a command may",
    "approximating.bytes_from_child": "the server may not load TensorFlow; a command may",
    "board_process.start": "`tensorboard` is that process itself",
    "board_process.current": "`tensorboard` is that process itself",
    "board_process.close": "`tensorboard` is that process itself",
    "pitch.quickest": "what a page takes unasked; a command is told with --tracker",
    "played.Played": "what was played on the page's keys",
    "played.render": "what was played on the page's keys",
    "presets.PlayPreset": "how the page's keys are played",
    "presets.PlayPresets": "how the page's keys are played",
    "browser.pack": "an instrument for the browser, in which it is played",
    "first_sound.planned": "something to hear while the page waits for a take",
    "first_sound.read_on": "something to hear while the page waits for a take",
    "first_sound.sing": "something to hear while the page waits for a take",
    "first_sound.heard": "something to hear while the page waits for a take",
    "first_sound.heard_yet": "something to hear while the page waits for a take",
    "first_sound.path": "something to hear while the page waits for a take",
    "first_sound.FirstSound": "something to hear while the page waits for a take",
    "wave.Wave": "something to hear while the page waits for a take",
    "wave.grown": "something to hear while the page waits for a take",
    "first_reading.features_of": "a fit that nobody asked for; `fit` is asked for",
    "top.can": "which voice a page suggests; a command is told, and says what came of it",
    "top.why_not": "why a switch is off; a command that asks for a top is refused with the same sentence",
    "export.n_bytes": "what an export will take of a person's quota; nobody has one at a terminal",
    "hardware.processor": "names a site's devices for its admins; `doctor` asks TensorFlow itself",
    "device.describe": "names a site's devices for its admins; `doctor` asks TensorFlow itself",
    "divergence.gentler": "a button's recipe; a command that diverges names the option --learning-rate",
    "edit.History": "undo and redo in the pitch editor; a command makes all its changes at once",
    "Tokens.accepts": "a program's request is answered by the server; `token` makes what it shows",
    "Settings.timbre": "another thing on the page Play has that name; commands read the setting by its name in `SHOWN`",
    "ScoreEdit.to_text": "saves an edit that was drawn on the page; a command reads it with --edit",
    "Style.disabled": "a slider that does nothing is disabled; a command takes any number",
    "Line.between": "a command does it too, with --start and --end, on a line that it is handed",
    "SetStore.of": "finds the set of the takes that are ticked; a command names the set",
}


def calls(nodes):
    """The names of attributes that some code calls, or passes on."""
    return {each.attr for node in nodes for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def methods(library, place):
    """The public methods of a class; nothing for what is none."""
    nodes = library.modules[place[0]].defined.get(place[1], [])
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    names = [one.name for node in classes for one in node.body if isinstance(one, ast.FunctionDef)]
    return {name for name in names if not name.startswith("_")}


def is_code(library, place):
    nodes = library.modules[place[0]].defined.get(place[1], [])
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in nodes)


def missing(modules, on_page, at_terminal):
    """What pages use and no command reaches: ``module.function``, ``Class.method``."""
    library = test_reach.Library(modules)
    pages = [module for module in modules if on_page(module.name)]
    used = {place for module in pages for name in module.defined for place in library.refers((module.name, name))}
    used = {place for place in used if not on_page(place[0]) and place[1] and not place[0].startswith(SHARED)}
    reached = library.ways([(one.name, name) for one in modules if at_terminal(one.name) for name in one.defined])
    found = {said(place) for place in used if is_code(library, place) and place not in reached}
    on_pages = calls(node for module in pages for nodes in module.defined.values() for node in nodes)
    in_modules = {place[0] for place in reached}
    named = {name: calls(sum(library.modules[name].defined.values(), [])) for name in in_modules}
    in_commands: dict[str, set[str]] = {}  # by module: what modules that refer to it call
    for place in reached:
        for target in library.refers(place):
            in_commands.setdefault(target[0], set()).update(named[place[0]])
    for place in used & set(reached):
        found |= {
            f"{place[1]}.{name}" for name in (methods(library, place) & on_pages) - in_commands.get(place[0], set())
        }
    return found


def said(place):
    return f"{place[0].removeprefix('ddsing.')}.{place[1]}"


def known(name):
    return any(name == one or name.endswith(f".{one}") for one in ONLY_ON_PAGES)


@pytest.mark.slow
def test_what_the_pages_do_a_command_does_too():
    pages = {module_name(path) for path in PAGES}
    modules = test_reach.read([*LIBRARY, *PAGES])
    found = missing(
        modules,
        lambda name: name in pages or name.startswith("ddsing.ui") or name == "ddsing.work.kinds",  # what pages order
        lambda name: name.startswith("ddsing.cli"),
    )
    assert sorted(name for name in found if not known(name)) == []
    assert [one for one in ONLY_ON_PAGES if not any(n == one or n.endswith(f".{one}") for n in found)] == []


STORE = "class Store:\n    def delete(self): pass\n    def _hidden(self): pass\ndef clear(): pass\ndef look(): pass\n"
PAGE = (
    "from ddsing.store import Store, clear\ndef button():\n    clear()\n    Store().delete()\n    Store()._hidden()\n"
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("from ddsing.store import Store, clear\ndef run():\n    clear()\n    Store().delete()\n", set()),
        ("from ddsing.store import Store, clear\ndef run():\n    clear()\n    Store()\n", {"Store.delete"}),
        ("from ddsing.store import Store\ndef run():\n    Store().delete()\n", {"store.clear"}),
        ("from ddsing.store import look\ndef run():\n    look()\n", {"store.clear", "store.Store"}),
        ("from ddsing import between\ndef run():\n    between.both()\n", set()),
    ],
)
def test_the_search_itself(command, expected):
    between = "from ddsing.store import Store, clear\ndef both():\n    clear()\n    Store().delete()\n"
    texts = {"ddsing": "", "ddsing.store": STORE, "ddsing.between": between, "ddsing.ui": "", "ddsing.ui.page": PAGE}
    texts |= {"ddsing.cli": "", "ddsing.cli.command": command}
    modules = [
        test_reach.Module(name, text, name in ("ddsing", "ddsing.ui", "ddsing.cli")) for name, text in texts.items()
    ]
    found = missing(modules, lambda name: name.startswith("ddsing.ui"), lambda name: name.startswith("ddsing.cli"))
    assert found == expected
