"""QuickGELU or GELU: the wrong one raises no error and gives worse vectors, so what can be known is checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from embedscope.core.errors import InputError
from embedscope.encoders._saved_settings import read_json
from embedscope.encoders.sources import Source

_OPENAI = re.compile(r"(^|/)(openai/clip-|models--openai--clip-|clip-ViT-[BL]-\d+$)")


def check_activation(source: Source, activations: Sequence[str]) -> str | None:
    """A note where the towers of a CLIP model differ in their activation; None where all is well.

    OpenAI's weights were trained with QuickGELU; other weights say it in ``open_clip_config.json`` where they have it.

    Raises
    ------
    InputError
        where the configuration has another activation than the weights were trained with.
    """
    wanted = None if source.weights is None else _training_activation(source)
    for activation in activations:
        if wanted is not None and (activation == "quick_gelu") != (wanted == "quick_gelu"):
            raise InputError(
                f"{source.uri.uri}: config.json has the activation {activation}, the weights were trained with "
                f"{wanted}: every vector would be wrong without an error; set hidden_act to {wanted} for both towers"
            )
    if len(set(activations)) > 1:
        return f"the towers differ in their activation: {', '.join(activations)}"
    return None


def _training_activation(source: Source) -> str | None:
    file = source.folder / "open_clip_config.json"
    if file.is_file():
        facts = read_json(file)
        model = facts.get("model_cfg") if isinstance(facts, dict) else None
        if not isinstance(model, dict):
            raise InputError(f"{file} has no model_cfg; get the model again")
        return "quick_gelu" if model.get("quick_gelu") else "gelu"
    return "quick_gelu" if _OPENAI.search(source.uri.name) else None
