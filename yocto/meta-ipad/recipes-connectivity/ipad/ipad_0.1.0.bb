SUMMARY = "IoT Profile Assistant in the device (GSMA SGP.32)"
DESCRIPTION = "The daemon beside the cellular modem that lets a fleet manager (eIM) look after the embedded SIM \
(eUICC) of a device that nobody can reach."
SECTION = "net"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# The source archive of `make dist`: put it beside this recipe, or name a server that has it.
SRC_URI = "file://ipad-${PV}.tar.gz"

inherit python_hatchling systemd useradd

SYSTEMD_SERVICE:${PN} = "ipad.service ipad-helper.socket"

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system ipad"
USERADD_PARAM:${PN} = "--system --gid ipad --groups dialout --home-dir ${localstatedir}/lib/ipad --no-create-home \
    --shell /sbin/nologin ipad"

do_install:append() {
    oe_runmake install-system DESTDIR=${D} prefix=${prefix} \
        unitdir=${systemd_system_unitdir} udevdir=${nonarch_base_libdir}/udev/rules.d
    install -d ${D}${sysconfdir}/ipad/boards
}

# The bench, in a package of its own; asn1tools and aiocoap come from elsewhere if it is wanted.
PACKAGES =+ "${PN}-hil"
FILES:${PN}-hil = "${bindir}/ipad-hil ${PYTHON_SITEPACKAGES_DIR}/hil ${mandir}/man1 \
    ${datadir}/bash-completion/completions/ipad-hil"
FILES:${PN} += "${systemd_system_unitdir} ${nonarch_base_libdir}/udev ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d ${nonarch_libdir}/modules-load.d ${datadir}/bash-completion ${sysconfdir}/ipad"

# Each split package of Python is here because a module of the agent imports from it; misc has what no other one has.
RDEPENDS:${PN} += "\
    ca-certificates \
    python3-asyncio \
    python3-compression \
    python3-core \
    python3-crypt \
    python3-ctypes \
    python3-datetime \
    python3-difflib \
    python3-fcntl \
    python3-h11 \
    python3-io \
    python3-json \
    python3-logging \
    python3-math \
    python3-misc \
    python3-netclient \
    python3-numbers \
    python3-pyserial \
    python3-shell \
    python3-stringold \
    python3-threading \
    python3-tomllib \
    python3-unixadmin \
"
RDEPENDS:${PN}-hil += "${PN}"

RRECOMMENDS:${PN} += "\
    kernel-module-cdc-acm \
    kernel-module-n-gsm \
    kernel-module-option \
    kernel-module-qcserial \
"
