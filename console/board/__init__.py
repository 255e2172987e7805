"""叫应房间 Calls by person: what was tried and how it failed, who answered what; one-key acts on a line."""
