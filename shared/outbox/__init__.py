"""编号发件箱 The numbered outbox and its other end, the inbox (design §2.3)."""
