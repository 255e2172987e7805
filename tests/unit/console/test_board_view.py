"""The call board: what cannot be read is named, and is nobody who has answered."""

from __future__ import annotations

from typing import Any

from console.board.view import board_of
from console.peers import Asked


def post(name: str, state: str) -> dict[str, Any]:
    return {"post": name, "state": state, "level": "red", "matters": [], "attempts": [], "parties": []}


def asked(*posts: dict[str, Any], unreadable: tuple[str, ...] = ()) -> Asked:
    body = {"case_id": "C-0001", "posts": list(posts), "gaps": [], "blackouts": [], "unreadable": list(unreadable)}
    return Asked(body=body, status=200)


def test_posts_whose_line_is_damaged_are_named() -> None:
    boards = [asked(post("a", "answered"), unreadable=("b",)), Asked(wrong="away"), asked(unreadable=("c",))]
    shown = board_of(boards, show="")
    assert shown.unreadable == ["b", "c"]
    assert (shown.waiting, shown.answered) == (0, 1)


def test_nothing_is_named_where_all_can_be_read() -> None:
    shown = board_of([asked(post("a", "answered"), post("d", "calling"))], show="")
    assert shown.unreadable == []
    assert [row.line["post"] for row in shown.rows] == ["d"]
