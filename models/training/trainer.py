"""The training loop: one recipe, samples from the store, checkpoints that survive a killed process, curves as CSV."""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.card import WEIGHTS
from models.inference.engine import need_device
from models.networks.build import build_network
from models.training.feeder import samples
from models.training.loss import head_loss
from models.training.recipe import LABELED, Recipe, recipe
from oncology.errors import ModelError

WARM_UP, LOWEST_RATE = 200, 0.01
BALANCED_UNTIL, PLAIN_FROM, LEAST_BALANCE = 0.35, 0.65, 0.15
AVERAGED = 0.998  # of the weights that are exported, step by step
SAVE_EVERY_S = 240.0
TOLD_EVERY = 20
LONGEST_GRADIENT = 12.0
STREAMS = (("body.", "early."), ("early.", "body."))  # what sees everything, in one network and in the other
BATCH_OF = {"anatomy": 1, "fine": 1, "lesion": 1, "node": 16}


@dataclass(frozen=True)
class Plan:
    """One training.

    Attributes:
        store: folder of patients; `out`: folder of checkpoint and curves, one a model.
        minutes: when to be done; None for the recipe's steps, however long they take.
        compiled: the features are computed by code that is made for this machine, about a quarter faster; needs a
            C++ compiler.
        fresh: from random weights; what an earlier training left is put aside.
    """

    recipe: Recipe
    store: Path
    out: Path
    minutes: float | None = None
    device: str = "cpu"
    seed: int = 1
    threads: int = 1
    compiled: bool = False
    fresh: bool = False


@dataclass
class State:
    """Everything that a training continues from; `features` is the network's own method, or its compiled form."""

    network: Any  # nn.Module, whose parts go by name
    average: Any
    optimizer: torch.optim.Optimizer
    features: Callable[[Tensor], Tensor] | None
    step: int = 0
    spent_s: float = 0.0


def network_shape(recipe: Recipe) -> dict[str, Any]:
    """What `build_network` takes, and a card holds."""
    inputs = list(recipe.inputs)
    shape: dict[str, Any] = {"inputs": len(inputs), "channels": list(recipe.channels), "outputs": recipe.outputs}
    if recipe.kind == "node":
        return {"kind": "two_branch", **shape, "first_stride": 2}
    if recipe.late:
        seen = [inputs.index(name) for name in ("ct_soft", "ct_wide", "pet")]
        return {"kind": "fusion", **shape, "late": list(recipe.late), "seen": seen, "flag": inputs.index("pet_flag")}
    return {"kind": "unet", **shape, "hidden": recipe.hidden}


def begin(plan: Plan) -> State:
    """A new training, or the one that the checkpoint holds.

    Raises:
        ModelError: the checkpoint does not fit, or there is no such device.
    """
    need_device(plan.device)
    torch.manual_seed(plan.seed)
    network = build_network(network_shape(plan.recipe))
    if plan.fresh:
        _put_aside(plan)
    elif plan.recipe.start and (WEIGHTS / f"{plan.recipe.start}.pt").exists():
        start_from(network, WEIGHTS / f"{plan.recipe.start}.pt", plan.recipe.inputs, recipe(plan.recipe.start).inputs)
    network = network.to(plan.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.recipe.rate, weight_decay=1e-4)
    state = State(network, copy.deepcopy(network), optimizer, _features(network, plan))
    path = checkpoint_path(plan)
    if path.exists():
        _restore(state, path)
    _cut_curve(plan, state.step)
    return state


def _features(network: Any, plan: Plan) -> Callable[[Tensor], Tensor] | None:
    """How the features of voxels are computed; None for a network that answers once a crop."""
    if plan.recipe.kind == "node":
        return None
    if not plan.compiled:
        return network.features
    torch._dynamo.config.suppress_errors = True  # where compiling fails, plain code computes the same
    compiled = torch.compile(network.to(memory_format=torch.channels_last_3d).features)
    return lambda inputs: compiled(inputs.contiguous(memory_format=torch.channels_last_3d))


def start_from(network: nn.Module, weights: Path, own_inputs: Sequence[str], their_inputs: Sequence[str]) -> int:
    """Take over what fits from another network's weights, by name and shape; how many tensors did.

    The body of a network becomes the early stream of one for CT and PET, and the other way round. Of the first layer
    the channels that both see are taken over.

    Args:
        own_inputs, their_inputs: names of the channels, see networks/inputs.py.
    """
    kept = torch.load(weights, map_location="cpu", weights_only=True)
    own = network.state_dict()
    known = kept | {name.replace(*way): value for name, value in kept.items() for way in STREAMS if way[0] in name}
    taken = dict[str, Tensor]()
    for name in own.keys() & known.keys():
        value = known[name].float()
        if value.shape == own[name].shape:
            taken[name] = value
        elif value.ndim == 5 and (own[name].shape[1], value.shape[1]) == (len(own_inputs), len(their_inputs)):
            taken[name] = _shared_channels(own[name], value, own_inputs, their_inputs)
    network.load_state_dict(own | taken)
    return len(taken)


def _shared_channels(own: Tensor, theirs: Tensor, own_inputs: Sequence[str], their_inputs: Sequence[str]) -> Tensor:
    """Weights (O, I, z, y, x) with the other's columns where an input of the same name has them."""
    result = own.clone()
    for place, name in enumerate(own_inputs):
        if name in their_inputs and own.shape[0] == theirs.shape[0]:
            result[:, place] = theirs[:, list(their_inputs).index(name)]
    return result


def checkpoint_path(plan: Plan) -> Path:
    """Where the training is kept."""
    return plan.out / f"{plan.recipe.id}.checkpoint.pt"


def curve_path(plan: Plan) -> Path:
    """Where its curve is told: step, minutes, loss, share done."""
    return plan.out / f"{plan.recipe.id}.curve.csv"


def _put_aside(plan: Plan) -> None:
    """Keeps the checkpoint and the curve of an earlier training under other names, in place of those before it."""
    for path in (checkpoint_path(plan), curve_path(plan)):
        if path.exists():
            path.replace(path.with_name(f"earlier-{path.name}"))


def _cut_curve(plan: Plan, step: int) -> None:
    """Drops what a killed training told after its last checkpoint: it will be told again."""
    path = curve_path(plan)
    if path.exists():
        first, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join((first, *(row for row in rows if int(row.split(",")[0]) <= step))), encoding="utf-8")


def _restore(state: State, path: Path) -> None:
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        state.network.load_state_dict(kept["network"])
        state.average.load_state_dict(kept["average"])
        state.optimizer.load_state_dict(kept["optimizer"])
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
        raise ModelError(f"{path.name} does not fit the recipe as it is today; delete it to begin anew") from error
    state.step, state.spent_s = int(kept["step"]), float(kept["spent_s"])


def save(state: State, path: Path) -> None:
    """Write the checkpoint; a process killed meanwhile leaves the older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
            "spent_s": state.spent_s,
        },
        partial,
    )
    partial.replace(path)


def progress(plan: Plan, state: State) -> float:
    """How much of the training is done, 0 to 1."""
    by_steps = state.step / plan.recipe.steps
    return by_steps if plan.minutes is None else max(by_steps, state.spent_s / (60.0 * plan.minutes))


def rate_at(done: float, step: int, highest: float) -> float:
    """The learning rate: a short rise, then a cosine down to a hundredth."""
    fall = LOWEST_RATE + (1.0 - LOWEST_RATE) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
    return highest * fall * min(1.0, (step + 1) / WARM_UP)


def balance_at(done: float) -> float:
    """Weight of balanced over plain loss: balanced first, then mostly plain."""
    if done <= BALANCED_UNTIL:
        return 1.0
    share = min(1.0, (done - BALANCED_UNTIL) / (PLAIN_FROM - BALANCED_UNTIL))
    return 1.0 + share * (LEAST_BALANCE - 1.0)


def train(plan: Plan, tell: Callable[[State, float], None] = lambda _state, _loss: None) -> State:
    """Train until the steps or the minutes are over; goes on from the checkpoint where there is one.

    Args:
        tell: called every few steps with the state and the mean loss since.
    """
    torch.set_num_threads(plan.threads)
    state = begin(plan)
    state.network.train()
    source = samples(plan.store, plan.recipe, plan.seed + state.step)
    last, saved, losses = time.monotonic(), time.monotonic(), list[float]()
    try:
        while progress(plan, state) < 1.0:
            losses.append(_one_step(plan, state, source))
            now = time.monotonic()
            state.spent_s += now - last
            last = now
            if state.step % TOLD_EVERY == 0:
                _write_row(plan, state, float(np.mean(losses)))
                tell(state, float(np.mean(losses)))
                losses.clear()
            if now - saved > SAVE_EVERY_S:
                save(state, checkpoint_path(plan))
                saved = now
    finally:
        source.close()  # type: ignore[attr-defined]  # a generator; its worker ends with it
    save(state, checkpoint_path(plan))
    return state


def _one_step(plan: Plan, state: State, source: Iterator[tuple[np.ndarray, np.ndarray]]) -> float:
    drawn = [next(source) for _ in range(BATCH_OF[plan.recipe.kind])]
    inputs = torch.from_numpy(np.stack([item[0] for item in drawn])).to(plan.device, torch.float32)
    targets = torch.from_numpy(np.stack([item[1] for item in drawn])).to(plan.device)
    done = progress(plan, state)
    for group in state.optimizer.param_groups:
        group["lr"] = rate_at(done, state.step, plan.recipe.rate)
    with torch.autocast(plan.device, torch.bfloat16):
        logits, asked = _logits(state, inputs, targets, plan.recipe)
    loss = head_loss(logits.flatten(2), asked.flatten(2), plan.recipe.heads, balance_at(done))
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), LONGEST_GRADIENT)
    if bool(torch.isfinite(loss)):
        state.optimizer.step()
    _follow(state)
    state.step += 1
    return float(loss.detach())


def _logits(state: State, inputs: Tensor, targets: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Logits and targets; with many labels only one voxel of eight is asked, anew each time."""
    if state.features is None:
        return state.network(inputs)[..., None], targets
    features = state.features(inputs)
    if recipe.kind not in LABELED:
        return state.network.head(features), targets
    z, y, x = (int(torch.randint(2, (1,))) for _ in range(3))
    return state.network.head(features[:, :, z::2, y::2, x::2]), targets[:, :, z::2, y::2, x::2]


@torch.no_grad()
def _follow(state: State) -> None:
    """The running mean of the weights."""
    keep = min(AVERAGED, (1.0 + state.step) / (10.0 + state.step))
    for mean, now in zip(state.average.parameters(), state.network.parameters(), strict=True):
        mean.lerp_(now, 1.0 - keep)


def _write_row(plan: Plan, state: State, loss: float) -> None:
    path = curve_path(plan)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "minutes", "loss", "done"])
        writer.writerow([state.step, f"{state.spent_s / 60:.2f}", f"{loss:.4f}", f"{progress(plan, state):.4f}"])
