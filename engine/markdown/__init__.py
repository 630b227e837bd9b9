"""Lossless markdown: where things stand in a file, and byte-exact edits of them."""
