"""Whose each tab of a hosted server is, and whose each sound, picture and download that its pages show.

An owner is the name of a workspace's folder. `ddsing.ui.shell.visitor` notes the tabs; what a tab shows is noted when
its script has ended. Only the latest are known; who is not known is asked again at the next run.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST = 50_000  # tabs, and files of tabs; some 200 bytes each
_tabs: OrderedDict[str, str] = OrderedDict()  # owners, by tab
_files: OrderedDict[tuple[str, str], None] = OrderedDict()  # (file, owner)
_changing = threading.Lock()


def note_tab(owner: str) -> None:
    """Note that this tab belongs to an owner, once and for all."""
    context = get_script_run_ctx()
    if context is not None:
        with _changing:
            _tabs.setdefault(context.session_id, owner)
            _tabs.move_to_end(context.session_id)
            while len(_tabs) > MOST:
                _tabs.popitem(last=False)


def note_files() -> None:
    """Note what this tab shows as its owner's; for the end of a run, since the next one begins with forgetting it."""
    context = get_script_run_ctx()
    owner = None if context is None else of_tab(context.session_id)
    if context is not None and owner is not None and runtime.exists():
        _remember(set(_shown(context.session_id)), owner)


def of_tab(tab: str) -> str | None:
    """The owner of a tab; None for one of somebody who has not come in."""
    return _tabs.get(tab)


def may_see(file: str, owner: str | None) -> bool:
    """Whether a file is shown in one of the owner's tabs, or in one of somebody who has not come in."""
    if owner is not None and (file, owner) in _files:
        return True
    there = list(runtime.get_instance().media_file_mgr._files_by_session_and_coord)
    found = {of_tab(tab) for tab in there if file in _shown(tab)}
    if owner is not None and owner in found:
        _remember({file}, owner)
    return owner in found or None in found


def _remember(files: set[str], owner: str) -> None:
    with _changing:
        for file in files:
            _files[(file, owner)] = None
            _files.move_to_end((file, owner))
        while len(_files) > MOST:
            _files.popitem(last=False)


def _shown(tab: str) -> list[str]:
    return list(runtime.get_instance().media_file_mgr._files_by_session_and_coord.get(tab, {}).values())
