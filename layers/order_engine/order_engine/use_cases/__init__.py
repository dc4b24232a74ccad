"""What the engine does, one verb a file. Adapters and venues are passed in."""
