"""The cases, in chapters ordered like the procedures of SGP.32."""
