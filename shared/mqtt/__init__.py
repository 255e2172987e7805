"""MQTT 连接 One persistent session with the broker, acknowledged only after commit."""
