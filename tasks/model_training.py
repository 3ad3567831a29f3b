"""Training in processes of their own: patients first, then the network; what was begun is continued."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from models.synthetic.plan import CANCERS
from models.training.recipe import RECIPES
from oncology.errors import ModelError

TUNED_ON = 3  # patients of each cancer for thresholds, at most, where few were asked for
MAKERS = 8  # processes that make patients at once, at most
LOOK_EVERY_S = 0.5
WORTH_COMPILING = 5.0  # minutes of training from which compiled code pays
LAST_WORDS = 300  # characters of a failed process that the error repeats
TABLES_MODEL, TABLES = "neck-involvement", "lydata"
NODES_MODEL, NODES_PATIENTS = "node-malignancy", 150  # trained on nodes of stored patients of every cancer
TRAINABLE = (*RECIPES, TABLES_MODEL, NODES_MODEL)


@dataclass(frozen=True)
class Training:
    """One training as asked for.

    Attributes:
        store: folder of synthetic patients; `out`: of checkpoint, curve and log.
        patients: how many; None for as many as the recipe says.
        data: folder of real tables, for the model that is trained on them.
        fresh: a network begins with random weights, whatever lies in `out`; `seed` of what is drawn at random.
    """

    model: str
    store: Path
    out: Path
    minutes: float | None = None
    device: str = "cpu"
    patients: int | None = None
    data: Path | None = None
    fresh: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Progress:
    """How far one phase of a training is, 0 to 1, and words on it."""

    phase: str
    done: float
    words: str


def train_model(asked: Training) -> Iterator[Progress]:
    """Train; each step forward is yielded. What lies in `store` and `out` already is used.

    Raises:
        ModelError: tables are missing, or a process failed.
    """
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.model == TABLES_MODEL:
        yield from _from_tables(asked)
        return
    if asked.model == NODES_MODEL:
        yield from _make_patients(asked, CANCERS, asked.patients or NODES_PATIENTS)
        yield from _of_nodes(asked)
        return
    recipe = RECIPES[asked.model]
    make = _make_nodes if recipe.kind == "node" else _make_patients
    yield from make(asked, recipe.cancers, asked.patients or recipe.patients)
    yield from _train_network(asked)
    yield from _finish(asked)


def _finish(asked: Training) -> Iterator[Progress]:
    """Thresholds, figures and card: a folder that `aimdt models add` takes, below `out`."""
    command = ["models.training.finish", asked.model, "--store", str(asked.store), "--out", str(asked.out)]
    if asked.patients is not None:
        few = str(max(1, min(TUNED_ON, asked.patients)))
        command += ["--count", few, "--tuning", few]
    yield Progress("measuring", 0.0, "on patients that it never saw")
    with _process(command, asked) as process:
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
    yield Progress("measuring", 1.0, str(asked.out / asked.model))


def _from_tables(asked: Training) -> Iterator[Progress]:
    folder = None if asked.data is None else asked.data / TABLES
    if folder is None or not folder.is_dir():
        raise ModelError(
            f"{asked.model} is trained on the lyDATA tables; give the folder that holds {TABLES}/ by --data"
        )
    yield Progress("training", 0.0, "on tables")
    with _process(["models.involvement", str(folder), "--out", str(asked.out)], asked) as process:
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
    yield Progress("training", 1.0, "on tables")


def _of_nodes(asked: Training) -> Iterator[Progress]:
    """Weights and card with its figures in `out`; as many held-out patients as there are for a network's thresholds."""
    command = ["models.nodes", "--store", str(asked.store), "--out", str(asked.out), "--kept", str(asked.out)]
    command += [] if asked.patients is None else ["--patients", str(max(1, min(TUNED_ON, asked.patients)))]
    yield Progress("training", 0.0, "on nodes of synthetic patients")
    with _process(command, asked) as process:
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
    yield Progress("training", 1.0, str(asked.out / f"{asked.model}.json"))


def _make_patients(asked: Training, cancers: tuple[str, ...], count: int) -> Iterator[Progress]:
    from models.training.maker import wanted_patients  # draws bodies: only when something is trained
    from models.training.splits import TRAINING_SEEDS
    from models.training.store import patient_path

    seed = TRAINING_SEEDS.start + 1
    wanted = [patient_path(asked.store, *one) for one in wanted_patients(cancers, count, seed)]
    there = sum(path.exists() for path in wanted)
    command = ["models.training.maker", str(asked.store), "--count", str(count), "--seed", str(seed)]
    command += ["--cancer", *cancers]
    yield from _made(asked, [command] * min(os.cpu_count() or 1, MAKERS, count - there), wanted)


def _make_nodes(asked: Training, cancers: tuple[str, ...], count: int) -> Iterator[Progress]:
    """Nodes of `count` drawn necks, cancers taking turns; each process makes necks of its own."""
    from models.training.node_store import node_path
    from models.training.splits import TRAINING_SEEDS

    seed, each = TRAINING_SEEDS.start + 1, -(-count // len(cancers))
    wanted = [node_path(asked.store, cancer, seed, index) for cancer in cancers for index in range(each)]
    jobs = min(os.cpu_count() or 1, MAKERS, each)
    firsts = [each * job // jobs for job in range(jobs + 1)]
    commands = [
        ["models.training.node_maker", str(asked.store), "--count", str(stop - first), "--first", str(first),
         "--seed", str(seed)]
        for first, stop in pairwise(firsts)
    ]  # fmt: skip
    yield from _made(asked, [] if all(path.exists() for path in wanted) else commands, wanted)


def _made(asked: Training, commands: Sequence[Sequence[str]], wanted: Sequence[Path]) -> Iterator[Progress]:
    """Runs makers until they are done; tells how many of the wanted files there are."""
    with contextlib.ExitStack() as stack:
        makers = [stack.enter_context(_process(command, asked)) for command in commands]
        while any(maker.poll() is None for maker in makers):
            there = sum(path.exists() for path in wanted)
            yield Progress("making patients", there / len(wanted), f"{there} of {len(wanted)}")
            time.sleep(LOOK_EVERY_S)
    yield Progress("making patients", 1.0, f"{len(wanted)} of {len(wanted)}")


def _train_network(asked: Training) -> Iterator[Progress]:
    command = ["models.training", asked.model, "--store", str(asked.store), "--out", str(asked.out)]
    command += ["--device", asked.device, "--seed", str(asked.seed), *(["--fresh"] if asked.fresh else [])]
    command += [] if asked.minutes is None else ["--minutes", str(asked.minutes)]
    command += ["--compiled"] if shutil.which("c++") and (asked.minutes or WORTH_COMPILING) >= WORTH_COMPILING else []
    yield Progress("training", 0.0, "loading")
    with _process(command, asked, talks=True) as process:
        for line in process.stdout or ():
            done, step, loss, _ = line.split()
            yield Progress("training", min(1.0, float(done)), f"step {step}, loss {loss}")
    yield Progress("training", 1.0, "done")


@contextlib.contextmanager
def _process(arguments: Sequence[str], asked: Training, *, talks: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A Python module as a process that does not outlive this one; its complaints go to a log.

    Raises:
        ModelError: it failed; its last words are repeated.
    """
    log = asked.out / f"{asked.model}.log"
    with log.open("a+", encoding="utf-8", errors="replace") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=subprocess.PIPE if talks else subprocess.DEVNULL,
            stderr=complaints,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,  # so that its own helpers end with it
        )
        try:
            yield process
            process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            words = log.read_text(encoding="utf-8", errors="replace").strip()[-LAST_WORDS:]
            raise ModelError(f"{arguments[0]} ended with code {process.returncode}, see {log.name}: {words}")
