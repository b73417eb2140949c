"""A bare FastAPI route that answers the same bytes: what the service is compared with."""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

app = FastAPI()
_FOLDER = Path(sys.argv[2])


@app.get("/{name}")
async def same_bytes(name: str) -> Response:
    """The bytes of one answer."""
    return Response(_BODIES[name], media_type="application/json")


_BODIES = {path.name: path.read_bytes() for path in _FOLDER.iterdir()}

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
