"""The mother tongue of the tests: dialogues as text, captures in every framing."""

from .capture import frames, pcap, pcapng
from .compiler import compile_text, in_order
from .framing import FRAMINGS, LOSSY, SAME, prefixes
from .language import DialogueError, Event, parse
from .packet import EPOCH, SECOND, Flow, Packet
from .run import capture, lacking, need, read_capture, sessions, stories
from .vectors import Vector, vectors

__all__ = [
    "EPOCH",
    "FRAMINGS",
    "LOSSY",
    "SAME",
    "SECOND",
    "DialogueError",
    "Event",
    "Flow",
    "Packet",
    "Vector",
    "capture",
    "compile_text",
    "frames",
    "in_order",
    "lacking",
    "need",
    "parse",
    "pcap",
    "pcapng",
    "prefixes",
    "read_capture",
    "sessions",
    "stories",
    "vectors",
]
