"""Pure decisions: when to contact which eIM, when to give up a profile, what to do to come online again.

No event loop, no clock, no input or output. `supervisor.step` is the whole of it: an event and a moment in, the next
state and decisions out.
"""
