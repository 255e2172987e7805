"""签批房间 What is said to the public: read, compared, signed by two, handed over, released, ended; signing keys."""
