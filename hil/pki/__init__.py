"""The keys and certificates of a bench, made on the spot or taken from a directory.

A directory holds, for each role, a certificate `<role>.pem` or `<role>.der` and, where the bench has to sign, a private
key `<role>.key.pem` or `<role>.key.der` (PKCS#8 or SEC 1, without password):

=============  =========================================================================================  ===========
role           what it is                                                                                 issued by
=============  =========================================================================================  ===========
`ci`           GSMA certificate issuer; its key is needed only to issue what the directory does not have   itself
`eum`          eUICC manufacturer, name constraints with the first 8 digits of the EID                     `ci`
`euicc`        the eUICC; the EID is the serial number of the subject                                      `eum`
`eim`          signs eUICC Packages; the card gets it from AddInitialEim, no chain                         itself
`tls-ca`       TLS anchor for servers outside the eUICC world                                              itself
`eim-tls`      TLS server of the eIM                                                                       `tls-ca`
`smdp-auth`    SM-DP+: mutual authentication                                                               `ci`
`smdp-pb`      SM-DP+: profile binding                                                                     `ci`
`smdp-tls`     SM-DP+: TLS server                                                                          `ci`
`smds-auth`    SM-DS: mutual authentication                                                                `ci`
`smds-tls`     SM-DS: TLS server                                                                           `ci`
=============  =========================================================================================  ===========

`ci`, `eum` and `euicc` (with its key) must be there; what else is missing is issued when it can be: the last five need
the key of `ci`. Other people's certificates fit in under these names. On brainpoolP256r1 the two TLS servers are issued
by `tls-ca` on P-256, because TLS libraries do not offer that curve.
"""

from hil.pki.certificates import Validity
from hil.pki.pki import Credential, Pki, PkiError, Role

__all__ = ["Credential", "Pki", "PkiError", "Role", "Validity"]
