"""Compares two checkouts by running `sustained` in each in turn, so that other load on the machine affects both.

python -m benchmarks.compare ../before --rounds 9     medians; each checkout needs its own .venv and .tools
"""

import argparse
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.figures import load_raw

_HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print, for each figure, the median before and now, and the spread of both."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="another checkout of this project")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    before, now = list[dict[str, float]](), list[dict[str, float]]()
    for _ in range(arguments.rounds):
        before.append(_sustained(arguments.before))
        now.append(_sustained(_HERE))
    print(f"{'':40} {'before':>8} {'now':>8}   lowest to highest")
    for name in now[0]:
        old, new = ([run.get(name, 0.0) for run in runs] for runs in (before, now))
        spread = f"{min(old):.2f} to {max(old):.2f}, {min(new):.2f} to {max(new):.2f}"
        print(f"{name:40} {median(old):8.2f} {median(new):8.2f}   {spread}")


def _sustained(checkout: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        command = [".venv/bin/python", "-m", "benchmarks", "--only", "sustained", "--runs", "1", "--into", directory]
        subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)
        return {
            figure.name: figure.median for figure in load_raw(Path(directory) / "results.json")["sustained"].figures
        }


if __name__ == "__main__":
    main()
