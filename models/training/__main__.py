"""`python -m models.training ID --store DIR --out DIR [--minutes M]`: the process that trains one network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.training.recipe import RECIPES, recipe


def main() -> int:
    """Train one model; its checkpoint and curve lie in --out."""
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("model", choices=RECIPES, metavar="ID")
    parser.add_argument("--store", type=Path, required=True, help="folder of patients")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and curve")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="from random weights; earlier results are put aside")
    parser.add_argument("--compiled", action="store_true", help="compute by compiled code; needs a C++ compiler")
    asked = parser.parse_args()
    from models.training.trainer import Plan, State, progress, train  # torch: not for --help

    plan = Plan(
        recipe(asked.model), asked.store, asked.out, asked.minutes, asked.device, asked.seed, asked.threads,
        asked.compiled, asked.fresh,
    )  # fmt: skip

    def tell(state: State, loss: float) -> None:
        sys.stdout.write(f"{progress(plan, state):.4f} {state.step} {loss:.4f} {state.spent_s:.0f}\n")
        sys.stdout.flush()

    train(plan, tell)
    return 0


if __name__ == "__main__":
    sys.exit(main())
