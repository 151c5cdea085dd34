"""What one person has, tried by another, in each way that there is: nothing is reached, and no sentence tells of it.

Ann has one of each kind of thing. Bob tries every id, name and path of it, on the pages and at a terminal, and gets
word for word what he gets for something that nobody has. The addresses of a running server are in `test_links`.

At a terminal, arguments that are files (a recording to add, a zip to import) name any file of the account that runs the
command, as those of every program do: they are tried by names and not by paths.
"""

import argparse
import contextlib
import io
import itertools
import re

import pytest

from ddsing import cli
from ddsing.dataset import voices
from ddsing.errors import DdsingError
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.instrument.library import Library
from ddsing.transfer.presets import Presets
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support import one_of_each
from tests.support.one_of_each import asked, by_path, content

pytestmark = pytest.mark.slow

EXAMPLE = "greensleeves-whistle.flac"  # everybody's
COMMANDS = {  # what is tried in the place of {}, and the kinds of things that go there; {out} is a file to write
    "blind create abx {} {}": "take",
    "blind show {}": "test",
    "blind stop {}": "test",
    "blind delete {}": "test",
    "blind restore {}": "deleted test",
    "checkpoint list {}": "voice",
    "checkpoint preview {} --out {out}": "voice",
    "checkpoint branch {} --step 1 --label x": "voice",
    "compare takes {} {}": "take",
    "compare session {} --out {out}": "take",
    "compare methods {} {}": "take",
    "compare matrix --instruments {} --recordings greensleeves-whistle.flac": "instrument",
    "compare matrix --instruments cello --recordings {}": "example",
    "compare listening {}": "test",
    "compare losses {}": "voice",
    "compare parameters {}": "voice",
    "dataset list {}": "voice",
    "dataset report {}": "voice",
    "dataset prepare {}": "voice",
    "dataset show {} --window 0 --out {out}": "voice",
    "dataset exclude {} 0": "voice",
    "dataset include {} 0": "voice",
    "dataset remove {} x.wav": "voice",
    "dataset remove Mira {}": "recording",
    "dataset restore {} x.wav": "voice",
    "dataset restore Mira {}": "deleted recording",
    "fit {}": "example",
    "fit {own} --instrument {}": "instrument",
    "features {} --out {out}": "example",
    "instrument inspect {}": "instrument name",
    "instrument audition {} --out {out}": "instrument",
    "instrument make {}": "voice",
    "instrument top {} --remove": "instrument",
    "instrument top aria --voice {}": "voice",
    "instrument export {} --out {out}": "instrument",
    "instrument rename {} Mine": "instrument",
    "instrument edit {} --notes mine": "instrument",
    "instrument repair {}": "instrument",
    "instrument delete {}": "instrument",
    "instrument restore {}": "deleted instrument",
    "jobs show {}": "job",
    "jobs stop {}": "job",
    "jobs stop {} --force": "job",
    "jobs resume {}": "job",
    "jobs delete {}": "job",
    "jobs restore {}": "deleted job",
    "latent points {}": "instrument",
    "latent points aria --voice {}": "voice",
    "latent render {} --out {out}": "instrument",
    "latent keep {}": "instrument",
    "preset show {}": "preset",
    "preset save Mine --preset {}": "preset",
    "preset save Mine --like {}": "take",
    "preset rename {} Mine": "preset",
    "preset delete {}": "preset",
    "preset restore {}": "deleted preset",
    "preset default {}": "instrument",
    "preset default aria {}": "preset",
    "preset export {} --out {out}": "preset",
    "resynthesise {} --out {out}": "voice",
    "sets create Mine {} {}": "take",
    "sets show {}": "set",
    "sets edit {} --title Mine": "set",
    "sets export {} --out {out}": "set",
    "sets delete {}": "set",
    "sets restore {}": "deleted set",
    "sweep {} --harmonics 10 --noise-bands 5 --steps 1": "voice",
    "sing {} --instrument cello --curves c.csv": "take",
    "sing {own} --curves c.csv --like {}": "take",
    "sing {own} --instrument {} --curves c.csv": "instrument",
    "takes show {}": "take",
    "takes rename {} mine": "take",
    "takes edit {} --note mine": "take",
    "takes export {} --out {out}": "take",
    "takes delete {}": "take",
    "takes restore {}": "deleted take",
    "tensorboard {}": "voice",
    "train {} --steps 1": "voice",
    "token revoke {}": "token",
    "transfer {own} --instrument {}": "instrument",
    "transfer {own} --like {}": "take",
    "transfer {own} --instrument aria --morph cello {}": "instrument",
    "transfer {own} --instrument aria --preset {} --out {out}": "preset",
}
_TURNED = str.maketrans("abcdefghijklmnopqrstuvwxyz0123456789", "nopqrstuvwxyzabcdefghijklm9876543210")
OWN_NOTES = (".cache", "experiments/matrix")  # what a command computes, or notes that it could not render
NOBODY_S = {  # name nothing of a workspace, or make something new
    "dataset add",
    "dataset create",
    "house publish",
    "house withdraw",
    "instrument import",
    "preset import",
    "token make",
    "users block",
    "users export",
    "users first",  # a job of anybody's, for admins only
    "users import",
    "users unblock",
}


@pytest.fixture(scope="module")
def places(tiny_models, shared, tmp_path_factory):
    """Ann's workspace and Bob's, side by side as below a root; Bob has what everybody gets."""
    root = tmp_path_factory.mktemp("people")
    return one_of_each.make(root / "ann", shared), open_workspace(root / "bob")


MOST = 6  # of a kind, for each command


def wanted(places, kind):
    """What Bob asks for of a kind, some of all forms; of names also by path, unless the argument is a file."""
    ann, bob = places
    found = asked(ann)
    names = found["instrument" if kind == "instrument name" else kind]
    if kind in ("voice", "instrument", "take", "set", "test", "job"):
        paths = by_path(ann, names, bob)
        return names[: MOST // 2] + paths[:: max(1, len(paths) // (MOST // 2))][: MOST // 2]
    return names[:: max(1, len(names) // MOST)][:MOST]


def nobody_s(name: str) -> str:
    """Of the same form, and nobody's: letters and digits of the last part are others."""
    folder, _, last = name.rpartition("/")
    turned = last.translate(_TURNED)
    return f"{folder}/{turned}" if folder else turned


def without(answer: str, name: str) -> str:
    """What was said, but for the name, which may be said in part."""
    for n in sorted({len(name), *range(40, len(name), 20)}, reverse=True):
        answer = answer.replace(repr(name[:n])[1:-1], "…").replace(name[:n], "…")
    return answer


def at_terminal(bob, words) -> str:
    """What a command says in Bob's workspace."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            status = cli.main([*words, "--workspace", str(bob.root)])
        except SystemExit as ended:
            status = ended.code
    return f"{status} {said.getvalue()}"


def test_by_command_nothing_is_reached_and_no_sentence_tells_of_it(places, tmp_path):
    ann, bob = places
    names = {kind: wanted(places, kind) for kind in COMMANDS.values()}  # Ann's own look, before the others'
    before = content(ann.root), content(bob.root, but=OWN_NOTES)
    own, tried, reached = str(bob.examples / EXAMPLE), 0, []
    out = tmp_path / "out.x"
    for command, kind in COMMANDS.items():
        for name in names[kind]:
            answers = []
            for asked_for in (name, nobody_s(name)):
                words = [{"{}": asked_for, "{out}": str(out), "{own}": own}.get(word, word) for word in command.split()]
                answer = at_terminal(bob, words)
                answers.append(without(answer, asked_for))
            done = answers[0].startswith("0") and "Rendered 0 of 1 cells" not in answers[0]
            if answers[0] != answers[1] or done or out.exists():
                reached.append((command, name, answers))
            tried += 1
    assert reached == [] and tried >= 200
    print(f"{tried} tried by command, 0 reached")
    for then, now in zip(before, (content(ann.root), content(bob.root, but=OWN_NOTES)), strict=True):
        assert {path: now.get(path) for path in {*then, *now} if now.get(path) != then.get(path)} == {}


def commands_that_name_something():
    """All commands with an argument that is a name, from the parser itself."""

    def leaves(parser, words=()):
        families = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not families:
            yield " ".join(words), parser
        for family in families:
            for name, child in family.choices.items():
                yield from leaves(child, (*words, name))

    for words, parser in leaves(cli.build_parser()):
        if any(not action.option_strings for action in parser._actions):
            yield words


def test_no_command_is_left_out():
    missing = {
        one for one in commands_that_name_something() if not any(tried.startswith(f"{one} ") for tried in COMMANDS)
    }
    assert missing == NOBODY_S


def test_what_was_deleted_is_restored_by_nobody_else(places):
    """What a page keeps of a deletion, so that it can be undone, is worth nothing in another workspace."""
    ann, bob = places
    before = content(ann.root), content(bob.root, but=(".cache",))
    mira = voices.get(bob, "Mira")
    stores = {
        "deleted take": TakeStore(bob).undo,
        "deleted set": SetStore(bob).undo,
        "deleted test": BlindTests(bob).undo,
        "deleted instrument": Library(bob).undo,
        "deleted preset": Presets(bob).undo,
        "deleted recording": lambda token: voices.restore(mira, token),
    }
    tried = 0
    for kind, undo in stores.items():
        tokens = [token for token in asked(ann)[kind] if "/" in token]
        roots = {str(ann.root), f"../{ann.root.name}", f"{bob.root}/../{ann.root.name}", f"{bob.experiments}/../../ann"}
        for token, place in itertools.product(tokens, roots):
            with pytest.raises((DdsingError, OSError)) as refused:
                undo(token.replace(str(ann.root), place))
            assert "Anns" not in str(refused.value)
            tried += 1
    assert tried >= 20
    assert (content(ann.root), content(bob.root, but=(".cache",))) == before


def test_nobody_s_names_are_nobody_s():
    assert nobody_s("20261126-120000-ab12") == "79738873-879999-no87" and nobody_s("a/b c") == "a/o p"
    assert not re.search("[a-z]", nobody_s("A 1"))
