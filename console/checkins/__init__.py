"""报到房间 Check-ins of the public: who needs help first; look, hand over, close, in whose words."""
