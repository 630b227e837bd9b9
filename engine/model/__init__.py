"""Nouns: frozen values without I/O, clock or randomness."""
