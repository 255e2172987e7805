"""页面语言 Which language a visitor reads: ``?lang=``, else the browser's. One we lack is said so. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LANGS = ("zh", "en")
OFFERED_MAX = 20


@dataclass(frozen=True)
class Language:
    """语言: ``missing`` is the one that was wished for and is not there."""

    lang: str
    missing: str | None = None


def language_of(asked: str | None, accept: str | None) -> Language:
    """Chinese for who says nothing; English for who reads neither: a guest from abroad is likelier to read that."""
    offered = _offered(accept)
    known = next((code for code in offered if code in LANGS), None)
    if asked:
        code = _primary(asked)
        if code in LANGS:
            return Language(code)
        return Language(known or "en", missing=code or asked[:8])
    if known:
        return Language(known)
    named = [code for code in offered if code != "*"]
    return Language("en", missing=named[0]) if named else Language("zh")


def _offered(accept: str | None) -> list[str]:
    """The languages of an Accept-Language header, the most wished for first (RFC 9110 §12.5.4)."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate((accept or "").split(",")[:OFFERED_MAX]):
        name, _, weight = part.partition(";")
        code = _primary(name)
        if not code:
            continue
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            quality = 0.0
        if quality > 0:
            found.append((-quality, place, code))
    return [code for _, _, code in sorted(found)]


def _primary(tag: str) -> str:
    """``zh-Hans-CN`` → ``zh``; empty where it is no language."""
    code = tag.strip().split("-")[0].lower()
    return code if code == "*" or (code.isascii() and code.isalpha() and len(code) <= 8) else ""
