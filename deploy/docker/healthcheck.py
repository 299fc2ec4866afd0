# ruff: noqa: INP001 - a program of its own, that the image holds beside the packages
"""Asks the process of this container whether it is well: exit code 0 if it says so.

``healthcheck.py [livez|readyz]`` asks the port of ``DRAMATURG_PROBES_PORT``, or the one of worker, scheduler, web and
webhooks that answers: a container runs one of them. It needs the standard library only.
"""

import http.client
import os
import sys

PORTS = (9191, 9291, 9391, 9491)
LIMIT_S = 3


def main(what: str = "livez") -> int:
    """Print what the process says of itself; give 0 if it is well, and 1 if it is not or does not answer."""
    named = os.environ.get("DRAMATURG_PROBES_PORT", "")
    for port in (int(named),) if named.isdigit() else PORTS:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        try:
            connection.request("GET", f"/{what}")
            answer = connection.getresponse()
            said, well = answer.read(2000).decode("utf-8", "replace"), answer.status == http.client.OK
        except ConnectionRefusedError:
            continue
        except (OSError, http.client.HTTPException) as error:
            said, well = f"port {port}: {error!r}", False
        finally:
            connection.close()
        sys.stdout.write(said + "\n")
        return 0 if well else 1
    sys.stdout.write("nobody answers\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
