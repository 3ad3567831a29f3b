"""Thin Prefect tasks: load, one pure call, save."""
