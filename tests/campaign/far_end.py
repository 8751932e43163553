"""The server of a campaign: accepts each mail that came whole, counts it, and does with it what its path says."""

import contextlib
import json
import socket

from tests.campaign.mails import told
from tests.edge.fault_server import Exchange, FarEnd, http_answer

ANSWER = json.dumps({"success": True, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}})


class CountingFarEnd(FarEnd):
    """`subjects`: that of each mail that came whole, as often as it came; final once the far end is closed."""

    def __init__(self) -> None:
        super().__init__(self._behave)
        self.subjects: list[str] = []
        # Small, so that a big mail is still on its way while it is read slowly; connections inherit it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def _behave(self, exchange: Exchange) -> None:
        # Of a client that was killed while it had the machine to share, the end may be long in coming.
        with contextlib.suppress(TimeoutError):
            self._judge(exchange)

    def _judge(self, exchange: Exchange) -> None:
        head = exchange.head()
        pace, fate, delay = told(head.line)
        length = int(head.field("Content-Length") or "0")
        body = bytearray()
        for block in exchange.body(head):
            body += block
            self.over.wait(pace * len(block) / length)
            if fate == "cut short" and len(body) > length // 2:
                exchange.reset()
                return
        self.subjects.append(json.loads(body)["subject"])
        self.over.wait(delay)
        if fate == "answered":
            exchange.send(http_answer(200, ANSWER))
        while fate == "never answered":
            exchange.receive()
