"""What the model's steps cost, by what was measured; and whether the model gives, with that, what was measured."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import simpy

from benchmarks.figures import load_raw
from benchmarks.model import Costs, Engine, Scaling
from benchmarks.sites import Lambda, Machine, Steps

RESULTS = Path(__file__).with_name("results.json")

_GROUPS = {
    "client": "client",
    "front door": "local cloud",
    "emulator": "ministack",
    "api": "api",
    "worker": "worker",
    "postgres": "postgres",
    "notifier": "notifier",
}
"""As the model calls them, and as the benchmarks do."""
_BURST, _IN_FLIGHT = 200, 64
_SUSTAINED = 2_000  # orders; the model's rates do not change after that
_ROUNDS = 3
_COMMITS = 4
ROWS = 6  # of an order: placed, claimed, three moves, the chain's
_CALLS = (
    "SQL claim", "SQL record", "SQL send", "SQS SendMessage", "SQS requests", "DynamoDB BatchGetItem",
    "DynamoDB requests", "pushes",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """The medians of results.json."""

    cores: int
    medians: Mapping[str, Mapping[str, float]]

    def get(self, benchmark: str, name: str) -> float:
        """One figure."""
        return self.medians[benchmark][name]

    def cpu(self, group: str) -> float:
        """CPU seconds per order of a group of the model in the sustained run."""
        return self.get("sustained", f"CPU of {_GROUPS[group]}") / 1000


@dataclass(frozen=True)
class Comparison:
    """One figure as it was measured and as the model gives it."""

    name: str
    unit: str
    measured: float
    modelled: float

    @property
    def error(self) -> float:
        """How far the model is off, as a share of what was measured."""
        return self.modelled / self.measured - 1


def load_measured(file: Path = RESULTS) -> Measured:
    """The last run of the benchmarks."""
    medians = {
        name: {figure.name: figure.median for figure in section.figures} for name, section in load_raw(file).items()
    }
    return Measured(int(json.loads(file.read_text())["machine"]["processor"].split()[0]), medians)


def calibrated(measured: Measured) -> Costs:
    """What each step costs: as measured, and all of them by one factor that makes the sustained run's CPU come out."""
    costs = _step_costs(measured)
    total = sum(map(measured.cpu, _GROUPS))
    for _ in range(_ROUNDS):
        machine, engine = _sustained(measured, costs)
        factor = total / (sum(machine.used.values()) / len(engine.confirmed_at))
        costs = Costs(**{step: cost * factor for step, cost in asdict(costs).items()})
    return costs


def reproduced(measured: Measured, costs: Costs) -> Iterator[Comparison]:
    """What the model must give before anything else is asked of it."""
    name = f"{_BURST} orders at once, again"
    yield Comparison(name, "s", measured.get("burst", name), _burst(measured, costs).confirmed_at[-1])
    _, engine = _sustained(measured, costs)
    for name, modelled in (
        ("POSTs", len(engine.placed_at) / engine.placed_at[-1]),
        ("orders confirmed", len(engine.confirmed_at) / engine.confirmed_at[-1]),
    ):
        yield Comparison(f"{name}, no delays", "/s", measured.get("sustained", name), modelled)


def saturated(costs: Costs, batch: int, shares: Mapping[str, float], waits: Mapping[str, float]) -> Engine:
    """One worker environment on Lambda with more orders than it can take, mock delays as shipped."""
    env = simpy.Environment()
    scaling = Scaling(batch=batch, workers=1, notifiers=1, environments=1, first=1, ramp=1)
    engine = Engine(env, Lambda(env, shares, waits), costs, scaling, latency=1)
    for _ in range(20 * batch):
        engine.place()
    return engine.finish()


def _step_costs(measured: Measured) -> Costs:
    """A group's CPU per order over the calls that an order makes it take part in."""
    called = {name: measured.get("calls", f"{name}, 100 in flight") for name in _CALLS}
    batches, notified, pushed = called["SQL claim"], called["DynamoDB BatchGetItem"], called["pushes"]
    statements = batches + called["SQL record"] + called["SQL send"]
    own_calls = statements + called["SQS SendMessage"] - 1
    # A batch is received and deleted by a request each.
    requests = called["SQS requests"] + called["DynamoDB requests"] + 2 * batches + 2 * notified
    call, order = _worker_shares(measured)
    commit, row = _postgres_shares(measured)
    worker = measured.cpu("worker") / (own_calls * call + order)
    postgres = measured.cpu("postgres") / ((statements + 1) * commit + ROWS * row)
    return Costs(
        client=measured.cpu("client") / (1 + pushed),
        front_door=measured.cpu("front door") / (1 + batches + notified + pushed),
        emulator=measured.cpu("emulator") / requests,
        api=measured.cpu("api"),
        call=worker * call,
        order=worker * order,
        commit=postgres * commit,
        row=postgres * row,
        notifier=measured.cpu("notifier") / notified,
    )


def _worker_shares(measured: Measured) -> tuple[float, float]:
    """Seconds per call and per order of the worker alone."""
    batch, order = _line({size: measured.get("worker", f"worker's CPU, batches of {size}") for size in (10, 100)})
    calls = sum(measured.get("worker", f"{calls} a batch of 10") for calls in ("commits", "SendMessage"))
    return batch / calls, order


def _postgres_shares(measured: Measured) -> tuple[float, float]:
    """Seconds per commit and per row of the bare SQL: four commits a batch, with a row of every order in each."""
    batch, order = _line({size: 1 / measured.get("worker", f"bare SQL, batches of {size}") for size in (10, 100)})
    return batch / _COMMITS, order / _COMMITS


def _line(seconds: Mapping[int, float]) -> tuple[float, float]:
    """Seconds per order at two batch sizes -> seconds per batch and per order."""
    (small, slow), (large, fast) = sorted(seconds.items())
    batch = (slow - fast) / (1 / small - 1 / large)
    return batch, slow - batch / small


def _sustained(measured: Measured, costs: Costs) -> tuple[Machine, Engine]:
    env = simpy.Environment()
    others = measured.medians["sustained"].get("cores busy with something else", 0)
    machine = Machine(env, measured.cores, others)
    # Invocations are short, so the local cloud starts two environments a core at most (local/lambdas/pool.py).
    scaling = _local(measured, environments=2 * measured.cores)
    return machine, _place_all(Engine(env, machine, costs, scaling, latency=0), _SUSTAINED, _IN_FLIGHT)


def _burst(measured: Measured, costs: Costs) -> Engine:
    env = simpy.Environment()
    scaling = _local(measured, environments=20)
    return _place_all(Engine(env, Machine(env, measured.cores), costs, scaling, latency=1), _BURST, _BURST)


def _local(measured: Measured, environments: int) -> Scaling:
    """The local cloud's: see local/sources/queue_poller.py."""
    return Scaling(batch=10, workers=20, notifiers=10, environments=environments, first=measured.cores, ramp=0.2)


def _place_all(engine: Engine, orders: int, in_flight: int) -> Engine:
    numbers = iter(range(orders))

    def lane() -> Steps:
        for _ in numbers:
            yield from engine.post()

    for _ in range(in_flight):
        engine.env.process(lane())
    while len(engine.placed_at) < orders:
        engine.env.step()
    return engine.finish()
