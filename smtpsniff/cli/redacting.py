"""`--redact` and its key."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.streams import tell

if TYPE_CHECKING:
    import argparse

VARIABLE = "SMTPSNIFF_REDACT_KEY"


def redaction_key(args: argparse.Namespace) -> bytes | None:
    """The key; None where nothing is to be redacted. A new one is made where none is given."""
    if not args.redact:
        if args.redact_key:
            raise UsageError("--redact-key is of use only with --redact")
        return None
    if args.show_secrets:
        raise UsageError("--redact hides what --show-secrets shows")
    if args.redact_key is None:
        tell("tokens are of a key made for this run; with --redact-key they are the same in others")
        return os.urandom(32)
    return hashlib.sha256(_given(args.redact_key)).digest()


def _given(where: str) -> bytes:
    if where == "env":
        key = os.environ.get(VARIABLE, "").encode("utf-8", "surrogateescape")
        name = VARIABLE
    else:
        name = where
        try:
            with open(where, "rb") as file:
                key = file.read(1 << 20)
        except OSError as error:
            raise UsageError(f"--redact-key: cannot read {where}: {error.strerror}") from None
    if not key.strip():
        raise UsageError(f"--redact-key: there is no key in {name}")
    return key


def refuse_redaction(args: argparse.Namespace, why: str) -> None:
    """For commands whose output cannot be redacted."""
    if args.redact or args.redact_key:
        raise UsageError(f"--redact is not for this command: {why}")
