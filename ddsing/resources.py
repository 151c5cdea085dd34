"""Where the files are that ddsing comes with but that are not modules: the models' gin files, the demo, the dashboard.

In a checkout they lie at its top, ``gin``, ``demo``, ``app.py`` and so on, where people look for them. A wheel carries
them inside the package, in ``ddsing/share`` under the same names; ``setup.py`` puts them there.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The file or folder of this name, relative to the top of a checkout: ``resource("demo/assets")``."""
    carried = _PACKAGE / "share"
    return (carried if carried.is_dir() else _PACKAGE.parent) / name
