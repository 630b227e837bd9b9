"""Servers on loopback that stand in for providers: they answer only requests that the real ones would take."""
