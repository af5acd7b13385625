"""The pages of `smtpsniff -h` and `smtpsniff --help`; text, so that they cost nothing."""

from __future__ import annotations

SHORT = """\
smtpsniff: what happened to each mail in a packet capture

  smtpsniff FILE...             sessions, and what went wrong
  smtpsniff show FILE N         session N, line by line
  smtpsniff -i INTERFACE        sessions while they happen
  smtpsniff tui FILE...         a screen to walk through them
  smtpsniff explain WORD        a check, reply code, command, extension ...
  smtpsniff FILE --json         the same as records, for programs

smtpsniff --help says more, with examples.
"""

LONG = """\
smtpsniff: what happened to each mail in a packet capture

Reads captures of mail traffic (pcap or pcapng, plain or compressed; files,
pipes, standard input), rebuilds each SMTP dialogue, and says in plain words
what became of each mail, in the server's own words and with the packets that
prove it.

commands:
  smtpsniff FILE...             sessions, what went wrong, counts
  smtpsniff read FILE...        the same, whatever the files are called; --by
                                what they have in common, --sort in which order
  tcpdump -U -w - | smtpsniff - standard input, told as it becomes known
  smtpsniff read --follow FILE  a file that is still growing, until Ctrl-C
  smtpsniff -i INTERFACE        sessions while they happen (smtpsniff live);
                                any: all interfaces; -D lists them; -w FILE
                                keeps the packets
  smtpsniff show FILE N         session N: who said what, when, what was wrong
  smtpsniff show FILE... --session N
                                --ladder: client and server as two columns;
                                --explain: under each line what it means
  smtpsniff extract FILE... -d DIR
                                messages byte for byte, and what they hold
  smtpsniff stories FILE...     what became of each mail over all its attempts
  smtpsniff slice FILE N... -w out.pcapng
                                the packets of sessions N, or of those --where
                                chooses, as a capture of their own
  smtpsniff tui FILE...         sessions on a screen to walk through: filter,
                                compare, save; -i INTERFACE: live
  smtpsniff explain WORD        a check, a reply code (550), an enhanced code
                                (5.1.1), a command (RCPT), an extension (SIZE),
                                a reason (greylist), an outcome (ambiguous)
  smtpsniff checks              everything that is looked for
  smtpsniff report FILE -o report.html
                                one page to look at in a browser and to send
  smtpsniff query FILE... "SELECT ..."
                                SQL over sessions, mails, recipients, events
                                and findings; query --tables has the columns
  smtpsniff learn [LESSON]      recorded lessons, line by line: how SMTP works,
                                and breaks; as a page with --html PAGE
  smtpsniff schema              JSON Schema of the records

selecting sessions (their numbers stay those of the whole capture):
  smtpsniff FILE... host 192.0.2.1 and not port 465
                                packets, in tcpdump's language; after -- where
                                one of the words is also a file
  --where EXPR                  sessions, by the keys of their record: ==, !=,
                                <, <=, >, >=, contains, matches, in {a, b},
                                and, or, not, ( ); a list matches if any of its
                                elements does; smtpsniff schema has the keys

options of the commands that read (COMMAND --help has those of one alone):
  --json                        records, one JSON object a line
  --format text|json|ndjson     json: one document with all of it; read has
                                csv, zeek, zeek-files, zeek-json, eve and
                                parquet, too
  --port N                      a mail port besides 25, 465, 587, 2525, 24;
                                on other ports SMTP is recognised by content
  --fail-on error|warning|note|never
                                findings that make the exit status 1 (error)
  --checks NAMES, --disable NAMES
                                checks by id, group or pattern (greeting-*)
  --set greeting-slow.after=20  a threshold; smtpsniff checks lists them
  --config FILE, --no-config    settings, by default those in
                                ~/.config/smtpsniff/config.toml
  --jobs N                      processes to share the work
  --color auto|always|never     NO_COLOR is honoured
  --attachments                 attachments: in records their digests; with
                                extract the files
  --redact, --redact-key FILE|env
                                tokens in place of addresses, names, subjects
                                and IP addresses, to show to others
  --show-secrets                passwords and tokens of logins, masked otherwise
  --hash-input                  SHA-256 of the inputs in the run record
  --verify-checksums            count packets with bad checksums
  --debug                       say where smtpsniff itself failed
  --version, --help

examples:
  smtpsniff mail.pcap
  smtpsniff show mail.pcap 3
  smtpsniff extract mail.pcap 3 -d evidence --attachments
  smtpsniff explain 5.7.26
  smtpsniff monday.pcap.gz tuesday.pcap.gz --json > mail.ndjson
  smtpsniff mail.pcap --json | jq -r 'select(.verdict.outcome == "rejected")
                                      | .verdict.text'
  smtpsniff mail.pcap --where 'verdict.outcome == rejected and duration > 5s'
  smtpsniff mail.pcap --where 'client.ip in {10.0.0.0/8, 2001:db8::/32}'
  smtpsniff mail.pcap --fail-on warning || echo "look at the mail server"

exit status:
  0  nothing wrong          1  findings at or above --fail-on
  2  usage, or unreadable   3  no SMTP in the capture
  4  no permission to capture
Data is on standard output, progress and warnings are on standard error.
"""
