"""The engine as a discrete-event model: what each step costs, where it runs, and who waits for whom.

The steps are the engine's own: the worker's batch, group commit, the pollers of local/sources. Costs are given.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import simpy

from benchmarks.sites import Site, Steps

_LONG_POLL = 1.0
_QUOTE, _LANDING = (0.15, 0.25), (2.0, 3.0)  # seconds; venues/mock
_VENUES = 2
_PUBLISH_SECONDS = 0.02  # adapters/postgres/journal.py


@dataclass(frozen=True)
class Costs:
    """CPU seconds of what processes do."""

    client: float
    """The client: a POST, or a frame heard."""
    front_door: float
    """The local cloud: an invocation, or a frame."""
    emulator: float
    """SQS and DynamoDB: a request."""
    api: float
    """The api: a POST."""
    call: float
    """The worker: a statement, or a message sent."""
    order: float
    """The worker: an order, besides its calls."""
    commit: float
    """Postgres: a statement."""
    row: float
    """Postgres: a row moved or placed, with its event."""
    notifier: float
    """The notifier: an invocation."""


@dataclass(frozen=True)
class Scaling:
    """How many may run at once."""

    batch: int
    workers: int
    """Invocations that the poller of the orders queue allows."""
    notifiers: int
    """And that of the status queue."""
    environments: int
    """Execution environments of each function that the local cloud finds to be enough."""
    first: int
    """Pollers begin with so many invocations."""
    ramp: float
    """Seconds after which they allow twice as many, as long as all are busy."""


class Batcher:
    """Group commit, as in order_engine/batching.py."""

    def __init__(
        self, env: simpy.Environment, flush: Callable[[Callable[[], int]], Steps], interval: float = 0
    ) -> None:
        self._env = env
        self._interval = interval
        self._begun_at = -interval
        self._draining = env.event()
        self._flush = flush  # takes what waits only when it has its turn
        self._waiting: list[simpy.Event] = []
        self._flusher: simpy.Process | None = None

    def put(self) -> simpy.Event:
        """Hand one in; the event comes when its batch is through."""
        done = self._env.event()
        self._waiting.append(done)
        if self._flusher is None or not self._flusher.is_alive:
            self._flusher = self._env.process(self._run())
        return done

    def drained(self) -> Steps:
        """Wait until everything handed in is through; nothing more is handed in after that."""
        self._draining.succeed()
        while self._flusher is not None and self._flusher.is_alive:
            yield self._flusher

    def _run(self) -> Steps:
        while self._waiting:
            batch: list[simpy.Event] = []
            wait = self._begun_at + self._interval - self._env.now
            if wait > 0 and not self._draining.triggered:
                yield self._draining | self._env.timeout(wait)
            self._begun_at = self._env.now

            def take(batch: list[simpy.Event] = batch) -> int:
                batch += self._waiting
                self._waiting.clear()
                return len(batch)

            yield from self._flush(take)
            for done in batch:
                done.succeed()


class Queue:
    """How many messages wait, by group; a FIFO queue holds a group back while messages of it are in flight."""

    def __init__(self, env: simpy.Environment, *, fifo: bool = False) -> None:
        self.news = env.event()
        self._env = env
        self._fifo = fifo
        self._waiting: Counter[object] = Counter()
        self._locked: set[object] = set()

    def send(self, group: object) -> None:
        """One more."""
        self._waiting[group] += 1
        self._wake()

    def take(self, most: int) -> list[object]:
        """The groups of up to so many messages."""
        taken: list[object] = []
        for group in [group for group, number in self._waiting.items() if number and group not in self._locked]:
            number = min(most - len(taken), self._waiting[group])
            self._waiting[group] -= number
            taken += [group] * number
        if self._fifo:
            self._locked.update(taken)
        return taken

    def done(self, taken: Iterable[object]) -> None:
        """They are through."""
        self._locked.difference_update(taken)
        self._wake()

    def _wake(self) -> None:
        self.news.succeed()
        self.news = self._env.event()


class Engine:
    """Orders from POST to confirmation."""

    def __init__(self, env: simpy.Environment, site: Site, costs: Costs, scaling: Scaling, latency: float) -> None:
        self.env, self.site, self.costs, self.scaling, self.latency = env, site, costs, scaling, latency
        self.random = random.Random(1)
        self.placed_at: list[float] = []
        self.confirmed_at: list[float] = []
        self.batches = self.executed = self.statements = self.messages = self.told = 0
        self._orders, self._statuses = Queue(env), Queue(env, fifo=True)
        self._idle = {group: self._environments() for group in ("api", "worker", "notifier")}
        env.process(self._poll(self._orders, scaling.workers, self._execute))
        env.process(self._poll(self._statuses, scaling.notifiers, self._notify))

    def post(self) -> Steps:
        """A client places an order."""
        yield from self.site.run("client", 0, self.costs.client)
        yield from self.site.run("front door", 0, self.costs.front_door / 3)
        api = yield self._idle["api"].get()
        # The environment waits for the Runtime API, too: for the invocation, and until its answer is taken.
        yield from self.site.run("front door", 0, self.costs.front_door / 3)
        yield from self.site.run("api", api, self.costs.api)
        yield from self.site.run("postgres", ("api", api), self.costs.commit + self.costs.row)
        yield from self.site.run("emulator", 0, self.costs.emulator)
        self.place()
        yield from self.site.run("front door", 0, self.costs.front_door / 3)
        self._idle["api"].put(api)

    def place(self) -> None:
        """An order is in the queue."""
        self.placed_at.append(self.env.now)
        self._orders.send("orders")

    def _environments(self) -> simpy.Store:
        store = simpy.Store(self.env)
        store.items.extend(range(self.scaling.environments))
        return store

    def _poll(self, queue: Queue, most: int, handle: Callable[[list[object]], Steps]) -> Steps:
        first = min(self.scaling.first, most)
        allowed, running = first, set[simpy.Event]()
        while True:
            while len(running) >= allowed:
                yield self.env.any_of([*running, self.env.timeout(self.scaling.ramp)])
                running = {process for process in running if not process.processed}
                if len(running) >= allowed:
                    allowed = min(2 * allowed, most)
            yield from self.site.run("front door", 0, self.costs.front_door / 4)
            yield from self.site.run("emulator", 0, self.costs.emulator)
            messages = queue.take(self.scaling.batch)
            if not messages:
                yield queue.news | self.env.timeout(_LONG_POLL)
                messages = queue.take(self.scaling.batch)
            if messages:
                running.add(self.env.process(self._handle(queue, messages, handle)))
            else:
                running = {process for process in running if not process.processed}
                allowed = allowed if running else first

    def _handle(self, queue: Queue, messages: list[object], handle: Callable[[list[object]], Steps]) -> Steps:
        yield from self.site.run("front door", 0, self.costs.front_door / 2)
        yield from handle(messages)
        yield from self.site.run("front door", 0, self.costs.front_door / 4)
        yield from self.site.run("emulator", 0, self.costs.emulator)
        queue.done(messages)

    def _execute(self, orders: list[object]) -> Steps:
        self.batches += 1
        worker = yield self._idle["worker"].get()
        batch = _Batch(self, worker)
        yield from batch.statement(lambda: len(orders))
        for _ in orders:
            batch.events.put()
        yield self.env.all_of([self.env.process(self._attempt(batch)) for _ in orders])
        yield from batch.events.drained()
        self._idle["worker"].put(worker)
        self.executed += 1

    def _attempt(self, batch: "_Batch") -> Steps:
        uniform, half = self.random.uniform, self.costs.order / 2
        yield self.env.timeout(max(uniform(*_QUOTE) for _ in range(_VENUES)) * self.latency)
        yield from self.site.run("worker", batch.worker, half)
        yield batch.moves.put()  # building
        yield from self.site.run("worker", batch.worker, half)
        yield batch.moves.put()  # submitted
        yield batch.sends.put()
        yield self.env.timeout(uniform(*_LANDING) * self.latency)
        yield batch.moves.put()  # confirmed
        self.confirmed_at.append(self.env.now)

    def _notify(self, messages: list[object]) -> Steps:
        notifier = yield self._idle["notifier"].get()
        yield from self.site.run("notifier", notifier, self.costs.notifier)
        yield from self.site.run("emulator", 0, self.costs.emulator)
        yield from self.site.run("front door", 0, self.costs.front_door)
        yield from self.site.run("client", 0, self.costs.client)
        self._idle["notifier"].put(notifier)
        self.told += len(messages)

    def finish(self) -> "Engine":
        """Until every order that was placed is confirmed and told; some have to be placed by then."""
        while len(self.confirmed_at) < len(self.placed_at) or self.executed < self.batches or self.told < self.messages:
            self.env.step()
        return self

    def tell(self, worker: object) -> None:
        """Statuses of a worker are in their queue."""
        self.messages += 1
        self._statuses.send(worker)


class _Batch:
    """A batch in one worker: a connection, and group commit for moves, for the chain and for events."""

    def __init__(self, engine: Engine, worker: object) -> None:
        self.worker = worker
        self._engine = engine
        self._connection = simpy.Resource(engine.env)
        self.moves = Batcher(engine.env, self._record)
        self.sends = Batcher(engine.env, self.statement)
        self.events = Batcher(engine.env, self._publish, _PUBLISH_SECONDS)

    def statement(self, take: Callable[[], int]) -> Steps:
        """One statement for all rows that wait when the worker gets to it."""
        engine = self._engine
        with self._connection.request() as turn:
            yield turn
            engine.statements += 1
            yield from engine.site.run("worker", self.worker, engine.costs.call)
            rows = take()
            yield from engine.site.run("postgres", self.worker, engine.costs.commit + rows * engine.costs.row)

    def _record(self, take: Callable[[], int]) -> Steps:
        moved = 0

        def rows() -> int:
            nonlocal moved
            moved = take()
            return moved

        yield from self.statement(rows)
        for _ in range(moved):
            self.events.put()

    def _publish(self, take: Callable[[], int]) -> Steps:
        engine = self._engine
        yield from engine.site.run("worker", self.worker, engine.costs.call)
        take()
        yield from engine.site.run("emulator", 0, engine.costs.emulator)
        engine.tell(self.worker)
