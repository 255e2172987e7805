"""时间线房间 One incident: what happened, when, and when it was known; and what of it is still open."""
