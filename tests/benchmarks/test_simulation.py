"""The model of the engine gives what was measured, and what arithmetic says."""

from dataclasses import asdict

import pytest
import simpy

from benchmarks.calibration import Comparison, reproduced
from benchmarks.model import Costs, Engine, Scaling
from benchmarks.simulation import Capacity, load_capacity
from benchmarks.sites import Lambda, Machine

_TOLERANCE = 0.2


@pytest.fixture(scope="module")
def capacity() -> Capacity:
    return load_capacity()


@pytest.fixture(scope="module")
def comparisons(capacity: Capacity) -> list[Comparison]:
    return list(reproduced(capacity.measured, capacity.costs))


def test_the_model_gives_what_was_measured(comparisons: list[Comparison]) -> None:
    assert len(comparisons) == 3
    assert all(abs(comparison.error) <= _TOLERANCE for comparison in comparisons)


def test_it_gives_the_same_each_time(capacity: Capacity, comparisons: list[Comparison]) -> None:
    assert list(reproduced(capacity.measured, capacity.costs)) == comparisons


def test_four_times_the_work_takes_longer_in_the_model(capacity: Capacity, comparisons: list[Comparison]) -> None:
    costs = Costs(**{step: 4 * cost for step, cost in asdict(capacity.costs).items()})
    burst, posts, confirmed = reproduced(capacity.measured, costs)
    assert burst.modelled > comparisons[0].modelled
    assert posts.modelled < comparisons[1].modelled * 0.4
    assert confirmed.modelled < comparisons[2].modelled * 0.4


@pytest.mark.parametrize(("others", "seconds"), [(0, 2), (1, 4)])
def test_processes_share_the_cores_and_what_others_leave(others: float, seconds: float) -> None:
    env = simpy.Environment()
    machine = Machine(env, cores=2, others=others)
    for number in range(4):
        env.process(machine.run("worker", number, 1))
    env.run()
    assert env.now == pytest.approx(seconds)
    assert machine.used == {"worker": 4}


def test_a_process_does_one_thing_at_a_time() -> None:
    env = simpy.Environment()
    machine = Machine(env, cores=2)
    for _ in range(2):
        env.process(machine.run("emulator", 0, 1))
    env.run()
    assert env.now == pytest.approx(2)


def test_who_had_less_comes_first() -> None:
    env = simpy.Environment()
    machine = Machine(env, cores=1)
    env.process(machine.run("api", 0, 1))
    env.run(until=0.5)
    short = env.process(machine.run("worker", 0, 0.003))
    env.run(until=short)
    assert env.now < 0.51


def test_every_order_is_confirmed_and_told(capacity: Capacity) -> None:
    env = simpy.Environment()
    scaling = Scaling(batch=10, workers=2, notifiers=1, environments=2, first=1, ramp=0.2)
    engine = Engine(env, Lambda(env, capacity.shares, {}), capacity.costs, scaling, latency=1)
    for _ in range(35):
        engine.place()
    engine.finish()
    assert len(engine.confirmed_at) == 35
    assert engine.batches == 4
    assert engine.told == engine.messages > 0


def test_fuller_batches_take_fewer_workers_and_commits(capacity: Capacity) -> None:
    assert capacity.rate(100) > 8 * capacity.rate(10)
    assert capacity.rate(10) < 10 / 2.5  # ten orders at a time; one alone takes 2.5 s on the average
    assert capacity.commits(100) < capacity.commits(10) < 6
