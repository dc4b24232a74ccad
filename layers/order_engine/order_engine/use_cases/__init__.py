"""What the engine does, one operation per module. Adapters and venues are passed in."""
