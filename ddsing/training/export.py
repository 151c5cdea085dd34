"""A checkpoint as an instrument in the workspace, its passport filled."""

from ddsing.instrument.library import Entry
from ddsing.workspace import Workspace


def make_instrument(workspace: Workspace, voice_name: str, *, step: str | int = "best") -> Entry:
    """Export the ``latest``, the ``best`` or a certain checkpoint of a voice; the library's entry of the instrument.

    It is called as the voice. An instrument of that name that came from this voice goes to the trash; another one
    stays, and the new one gets a number.
    """
    raise NotImplementedError
