"""MPEG audio without a container: where its first frame stands, and how long it says that it is.

Public: `begin`, `after_tags`, `claimed_s`, `ends_whole`.
"""

_KBIT = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}  # by MPEG-1, and layer as it is written: 3 is layer I
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_N_CERTAIN = 3  # frames that must follow each other: sound looks like one by chance
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"3DI")  # that stand at a file's end


def begin(head: bytes) -> int | None:
    """Where the first frame stands, or what stands behind an ID3 tag if that is a FLAC or Ogg file; None for none."""
    place = after_tags(head)
    if place >= len(head):
        return None
    if head[place : place + 4] in (b"fLaC", b"OggS"):
        return place
    if len(head) > place + 1 and head[place] == 0xFF and head[place + 1] & 0xE6 == 0xE2:  # layer III, of any bit rate
        return place
    rest = head[place:]
    place += len(rest) - len(rest.lstrip(b"\0"))
    return place if _certain(head, place) else None


def after_tags(head: bytes) -> int:
    """Where the ID3 tags end that a file may begin with; that can be behind what is known of it."""
    place = 0
    while head[place : place + 3] == b"ID3" and len(head) >= place + 10:
        size = 0
        for byte in head[place + 6 : place + 10]:
            size = size << 7 | byte & 0x7F
        place += 10 + size + (10 if head[place + 5] & 0x10 else 0)
    return place


def _header(head: bytes, place: int) -> tuple[int, int, int] | None:
    """(bytes, samples, Hz) of the frame at a place; None if none is there, or one of free format."""
    if len(head) < place + 4 or head[place] != 0xFF or head[place + 1] & 0xE0 != 0xE0:
        return None
    version, layer = head[place + 1] >> 3 & 3, head[place + 1] >> 1 & 3
    if layer == 0:
        return _adts(head, place)
    kbit, rate, padding = head[place + 2] >> 4, head[place + 2] >> 2 & 3, head[place + 2] >> 1 & 1
    if version == 1 or rate == 3 or kbit in (0, 15):
        return None
    first = version == 3
    bits, hz = 1000 * _KBIT[first, layer][kbit - 1], _RATES_HZ[version][rate]
    if layer == 3:
        return (12 * bits // hz + padding) * 4, 384, hz
    n_samples = 1152 if layer == 2 or first else 576
    return n_samples // 8 * bits // hz + padding, n_samples, hz


def _adts(head: bytes, place: int) -> tuple[int, int, int] | None:
    if head[place + 1] & 0xF6 != 0xF0 or len(head) < place + 7:
        return None
    rates = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
    rate = head[place + 2] >> 2 & 15
    n_bytes = (head[place + 3] & 3) << 11 | head[place + 4] << 3 | head[place + 5] >> 5
    return (n_bytes, 1024, rates[rate]) if rate < len(rates) and n_bytes > 7 else None


def _certain(head: bytes, place: int) -> bool:
    for _ in range(_N_CERTAIN):
        found = _header(head, place)
        if found is None:
            return False
        place += found[0]
        if place >= len(head):  # the file, or what is known of it, ends with this one
            return True
    return True


def claimed_s(head: bytes) -> float | None:
    """How long an MP3 says that it is, in the Xing, Info or VBRI header of its first frame; None if it does not."""
    place = begin(head)
    found = None if place is None else _header(head, place)
    if place is None or found is None:
        return None
    n_bytes, n_samples, hz = found
    frame = head[place : place + n_bytes]
    for mark, flag, count in ((b"Xing", 7, 8), (b"Info", 7, 8), (b"VBRI", None, 14)):
        at = frame.find(mark)
        if at > 0 and len(frame) >= at + count + 4 and (flag is None or frame[at + flag] & 1):
            return int.from_bytes(frame[at + count : at + count + 4], "big") * n_samples / hz
    return None


def ends_whole(content: bytes) -> bool:
    """Whether the last frame of an MP3 is all there; also where that can't be known."""
    place = begin(content)
    while place is not None and place < len(content):
        found = _header(content, place)
        if found is None:
            return True  # a tag, or something else
        place += found[0]
        if place > len(content):
            return content[place - found[0] :].startswith(_TAGS)
    return True
