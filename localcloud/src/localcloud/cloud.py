"""Assembles the local cloud: starts its parts in order and stops them in reverse order."""

import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web

from localcloud import container_access, directory
from localcloud.aws_json import AwsJson
from localcloud.emulator import Emulator
from localcloud.endpoints import Endpoints
from localcloud.errors import LocalCloudError
from localcloud.lambdas.function_pools import FunctionPools
from localcloud.lambdas.invoke_api import InvokeApi
from localcloud.lambdas.runtime_api import RuntimeApi
from localcloud.lambdas.snapshot import Host
from localcloud.ports import HOST, listen, stable_port
from localcloud.postgres import Postgres, address, functions_password
from localcloud.processes import Lifeline
from localcloud.project import Project, fill_in, load_project
from localcloud.secret_files import load_secrets
from localcloud.settings import Settings
from localcloud.stores import Stores
from localcloud.template import Stack, load_stack
from localcloud.template.addresses import Listeners
from localcloud.terminal import Terminal
from localcloud.triggers.custom_resources import CustomResources
from localcloud.triggers.triggers import Triggers


class Cloud:
    """One local cloud: `start`, then `wait` until something breaks, then `stop`."""

    def __init__(self, settings: Settings, terminal: Terminal) -> None:
        self._settings = settings
        self._terminal = terminal
        self._cleanup = AsyncExitStack()
        self._stores: Stores | None = None
        self._functions: FunctionPools | None = None
        self._triggers: Triggers | None = None

    async def start(self) -> Endpoints:
        """Starts everything; returns when requests can be served.

        Raises:
            LocalCloudError: something is missing, in use or broken.
        """
        settings, home = self._settings, self._settings.directory
        self._cleanup.enter_context(directory.claim(home))
        endpoints_file = home / "endpoints.json"
        endpoints_file.unlink(missing_ok=True)
        server = listen(settings.port)
        self._cleanup.callback(server.close)
        lifeline = Lifeline()
        self._cleanup.callback(lifeline.close)

        project = load_project(settings.root)
        aws_port = stable_port(home / "emulator" / "port")
        postgres = _postgres(settings, project)
        owner_url = settings.database_url or (postgres.owner_url() if postgres else None)
        python = settings.root / project.emulator_python if project.emulator_python else Path(sys.executable)
        emulator = Emulator(python, home / "emulator", settings.logs / "emulator.log", aws_port, lifeline)
        values = {
            "aws.url": settings.aws_endpoint_url or f"http://{HOST}:{aws_port}",
            "now": datetime.now(UTC).isoformat(),
            **_database_values(owner_url),
            **load_secrets(project.secrets, home, settings.environment),
        }
        project = fill_in(project, values)
        listeners = Listeners(server.getsockname()[1], aws_port, project.websocket_path)
        stack = load_stack(settings.template, settings.environment, project.parameters, listeners)

        runtime_api, invoke_api = RuntimeApi(), InvokeApi()
        custom_resources = CustomResources(home / "custom-resources.json")
        internal_url = await self._serve([*invoke_api.routes(), *custom_resources.routes()])
        runtime_address = await runtime_api.open()
        self._cleanup.callback(runtime_api.close)
        connector = aiohttp.TCPConnector(limit=0)
        session = await self._cleanup.enter_async_context(aiohttp.ClientSession(connector=connector))
        aws = AwsJson(session, stack.addresses.aws_url)
        self._stores = Stores(postgres, emulator, stack, aws, project.seeds)
        self._cleanup.push_async_callback(self._stores.stop)

        host = Host(runtime_address, internal_url, settings.logs, lifeline)
        self._functions = FunctionPools(stack, settings, runtime_api, host, report=self._terminal.problem)
        self._cleanup.push_async_callback(self._functions.close)
        invoke_api.serve(self._functions.pools)
        self._functions.start()
        await self._stores.start()
        for resource in stack.custom_resources:
            function = stack.function_by_arn(resource.service_token)
            if function is None:
                raise LocalCloudError(f"{resource.logical_id}: its ServiceToken is not a function of this template")
            await custom_resources.deploy(resource, self._functions.pools[function.name], internal_url)
        self._triggers = Triggers(stack, self._functions, aws)
        self._cleanup.push_async_callback(self._triggers.stop)
        await self._triggers.start(server)

        self._cleanup.callback(endpoints_file.unlink, missing_ok=True)
        endpoints = _endpoints(stack, owner_url, project.endpoints)
        container_access.write_variables(stack, home / "sam-env.json")
        if settings.docker_gateway:
            docker = container_access.DockerGateway(settings.docker_gateway)
            self._cleanup.callback(docker.close)
            await docker.open(*filter(None, (owner_url, endpoints.awsEndpointUrl, endpoints.httpUrl)))
        endpoints.write(endpoints_file)
        return endpoints

    async def wait(self) -> None:
        """Runs until Postgres or the emulator ends and cannot be restarted.

        Raises:
            LocalCloudError: names the one that ended.
        """
        if self._stores and self._triggers:
            # Functions keep subscriptions in tables: without them, connected clients would never get another push.
            await self._stores.keep_running(self._terminal.problem, tables_lost=self._triggers.disconnect)

    async def stop(self) -> None:
        """Stops everything that was started, in reverse order."""
        await self._cleanup.aclose()

    def kill(self) -> None:
        """Kills everything at once, on a second Ctrl-C."""
        if self._functions is not None:
            self._functions.kill()
        if self._stores is not None:
            self._stores.kill()

    async def _serve(self, routes: list[web.RouteDef]) -> str:
        """Serves the routes that only functions call; returns the base URL."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        self._cleanup.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, 0).start()
        return f"http://{HOST}:{runner.addresses[0][1]}"


def _postgres(settings: Settings, project: Project) -> Postgres | None:
    """The server to start; None if the application needs none or uses another one."""
    if project.postgres is None or settings.database_url:
        return None
    home = settings.directory / "postgres"
    return Postgres(home, settings.logs / "postgres.log", **project.postgres.model_dump())


def _database_values(owner_url: str | None) -> dict[str, str]:
    if owner_url is None:
        return {}
    return {
        "postgres.url": owner_url,
        "postgres.address": address(owner_url),
        "postgres.functions-password": functions_password(owner_url),
    }


def _endpoints(stack: Stack, owner_url: str | None, extra: Mapping[str, str]) -> Endpoints:
    return Endpoints(
        httpUrl=stack.addresses.http_url,
        webSocketUrl=stack.addresses.websocket_url if stack.websocket_api else None,
        databaseUrl=owner_url,
        awsEndpointUrl=stack.addresses.aws_url,
        tables={table.logical_id: table.name for table in stack.tables},
        queues={queue.logical_id: queue.url for queue in stack.queues},
        pid=os.getpid(),
        extra=extra,
    )
