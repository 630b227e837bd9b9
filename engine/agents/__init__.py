"""Who answers a brief: scripted and person."""
