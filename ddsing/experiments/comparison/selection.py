"""Finding takes for a comparison: among the workspace's takes and the cells of its voice matrix."""

from collections.abc import Sequence

from ddsing import names
from ddsing.errors import DdsingError, TakeError
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace

MATRIX = "matrix"  # folder of the cells, beside the takes


def cells(workspace: Workspace) -> TakeStore:
    """The cells of the voice matrix: takes of their own, which the list of takes does not show."""
    return TakeStore(workspace, workspace.experiments / MATRIX)


def find(workspace: Workspace, take_id: str) -> Take:
    """The take, or the cell, with an id."""
    try:
        return TakeStore(workspace).get(take_id)
    except DdsingError:
        try:
            return cells(workspace).get(take_id)
        except DdsingError:
            raise TakeError(f"No take {take_id[:120]!r}; it may have been deleted.") from None


def store_of(workspace: Workspace, take: Take) -> TakeStore:
    """Where a take is kept: among the takes, or among the cells."""
    return TakeStore(workspace, take.folder.parent)


def found(workspace: Workspace, ids: Sequence[str]) -> list[Take]:
    """Those of the ids that there are, each once, in order."""
    takes = []
    for take_id in dict.fromkeys(ids):
        try:
            takes.append(find(workspace, take_id))
        except TakeError:
            continue
    return takes


def named(workspace: Workspace, references: Sequence[str]) -> list[Take]:
    """Takes by their ids or names, in the order given; raises `TakeError` for one that there is not."""
    everything = TakeStore(workspace).list()
    by_name = {take.name: take for take in reversed(everything)} | {take.id: take for take in everything}
    takes = []
    for reference in references:
        found = names.find(reference, by_name)
        match = None if found is None else by_name[found]
        takes.append(match or find(workspace, reference))
    return takes


def only(workspace: Workspace, reference: str) -> Take:
    """The one take with an id or name, for what can't be done to the wrong one; raises `TakeError` if several have it.

    An id also finds a damaged take, and then it is returned with its `error`.
    """
    store = TakeStore(workspace)
    everything = store.list_all()
    exact = next((take for take in everything if take.id == reference), None)
    called = [take for take in everything if not take.error and names.same(take.name, reference)]
    if exact is None and len(called) > 1:
        ids = ", ".join(take.id for take in called[:4])
        raise TakeError(f"{len(called)} takes are named {reference[:80]!r}; choose one by its id: {ids}.")
    return exact or (called[0] if called else find(workspace, reference))


def pure_voices(everything: Sequence[Take], morphed: Take) -> list[Take]:
    """Takes of a morph's recording with each of its instruments alone, as far as there are any.

    An instrument counts by its content: one made anew under the same name is another. The same settings come first.
    """
    takes = []
    for digest in morphed.morph.digests if morphed.morph else ():
        fitting = [
            take for take in everything if (take.instrument_digest, take.source_hash) == (digest, morphed.source_hash)
        ]
        takes += sorted(fitting, key=lambda take: take.settings != morphed.settings)[:1]
    return takes
