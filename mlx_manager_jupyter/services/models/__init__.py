"""Models: found, understood, weighed against memory, and kept on this machine."""
