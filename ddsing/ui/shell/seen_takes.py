"""The workspace's takes as a page sees them: looked at once in each run of it."""

from __future__ import annotations

from ddsing.transfer.takes import Takes, TakeStore
from ddsing.ui.shell import looks


class SeenTakes(TakeStore):
    """A `TakeStore` whose list stays as it was for as long as the page is drawn."""

    def list_all(self) -> Takes:
        """See `TakeStore.list_all`."""
        return list(looks.once(("takes", self.folder), super().list_all))
