"""Measures how fast the engine is and what it costs. `python -m benchmarks` writes results.md and results.json."""
