"""The witness counts what a loop keeps alive, and keeps nothing alive itself."""

from __future__ import annotations

import ast
import gc
import json
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from lintorch.worker import witness as witness_module
from lintorch.worker.witness import Step, Steps, Witness, WitnessError, measure, measure_loop
from lintorch.worker.witness_live import LiveNodes, LiveStorages

WIDTH, ROWS = 16, 32
ACTIVATION = WIDTH * ROWS * 4
OUTPUT_NODES = 5  # two Linear of two nodes each (t, addmm) and one tanh
LOSS_NODES = OUTPUT_NODES + 2  # square and mean


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))


def loss_of(model: nn.Module) -> Tensor:
    return model(torch.randn(ROWS, WIDTH)).square().mean()  # type: ignore[no-any-return]


def training(keep: Callable[[Tensor], object]) -> Callable[[], Step]:
    """A step that trains and then hands its loss to `keep`."""

    def make() -> Step:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step() -> None:
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            keep(loss)

        return step

    return make


def evaluation(keep: Callable[[Tensor], object]) -> Callable[[], Step]:
    """A step that only runs the model and hands the output to `keep`."""

    def make() -> Step:
        model = network()
        return lambda: keep(model(torch.randn(ROWS, WIDTH)))

    return make


def test_a_sum_of_losses_keeps_nodes_and_no_bytes_after_backward() -> None:
    total = [torch.zeros(())]

    def keep(loss: Tensor) -> None:
        total[0] = total[0] + loss

    seen = measure(training(keep))
    assert (seen.nodes_per_step, seen.bytes_per_step, seen.collectable) == (LOSS_NODES + 1, 0, False)
    assert seen.grows


def test_a_sum_of_detached_losses_keeps_nothing() -> None:
    total = [torch.zeros(())]

    def keep(loss: Tensor) -> None:
        total[0] = total[0] + loss.detach()

    seen = measure(training(keep))
    assert (seen.nodes_per_step, seen.bytes_per_step, seen.held_nodes) == (0, 0, 0)
    assert not seen.grows


def test_outputs_kept_without_backward_keep_activations() -> None:
    kept: list[Tensor] = []
    seen = measure(evaluation(kept.append))
    assert seen.nodes_per_step == OUTPUT_NODES
    assert seen.bytes_per_step == 3 * ACTIVATION  # input, tanh, output


def test_detached_outputs_keep_their_own_bytes_only() -> None:
    kept: list[Tensor] = []
    seen = measure(evaluation(lambda out: kept.append(out.detach())))
    assert (seen.nodes_per_step, seen.bytes_per_step) == (0, ACTIVATION)


def test_bounded_retention_is_a_level_not_a_growth() -> None:
    best: deque[Tensor] = deque(maxlen=2)
    seen = measure(evaluation(best.append))
    assert not seen.grows
    assert seen.held_nodes == 2 * (OUTPUT_NODES)
    assert seen.held_bytes == 2 * 3 * ACTIVATION
    assert seen.peak_bytes > seen.held_bytes


def test_a_queue_that_fills_late_is_no_growth() -> None:
    late: deque[Tensor] = deque(maxlen=10)
    assert not measure(evaluation(late.append), steps=8, warmup=4).grows


@pytest.mark.parametrize("period", [2, 3, 5])
def test_what_is_cleared_now_and_then_is_no_growth(period: int) -> None:
    kept: list[Tensor] = []

    def keep(out: Tensor) -> None:
        kept.append(out)
        if len(kept) == period:
            kept.clear()

    assert not measure(evaluation(keep)).grows


def test_a_list_that_only_grows_is_measured_exactly_with_one_step() -> None:
    kept: list[Tensor] = []
    assert measure(evaluation(kept.append), steps=1, warmup=1).nodes_per_step == OUTPUT_NODES


class OutputOnCtx(torch.autograd.Function):
    """Keeps its output on ctx: a cycle of tensor and node."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.y = x.exp()  # lintorch: ignore[LT209] (the hazard is what is measured)
        return ctx.y  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * ctx.y  # type: ignore[no-any-return]


def test_a_cycle_that_the_collector_frees_is_told_from_a_leak() -> None:
    def make() -> Step:
        leaf = torch.randn(ROWS, WIDTH, requires_grad=True)
        return lambda: OutputOnCtx.apply(leaf)  # type: ignore[no-untyped-call]

    seen = measure(make)
    assert seen.collectable
    assert (seen.nodes_per_step, seen.bytes_per_step) == (1, ACTIVATION)


def test_a_hook_that_holds_its_own_tensor_is_a_leak_the_collector_does_not_free() -> None:
    def make() -> Step:
        model = network()

        def step() -> None:
            out = model(torch.randn(ROWS, WIDTH))
            out.register_hook(lambda grad: grad * out.sign())  # lintorch: ignore[LT208]
            out.sum().backward()

        return step

    seen = measure(make)
    assert not seen.collectable
    assert (seen.nodes_per_step, seen.bytes_per_step) == (OUTPUT_NODES, ACTIVATION)


def test_nodes_made_inside_backward_are_counted() -> None:
    def make() -> Step:
        kept: list[Tensor] = []

        def step() -> None:
            leaf = torch.randn(WIDTH, requires_grad=True)
            (grad,) = torch.autograd.grad(leaf.pow(3).sum(), leaf, create_graph=True)
            kept.append(grad)

        return step

    assert measure(make).nodes_per_step >= 3  # pow, and in its backward pow and two products


def test_a_retained_graph_is_not_counted_twice_after_the_optimizer_changed_the_weights() -> None:
    """Asking a saved view of a changed weight for its node makes a new one; the witness must not."""

    def make() -> Step:
        model, total = network(), [torch.zeros(())]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step() -> None:
            loss = loss_of(model)
            loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
            optimizer.step()
            total[0] = total[0] + loss

        return step

    assert measure(make).nodes_per_step == LOSS_NODES + 1


def test_python_numbers_that_autograd_saves_are_no_bytes() -> None:
    average = [torch.zeros(())]

    def keep(loss: Tensor) -> None:
        average[0] = 0.9 * average[0] + 0.1 * loss

    assert measure(training(keep)).bytes_per_step == 0


def test_data_of_before_the_loop_does_not_count_and_data_of_the_loop_does() -> None:
    table = torch.randn(100, WIDTH)
    views: list[Tensor] = []
    assert measure(lambda: lambda: views.append(table[3:5])).held_bytes == 0
    arrays: list[Tensor] = []
    assert measure(lambda: lambda: arrays.append(torch.from_numpy(table.numpy().copy()))).bytes_per_step == table.nbytes


def test_sparse_tensors_and_resized_storages_are_no_trouble() -> None:
    def make() -> Step:
        buffer = torch.empty(0)

        def step() -> None:
            sparse = torch.eye(WIDTH).to_sparse()
            (sparse @ torch.ones(WIDTH, 2)).sum()
            fresh = torch.empty(4)
            fresh.resize_(WIDTH, WIDTH)
            buffer.resize_(0)

        return step

    assert not measure(make).grows


def test_a_loop_takes_its_steps_from_the_iterator() -> None:
    def run(steps: Steps) -> None:
        model, kept = network(), []
        for number in steps:
            kept.append((number, model(torch.randn(ROWS, WIDTH))))  # lintorch: ignore[LT202]
        assert [number for number, _ in kept] == list(range(len(steps)))

    seen = measure_loop(run)
    assert seen.bytes_per_step == 3 * ACTIVATION
    assert seen.steps == 8


def test_a_loader_of_the_steps_drives_a_training_function() -> None:
    def train(loader: Any) -> float:
        model, total = network(), 0.0
        for batch in loader:
            total += model(batch).sum().item()
        return total

    seen = measure_loop(lambda steps: train(torch.randn(ROWS, WIDTH) for _ in steps))
    assert not seen.grows


def test_a_loop_that_stops_early_measured_nothing() -> None:
    with pytest.raises(WitnessError, match="the loop took 2 of 20 steps"):
        measure_loop(lambda steps: (next(steps), next(steps), next(steps)))


def test_steps_end_for_good() -> None:
    def run(steps: Steps) -> None:
        assert len(list(steps)) == len(steps)
        assert list(steps) == []

    assert not measure_loop(run).grows


@pytest.mark.parametrize(("steps", "warmup"), [(0, 4), (8, 0)])
def test_a_witness_needs_steps(steps: int, warmup: int) -> None:
    with pytest.raises(ValueError, match="at least one step"):
        measure(lambda: lambda: None, steps, warmup)


def test_both_runs_see_the_same_random_numbers_and_the_caller_s_stay() -> None:
    drawn: list[float] = []
    before = torch.get_rng_state()
    measure(lambda: lambda: drawn.append(torch.rand(()).item()))
    assert drawn[: len(drawn) // 2] == drawn[len(drawn) // 2 :]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_witness_is_a_value_for_json() -> None:
    seen = measure(lambda: lambda: None, steps=2, warmup=1)
    assert json.loads(json.dumps(seen.as_dict())) == {
        "steps": 2,
        "nodes_per_step": 0,
        "bytes_per_step": 0,
        "held_bytes": 0,
        "held_nodes": 0,
        "peak_bytes": 0,
        "collectable": False,
        "levels": [[0, 0]] * 5,
    }
    with pytest.raises(AttributeError):
        seen.steps = 3  # type: ignore[misc]


class Companion:
    """Lives as long as the node that it is given to."""


def test_nothing_that_ran_stays_alive() -> None:
    alive: list[weakref.ref[Any]] = []

    def make() -> Step:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        kept: list[Tensor] = []
        alive.append(weakref.ref(model))

        def step() -> None:
            optimizer.zero_grad()
            out = model(torch.randn(ROWS, WIDTH))
            loss = out.square().mean()
            loss.backward(retain_graph=True)
            optimizer.step()
            kept.append(loss)
            loss.grad_fn.metadata["companion"] = companion = Companion()
            alive.extend((weakref.ref(out), weakref.ref(loss), weakref.ref(companion)))

        return step

    seen = measure(make)
    assert seen.grows
    assert [ref for ref in alive if ref() is not None] == []


def broken() -> Step:
    raise KeyError("broken")


def test_the_process_is_left_as_it_was_even_by_a_broken_step() -> None:
    assert gc.isenabled()
    gc.unfreeze()  # what conftest.py has put aside
    try:
        with pytest.raises(KeyError, match="broken"):
            measure(broken)
        assert gc.isenabled()
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()
    assert _get_current_dispatch_mode_stack() == []


def test_objects_that_somebody_froze_stay_frozen_and_a_disabled_collector_stays_disabled() -> None:
    gc.freeze()
    gc.disable()
    try:
        measure(lambda: lambda: None)
        assert gc.get_freeze_count() > 0
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_live_nodes_end_their_walk_at_nodes_already_met() -> None:
    nodes = LiveNodes()
    first = torch.ones(2, requires_grad=True).exp()
    nodes.meet(first)
    assert len(nodes) == 1
    second = first.exp().exp()
    nodes.meet(second)
    nodes.meet(second)
    assert len(nodes) == 3
    del second
    assert len(nodes) == 1


def test_live_storages_forget_the_dead() -> None:
    outside = torch.ones(8)
    storages = LiveStorages([outside])
    made = torch.ones(4)
    for tensor in (outside, made, made[1:]):
        storages.meet(tensor)
    assert storages.bytes() == 16
    del made, tensor
    assert storages.bytes() == 0


@pytest.mark.parametrize("name", ["witness.py", "witness_live.py"])
def test_the_worker_side_imports_torch_and_the_standard_library_only(name: str) -> None:
    tree = ast.parse((Path(witness_module.__file__).parent / name).read_text())
    named = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    assert named <= {"__future__", "collections", "contextlib", "dataclasses", "gc", "torch", "typing", "weakref"}


def test_a_witness_without_growth_does_not_grow() -> None:
    assert not Witness(8, 0, 0, 10, 2, 20, collectable=False).grows
