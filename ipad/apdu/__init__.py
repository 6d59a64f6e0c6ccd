"""Command and response APDUs and the exchange of one ES10 call, without I/O."""
