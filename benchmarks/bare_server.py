"""The smallest server there is to compare with: `python -m benchmarks.bare_server DATABASE PORT`."""

import sqlite3
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def serve(path: str, port: int) -> None:
    """Answers every POST with one row."""
    connection = sqlite3.connect(path)

    async def one(request: Request) -> JSONResponse:
        await request.body()
        row = connection.execute("SELECT name FROM things WHERE id = ?", (77,)).fetchone()
        return JSONResponse({"name": row[0]})

    app = Starlette(routes=[Route("/graphql", one, methods=["POST"])])
    uvicorn.run(
        app, port=port, http="httptools", loop="uvloop", access_log=False, log_level="error"
    )


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
