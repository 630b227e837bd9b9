"""Guards, statechart, decide and proofs: pure."""
