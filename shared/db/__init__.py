"""存储 One store a service: engine, types, the platform's tables, owner, writer."""
