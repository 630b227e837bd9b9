"""A timeline as a picture: text, SVG, HTML. Pure."""
