"""What pages are made of: their files, their templates, and what a browser may do with them."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files as resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["part", "policy", "template"]


def part(name: str) -> str:
    """The text of a file of this folder."""
    return (resources("smtpsniff.output.report") / name).read_text("utf-8")


def template(name: str) -> Template:
    """A template that escapes what it fills in, and fails where something is missing."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("smtpsniff.output", "report"),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def policy(style: str, script: str = "") -> str:
    """Nothing may be fetched, and nothing run or styled but what stands in the page."""
    runs = f"script-src '{_digest(script)}'; " if script else ""
    return (
        f"default-src 'none'; {runs}style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
