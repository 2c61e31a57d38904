"""Bare Starlette on uvicorn with the compiled model: no check, no id, no counts, no journal."""

import os
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ml_platform.serving.compiled.model import compiled
from ml_platform.training.model import Model

score = compiled(Model.load(Path(os.environ["BENCHMARK_MODEL"]))).score_of_record


async def predict(request: Request) -> Response:
    """Answer the probability and the label of one record."""
    probability = score(orjson.loads(await request.body()))
    content = {"prediction": int(probability >= 0.5), "probability": probability}
    return Response(orjson.dumps(content), media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
