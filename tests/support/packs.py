"""测试用区县包 A tiny valid pack in a folder, and where the sample pack is.

write_pack(tmp_path)                                      # district 999901, township 999901101, gauges rain-01/02
write_pack(tmp_path, **{"stock.csv": None})               # without a file
write_pack(tmp_path, **{"fuses/river.yaml": "- id: …"})   # with a file's whole content
edit(tmp_path, "roster.csv", "V-warden,", "W,")           # one change in one file
"""

from __future__ import annotations

from pathlib import Path

from shared.pack.load import load_pack
from shared.pack.model import Pack
from shared.pack.scaffold import scaffold

DISTRICT = "999901"
TOWNSHIP = "999901101"
VILLAGE = "999901101001"


def write_pack(directory: Path, **overrides: str | bytes | None) -> Path:
    """Write the scaffold's pack with these files in place of its own (None leaves one out). Returns the folder."""
    files: dict[str, str | bytes | None] = {**scaffold(DISTRICT), **overrides}
    for name, content in files.items():
        if content is None:
            continue
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def edit(directory: Path, name: str, old: str, new: str) -> None:
    """Replace the only place of ``old`` in one file."""
    text = (directory / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
    (directory / name).write_text(text.replace(old, new), encoding="utf-8")


def tiny_pack(directory: Path, **overrides: str | bytes | None) -> Pack:
    """The same pack, loaded; fails with its problems."""
    return loaded(write_pack(directory, **overrides))


def loaded(directory: Path) -> Pack:
    """Load a pack that must be valid."""
    pack, problems = load_pack(directory)
    assert pack is not None, "\n".join(map(str, problems))
    return pack


def sample_pack_dir() -> Path:
    """示例区县包 deploy/districts/qianjiang"""
    return Path(__file__).resolve().parents[2] / "deploy" / "districts" / "qianjiang"
