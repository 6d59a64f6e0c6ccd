"""The suite on real boards, through labgrid: resources and drivers for a gateway with a modem and an eUICC.

An environment file of labgrid names them under `imports: [hil.lab.drivers]`. labgrid lives in an environment of its own
(see requirements.txt here), where this project is installed without its dependencies; importing this package loads
nothing of it.
"""
