"""措施房间 Orders (禁停撤疏): what waits for a signature first, what I may do next, and why not the rest."""
