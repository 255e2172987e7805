"""身份与权限 Tokens, and the one place where role, area and realm of every write are checked."""
