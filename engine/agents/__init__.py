"""Who answers a brief: scripted, person, and the CLIs of providers."""
