"""Small random models of four architectures, saved with a small real tokenizer each."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = ["the cat sat on the mat", "a dog runs in the park", "contrastive models of language", "unbelievable words"]


def tokenizer(folder: Path, kind: str) -> int:
    """Train and save a tokenizer in ``folder``; its vocabulary size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = {"bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "gpt2": ["<|endoftext|>"]}.get(
        kind, ["<s>", "</s>", "<pad>"]
    )
    if kind == "bert":
        raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=70, special_tokens=special)
    else:
        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
    raw.train_from_iterator(CORPUS * 3, trainer)
    names = {"bert": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}}
    names["gpt2"] = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    chosen = names.get(kind, {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"})
    if kind in ("bert", "clip"):
        first, last = ("[CLS]", "[SEP]") if kind == "bert" else ("<s>", "</s>")
        pairs = [(first, raw.token_to_id(first)), (last, raw.token_to_id(last))]
        raw.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=pairs)
    PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=64, **chosen).save_pretrained(folder)
    return int(raw.get_vocab_size())


def small_model(kind: str, vocab: int):
    """A model of two or three blocks with random weights, spread enough that a wrong position shows."""
    import torch
    import transformers as t

    torch.manual_seed(7)
    if kind == "gpt2":
        sizes = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}
        model = t.GPT2Model(t.GPT2Config(vocab_size=vocab, initializer_range=0.3, **sizes))
    elif kind == "llama":
        sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}
        sizes |= {"intermediate_size": 64, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 1}
        model = t.LlamaModel(t.LlamaConfig(vocab_size=vocab, initializer_range=0.3, **sizes))
    elif kind == "bert":
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
        model = t.BertModel(t.BertConfig(vocab_size=vocab, max_position_embeddings=64, initializer_range=0.3, **sizes))
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
        sizes |= {"projection_dim": 20, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 1}
        config = t.CLIPTextConfig(vocab_size=vocab, pad_token_id=2, initializer_factor=3.0, **sizes)
        model = t.CLIPTextModelWithProjection(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or "ln_" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """Factory: kind -> folder of a saved small model."""
    pytest.importorskip("transformers", reason="extra hf is not installed")
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            small_model(kind, tokenizer(folder, kind)).save_pretrained(folder)
            made[kind] = folder
        return made[kind]

    return make
