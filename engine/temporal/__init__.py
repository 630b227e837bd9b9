"""The same stories on Temporal (the extra `temporal`): it schedules, retries and waits; git holds the rest."""
