"""Channels to the ISD-R of the eUICC: through a modem's AT commands or a PC/SC reader."""
