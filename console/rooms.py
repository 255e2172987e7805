"""房间 The rooms of the console: what the navigation shows and which keys (``g`` and its own) lead there.

A room is a folder: ``pages.py`` (routes: ask, make, render), ``view.py`` (pure: what is shown, made of answers), its
words in ``words/ROOM.py``, its templates in ``templates/ROOM/``, its look in ``static/ROOM.css``. A room stands here
once it can be opened.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """房间: ``room_NAME`` is its word; ``g`` and ``key`` open it."""

    name: str
    path: str
    key: str


# In the order of the navigation.
ROOMS = (
    Room("overview", "/", "o"),
    Room("board", "/board", "c"),
    Room("orders", "/orders", "m"),
    Room("approval", "/approval", "a"),
    Room("notices", "/notices", "n"),
    Room("timeline", "/incidents", "t"),
    Room("checkins", "/checkins", "h"),
    Room("map", "/map", "p"),
)
