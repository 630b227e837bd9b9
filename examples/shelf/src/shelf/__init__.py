"""Know which of your books stand on the shelf, and who has the others."""

__version__ = "0.1.0"
