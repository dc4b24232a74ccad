"""Lambda: execution environments as processes, fed through the Runtime API."""
