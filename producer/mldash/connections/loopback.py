"""Whether an address is this very host's: what only its own users reach."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Of an address, or of the name localhost, with or without brackets. Another name is none, whatever it leads to."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
