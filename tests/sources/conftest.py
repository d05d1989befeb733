"""A small GPT-2 with random weights, which defines no vector of a whole text."""

from __future__ import annotations

from pathlib import Path

import pytest

WORDS = ["cat", "dog", "mat", "park", "language", "models", "run", "sat"]


def save_model(folder: Path) -> None:
    """A small GPT-2 with random weights and a word tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    words = ["<|e|>", "[UNK]", *WORDS, "the", "runs", "in", "a", "big", *(f"w{i}" for i in range(200))]
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<|e|>", "eos_token": "<|e|>", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=16, **special).save_pretrained(folder)
    torch.manual_seed(1)
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "bos_token_id": 0, "eos_token_id": 0}
    GPT2Model(GPT2Config(vocab_size=len(words), initializer_range=0.3, **sizes)).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("transformers", reason="extra hf is not installed")
    folder = tmp_path_factory.mktemp("gpt2")
    save_model(folder)
    return folder
