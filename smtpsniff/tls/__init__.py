"""TLS as the wire shows it: records, hellos, alerts, certificates. Nothing is decrypted here.

`records`       one direction's records, and the handshake messages in them
`hellos`        ClientHello and ServerHello
`fingerprints`  JA3, JA3S, JA4
`x509`          certificates
`names`, `suites`  numbers in words
"""

from smtpsniff.tls.records import Records, is_client_hello, is_record

__all__ = ["Records", "is_client_hello", "is_record"]
