"""Measures, prints the table, and writes results.md and results.json next to this file.

python -m benchmarks                            everything, three runs each
python -m benchmarks --only burst,worker        these; the others' figures in the files stay
python -m benchmarks --only growth --orders 10000000
python -m benchmarks --only sustained --profile where the CPU goes, by function, into .local/profiles
python -m benchmarks --quick --into DIRECTORY   a smoke of a minute; its figures say nothing
"""

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Options, Section, load_raw, raw, table
from benchmarks.machine import description
from tests.postgres import TestServer

TITLES = {
    "burst": "Burst",
    "sustained": "Sustained, end to end",
    "worker": "Worker alone",
    "api": "Api alone",
    "unloaded": "Unloaded",
    "fan_out": "Fan-out",
    "growth": "Growth",
    "cold_start": "Cold start",
    "calls": "Calls per order",
    "usage": "Used per order, delays as shipped",
    "flood": "Flood of requests without a key",
}


def main() -> int:
    """Measure what was asked for, and write after each what there is."""
    arguments = _arguments()
    options = Options(
        1 if arguments.quick else arguments.runs, arguments.quick, arguments.profile, orders=arguments.orders
    )
    machine = _machine()
    sections = load_raw(arguments.into / "results.json")
    for name in arguments.only:
        began = time.monotonic()
        figures = importlib.import_module(f"benchmarks.{name}").measure(options)
        measured = f"{machine['date']}, revision {machine['revision']}, runs: {options.runs}"
        sections[_key(name, options)] = Section(measured, figures)
        print(f"\n{TITLES[name]} ({time.monotonic() - began:.0f} s)\n\n{table(figures)}", flush=True)
        _write(arguments.into, sections, machine)
    return 0


def _key(name: str, options: Options) -> str:
    """What a section is called in the files; one with a number of orders of its own replaces no other."""
    return f"{name} at {options.orders:,} orders" if options.orders else name


def _machine() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as directory:
        server = TestServer(Path(directory))
        try:
            return description(server.url)
        finally:
            server.stop()


def _write(directory: Path, sections: Mapping[str, Section], machine: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(raw(sections, machine))
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    how = "`make bench` made this. Each figure is a median; what is compared was taken in turns."
    text = f"# Measured\n\n{how}\n\n{facts}\n"
    order = list(TITLES)
    for key, section in sorted(sections.items(), key=lambda item: (order.index(item[0].partition(" ")[0]), item[0])):
        name, at, orders = key.partition(" at ")
        text += f"\n## {TITLES[name]}{at}{orders}\n\n{section.measured}\n\n{table(section.figures)}\n"
    (directory / "results.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=_names, default=list(TITLES), metavar="NAME,...", help=", ".join(TITLES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--orders", type=int, default=0, help="already there, for growth; 0: 10,000 and 1,000,000")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(TITLES):
        raise argparse.ArgumentTypeError(f"no such benchmark: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
