"""`python -m smtpsniff` is `smtpsniff`."""

from __future__ import annotations

import sys

from smtpsniff.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
