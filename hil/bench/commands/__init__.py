"""AT commands and APDUs of procedures, beside the least that the protocols allow."""
