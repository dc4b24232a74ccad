"""Runs the SAM application in the current directory until Ctrl-C; see README.md."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from localcloud.cloud import Cloud
from localcloud.errors import LocalCloudError
from localcloud.processes import raise_file_limit
from localcloud.settings import Settings, load_settings
from localcloud.terminal import Terminal


def main() -> int:
    parser = argparse.ArgumentParser(prog="localcloud", description=__doc__)
    parser.add_argument(
        "--template", type=Path, default=Path("template.yaml"), help="SAM template, built or not (template.yaml)"
    )
    try:
        settings = load_settings(Path.cwd(), parser.parse_args().template)
        return uvloop.run(_run(settings))
    except LocalCloudError as error:
        print(f"local cloud: {error}", file=sys.stderr)
        return 1


async def _run(settings: Settings) -> int:
    raise_file_limit()
    terminal = Terminal()
    cloud = Cloud(settings, terminal)
    stopped = asyncio.Event()

    def on_signal() -> None:
        if stopped.is_set():
            cloud.kill()
            os._exit(130)
        terminal.say("\nStopping ...")
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)

    async def live() -> None:
        endpoints = await cloud.start()
        terminal.say(endpoints.banner(settings.logs))
        await cloud.wait()

    life, stop = asyncio.create_task(live()), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait((life, stop), return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            life.result()
        return 0
    finally:
        for task in (life, stop):
            task.cancel()
        await asyncio.gather(life, stop, return_exceptions=True)
        await cloud.stop()


if __name__ == "__main__":
    sys.exit(main())
