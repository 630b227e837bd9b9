"""What a state asks for, done: a Run becomes an Outcome."""
