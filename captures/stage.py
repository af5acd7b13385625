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
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    Plays = Callable[[], None]

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
ip -n mx link set lo up
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

# What Postfix needs to offer STARTTLS, once `identify` has made the key and the certificate.
TLS = f"""
smtpd_tls_security_level = may
smtpd_tls_chain_files = {HOME}/mx.pem
"""
TLS_SERVICE = """
tlsmgr     unix       -  -  n  1000? 1  tlsmgr
"""
IDENTITY = f"""
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30
        -subj /CN=mx.example.com -addext subjectAltName=DNS:mx.example.com
        -keyout {HOME}/mx.pem -out {HOME}/certificate.pem
"""
# Dovecot's people: name, password, and no room for mail where a quota is kept.
PEOPLE = """\
anna:{PLAIN}correct horse::::::
ben:{PLAIN}battery staple::::::userdb_quota_rule=*:bytes=100
"""
MAILBOXES = f"""
userdb {{
  driver = passwd-file
  args = {HOME}/dovecot/users
  default_fields = uid=mail gid=mail home={HOME}/mail/%n
}}
mail_location = maildir:{HOME}/mail/%n
protocols = lmtp
"""
DOVECOT = f"""\
base_dir = {HOME}/dovecot/run
state_dir = {HOME}/dovecot/state
log_path = {HOME}/dovecot/log
hostname = mx.example.com
ssl = no
default_internal_user = root
default_internal_group = root
default_login_user = nobody
first_valid_uid = 1
auth_username_format = %n
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {HOME}/dovecot/users
}}
"""


def record(
    play: Plays,
    *,
    config: str = "",
    services: str = "",
    scenery: str = "",
    parts: Sequence[Plays] = (),
    beside: Sequence[AbstractContextManager[None]] = (),
    needs: Sequence[str] = (),
    packets: str = "tcp port 25",
) -> None:
    """Plays a lesson and keeps its packets in the file that the command line names.

    Without a name: beside the lesson's script, in place of the shipped capture. `config`,
    `services` and `scenery` go on with main.cf, master.cf and SCENERY. `parts` are functions that
    run on the server's host meanwhile, each in a process of its own; `beside` is entered before
    them, once Postfix runs. `needs` are programs that not every lesson needs.
    """
    if sys.argv[1:2] == ["--part"]:
        {part.__name__: part for part in parts}[sys.argv[2]]()
        return
    script = Path(sys.argv[0]).resolve()
    out = script_output(script)
    if ON_STAGE not in os.environ:
        enter(script, out, needs)
    FILES["postfix/main.cf"] += config
    FILES["postfix/master.cf"] += services
    build(scenery)
    with ExitStack() as stack:
        stack.enter_context(postfix())
        for one in (*beside, *(running(script, part) for part in parts)):
            stack.enter_context(one)
        with tcpdump(HOME / "lesson.pcap", packets=packets):
            play()
    # dumpcap would write pcapng at once, but also the kernel and the processor it ran on.
    run(f"editcap -F pcapng {HOME}/lesson.pcap {shlex.quote(str(out))}")


def script_output(script: Path) -> Path:
    """Where the capture goes."""
    return Path(sys.argv[1] if len(sys.argv) > 1 else script.with_suffix(".pcapng")).resolve()


def enter(script: Path, out: Path, needs: Sequence[str] = ()) -> None:
    """Replaces this process by one on the stage."""
    if missing := [name for name in (*PROGRAMS, *needs) if not shutil.which(name)]:
        sys.exit(f"{script.name}: not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit(f"{script.name}: only root can make namespaces and capture")
    # When the first process of a PID namespace ends, so do all others: Postfix cannot stay behind.
    spaces = ["--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.environ |= {ON_STAGE: "1", "TZ": "UTC", "LC_ALL": "C"}
    os.execvp("unshare", ["unshare", *spaces, sys.executable, str(script), str(out)])


def build(more: str = "") -> None:
    for command in (SCENERY + more).splitlines():
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
def running(script: Path, part: Plays) -> Iterator[None]:
    """A part of the lesson's script on the server's host, from when it prints a line."""
    command = ["ip", "netns", "exec", "mx", sys.executable, str(script), "--part", part.__name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        if not process.stdout.readline():
            sys.exit(f"{part.__name__} does not run")
        try:
            yield
        finally:
            process.kill()


@contextmanager
def dovecot(settings: str, ready: Path | None = None) -> Iterator[None]:
    """Dovecot on the server's host, from when the file `ready` is there."""
    home = HOME / "dovecot"
    home.mkdir()
    (home / "users").write_text(PEOPLE)
    (HOME / "mail").mkdir()
    (HOME / "mail").chmod(0o777)
    (home / "dovecot.conf").write_text(DOVECOT + settings)
    command = f"ip netns exec mx dovecot -F -c {home}/dovecot.conf"
    with subprocess.Popen(shlex.split(command), stderr=subprocess.PIPE, text=True) as process:
        wait_for(ready or home / "run" / "master.pid")
        try:
            yield
        finally:
            process.terminate()


def wait_for(file: Path, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not file.exists():
        if time.monotonic() > end:
            sys.exit(f"{file} never came")
        time.sleep(0.05)


@contextmanager
def fault(*rules: str) -> Iterator[None]:
    """Rules of iptables on the server's host, for a while: a network that fails on purpose."""
    for rule in rules:
        run(f"ip netns exec mx iptables -A {rule}")
    try:
        yield
    finally:
        for rule in rules:
            run(f"ip netns exec mx iptables -D {rule}")


@contextmanager
def tcpdump(
    file: Path, options: str = "--immediate-mode", packets: str = "tcp port 25"
) -> Iterator[None]:
    command = shlex.split(f"tcpdump -Z root -U {options} -i eth0 -w {file} {packets}")
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


def run(command: str, status: int = 0) -> None:
    """Runs a command that must end so; what it says is shown only where it does not."""
    done = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != status:
        sys.exit(f"{command}\n{done.stdout}exit status {done.returncode}")


def identify() -> None:
    """A key and a certificate for the server, signed by itself."""
    run(IDENTITY)
    with (HOME / "mx.pem").open("ab") as chain:
        chain.write((HOME / "certificate.pem").read_bytes())


def letter(subject: str, text: str, to: str = "anna@example.com") -> EmailMessage:
    """A mail of Carla's."""
    mail = EmailMessage(SMTP)
    mail["Date"] = datetime.now(UTC)
    mail["From"] = "Carla <carla@example.net>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{subject.lower().replace(' ', '.')}@client.example.net>"
    mail.set_content(text)
    return mail
