"""Running a model on a scan, in a process of its own."""
