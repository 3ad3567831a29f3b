"""For those who write tables: `python -m oncology.tnm check [SITE ...]` prints the faults of the tables."""

import sys
from collections.abc import Sequence

from oncology.tnm.loader import faults_by_site


def main(arguments: Sequence[str]) -> int:
    """Prints the faults of the named sites or of all; 1 when there are any, 2 when asked for something else."""
    if not arguments or arguments[0] != "check":
        sys.stderr.write("usage: python -m oncology.tnm check [SITE ...]\n")
        return 2
    found = faults_by_site()
    wanted = list(arguments[1:]) or list(found)
    lines = list(dict.fromkeys(fault for site in wanted for fault in found.get(site, [])))
    sys.stdout.write("\n".join(lines or ["no faults"]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
