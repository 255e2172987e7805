"""接口文件 docs/openapi/*.json: what each service offers, as its own code says it.

python -m deploy.openapi            write them anew (`make openapi`), for a reviewer to read the difference
python -m deploy.openapi --check    do they still say what the code says?
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from shared.settings import Env

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "openapi"
SERVICES = ("warning", "dispatch", "resources")


def document(service: str, place: Path) -> dict[str, Any]:
    """A service's OpenAPI document, made without starting it."""
    main = importlib.import_module(f"services.{service}.main")
    settings = importlib.import_module(f"services.{service}.settings")
    values = {
        "FENGSUI_DISTRICT": "999901",
        "FENGSUI_DSN": f"sqlite:///{place / service}.db",
        "FENGSUI_PACKS": str(place),
        "FENGSUI_KEY_FILE": str(place / "token.key"),
    }
    read = settings.read_settings
    app = main.create_app(read(values if service == "warning" else Env(values)), SystemClock())
    app.state.frame.store.close()
    found: dict[str, Any] = app.openapi()
    return found


def texts() -> dict[str, str]:
    """File name → text of each document."""
    with tempfile.TemporaryDirectory() as place:
        return {
            f"{service}.json": json.dumps(document(service, Path(place)), ensure_ascii=False, indent=1, sort_keys=True)
            + "\n"
            for service in SERVICES
        }


def drifted() -> list[str]:
    """The files that no longer say what the code says."""
    made = texts()
    return [name for name, text in made.items() if not _same(FOLDER / name, text)]


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main() -> int:
    if "--check" in sys.argv[1:]:
        wrong = drifted()
        for name in wrong:
            print(
                f"docs/openapi/{name}:1: differs from the code; run `make openapi` and read the difference",
                file=sys.stderr,
            )
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/openapi/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
