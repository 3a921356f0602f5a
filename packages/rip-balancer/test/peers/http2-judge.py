"""Reads lines of hexadecimal digits, what clients of HTTP/2 sent, and writes what python3-h2 makes of each: the requests it has read."""
import json
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

PREFACE_BYTES = 24
HEADER_BYTES = 9
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def pieces(sent):
    """The preface, then frame after frame: what is read before a mistake counts."""
    yield sent[:PREFACE_BYTES]
    at = PREFACE_BYTES
    while at < len(sent):
        end = at + HEADER_BYTES + int.from_bytes(sent[at : at + 3], 'big')
        yield sent[at:end]
        at = end


def text(octets):
    return octets.decode('latin-1') if isinstance(octets, bytes) else octets


def new_connection():
    connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    connection.initiate_connection()
    return connection


def requests_in(sent):
    requests = []
    open_requests = {}
    connection = new_connection()
    for piece in pieces(sent):
        try:
            for event in connection.receive_data(piece):
                if isinstance(event, RequestReceived):
                    fields = [[text(name), text(value)] for name, value in event.headers]
                    request = {'fields': fields, 'body': '', 'isWhole': False, 'isCut': False}
                    open_requests[event.stream_id] = request
                    requests.append(request)
                elif isinstance(event, DataReceived):
                    open_requests[event.stream_id]['body'] += text(event.data)
                elif isinstance(event, StreamEnded):
                    open_requests[event.stream_id]['isWhole'] = True
            # Windows are not what is judged.
            connection.increment_flow_control_window(1_000_000)
        except Exception:
            # It ends the connection for mistakes that concern one stream only: the others are read by another one.
            for request in open_requests.values():
                request['isCut'] = not request['isWhole']
            decoder = connection.decoder
            connection = new_connection()
            connection.receive_data(sent[:PREFACE_BYTES] + SETTINGS)
            connection.decoder = decoder
            open_requests = {}
    return requests


for line in sys.stdin:
    print(json.dumps(requests_in(bytes.fromhex(line.strip()))), flush=True)
