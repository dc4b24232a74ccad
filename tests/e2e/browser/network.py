"""Network faults between the page and the engine."""

from collections.abc import Callable

from playwright.sync_api import WebSocketRoute

from tests.e2e.browser.dashboard import Dashboard


class FaultyNetwork:
    """The page's connection to the WebSocket API, which a test can interrupt and make lose frames."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.is_down = False
        self.connections: list[WebSocketRoute] = []
        self.loses: Callable[[str], bool] = lambda frame: False
        dashboard.page.route_web_socket("**/api/orders/status", self._connect)

    def disconnect(self) -> None:
        """Close the open connections and refuse new ones."""
        self.is_down = True
        for connection in self.connections:
            connection.close(code=1001)

    def _connect(self, page_side: WebSocketRoute) -> None:
        if self.is_down:
            return page_side.close(code=1001)
        self.connections.append(page_side)
        server_side = page_side.connect_to_server()
        server_side.on_message(lambda frame: None if self.loses(str(frame)) else page_side.send(frame))
        return None
