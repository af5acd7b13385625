"""Servers of Debian packages that exclude each other: unpacked, never installed.

`.ci/run` unpacks each into a folder of its own below SMTPSNIFF_SERVERS. They run in a mount
namespace where their files lie over the machine's and their users exist; the machine itself stays
as it is, and what was mounted goes with the process.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue import lacking

from healthy.wire import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = os.environ.get("SMTPSNIFF_SERVERS", "")
USERS = {"Debian-exim": 64_990, "opensmtpd": 64_991, "opensmtpq": 64_992}


def inside(package: str, home: Path, command: str, *mounts: str) -> list[str]:
    """A command line that runs `command` where the package seems to be installed."""
    root = Path(SERVERS) / package
    if not SERVERS or not (root / "usr").is_dir():
        lacking(f"{package} is not unpacked: SMTPSNIFF_SERVERS names no folder that has it")
    for name, line in (
        ("passwd", "{0}:x:{1}:{1}::/:/usr/sbin/nologin\n"),
        ("group", "{0}:x:{1}:\n"),
    ):
        known = Path("/etc", name).read_text()
        (home / name).write_text(known + "".join(line.format(u, n) for u, n in USERS.items()))
    steps = [
        f"mount --bind {home}/passwd /etc/passwd",
        f"mount --bind {home}/group /etc/group",
        f"mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr",
        *mounts,
        f"exec {command}",
    ]
    return ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]


@contextmanager
def _running(command: list[str], home: Path, port: int) -> Iterator[None]:
    with (home / "said").open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        wait_for(port)
        yield
    except TimeoutError as error:
        raise RuntimeError((home / "said").read_text()) from error
    finally:
        process.terminate()
        process.wait()


# -- Exim ----------------------------------------------------------------------------------------

_EXIM = """\
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {home}/spool
log_file_path = {home}/logs/%slog
pid_file_path = {home}/pid
primary_hostname = mx.example.com
daemon_smtp_ports = {exim}
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
acl_smtp_data = accept
acl_smtp_mail = accept
host_lookup =
rfc1413_query_timeout = 0s
prdr_enable = true
dsn_advertise_hosts = *
begin routers
away:
  driver = manualroute
  route_list = postfix.example 127.0.0.1::{postfix} ; \\
               aiosmtpd.example 127.0.0.1::{aiosmtpd} ; opensmtpd.example 127.0.0.1::{opensmtpd}
  self = send
  transport = plain
here:
  driver = accept
  transport = nowhere
begin transports
plain:
  driver = smtp
  helo_data = client.example.net
  hosts_avoid_tls = *
nowhere:
  driver = appendfile
  file = /dev/null
  user = Debian-exim
begin retry
* * F,1h,10m
"""


@contextmanager
def exim(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """Takes mail for anybody, and throws away what it cannot send on by its domain's name."""
    home = folder / "exim"
    home.mkdir()
    (home / "exim.conf").write_text(_EXIM.format(home=home, **ports))
    for name in ("spool", "logs"):
        (home / name).mkdir()
        os.chown(home / name, USERS["Debian-exim"], USERS["Debian-exim"])
    command = inside("exim4-daemon-light", home, f"exim4 -C {home}/exim.conf -bdf")
    with _running(command, home, ports["exim"]):
        yield


def exim_sends(folder: Path, mail: bytes, sender: str, *to: str) -> None:
    """Exim as a client: it delivers at once, and is done when the mail is."""
    home = folder / "exim"
    words = shlex.join(["exim4", "-C", f"{home}/exim.conf", "-odf", "-i", "-f", sender, *to])
    done = subprocess.run(
        inside("exim4-daemon-light", home, words), input=mail, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


# -- OpenSMTPD -----------------------------------------------------------------------------------

_OPENSMTPD = """\
listen on 127.0.0.1 port {opensmtpd} hostname mx.example.com
action "nowhere" maildir "{home}/mail" virtual {{ "@" = nobody }}
match from any for any action "nowhere"
"""
_SPOOL = """\
mount -t tmpfs none /var/spool
mkdir -p /var/spool/smtpd/offline /var/spool/smtpd/purge
chmod 711 /var/spool/smtpd
chmod 770 /var/spool/smtpd/offline
chmod 700 /var/spool/smtpd/purge
chown root:opensmtpq /var/spool/smtpd/offline
chown opensmtpq /var/spool/smtpd/purge
mount -t tmpfs -o mode=755 none /var/lib
mkdir -p /var/lib/opensmtpd/empty
mount -t tmpfs -o mode=755 none /run"""


@contextmanager
def opensmtpd(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """Takes mail for anybody."""
    home = folder / "opensmtpd"
    home.mkdir()
    (home / "smtpd.conf").write_text(_OPENSMTPD.format(home=home, **ports))
    command = inside("opensmtpd", home, f"/usr/sbin/smtpd -d -f {home}/smtpd.conf", _SPOOL)
    with _running(command, home, ports["opensmtpd"]):
        yield
