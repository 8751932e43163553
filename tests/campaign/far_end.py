"""The server of a campaign: accepts each mail that came whole, counts it, and does with it what its path says."""

import json
import socket
from collections import Counter

from tests.campaign.mails import told
from tests.edge.fault_server import Exchange, FarEnd, Gone, http_answer

ANSWER = json.dumps({"success": True, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}})


class CountingFarEnd(FarEnd):
    """`accepted`: how often each subject came, whole; final once the far end is closed."""

    def __init__(self) -> None:
        super().__init__(self._behave)
        self.accepted: Counter[str] = Counter()
        # Small, so that a big mail is still on its way while it is read slowly; connections inherit it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def _behave(self, exchange: Exchange) -> None:
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
        # One thread adds at a time only because no two mails of a campaign have the same subject.
        self.accepted[json.loads(body)["subject"]] += 1
        self.over.wait(delay)
        if fate == "answered":
            exchange.send(http_answer(200, ANSWER))
        elif fate == "never answered":
            self._await_end(exchange)

    def _await_end(self, exchange: Exchange) -> None:
        try:
            while exchange.receive():
                pass
        except Gone:
            pass
