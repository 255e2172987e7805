"""全区示例包 What makes the valley of three townships into the whole district."""
