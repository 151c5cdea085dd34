"""What pyproject.toml can't say: a wheel carries, in ddsing/share, what lies beside the package in a checkout.

`ddsing.resources` finds it there. An editable installation leaves everything where it is.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CARRIED = (
    "app.py",
    "hosted.py",
    "rest.py",
    "pages/*.py",
    ".streamlit/config.toml",
    "gin/**/*.gin",
    "demo/LICENSE",
    "demo/README.md",
    "demo/assets/**/*",
    "requirements.txt",
)


class CarryingBuild(build_py):
    """Builds the package's modules and data, and copies what it carries beside them."""

    def run(self) -> None:
        """Build as setuptools does, then copy."""
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(Path(self.build_lib) / "ddsing", ignore_errors=True)  # modules of an earlier build, moved since
        super().run()
        for pattern in CARRIED:
            for source in (path for path in ROOT.glob(pattern) if path.is_file()):
                target = Path(self.build_lib) / "ddsing" / "share" / source.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": CarryingBuild})
