"""Story engine: every story is a finite state machine over its markdown checklist."""

__version__ = "0.1.0"
