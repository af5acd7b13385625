"""Rebuilds SMTP dialogues from captured packets and says what went wrong."""

__version__ = "0.1.0"
