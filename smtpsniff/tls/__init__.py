"""TLS as the wire shows it: records, the two hellos, alerts. Nothing is decrypted here."""

from smtpsniff.tls.records import Records, is_client_hello, is_record

__all__ = ["Records", "is_client_hello", "is_record"]
