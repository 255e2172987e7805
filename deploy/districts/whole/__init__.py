"""全区示例包 What makes the sample of three townships into the whole district; nothing of the sample is lost."""
