"""Says clearly which system libraries the PDF needs and this machine lacks: `python -m templates.system_libraries`."""

from __future__ import annotations

import ctypes.util
import sys

# WeasyPrint loads these at run time (its installation guide); names as the linker knows them, then as Debian does.
NEEDED = {
    "pango-1.0": "libpango-1.0-0",
    "pangoft2-1.0": "libpangoft2-1.0-0",
    "harfbuzz-subset": "libharfbuzz-subset0",
    "gobject-2.0": "libglib2.0-0",
    "fontconfig": "libfontconfig1",
}


def missing_libraries() -> dict[str, str]:
    """Library name to Debian package, for those that the linker does not find."""
    return {name: package for name, package in NEEDED.items() if ctypes.util.find_library(name) is None}


def advice(missing: dict[str, str]) -> str:
    """What to do about missing libraries, in two lines."""
    return (
        f"the PDF report needs system libraries that were not found: {', '.join(missing)}.\n"
        f"On Debian or Ubuntu: apt-get install {' '.join(missing.values())}; on macOS: brew install pango"
    )


def main() -> int:
    """Exit status 1 with advice when a library is missing."""
    missing = missing_libraries()
    if missing:
        sys.stderr.write(advice(missing) + "\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
