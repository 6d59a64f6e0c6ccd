"""ASN.1 modules of the bench, written from the published structure of SGP.22 v2.6 and SGP.32 v1.2."""
