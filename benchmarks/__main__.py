"""`make bench`: every benchmark in turn; each compares with its peers in the same run."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks


def main() -> None:
    """Run the main function of every module of this folder."""
    for module in sorted(item.name for item in pkgutil.iter_modules(benchmarks.__path__) if item.name != "__main__"):
        print(f"\n== {module} ==", flush=True)
        importlib.import_module(f"benchmarks.{module}").main()


if __name__ == "__main__":
    main()
