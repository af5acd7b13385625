"""Mail servers on loopback, each with as little of its own configuration as it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import need
from tls.handshakes import certificate, contexts

from healthy.wire import PATIENCE, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "anna", "correct horse"
HOST = "mx.example.com"


def root_only() -> None:
    """Servers and tcpdump want to be root."""
    if not sys.platform.startswith("linux"):
        pytest.skip("mail servers are played with on Linux")
    if os.geteuid() != 0:
        pytest.skip("only root can capture and run mail servers")


def identity(folder: Path) -> Path:
    """A file with key and certificate that servers may read."""
    key, chain, _ = certificate()
    file = folder / "mx.pem"
    file.write_bytes(key + chain)
    return file


# -- aiosmtpd ------------------------------------------------------------------------------------


class Keeper:
    """Takes every mail for anybody but `nobody`, and throws it away."""

    async def handle_RCPT(self, *args: Any) -> str:  # noqa: ANN401
        _, _, envelope, address, _ = args
        if address.startswith("nobody@"):
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, *_: Any) -> str:  # noqa: ANN401
        return "250 2.0.0 Ok: queued as 4F1D22A0"


def _login(*args: Any) -> Any:  # noqa: ANN401
    from aiosmtpd.smtp import AuthResult

    data = args[-1]
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()))


@contextmanager
def aiosmtpd(port: int, **options: Any) -> Iterator[None]:  # noqa: ANN401
    """The server of Python's own test suite and of many others'."""
    from aiosmtpd.controller import Controller

    tls = contexts()[1]
    controller = Controller(
        Keeper(), "127.0.0.1", port, server_hostname=HOST, enable_SMTPUTF8=True,
        ready_timeout=20, authenticator=_login, tls_context=tls, **options,
    )  # fmt: skip
    controller.start()
    try:
        yield
    finally:
        controller.stop()


# -- Postfix -------------------------------------------------------------------------------------

_MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
myhostname = mx.example.com
mydestination = example.com, postfix.example
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps = inline:{{ {{ anna = here }} {{ ben = here }} }}
local_transport = discard:thank you
transport_maps = inline:{{ {{ aiosmtpd.example = smtp:[127.0.0.1]:{aiosmtpd} }}, {{ exim.example = smtp:[127.0.0.1]:{exim} }}, {{ dovecot.example = lmtp:[127.0.0.1]:{dovecot} }} }}
default_transport = error:no such place
smtp_helo_name = client.example.net
lmtp_lhlo_name = client.example.net
smtp_tls_security_level = none
disable_dns_lookups = yes
smtputf8_enable = yes
message_size_limit = 30000000
smtpd_tls_security_level = may
smtpd_tls_chain_files = {home}/mx.pem
"""
_MASTER = """\
127.0.0.1:{postfix} inet n - n - - smtpd
cleanup    unix       n  -  n  -    0  cleanup
qmgr       unix       n  -  n  300  1  qmgr
tlsmgr     unix       -  -  n  1000? 1 tlsmgr
rewrite    unix       -  -  n  -    -  trivial-rewrite
bounce     unix       -  -  n  -    0  bounce
defer      unix       -  -  n  -    0  bounce
trace      unix       -  -  n  -    0  bounce
anvil      unix       -  -  n  -    1  anvil
error      unix       -  -  n  -    -  error
retry      unix       -  -  n  -    -  error
discard    unix       -  -  n  -    -  discard
smtp       unix       -  -  n  -    -  smtp
lmtp       unix       -  -  n  -    -  lmtp
postlog    unix-dgram n  -  n  -    1  postlogd
"""


@contextmanager
def postfix(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """Receives for anna and ben at example.com; sends on to the other servers by their names."""
    need("postfix")
    home = folder / "postfix"
    for name in ("", "etc", "queue"):
        (home / name).mkdir()
    identity(home)
    (home / "etc" / "main.cf").write_text(_MAIN.format(home=home, **ports))
    (home / "etc" / "master.cf").write_text(_MASTER.format(**ports))
    command = ["postfix", "-c", str(home / "etc")]
    started = subprocess.run([*command, "start"], capture_output=True, text=True)
    try:
        assert started.returncode == 0, started.stderr
        wait_for(ports["postfix"])
        yield
    finally:
        subprocess.run([*command, "stop"], capture_output=True)


def queue_empties(folder: Path) -> None:
    """Wait until Postfix has sent on all that it took."""
    command = ["postqueue", "-c", str(folder / "postfix" / "etc"), "-j"]
    for _ in range(PATIENCE * 10):
        if not subprocess.run(command, capture_output=True).stdout:
            return
        time.sleep(0.1)
    raise TimeoutError("Postfix still has mail in its queue")


# -- Dovecot -------------------------------------------------------------------------------------

_DOVECOT = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = lmtp
ssl = no
default_internal_user = root
default_internal_group = root
default_login_user = nobody
first_valid_uid = 1
mail_location = maildir:{home}/mail/%n
auth_username_format = %n
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {dovecot}
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/mail/%n allow_all_users=yes
}}
"""


@contextmanager
def dovecot(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """Keeps mail for anybody, by LMTP."""
    need("dovecot")
    home = folder / "dovecot"
    for name in ("", "run", "state", "mail"):
        (home / name).mkdir()
    (home / "mail").chmod(0o777)
    (home / "dovecot.conf").write_text(_DOVECOT.format(home=home, **ports))
    with subprocess.Popen(["dovecot", "-F", "-c", str(home / "dovecot.conf")]) as process:
        try:
            wait_for(ports["dovecot"])
            yield
        finally:
            process.terminate()
