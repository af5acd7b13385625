"""Which checks are on and what their thresholds are: from a configuration file and options."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from smtpsniff.checks.choice import Choice

__all__ = ["add_choosing", "choice_of"]


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """The options that `choice_of` reads."""
    parser.add_argument(
        "--checks",
        action="append",
        default=[],
        metavar="NAMES",
        help="only these checks: ids or groups, with * and commas; may be repeated",
    )
    parser.add_argument(
        "--disable",
        action="append",
        default=[],
        metavar="NAMES",
        help="leave these checks out; may be repeated",
    )
    parser.add_argument(
        "--set",
        dest="values",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a threshold, as greeting-slow.after=20; may be repeated",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", metavar="FILE", help=f"settings in TOML instead of those in {default_path()}"
    )
    where.add_argument("--no-config", action="store_true", help="read no settings at all")


def default_path() -> str:
    """Where the settings are if nobody names a file (XDG Base Directory Specification)."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # relative ones are invalid, and ignored
        folder = os.path.join("~", ".config")
    return os.path.join(folder, "smtpsniff", "config.toml")


def choice_of(args: argparse.Namespace) -> Choice:
    """What the configuration file says, and above it the command line.

    Raises `UsageError` for a file that cannot be read, and for names and values that cannot be.
    """
    from smtpsniff.checks.choice import EVERYTHING

    words = Words(
        _names(args.checks),
        _names(args.disable),
        {name.strip(): _number(text) for name, text in map(_pair, args.values)},
    )
    file = args.config or os.path.expanduser(default_path())
    if not args.no_config and (args.config or os.path.exists(file)):
        settings = _load(file)
        chosen = _choose(settings, f"{file}: ")  # mistakes in it are told with its name
        words = words.above(settings)
        if words == settings:
            return chosen
    return _choose(words, "") if words != Words() else EVERYTHING


@dataclass
class Words:
    """What somebody wrote about checks: names of those wanted and unwanted, thresholds by id."""

    only: list[str] = field(default_factory=list)
    disable: list[str] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)

    def above(self, file: Words) -> Words:
        """These words and those of a file; who names checks here wants these and no others."""
        values = {**file.values, **self.values}
        if self.only:
            return Words(self.only, self.disable, values)
        return Words(file.only, [*file.disable, *self.disable], values)


def _choose(words: Words, where: str) -> Choice:
    from smtpsniff.checks.choice import ChoiceError, choose
    from smtpsniff.stories import CATALOGUE

    try:
        return choose(CATALOGUE, only=words.only, disable=words.disable, values=words.values)
    except ChoiceError as error:
        raise UsageError(f"{where}{error}") from None


def _names(words: list[str]) -> list[str]:
    """Names that stood between commas."""
    return [name.strip() for word in words for name in word.split(",") if name.strip()]


def _pair(word: str) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    if not equals:
        raise UsageError(f"--set {word}: a threshold is set as greeting-slow.after=20")
    return name, text.strip()


def _number(text: str) -> object:
    """A whole number or a decimal one; other text as it is, to be refused by its name."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _load(file: str) -> Words:
    """A configuration file.

    Raises `UsageError` if it cannot be read, or says what has no meaning.
    """
    import tomllib

    try:
        with open(file, "rb") as stream:
            document = tomllib.load(stream)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file}: not TOML: {error}") from None
    for section, table in document.items():
        if section not in ("checks", "thresholds") or not isinstance(table, dict):
            raise UsageError(f"{file}: [checks] and [thresholds] are known, not {section!r}")
    lists = document.get("checks", {})
    for key, names in lists.items():
        if key not in ("only", "disable"):
            raise UsageError(f"{file}: [checks] has only and disable, not {key!r}")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f'{file}: {key} is a list of names, as ["helo-used", "tls-*"]')
    thresholds = _flat(document.get("thresholds", {}))
    return Words(lists.get("only", []), lists.get("disable", []), thresholds)


def _flat(table: dict[str, object]) -> dict[str, object]:
    """Thresholds by id: ``greeting-slow.after = 20`` is a table within a table in TOML."""
    found: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            found[name] = value
    return found
