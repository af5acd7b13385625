"""The conductor: capture files in, sessions out, in one process or several."""

from smtpsniff.pipeline.analysis import Analysis, Settings, read, read_stories
from smtpsniff.pipeline.run import Renderer, Runner
from smtpsniff.pipeline.summary import Summary

__all__ = ["Analysis", "Renderer", "Runner", "Settings", "Summary", "read", "read_stories"]
