"""A road to the sandbox on which every answer is a while under way: `python -m benchmarks.answering PORT TO SECONDS`.

So a runner waits most of the time, as it does for a platform that has to place a call first.
"""

import asyncio
import sys
from functools import partial

from flireo_flows.prefect_support.child_process import exit_with_parent

CHUNK_BYTES = 65_536


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on what comes in, each piece after so many seconds, until the end."""
    try:
        while piece := await reader.read(CHUNK_BYTES):
            await asyncio.sleep(seconds)
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass  # the other side has gone
    finally:
        writer.close()


async def _connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, seconds: float
) -> None:
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass(reader, there_writer, 0.0), _pass(there_reader, writer, seconds))


async def serve(port: int, to: int, seconds: float) -> None:
    """Listen on a port of this machine."""
    server = await asyncio.start_server(partial(_connect, port=to, seconds=seconds), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    exit_with_parent()
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
