"""BER-TLV and the data objects of SGP.22 and SGP.32. Pure: no I/O, no clock."""
