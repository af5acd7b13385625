"""Packages that only some commands need, and that are installed only where they are wanted."""

from __future__ import annotations

from importlib.util import find_spec

from smtpsniff.cli.errors import UsageError

_PACKAGES = {"parquet": ("pyarrow",), "query": ("duckdb", "pyarrow")}


def need(extra: str, what: str) -> None:
    """Say what to install for `what`, if it is not there."""
    missing = [name for name in _PACKAGES[extra] if find_spec(name) is None]
    if missing:
        raise UsageError(f"{what} needs {' and '.join(missing)}: pip install 'smtpsniff[{extra}]'")
