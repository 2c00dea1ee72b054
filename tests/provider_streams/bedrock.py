"""Writes the recordings of Bedrock: bedrock-1.bin and bedrock-2.bin, next to this file.

The frames are put together from the specification of the format alone (Amazon Event Stream Specification,
"Amazon event stream encoding": lengths, CRC-32 of the prelude, headers of type string, payload, CRC-32 of the
message), so that they do not share a mistake with the encoder of the stub or of the SDK.
"""

import struct
import zlib
from pathlib import Path


def frame(headers, payload):
    head = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in headers
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind, payload):
    headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")]
    return frame(headers, payload.encode())


TURNS = {
    "bedrock-1.bin": [
        ("messageStart", '{"p":"abcdefghijklmnopqrs","role":"assistant"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Two cities: 東"}},"p":"abcdefghijklmnopqrstuvwxyzABCDE"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"京 and Paris."}},"p":"abcdefghijk"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"EqQBCkYIBxgCKkDm1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/abc+0=="}},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"}'),
        ("contentBlockStop", '{"contentBlockIndex":0,"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01"}'),
        ("contentBlockDelta", '{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"RW13S0FoZ0JFZ3kzdmEzcHppeC9MYWZQ"}},"p":"abcdefgh"}'),
        ("contentBlockStop", '{"contentBlockIndex":1,"p":"abcdefghijklmnopqr"}'),
        ("contentBlockDelta", '{"contentBlockIndex":2,"delta":{"text":"Let"},"p":"abcdefghijklmnopqrstuvw"}'),
        ("contentBlockDelta", '{"contentBlockIndex":2,"delta":{"text":" me look."},"p":"abcd"}'),
        ("contentBlockStop", '{"contentBlockIndex":2,"p":"abcdefghijklmnopqrstuvwxyzABCDEFGH"}'),
        ("contentBlockStart", '{"contentBlockIndex":3,"p":"abcdefghijklmnopq","start":{"toolUse":{"name":"get_weather","toolUseId":"tooluse_Tk9fQ2bYSvKw0xN1mZr7Lg"}}}'),
        ("contentBlockDelta", '{"contentBlockIndex":3,"delta":{"toolUse":{"input":""}},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJK"}'),
        ("contentBlockDelta", '{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\\"loca"}},"p":"abcdef"}'),
        ("contentBlockDelta", '{"contentBlockIndex":3,"delta":{"toolUse":{"input":"tion\\": \\"Tok"}},"p":"abcdefghijklmnopqrstuvwxyz"}'),
        ("contentBlockDelta", '{"contentBlockIndex":3,"delta":{"toolUse":{"input":"yo\\"}"}},"p":"abcdefghijklmno"}'),
        ("contentBlockStop", '{"contentBlockIndex":3,"p":"abc"}'),
        ("contentBlockStart", '{"contentBlockIndex":4,"p":"abcdefghijklmnopqrstuvwxyzABC","start":{"toolUse":{"name":"get_weather","toolUseId":"tooluse_Pr4sHc8uTEqJ6oV2dXyB5A"}}}'),
        ("contentBlockDelta", '{"contentBlockIndex":4,"delta":{"toolUse":{"input":""}},"p":"abcdefghij"}'),
        ("contentBlockDelta", '{"contentBlockIndex":4,"delta":{"toolUse":{"input":"{\\"location\\": "}},"p":"abcdefghijklmnopqrstu"}'),
        ("contentBlockDelta", '{"contentBlockIndex":4,"delta":{"toolUse":{"input":"\\"Paris\\"}"}},"p":"abcdefghijkl"}'),
        ("contentBlockStop", '{"contentBlockIndex":4,"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"}'),
        ("messageStop", '{"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL","stopReason":"tool_use"}'),
        ("metadata", '{"metrics":{"latencyMs":2417},"p":"abcdefghijklm","usage":{"cacheReadInputTokenCount":1024,"cacheReadInputTokens":1024,"cacheWriteInputTokenCount":412,"cacheWriteInputTokens":412,"inputTokens":61,"outputTokens":153,"totalTokens":1650}}'),
    ],
    "bedrock-2.bin": [
        ("messageStart", '{"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR","role":"assistant"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"Tokyo (東京): 18"},"p":"abcdefghijklmn"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":" °C ☁️\\n"},"p":"ab"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"Paris: 12 °C \\ud83c\\udf27\\ufe0f"},"p":"abcdefghijklmnopqrstuvwxyzAB"}'),
        ("contentBlockStop", '{"contentBlockIndex":0,"p":"abcdefghijklmnopqrstuvwxy"}'),
        ("messageStop", '{"p":"abcdefg","stopReason":"end_turn"}'),
        ("metadata", '{"metrics":{"latencyMs":1108},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS","usage":{"cacheReadInputTokenCount":1436,"cacheReadInputTokens":1436,"cacheWriteInputTokenCount":0,"cacheWriteInputTokens":0,"inputTokens":214,"outputTokens":29,"totalTokens":1679}}'),
    ],
}

for name, events in TURNS.items():
    body = b"".join(event(kind, payload) for kind, payload in events)
    Path(__file__).with_name(name).write_bytes(body)
