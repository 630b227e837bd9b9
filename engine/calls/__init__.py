"""The call port: what is remembered, and where it runs."""
