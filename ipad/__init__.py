"""The IPA in the device (IPAd) of GSMA SGP.31/SGP.32."""

__version__ = "0.1.0"
