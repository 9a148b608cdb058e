"""A back end's consumer with qpid-proton, in the interpreter of its environment: prints what comes, a JSON line each.

    python amqp_proton_client.py ADDRESS GROUP KEY SECRET accept|hold [CA_FILE]

`hold` leaves everything unsettled. An error of the connection is printed as `{"error": condition}`, and ends it.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

from proton import SSL, SSLDomain  # type: ignore[import-not-found]
from proton.handlers import MessagingHandler  # type: ignore[import-not-found]
from proton.reactor import Container  # type: ignore[import-not-found]


class Consumer(MessagingHandler):  # type: ignore[misc]
    def __init__(self, address, group, key, secret, settling, ca_file=None):  # type: ignore[no-untyped-def]
        super().__init__(prefetch=50, auto_accept=settling == "accept")
        timestamp = str(int(time.time() * 1000))
        signed = hmac.new(secret.encode(), f"authId={key}&timestamp={timestamp}".encode(), hashlib.sha1).digest()
        self._options = {
            "url": address,
            "user": (
                f"proton|authMode=aksign,signMethod=hmacsha1,timestamp={timestamp},authId={key},"
                f"iotInstanceId=,consumerGroupId={group}|"
            ),
            "password": base64.b64encode(signed).decode(),
            "heartbeat": 60,
            "allowed_mechs": "PLAIN",
            "reconnect": False,
        }
        if ca_file is not None:
            domain = SSLDomain(SSLDomain.MODE_CLIENT)
            domain.set_trusted_ca_db(ca_file)
            domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
            self._options["ssl_domain"] = domain
        else:
            self._options["allow_insecure_mechs"] = True

    def on_start(self, event):  # type: ignore[no-untyped-def]
        event.container.create_receiver(event.container.connect(**self._options))

    def on_link_opened(self, _):  # type: ignore[no-untyped-def]
        say(ready=True)

    def on_message(self, event):  # type: ignore[no-untyped-def]
        message = event.message
        text = bytes(message.body).decode()
        say(topic=message.properties["topic"], body=text, id=message.id, tries=message.delivery_count)

    def on_transport_error(self, event):  # type: ignore[no-untyped-def]
        say(error=event.transport.condition.name)
        sys.exit()


def say(**fields):  # type: ignore[no-untyped-def]
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "tls?":
        say(tls=SSL.present())
    else:
        Container(Consumer(*sys.argv[1:])).run()
