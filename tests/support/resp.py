"""Just enough of Redis's protocol, versions 2 and 3, to tell where one message ends and what a request asks."""

_LINES = b"+-:_,#("
_BULKS = b"$=!"
_LISTS = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}


def message_end(buffer: bytes | bytearray, start: int = 0) -> int | None:
    """The index after the message that begins at ``start``; None while it is not complete."""
    line_end = buffer.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind = buffer[start]
    after = line_end + 2
    if kind in _LINES:
        return after
    if kind in _BULKS:
        size = int(buffer[start + 1 : line_end])
        end = after if size < 0 else after + size + 2
        return end if end <= len(buffer) else None
    if kind in _LISTS:
        position: int | None = after
        members = int(buffer[start + 1 : line_end]) * _LISTS[kind]
        members += kind == ord("|")  # an attribute is followed by what it is about
        for _ in range(members):
            position = message_end(buffer, position)  # type: ignore[arg-type] # never None here
            if position is None:
                return None
        return position
    return after  # an inline command


def is_push(message: bytes | bytearray) -> bool:
    """Whether this message of the server answers no request."""
    return message[:1] == b">"


def words_of(request: bytes | bytearray, at_most: int) -> tuple[bytes, ...]:
    """The first words of a request, such as EVALSHA, the script's name and the number of keys."""
    if request[:1] != b"*":
        return tuple(bytes(request).split()[:at_most])
    line_end = request.find(b"\r\n")
    count = int(request[1:line_end])
    position, words = line_end + 2, []
    for _ in range(min(count, at_most)):
        line_end = request.find(b"\r\n", position)
        size = int(request[position + 1 : line_end])
        words.append(bytes(request[line_end + 2 : line_end + 2 + size]))
        position = line_end + 2 + size + 2
    return tuple(words)
