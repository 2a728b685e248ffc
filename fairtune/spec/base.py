"""What specifications and results are made of."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Protocol = Literal["fixed", "official"]
Precision = Literal["bf16", "fp32", "float64"]
Compile = Literal["auto", "off", "default", "cudagraphs"]
Direction = Literal["maximize", "minimize"]
Positive = Annotated[int, Field(ge=1)]


class Frozen(BaseModel):
    """A value that is never changed and knows all its fields; in JSON it may hold numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


def digest(data: object) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]
