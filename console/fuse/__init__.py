"""熔断页 One alarm: where it stands and why, the curve behind it, what it caused; and a station's readings."""
