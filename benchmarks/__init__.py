"""What the engine costs and how fast it is. `python -m benchmarks` measures and writes results.md and results.json."""
