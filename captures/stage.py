"""The stage on which the lessons are played: two hosts, a mail server and tcpdump.

A lesson runs itself again inside namespaces of its own (network, mounts, processes, host name), so
nothing it does touches the machine, and everything it started ends with it:

    client.example.net  192.0.2.1   <- a cable ->  192.0.2.25  mx.example.com (Postfix)

Two hosts rather than the loopback interface: there both sides would have one address, and packets
of 64 kB that no network carries. Names, addresses and MAC addresses are those set aside for
documentation (RFC 2606, 5737, 7042).
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = (
    *("unshare", "mount", "hostname", "ip", "ethtool", "tcpdump", "editcap"),
    *("postfix", "swaks", "telnet"),
)
ON_STAGE = "SMTPSNIFF_ON_STAGE"
HOME = Path("/run/stage")  # on a file system in memory that only the stage sees

SCENERY = """\
hostname client.example.net
mount -t tmpfs -o mode=755 stage /run
ip netns add mx
ip link add name eth0 address 00:00:5e:00:53:01 type veth \
    peer name eth0 address 00:00:5e:00:53:19 netns mx
ip address add 192.0.2.1/24 dev eth0
ip -n mx address add 192.0.2.25/24 dev eth0
ip link set eth0 up
ip -n mx link set eth0 up
ethtool --offload eth0 tx off
ip netns exec mx ethtool --offload eth0 tx off
"""  # Without offloading, packets are as a cable would carry them, checksums included.

FILES = {
    "hosts": """\
127.0.0.1   localhost
192.0.2.1   client.example.net
192.0.2.25  mx.example.com
""",
    # Takes mail for two people at example.com, relays none, and throws away what it took.
    "postfix/main.cf": f"""\
compatibility_level = 3.6
queue_directory = {HOME}/queue
data_directory = {HOME}/data
maillog_file = {HOME}/mail.log
maillog_file_prefixes = {HOME}
myhostname = mx.example.com
mydestination = example.com
mynetworks = 127.0.0.0/8
inet_interfaces = 192.0.2.25
inet_protocols = ipv4
alias_maps =
local_recipient_maps = inline:{{ {{ anna = here }} {{ ben = here }} }}
local_transport = discard:the lesson is over
default_transport = error:this server sends no mail
""",
    "postfix/master.cf": """\
smtp       inet       n  -  n  -    -  smtpd
cleanup    unix       n  -  n  -    0  cleanup
qmgr       unix       n  -  n  300  1  qmgr
rewrite    unix       -  -  n  -    -  trivial-rewrite
bounce     unix       -  -  n  -    0  bounce
defer      unix       -  -  n  -    0  bounce
anvil      unix       -  -  n  -    1  anvil
error      unix       -  -  n  -    -  error
discard    unix       -  -  n  -    -  discard
postlog    unix-dgram n  -  n  -    1  postlogd
""",
}


def record(play: Callable[[], None]) -> None:
    """Plays a lesson and keeps its packets in the file that the command line names.

    Without a name: beside the lesson's script, in place of the shipped capture.
    """
    script = Path(sys.argv[0]).resolve()
    out = Path(sys.argv[1] if len(sys.argv) > 1 else script.with_suffix(".pcapng")).resolve()
    if ON_STAGE not in os.environ:
        enter(script, out)
    build()
    with postfix(), tcpdump(HOME / "lesson.pcap"):
        play()
    # dumpcap would write pcapng at once, but also the kernel and the processor it ran on.
    run(f"editcap -F pcapng {HOME}/lesson.pcap {shlex.quote(str(out))}")


def enter(script: Path, out: Path) -> None:
    """Replaces this process by one on the stage."""
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        sys.exit(f"{script.name}: not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit(f"{script.name}: only root can make namespaces and capture")
    # When the first process of a PID namespace ends, so do all others: Postfix cannot stay behind.
    spaces = ["--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.environ |= {ON_STAGE: "1", "TZ": "UTC", "LC_ALL": "C"}
    os.execvp("unshare", ["unshare", *spaces, sys.executable, str(script), str(out)])


def build() -> None:
    for command in SCENERY.splitlines():
        run(command)
    for name, text in FILES.items():
        path = HOME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run(f"mount --bind {HOME}/hosts /etc/hosts")


@contextmanager
def postfix() -> Iterator[None]:
    (HOME / "queue").mkdir()
    run(f"ip netns exec mx postfix -c {HOME}/postfix start")
    try:
        yield
    except BaseException:
        sys.stderr.write((HOME / "mail.log").read_text())
        raise


@contextmanager
def tcpdump(file: Path, options: str = "--immediate-mode") -> Iterator[None]:
    command = shlex.split(f"tcpdump -Z root -U {options} -i eth0 -w {file} tcp port 25")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = ""
        while "listening on" not in said:
            said = process.stderr.readline()
            if not said:
                sys.exit("tcpdump does not capture")
        try:
            yield
            time.sleep(0.5)  # for the packets that close the connection
        finally:
            process.send_signal(signal.SIGINT)


def run(command: str) -> None:
    """Runs a command that must succeed; what it says is shown only where it fails."""
    done = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}exit status {done.returncode}")
