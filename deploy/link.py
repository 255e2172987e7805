"""链接 Puts this checkout on the virtual environment's path and `fengsui` into its bin folder.

An editable install would need a build back-end, which the run-time lock does not hold; a path file and a launcher do
the same with either lock. Run by the environment's own Python.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = """#!{python}
import sys

from services.__main__ import main

sys.exit(main())
"""


def link() -> None:
    """Write both files anew; a checkout that moved is followed."""
    (Path(sysconfig.get_path("purelib")) / "fengsui.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    launcher = Path(sysconfig.get_path("scripts")) / "fengsui"
    launcher.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)


if __name__ == "__main__":
    link()
