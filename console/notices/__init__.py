"""通知房间 What authorities and people tell the duty room, typed in under a minute; what it opens, before it goes."""
