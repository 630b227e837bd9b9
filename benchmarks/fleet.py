"""Measure packs on Temporal: stories a minute against the same git work without an engine, and what a story costs there.

make bench-fleet   (or: python benchmarks/fleet.py [--stories 10 100 1000])

Two workers, Temporal's dev server with its database on disk, a bare repository on disk as the remote; scripted agents. The
other side is a bare Temporal workflow of the same form: its activities do the git work that was counted in our run (fetch,
check out, commit, snapshot, push), by the same functions, and nothing else: nothing is read, decided or written but
bytes of the same size.
"""
