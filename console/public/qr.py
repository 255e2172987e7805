"""二维码 A code to print and hang at a gate, a guest house's door, a danger point: it opens that place's page."""

from __future__ import annotations

import io
from html import escape

import segno

SIDE, MARGIN, TEXT_H, LINE_CHARS = 320, 20, 110, 14


def code_svg(url: str, name: str, district: str) -> str:
    """The code with its place's name and what it is for, in both languages, as an SVG of its own."""
    code = segno.make(url, error="q", micro=False)
    out = io.BytesIO()
    scale = (SIDE - 2 * MARGIN) / code.symbol_size(scale=1, border=4)[0]
    code.save(out, kind="svg", scale=scale, border=4, xmldecl=False, svgns=True, nl=False, omitsize=False)
    inner = out.getvalue().decode("utf-8")
    lines = [name[at : at + LINE_CHARS] for at in range(0, len(name), LINE_CHARS)][:2]
    height = SIDE + TEXT_H + 26 * len(lines)
    middle, y = SIDE / 2, SIDE + 8
    texts = [f'<text x="{middle:g}" y="{y}" font-size="24" font-weight="bold">扫码看出路 · 求助</text>']
    texts.append(f'<text x="{middle:g}" y="{y + 26}" font-size="16">Scan: way out · help</text>')
    texts += [
        f'<text x="{middle:g}" y="{y + 58 + 26 * n}" font-size="20">{escape(line)}</text>'
        for n, line in enumerate(lines)
    ]
    foot = y + 58 + 26 * len(lines)
    texts.append(f'<text x="{middle:g}" y="{foot}" font-size="16">{escape(district)} · 119 · 120 · 110</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{height}" viewBox="0 0 {SIDE} {height}">'
        f'<title>{escape(name)} {escape(url)}</title><rect width="100%" height="100%" fill="#fff"/>'
        f'<g transform="translate({MARGIN} {MARGIN / 2:g})">{inner}</g>'
        f'<g fill="#000" text-anchor="middle" font-family="sans-serif">{"".join(texts)}</g></svg>'
    )
