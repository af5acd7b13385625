"""Where the keys of TLS sessions come from: the article of `smtpsniff explain keylog`."""

from __future__ import annotations

__all__ = ["FACTS", "NAMES", "WHAT"]

NAMES = frozenset({"keylog", "key log", "sslkeylogfile", "decrypt", "decryption"})

WHAT = (
    "TLS can be opened afterwards only with the secrets of each session, which the client or the "
    "server must write to a file while it talks (SSLKEYLOGFILE). One side is enough, and must do "
    "so before the session begins; the private key of the certificate does not help. Whoever has "
    "the file can read the mail: keep it as you keep the mail, and switch it off again."
)
FACTS = {
    "use": "smtpsniff mail.pcap --keylog keys.txt. Keys inside a pcapng file are found without it: "
    "editcap --inject-secrets tls,keys.txt mail.pcap mail.pcapng puts them there.",
    "OpenSSL": "openssl s_client -connect mx.example:25 -starttls smtp -keylogfile keys.txt; "
    "openssl s_server has -keylogfile, too.",
    "Python": "context.keylog_filename = 'keys.txt' of an ssl.SSLContext; smtplib and aiosmtpd "
    "take such a context. With ssl.create_default_context(), SSLKEYLOGFILE in the environment is "
    "enough.",
    "Postfix": "Has no setting for it. Load a library that asks OpenSSL for the keys: "
    "import_environment = LD_PRELOAD=/path/libsslkeylog.so SSLKEYLOGFILE=/path/keys.txt (postfix "
    "reload; the chroot and its user must be able to write there). Or tap behind TLS, see below.",
    "Exim": "Recent versions write them where the variable is set for the daemon (a file in its "
    "spool directory) and kept (keep_environment = SSLKEYLOGFILE); otherwise the library, as with "
    "Postfix.",
    "GnuTLS": "Programs with GnuTLS (msmtp, gnutls-cli) write them where SSLKEYLOGFILE is set.",
    "swaks, Perl": "Net::SSLeay hands them out by CTX_set_keylog_callback, where it has that; "
    "otherwise the library of Postfix: LD_PRELOAD=... SSLKEYLOGFILE=keys.txt swaks ... -tls.",
    "Java": "Has no setting; an agent writes them: java -javaagent:jSSLKeyLog.jar=keys.txt.",
    "Thunderbird": "SSLKEYLOGFILE in the environment (NSS), in builds that allow it.",
    "without keys": "Tap where the mail is in clear: between Postfix and a content filter (ports "
    "10024 and 10025), LMTP to the mailbox server, behind a proxy that takes TLS off, or on the "
    "loopback interface (smtpsniff -i lo).",
    "opens": "TLS 1.0 to 1.3 with AES-GCM, AES-CCM, AES-CBC and ChaCha20-Poly1305; it needs "
    "pip install 'smtpsniff[tls]'.",
    "written in": "RFC 9850 (the SSLKEYLOGFILE format)",
}
