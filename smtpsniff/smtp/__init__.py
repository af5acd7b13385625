"""The dialogue: two ordered streams in, a session record out.

Tables of the protocol: `verbs`, `extensions`, `codes`, `enhanced`, `reasons`, `state`.
Reading: `recognise` (is it SMTP, who is the client), `reader` (a cursor), `commands`, `replies`,
`body`, `handover` (TLS, PROXY, TURN).
The machine: `dialogue`, `pairing` (which reply answers what), `holding` (barriers and gaps),
`smuggling` (which end of data the server took), `letters`, `model` (what they are made of).
The record: `log` (the timeline in the making), `delivery`, `ending`, `session`.
"""
