"""The least that a procedure can cost, from the protocols alone.

Nothing here looks at what an agent sent. Lengths come from the specifications that stand beside them; only what the
server chooses (certificates, cookie, session identifier, tickets) and the messages of ESipa are taken as they are.
"""

from hil.bench.floor.terms import Flight, Floor, Term

__all__ = ["Flight", "Floor", "Term"]
